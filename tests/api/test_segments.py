"""Worked cases 3, 4 and 13 over HTTP: joiner, leave, part-time, transfer, leaver, rehire."""

from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from api import examples
from domain import ids

PERIODS = {"Q1": ("2025-01-01", "2025-03-31"), "Q2": ("2025-04-01", "2025-06-30")}
SALES, FINANCE = str(ids.org_unit_id("SALES")), str(ids.org_unit_id("FIN"))
SELLER, ANALYST = str(ids.job_id("SELLER")), str(ids.job_id("ANALYST"))
BOSS, WHO = str(ids.person_id("BOSS")), str(ids.person_id("P1"))
FIRST, AGAIN = str(ids.employment_id("E1")), str(ids.employment_id("E1-2"))
CYCLE = str(ids.cycle_id("C"))
BANDS = (("0", "0"), ("60", "0.6"), ("70", "0.8"), ("85", "1.0"), ("95", "1.2"))


def appraisal(employment: str = FIRST, segment: int = 1) -> str:
    return str(ids.appraisal_id(UUID(CYCLE), UUID(employment), segment))


def work(unit: str, job: str, centre: str, fte: str = "1") -> dict[str, Any]:
    return {
        "org_unit_id": unit,
        "job_id": job,
        "cost_centre": centre,
        "manager_id": BOSS,
        "fte": fte,
    }


def scheme(code: str, coefficient: dict[str, Any], kind: str = "manual") -> dict[str, Any]:
    duty = {"code": "duty", "name": "职责", "weight_bp": 10000, "rule": {"kind": kind}}
    section = {"code": "kci", "name": "KCI", "weight_bp": 10000, "indicators": [duty]}
    return {
        "code": code,
        "content": {
            "name": code,
            "sections": [section],
            "coefficient": coefficient,
            "score_cap": "120",
            "deviation_threshold": "10.00",
        },
    }


def numbers(tree: dict[str, Any]) -> set[str]:
    return {tree["value"]}.union(*map(numbers, tree.get("inputs", ())))


class Quarter:
    """A sales and a finance unit, a scheme for each, and one person who comes, moves or goes."""

    def __init__(self, company: Any, hr: Any) -> None:
        self.company = company
        self.hr = hr
        self.owed: dict[str, str] = {}
        self.schemes: dict[str, dict[str, Any]] = {}

    async def begin(
        self, period: str, *, banded: bool = False, kind: str = "manual", **policies: str
    ) -> None:
        hr = self.hr
        for code in ("SALES", "FIN"):
            unit = {"code": code, "name": code, "valid_from": "2020-01-01"}
            await hr.did("/org-units", unit)
        for code, family in (("SELLER", "marketing"), ("ANALYST", "function")):
            await hr.did(
                "/jobs", {**examples.EXAMPLES["DefineJob"], "code": code, "family": family}
            )
        for number in ("BOSS", "P1"):
            await hr.did("/people", {"number": number, "name": number})
        bands = {
            "kind": "banded",
            "bands": [{"from_score": score, "coefficient": each} for score, each in BANDS],
        }
        linear = {"kind": "linear"}
        executive = await self.company.client("executive")
        for code, coefficient in (("MKT", linear), ("FUN", bands if banded else linear)):
            self.schemes[code] = scheme(code, coefficient, kind)
            await hr.did("/schemes", self.schemes[code])
            path = f"/schemes/{ids.scheme_id(code)}"
            await executive.did(f"{path}/approve", examples.EXAMPLES["ApproveScheme"])
            await hr.did(f"{path}/publish", examples.EXAMPLES["PublishScheme"])
        starts_on, ends_on = PERIODS[period]
        plan = {"code": "C", "name": "周期", "starts_on": starts_on, "ends_on": ends_on}
        await hr.did("/cycles", {**plan, **policies})
        for code, family in (("MKT", "marketing"), ("FUN", "function")):
            binding = {
                "scheme_id": str(ids.scheme_id(code)),
                "scheme_version": 1,
                "family": family,
            }
            await hr.did(f"/cycles/{CYCLE}/schemes", binding)
        await hr.did(f"/cycles/{CYCLE}/open")

    async def hire(self, hired_on: str, assignment: dict[str, Any]) -> None:
        hired = {"number": "E1", "person_id": WHO, "hired_on": hired_on, "assignment": assignment}
        await self.hr.did("/employments", hired)

    async def pay(self, monthly: str, share: str, since: str, employment: str = FIRST) -> None:
        total = {"amount": monthly, "currency": "CNY"}
        pay = {"effective_from": since, "monthly_total": total, "performance_share": share}
        await self.hr.did(f"/employments/{employment}/pay-structure", pay)

    async def appraise(self, employment: str = FIRST, segment: int = 1) -> None:
        body = {"employment_id": employment, "segment": segment}
        made = await self.hr.did(f"/cycles/{CYCLE}/appraisals", body)
        assert made["id"] == appraisal(employment, segment)

    async def lock(self, scores: dict[str, str]) -> None:
        for stage in ("data-intake", "rating"):
            await self.hr.did(f"/cycles/{CYCLE}/advance", {"to": stage})
        boss = await self.company.client("manager", BOSS)
        for each, points in scores.items():
            rating = {"ratings": [{"indicator": "duty", "points": points}]}
            await boss.did(f"/appraisals/{each}/manager-rating", rating)
        for stage in ("comparison", "calibration"):
            await self.hr.did(f"/cycles/{CYCLE}/advance", {"to": stage})
        done = await self.hr.did(f"/cycles/{CYCLE}/lock")
        assert done == {"done": len(scores), "refused": []}

    async def segments(self, employment: str = FIRST) -> Any:
        return await self.hr.saw(f"/cycles/{CYCLE}/employments/{employment}/segments")

    async def paid(self, *appraisals: str) -> tuple[dict[str, str], dict[str, str]]:
        """The amount of each line by appraisal, and what each cost centre bears.

        And in `owed`, what each employment is owed by it all.
        """
        finance = await self.company.client("finance")
        body = {"code": "B", "cycle_id": CYCLE, "appraisal_ids": appraisals}
        made = await finance.did("/payout-batches", body)
        batch = f"/payout-batches/{made['id']}"
        executive = await self.company.client("executive")
        await executive.did(f"{batch}/approve")
        told = await finance.saw(batch, wait_for=executive.position)
        accounts = (await finance.saw("/ledger/accounts", wait_for=executive.position))["data"]
        expense = "expense:performance_pay:"
        owed = {
            row["account"].rpartition(":")[2]: row["balance"]["amount"]
            for row in accounts
            if row["account"].startswith("liability:payroll_payable:")
        }
        self.owed = {each: amount.removeprefix("-") for each, amount in owed.items()}
        return (
            {line["appraisal_id"]: line["amount"]["amount"] for line in told["lines"]},
            {
                row["account"].removeprefix(expense): row["balance"]["amount"]
                for row in accounts
                if row["account"].startswith(expense)
            },
        )

    async def nothing_differs(self, code: str, *appraisals: str) -> None:
        """Case 20: under their own scheme once more, these come to the same."""
        path = f"/schemes/{ids.scheme_id(code)}"
        await self.hr.did("/schemes", self.schemes[code])
        same = {"version": 2, "effect": {"policy": "next-cycle"}, "appraisal_ids": appraisals}
        await self.hr.did(f"{path}/simulate", same)
        told = await self.hr.saw(f"{path}/simulations", wait_for=self.hr.position)
        lines = told["newest"][0]["lines"]
        assert [each["appraisal_id"] for each in lines] == list(appraisals)
        for line in lines:
            assert line["obstacle"] == ""
            assert line["score_before"] == line["score_after"]
            assert line["amount_before"] == line["amount_after"]


@pytest.fixture
async def quarter(company: Any) -> Quarter:
    return Quarter(company, await company.client("hr"))


async def test_case_3_joiner_with_unpaid_leave_and_part_time(quarter: Quarter) -> None:
    await quarter.begin("Q1")
    await quarter.hire("2025-02-11", work(FINANCE, ANALYST, "CC-FIN", "0.8"))
    await quarter.pay("17777.00", "0.15", "2025-02-11")
    await quarter.appraise()
    leave = examples.EXAMPLES["RecordLeave"]
    path = f"/employments/{FIRST}/leave"
    await quarter.hr.did(path, leave)
    answer = await quarter.hr.post(path, leave)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/leave-overlaps"
    paid_leave = {**leave, "starts_on": "2025-03-10", "ends_on": "2025-03-11", "unpaid": False}
    await quarter.hr.did(path, paid_leave)
    await quarter.lock({appraisal(): "91.50"})
    told = await quarter.segments()
    (segment,) = told["segments"]
    assert (segment["days"], segment["unpaid_days"], told["cycle_days"]) == (49, 5, 90)
    lines, centres = await quarter.paid(appraisal())
    assert lines == {appraisal(): "2862.81"}
    finance = await quarter.company.client("finance")
    (line,) = (await finance.saw("/payouts"))["data"]
    assert line["base"]["amount"] == "7999.65"
    why = (await finance.saw(f"/payouts/{line['payout_id']}/explanation"))["explanation"]
    # Exact until the end; of a daily rate that was rounded first it would be 2,862.97.
    assert Fraction("286280.808") in {Fraction(each) for each in numbers(why)}
    await quarter.nothing_differs("FUN", appraisal())
    assert centres == {"CC-FIN": "2862.81"}


async def test_case_4_transfer_between_departments(quarter: Quarter) -> None:
    await quarter.begin("Q2", banded=True)
    await quarter.hire("2024-01-01", work(SALES, SELLER, "CC-MKT"))
    await quarter.pay("20000.00", "0.5", "2024-01-01")
    await quarter.appraise()
    moved = {
        "effective_from": "2025-05-16",
        "assignment": work(FINANCE, ANALYST, "CC-FIN"),
    }
    await quarter.hr.did(f"/employments/{FIRST}/assignments", moved)
    await quarter.pay("20000.00", "0.15", "2025-05-16")
    before = await quarter.segments()
    assert [each["appraisal_id"] for each in before["segments"]] == [appraisal(), None]
    await quarter.appraise(segment=2)
    answer = await quarter.hr.post(
        f"/cycles/{CYCLE}/appraisals", {"employment_id": FIRST, "segment": 3}
    )
    assert answer.json()["type"] == "/problems/no-such-segment"
    await quarter.lock({appraisal(): "76", appraisal(segment=2): "92"})
    told = await quarter.segments()
    assert [(each["days"], each["score"]) for each in told["segments"]] == [
        (45, "76.00"),
        (46, "92.00"),
    ]
    assert (told["cycle_days"], told["reporting_score"]) == (91, "84.09")
    _, centres = await quarter.paid(appraisal(), appraisal(segment=2))
    assert centres == {"CC-MKT": "11274.73", "CC-FIN": "4549.45"}
    assert quarter.owed == {FIRST: "15824.18"}
    await quarter.nothing_differs("MKT", appraisal())
    await quarter.nothing_differs("FUN", appraisal(segment=2))


@pytest.mark.parametrize(("leaver", "first"), [("good-leaver", "15733.33"), ("bad-leaver", "0.00")])
async def test_case_13_leaver_and_rehire(quarter: Quarter, leaver: str, first: str) -> None:
    await quarter.begin("Q1")
    await quarter.hire("2024-01-01", work(SALES, SELLER, "CC-MKT"))
    await quarter.pay("20000.00", "0.5", "2024-01-01")
    await quarter.appraise()
    ended = {"last_day": "2025-02-28", "leaver": leaver, "reason": "个人发展"}
    await quarter.hr.did(f"/employments/{FIRST}/termination", ended)
    rehired = {
        "number": "E1-2",
        "person_id": WHO,
        "hired_on": "2025-03-17",
        "assignment": work(SALES, SELLER, "CC-MKT"),
        "previous_employment_id": FIRST,
    }
    made = await quarter.hr.did("/employments/rehires", rehired)
    assert made["id"] == AGAIN
    await quarter.pay("20000.00", "0.5", "2025-03-17", AGAIN)
    await quarter.appraise(AGAIN)
    await quarter.lock({appraisal(): "80", appraisal(AGAIN): "90"})
    (one,), (two,) = [(await quarter.segments(each))["segments"] for each in (FIRST, AGAIN)]
    assert (one["days"], two["days"]) == (59, 15)
    lines, _ = await quarter.paid(appraisal(), appraisal(AGAIN))
    assert lines == {appraisal(): first, appraisal(AGAIN): "4500.00"}
    assert {each: amount for each, amount in quarter.owed.items() if amount != "0.00"} == {
        each: amount for each, amount in ((FIRST, first), (AGAIN, "4500.00")) if amount != "0.00"
    }
    await quarter.nothing_differs("MKT", appraisal(), appraisal(AGAIN))
    row = await quarter.hr.saw(f"/appraisals/{appraisal()}", wait_for=quarter.hr.position)
    assert row["pay_forfeited"] is (leaver == "bad-leaver")
    both = await quarter.hr.saw("/employments", person_id=WHO)
    assert [each["previous_employment_id"] for each in both["data"]] == [None, FIRST]


@pytest.mark.parametrize(
    ("actual", "score", "amount"),
    [
        ("590000", "60.00", "11800.00"),
        ("786666.666666", "80.00", "15733.33"),
        ("786666.666667", "100.00", "19666.67"),
    ],
)
async def test_case_13_a_prorated_target_is_kept_exact(
    quarter: Quarter, actual: str, score: str, amount: str
) -> None:
    """1,200,000 x 59/90 is 786,666 2/3: a millionth below it is below, a millionth above is not."""
    await quarter.begin("Q1", kind="tiered")
    await quarter.hire("2024-01-01", work(SALES, SELLER, "CC-MKT"))
    await quarter.pay("20000.00", "0.5", "2024-01-01")
    await quarter.appraise()
    goals = {"targets": [{"indicator": "duty", "target": "1200000"}], "whole_cycle": True}
    boss = await quarter.company.client("manager", BOSS)
    await boss.did(f"/appraisals/{appraisal()}/goals", goals)
    employee = await quarter.company.client("employee", WHO)
    await employee.did(f"/appraisals/{appraisal()}/goals/agree")
    ended = {"last_day": "2025-02-28", "leaver": "good-leaver", "reason": "个人发展"}
    await quarter.hr.did(f"/employments/{FIRST}/termination", ended)
    await quarter.hr.did(f"/cycles/{CYCLE}/advance", {"to": "data-intake"})
    fact = {"cycle_id": CYCLE, "employment_id": FIRST, "indicator": "duty", "value": actual}
    await quarter.hr.did("/actuals", {**fact, "occurred_on": "2025-02-20"})
    await quarter.hr.did(f"/cycles/{CYCLE}/advance", {"to": "rating"})
    assert (await quarter.hr.did(f"/cycles/{CYCLE}/score"))["refused"] == []
    for stage in ("comparison", "calibration"):
        await quarter.hr.did(f"/cycles/{CYCLE}/advance", {"to": stage})
    assert await quarter.hr.did(f"/cycles/{CYCLE}/lock") == {"done": 1, "refused": []}
    row = await quarter.hr.saw(f"/appraisals/{appraisal()}", wait_for=quarter.hr.position)
    assert row["score"] == score
    lines, _ = await quarter.paid(appraisal())
    assert lines == {appraisal(): amount}


async def test_a_policy_may_void_what_leavers_leave(quarter: Quarter) -> None:
    await quarter.begin("Q1", bad_leavers="void")
    await quarter.hire("2024-01-01", work(SALES, SELLER, "CC-MKT"))
    await quarter.appraise()
    path = f"/appraisals/{appraisal()}/void"
    answer = await quarter.hr.post(path, {"reason": "x"})
    assert answer.json()["type"] == "/problems/not-voidable"
    ended = {"last_day": "2025-02-28", "leaver": "bad-leaver", "reason": "x"}
    await quarter.hr.did(f"/employments/{FIRST}/termination", ended)
    await quarter.hr.did(path, {"reason": "离职政策"})
    row = await quarter.hr.saw(f"/appraisals/{appraisal()}", wait_for=quarter.hr.position)
    assert row["stage"] == "void"
    done = await quarter.hr.did(f"/cycles/{CYCLE}/lock")
    assert [each["code"] for each in done["refused"]] == ["appraisal-void"]


async def test_everybody_who_takes_part_gets_appraisals(quarter: Quarter) -> None:
    await quarter.begin("Q2")
    await quarter.hire("2024-01-01", work(SALES, SELLER, "CC-MKT"))
    moved = {"effective_from": "2025-05-16", "assignment": work(FINANCE, ANALYST, "CC-FIN")}
    await quarter.hr.did(f"/employments/{FIRST}/assignments", moved)
    for number, hired_on in (("E2", "2025-06-30"), ("E3", "2025-07-01")):
        hired = {"number": number, "person_id": WHO, "hired_on": hired_on}
        await quarter.hr.did("/employments", {**hired, "assignment": work(SALES, SELLER, "CC-MKT")})
    path = f"/cycles/{CYCLE}/participants"
    assert await quarter.hr.did(path, key="once") == {"done": 3, "refused": []}
    assert await quarter.hr.did(path) == {"done": 0, "refused": []}
    back = {"effective_from": "2025-06-16", "assignment": work(SALES, SELLER, "CC-MKT")}
    await quarter.hr.did(f"/employments/{FIRST}/assignments", back)
    assert await quarter.hr.did(path) == {"done": 1, "refused": []}
    told = (await quarter.segments())["segments"]
    assert [(each["segment"], each["days"]) for each in told] == [(1, 45), (2, 31), (3, 15)]
    await quarter.hr.did(f"/cycles/{CYCLE}/advance", {"to": "data-intake"})
    job = {**examples.EXAMPLES["DefineJob"], "code": "OTHER", "family": "general"}
    await quarter.hr.did("/jobs", job)
    hired = {"number": "E4", "person_id": WHO, "hired_on": "2025-06-01"}
    other = work(SALES, str(ids.job_id("OTHER")), "CC-MKT")
    await quarter.hr.did("/employments", {**hired, "assignment": other})
    done = await quarter.hr.did(path)
    assert [each["code"] for each in done["refused"]] == ["no-scheme-for-job"]
    assert done["refused"][0]["id"] == str(ids.employment_id("E4"))


async def test_only_those_concerned_see_segments(quarter: Quarter) -> None:
    await quarter.begin("Q1")
    await quarter.hire("2024-01-01", work(SALES, SELLER, "CC-MKT"))
    await quarter.appraise()
    await quarter.lock({appraisal(): "80"})
    path = f"/cycles/{CYCLE}/employments/{FIRST}/segments"
    seen = {}
    for role, person in (("employee", WHO), ("manager", BOSS), ("hr", None)):
        client = await quarter.company.client(role, person)
        told = await client.saw(path, wait_for=quarter.hr.position)
        seen[role] = (told["segments"][0]["score"], told["reporting_score"])
    assert seen == {
        "employee": (None, None),
        "manager": ("80.00", "80.00"),
        "hr": ("80.00", "80.00"),
    }
    await quarter.hr.did(f"/appraisals/{appraisal()}/publish")
    employee = await quarter.company.client("employee", WHO)
    assert (await employee.saw(path))["reporting_score"] == "80.00"
    stranger = await quarter.company.client("employee", BOSS)
    assert (await stranger.get(path)).status_code == 404
