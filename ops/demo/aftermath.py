"""What comes after a quarter is paid: an appeal, an instant reward, a pool; and a 360 panel.

Driven with everybody's own key, as the quarter is; what must come of it is the worked cases'.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.ids import (
    appeal_id,
    appraisal_id,
    batch_id,
    calibration_session_id,
    cycle_id,
    org_unit_id,
    pool_id,
    reward_budget_id,
    reward_id,
    scheme_id,
)
from domain.money import Amount
from ops.client import Api, Problem
from ops.demo.company import CASE_1
from ops.demo.model import Company, Member
from ops.demo.quarter import BANK_ACCOUNT, Quarter
from ops.demo.schemes import PANEL
from ops.demo.steps import Steps

LATE: Mapping[str, str] = {
    "kind": "actual",
    "indicator": "collection",
    "value": "45000.00",
    "occurred_on": "2025-03-31",
}
"""Received on the last day of the quarter and booked after it (worked case 10)."""
RECEIPT = f"sha256:{'0' * 64}"
POOL_SHARERS_MAX = 5
SUPERIOR, PEERS, OWN_POINTS, MANAGERS_POINTS = "86", ("90", "81", "84"), "84", "80"


class Told(msgspec.Struct, kw_only=True):
    """What came of it, for the checks."""

    panel: dict[str, Any] = {}
    """The appraisal that a panel rated."""
    groups: list[dict[str, Any]] = []
    """Of that panel, as the person sees them."""
    session_lock: str = ""
    """The code with which a lock was refused while a calibration session was open."""
    appealed: dict[str, Any] = {}
    first: dict[str, Any] = {}
    """The explanation of the first version, after the second was locked."""
    delta: list[dict[str, Any]] = []
    delta_again: str = ""
    reward: list[dict[str, Any]] = []
    beyond_budget: str = ""
    pool: dict[str, Any] = {}
    pool_lines: list[dict[str, Any]] = []
    scores: int = 0
    """Locked beside the quarter's."""
    batches: list[UUID] = []
    """Paid beside the quarter's."""


class Aftermath:
    """After one company's quarter."""

    def __init__(self, api: Api, company: Company, quarter: Quarter, steps: Steps) -> None:
        self._api = api
        self._company = company
        self._quarter = quarter
        self._steps = steps
        self._hr = quarter.key(company.hr)
        self._executive = quarter.key(company.executive)
        self._preparer = quarter.key(company.preparer)
        self._finance = quarter.key(company.approver)
        (self._member,) = (each for each in company.rated if each.employment.number == CASE_1)
        self.told = Told()

    async def drive(self) -> None:
        """All of it.

        Raises:
            Problem: something was refused that should not have been.
        """
        stories = (
            ("异议复核 appeal", self._appeal),
            ("即时奖励 instant reward", self._reward),
            ("奖金池 pool", self._pool),
            ("360评价与校准会 panel and session", self._panel),
        )
        for label, story in stories:
            with self._steps.step(label, 1) as tick:
                await story()
                tick()

    # -- case 10

    async def _appeal(self) -> None:
        appraisal = self._company.appraisal_of(self._member)
        own = self._quarter.key(self._member.person_id)
        appeal = f"/appeals/{appeal_id(appraisal, 1, 'collection')}"
        proofs = [{"name": "银行回单.pdf", "checksum": RECEIPT}]
        statement = {"statement": "3月31日到账45,000.00元,4月2日才入账", "proofs": proofs}
        filed = {"appraisal_id": appraisal, "lock_version": 1, "indicator": "collection"}
        await self._do(own, "/appeals", {**filed, **statement})
        await self._do(self._hr, f"{appeal}/accept")
        await self._do(self._hr, f"{appeal}/reviewer", {"reviewer_id": self._company.approver})
        upheld = {"outcome": "upheld", "reason": "银行回单核实", "adjusting": [LATE]}
        await self._do(self._finance, f"{appeal}/decision", upheld)
        await self._do(self._hr, f"/appraisals/{appraisal}/relock")
        # The first version was published by the same command.
        await self._do(self._hr, f"/appraisals/{appraisal}/publish", turn=2)
        cycle = cycle_id(self._company.cycle.code)
        batch = {"cycle_id": cycle, "appraisal_ids": [appraisal]}
        self.told.delta = await self._pay("/payout-batches", {**batch, "code": "APPEAL-1"})
        self.told.delta_again = await self._refusal(
            self._preparer, "/payout-batches", {**batch, "code": "APPEAL-2"}
        )
        path = f"/appraisals/{appraisal}"
        self.told.appealed = await self._api.get(own, path)
        self.told.first = await self._api.get(own, f"{path}/explanation", version=1)
        self.told.scores += 1

    # -- case 17

    async def _reward(self) -> None:
        unit = self._member.unit_id
        budget = reward_budget_id("2025-REWARDS")
        of = {
            "code": "2025-REWARDS",
            "org_unit_id": unit,
            "cost_centre": self._member.employment.assignment.cost_centre,
            "amount": _cny("20000.00"),
            "starts_on": "2025-01-01",
            "ends_on": "2025-12-31",
        }
        await self._do(self._finance, "/reward-budgets", of)
        colleague = next(
            each
            for each in self._company.rated
            if each.unit_id == unit and _there(each) and each is not self._member
        )
        team = [
            {"employment_id": self._member.employment_id, "part": "2"},
            {"employment_id": colleague.employment_id, "part": "1"},
        ]
        for code, amount in (("FIRST", "8000.00"), ("SECOND", "15000.00")):
            nomination = {
                "code": code,
                "budget_id": budget,
                "kind": "breakthrough",
                "title": "首个千万级合同",
                "reason": "签下区域首个千万级合同",
                "amount": _cny(amount),
                "achieved_on": "2025-03-10",
                "contributors": team,
                "on_the_wall": True,
            }
            await self._do(self._hr, "/rewards", nomination)
            await self._do(self._executive, f"/rewards/{reward_id(code)}/approve")
        await self._do(self._finance, f"/rewards/{reward_id('FIRST')}/grant")
        self.told.beyond_budget = await self._refusal(
            self._finance, f"/rewards/{reward_id('SECOND')}/grant"
        )
        paid = {"code": "REWARD-1", "reward_ids": [reward_id("FIRST")]}
        self.told.reward = await self._pay("/reward-batches", paid)

    # -- a pool

    async def _pool(self) -> None:
        cycle = cycle_id(self._company.cycle.code)
        pool = pool_id("2025Q1-POOL")
        sharers = [
            self._company.appraisal_of(each)
            for each in self._company.rated
            if each.unit_id == self._member.unit_id
        ][:POOL_SHARERS_MAX]
        funded = {"code": "2025Q1-POOL", "cycle_id": cycle, "amount": _cny("100000.00")}
        cost_centre = self._member.employment.assignment.cost_centre
        await self._do(self._finance, "/pools", {**funded, "cost_centre": cost_centre})
        await self._do(self._finance, f"/pools/{pool}/allocate", {"appraisal_ids": sharers})
        paid = {"code": "POOL-1", "cycle_id": cycle, "pool_id": pool}
        self.told.pool_lines = await self._pay("/payout-batches", paid)
        self.told.pool = await self._api.get(self._finance, f"/pools/{pool}")

    # -- a panel and a session, in a cycle of their own

    async def _panel(self) -> None:
        ratee, peers = self._panelists()
        cycle, scheme = cycle_id("2025Q2-360"), scheme_id(PANEL.code)
        await self._do(self._hr, "/schemes", PANEL)
        version = {"version": 1, "reason": "试行360评价"}
        await self._do(self._executive, f"/schemes/{scheme}/approve", version)
        await self._do(self._hr, f"/schemes/{scheme}/publish", version)
        planned = {"code": "2025Q2-360", "name": "信息部360试行"}
        quarter = {"starts_on": "2025-04-01", "ends_on": "2025-06-30"}
        await self._do(self._hr, "/cycles", {**planned, **quarter})
        bound = {"scheme_id": scheme, "scheme_version": 1, "family": "function"}
        await self._do(
            self._hr, f"/cycles/{cycle}/schemes", {**bound, "org_unit_id": ratee.unit_id}
        )
        await self._do(self._hr, f"/cycles/{cycle}/open")
        taken = {"employment_id": ratee.employment_id}
        await self._do(self._hr, f"/cycles/{cycle}/appraisals", taken)
        appraisal = appraisal_id(cycle, ratee.employment_id)
        await self._rate(appraisal, cycle, ratee, peers)
        await self._session(appraisal, cycle, ratee)
        path = f"/appraisals/{appraisal}"
        await self._do(self._hr, f"{path}/lock")
        await self._do(self._hr, f"{path}/publish")
        own = self._quarter.key(ratee.person_id)
        self.told.panel = await self._api.get(own, path)
        self.told.groups = (await self._api.get(own, f"{path}/rater-groups"))["groups"]
        self.told.scores += 1

    def _panelists(self) -> tuple[Member, list[Member]]:
        there = [each for each in self._company.rated if _there(each)]
        ratee = next(
            each
            for each in there
            if each.unit_id == org_unit_id("ITD") and "manager" not in each.roles
        )
        busy = {self._company.hr, self._company.executive, ratee.person_id, ratee.manager_id}
        others = [each for each in there if each.person_id not in busy]
        return ratee, others[-len(PEERS) :]

    async def _rate(
        self, appraisal: UUID, cycle: UUID, ratee: Member, peers: Sequence[Member]
    ) -> None:
        path, manager = f"/appraisals/{appraisal}", ratee.manager_id
        if manager is None:
            raise ValueError(f"{ratee.person.number} is led by nobody")
        boss = self._quarter.key(manager)
        asked = {manager: "superior", **{each.person_id: "peer" for each in peers}}
        for rater, group in asked.items():
            await self._do(self._hr, f"{path}/raters", {"rater_id": rater, "group": group})
            approver = self._executive if rater == manager else boss
            await self._do(approver, f"{path}/raters/approve", {"rater_id": rater})
        for stage in ("data-intake", "rating"):
            await self._do(self._hr, f"/cycles/{cycle}/advance", {"to": stage})
        for rater, points in zip(asked, (SUPERIOR, *PEERS), strict=True):
            answer = {"rater_id": rater, "ratings": [{"indicator": "360", "points": points}]}
            await self._do(self._quarter.key(rater), f"{path}/peer-ratings", answer)
        for key, side, points in (
            (self._quarter.key(ratee.person_id), "self-rating", OWN_POINTS),
            (boss, "manager-rating", MANAGERS_POINTS),
        ):
            rating = {"ratings": [{"indicator": "duty", "points": points}]}
            await self._do(key, f"{path}/{side}", rating)
        for stage in ("comparison", "calibration"):
            await self._do(self._hr, f"/cycles/{cycle}/advance", {"to": stage})

    async def _session(self, appraisal: UUID, cycle: UUID, ratee: Member) -> None:
        session = f"/calibration-sessions/{calibration_session_id('2025Q2-ITD')}"
        opened = {"code": "2025Q2-ITD", "name": "信息部校准会", "cycle_id": cycle}
        await self._do(self._hr, "/calibration-sessions", {**opened, "appraisal_ids": [appraisal]})
        self.told.session_lock = await self._refusal(self._hr, f"/appraisals/{appraisal}/lock")
        change = {
            "appraisal_id": appraisal,
            "adjustment": "0.50",
            "reason_code": "peer-comparison",
            "reason": "同岗位横向比较",
        }
        manager = self._quarter.key(ratee.manager_id or self._company.hr)
        await self._do(manager, f"{session}/changes", change)
        decision = {"proposal": 1, "accepted": True, "reason_code": "agreed", "reason": "一致同意"}
        await self._do(self._executive, f"{session}/changes/decide", decision)
        await self._do(self._hr, f"{session}/close")

    # -- how

    async def _do(
        self,
        key: str,
        path: str,
        body: msgspec.Struct | Mapping[str, Any] | None = None,
        *,
        turn: int = 1,
    ) -> None:
        """Carry out a command, once the views that say who may have caught up."""
        await self._api.get(self._quarter.auditor, "/analytics/performance-map")
        await self._api.post_raw(key, path, body, turn=turn)

    async def _refusal(self, key: str, path: str, body: Mapping[str, Any] | None = None) -> str:
        """The code of a refusal that must come."""
        try:
            await self._do(key, path, body)
        except Problem as problem:
            return problem.code
        return ""

    async def _pay(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Prepared by one, approved by another, settled; the lines."""
        batch = batch_id(body["code"])
        await self._do(self._preparer, path, body)
        await self._do(self._finance, f"/payout-batches/{batch}/approve", {"comment": "已核对"})
        settled = {"bank_account": BANK_ACCOUNT, "bank_reference": f"{body['code']}-BANK"}
        await self._do(self._finance, f"/payout-batches/{batch}/settle", settled)
        self.told.batches.append(batch)
        found = await self._api.get(self._quarter.auditor, f"/payout-batches/{batch}")
        lines: list[dict[str, Any]] = found["lines"]
        return lines


def _cny(amount: str) -> Amount:
    return Amount(amount=Decimal(amount), currency="CNY")


def _there(member: Member) -> bool:
    """Whether somebody is employed from the quarter's first day on, and stays."""
    return member.termination is None and member.employment.hired_on.year < 2025  # noqa: PLR2004 - the year of the story
