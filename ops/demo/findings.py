"""What the drive must have shown: each claim computed from the API's answers, ok or failed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from rich.console import Console
from rich.table import Table

from domain.ids import cycle_id, payout_id
from ops.client import Api, Problem
from ops.demo.expected import Expected, expected
from ops.demo.model import TOTAL, Company, deviations
from ops.demo.quarter import Quarter
from ops.tree import drawn

REASONS_SHOWN = 6


class Check(msgspec.Struct, frozen=True):
    """One claim."""

    claim: str
    holds: bool
    detail: str = ""


class Findings:
    """Asks, shows, and collects the claims."""

    def __init__(self, api: Api, company: Company, quarter: Quarter, console: Console) -> None:
        self._api = api
        self._company = company
        self._quarter = quarter
        self._console = console
        self._expected = expected(company)
        self.checks: list[Check] = []
        self.ledger_balance: dict[str, str] = {}

    def check(self, claim: str, *, holds: bool, detail: str = "") -> None:
        """Note a claim and show it."""
        self.checks.append(Check(claim, holds, detail))
        mark = "[green]ok[/]" if holds else "[red]failed[/]"
        shown = f" [dim]{detail}[/]" if detail else ""
        self._console.print(f"  {mark}  {claim}{shown}", highlight=False)

    @property
    def all_hold(self) -> bool:
        """Whether every claim holds."""
        return all(check.holds for check in self.checks)

    async def scores(self) -> None:
        """Locked scores by department and family, and whether each is what it must be."""
        rows = {row["appraisal_id"]: row async for row in self._quarter.appraisals()}
        by_number = {
            member.employment.number: rows[str(self._company.appraisal_of(member))]
            for member in self._company.rated
        }
        await self._show_map()
        published = sum(row["stage"] in {"published", "paid"} for row in by_number.values())
        self.check(
            "every score is locked and shown to its owner",
            holds=published == len(self._company.rated) == len(rows),
            detail=f"{published} of {len(self._company.rated)}",
        )
        wrong = [
            number
            for number, row in by_number.items()
            if not _as_expected(row, self._expected[number])
        ]
        self.check(
            "every score and coefficient equals its independent calculation",
            holds=not wrong,
            detail=f"{len(by_number) - len(wrong)} equal"
            + (f", first different: {wrong[0]}" if wrong else ""),
        )

    async def _show_map(self) -> None:
        found = await self._api.get(
            self._quarter.auditor,
            "/analytics/performance-map",
            cycle_id=str(cycle_id(self._company.cycle.code)),
        )
        names = {
            unit["org_unit_id"]: unit["name"]
            async for unit in self._api.pages(self._quarter.auditor, "/org-units")
        }
        table = Table(
            "部门 department", "序列 family", "人数 n", "均分 mean", "最低 min", "最高 max"
        )
        table.title = "锁定分数 locked scores"
        for cell in sorted(found["cells"], key=lambda each: Decimal(each["scores"]["mean"])):
            table.add_row(names[cell["org_unit_id"]], cell["family"], *_figures(cell["scores"]))
        table.add_section()
        for family in found["families"]:
            table.add_row("[bold]全部 all[/]", family["family"], *_figures(family["scores"]))
        self._console.print(table)
        for gap in found["gaps"]:
            self._console.print(
                f"  {gap['higher']} 比 {gap['lower']} 高 {gap['points']} 分"
                f" ({gap['higher']} scores {gap['points']} above {gap['lower']})",
                highlight=False,
            )
        if self._company.known_payouts:
            mean = {each["family"]: Decimal(each["scores"]["mean"]) for each in found["families"]}
            self.check(
                "the imbalance shows: functions score at least ten points above marketing",
                holds=mean["function"] - mean["marketing"] >= Decimal(10),
                detail=f"{mean['function']} against {mean['marketing']}",
            )

    def deviations(self) -> None:
        """What lay apart, and why."""
        told = self._quarter.told
        member_of = {self._company.appraisal_of(each): each for each in self._company.rated}
        table = Table(
            "员工 person", "偏差 on", "说明 reason", title="偏差说明 deviations explained"
        )
        for appraisal, reasons in sorted(told.explained.items())[:REASONS_SHOWN]:
            for of, reason in reasons:
                table.add_row(member_of[appraisal].person.name, of, reason)
        self._console.print(table)
        if len(told.explained) > REASONS_SHOWN:
            rest = len(told.explained) - REASONS_SHOWN
            self._console.print(f"  ... and {rest} more", highlight=False)
        threshold = self._company.schemes[0].content.deviation_threshold
        must = {
            self._company.appraisal_of(member): found
            for member in self._company.rated
            if (found := deviations(member, threshold))
        }
        flagged = {
            appraisal: {of for of, _ in reasons if of != TOTAL}
            for appraisal, reasons in told.explained.items()
        }
        self.check(
            "exactly the ratings more than the threshold apart were flagged, and all explained",
            holds=bool(must) and flagged == must,
            detail=f"{len(flagged)} people",
        )
        self.check(
            "no lock before the deviation has a reason",
            holds=told.unexplained_lock == "deviation-unexplained",
            detail=told.unexplained_lock,
        )

    async def money(self) -> None:
        """The batch, the ledger, and every payout."""
        told, auditor = self._quarter.told, self._quarter.auditor
        lines = {
            row["appraisal_id"]: row
            async for row in self._api.pages(auditor, "/payouts", batch_id=str(self._quarter.batch))
        }
        wrong = [
            member.employment.number
            for member in self._company.rated
            if lines[str(self._company.appraisal_of(member))]["amount"]
            != self._amount(self._expected[member.employment.number].payout_minor)
        ]
        self.check(
            "every payout equals its independent calculation, to the cent",
            holds=not wrong and len(lines) == len(self._company.rated),
            detail=f"{len(lines)} payouts" + (f", first different: {wrong[0]}" if wrong else ""),
        )
        self.check(
            "the same command again prepares nothing a second time",
            holds=len(set(map(msgspec.json.encode, told.prepared))) == 1,
            detail=f"batch {told.prepared[0].id}",
        )
        self.check(
            "nobody approves what they prepared",
            holds=told.own_approval == "same-actor",
            detail=told.own_approval,
        )
        paid = sum((Decimal(row["amount"]["amount"]) for row in lines.values()), Decimal(0))
        await self._trial_balance(paid)
        for number, amount in self._company.known_payouts.items():
            await self._known_payout(number, amount)

    async def _trial_balance(self, paid: Decimal) -> None:
        found = await self._api.get(self._quarter.auditor, "/ledger/trial-balance")
        table = Table("币种 currency", "借方 debit", "贷方 credit", "差额 difference")
        table.title = f"试算平衡 trial balance at position {found['position']}"
        for total in found["by_balances"]:
            sides = (total[side]["amount"] for side in ("debit", "credit", "difference"))
            table.add_row(total["currency"], *sides)
            self.ledger_balance[total["currency"]] = total["difference"]["amount"]
        self._console.print(table)
        self.check(
            "the trial balance is zero, from balances and again from the journal",
            holds=found["balanced"]
            and list(self.ledger_balance) == [self._company.currency]
            and not any(Decimal(value) for value in self.ledger_balance.values()),
        )
        bank = [
            row
            async for row in self._api.pages(self._quarter.auditor, "/ledger/accounts")
            if row["account"].startswith("clearing:bank:")
        ]
        out = -sum((Decimal(row["balance"]["amount"]) for row in bank), Decimal(0))
        self.check(
            "what left the bank is the sum of all payouts",
            holds=out == paid and paid > 0,
            detail=f"{paid} {self._company.currency}",
        )

    async def _known_payout(self, number: str, amount: Decimal) -> None:
        (member,) = [each for each in self._company.rated if each.employment.number == number]
        paid = payout_id(self._company.appraisal_of(member), 1)
        found = await self._api.get(self._quarter.auditor, f"/payouts/{paid}")
        self.check(
            f"worked case 1 comes out: {member.person.name} is paid {amount}",
            holds=Decimal(found["amount"]["amount"]) == amount,
            detail=found["amount"]["amount"],
        )

    async def explained(self) -> set[UUID]:
        """One payout down to its events, on the screen; the event ids it leans on."""
        # One whose score has all kinds of reasons: measured by data, and judged.
        member = max(
            self._company.rated,
            key=lambda each: (
                each.employment.number in self._company.known_payouts,
                len(each.targets) > 0,
            ),
        )
        number = member.employment.number
        paid = payout_id(self._company.appraisal_of(member), 1)
        key = self._quarter.key(member.person_id)
        found = await self._api.get(key, f"/payouts/{paid}/explanation")
        minor = f"{member.person.name} ({number}), in minor units of {self._company.currency}"
        self._console.print(drawn(found["explanation"], f"发放 payout of {minor}"))
        leaned = _sources(found["explanation"])
        score = found.get("score") or await self._api.get(
            key, f"/appraisals/{self._company.appraisal_of(member)}/explanation"
        )
        self._console.print(drawn(score["explanation"], "分数 score, the coefficient's reason"))
        leaned |= _sources(score["explanation"])
        self.check(
            "the person paid can read why, down to the events",
            holds=len(leaned) > 1,
            detail=f"{len(leaned)} events",
        )
        return leaned

    async def stranger(self, key: str) -> None:
        """Another tenant asks for what is not theirs."""
        appraisal = self._company.appraisal_of(self._company.rated[0])
        codes = set()
        for path in (f"/appraisals/{appraisal}", f"/payouts/{payout_id(appraisal, 1)}"):
            try:
                await self._api.get_at(key, path)
                codes.add(200)
            except Problem as problem:
                codes.add(problem.status)
        self.check("another tenant's administrator finds nothing", holds=codes == {404})

    def _amount(self, minor: int) -> dict[str, str]:
        return {"amount": f"{minor // 100}.{minor % 100:02}", "currency": self._company.currency}


def _as_expected(row: Mapping[str, Any], must: Expected) -> bool:
    return (
        row["score"] is not None
        and Decimal(row["score"]) == must.score
        and Decimal(row["coefficient"]) == must.coefficient
    )


def _figures(scores: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(scores[name]) for name in ("n", "mean", "min", "max"))


def _sources(node: Mapping[str, Any]) -> set[UUID]:
    own = {UUID(node["source"])} if node.get("source") else set()
    return own.union(*(_sources(part) for part in node.get("inputs", ())))
