"""Worked cases 3, 4 and 13 over HTTP: joiner, leave, part-time, transfer, leaver, rehire."""

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


def scheme(code: str, coefficient: dict[str, Any]) -> dict[str, Any]:
    duty = {"code": "duty", "name": "职责", "weight_bp": 10000, "rule": {"kind": "manual"}}
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


class Quarter:
    """A sales and a finance unit, a scheme for each, and one person who comes, moves or goes."""

    def __init__(self, company: Any, hr: Any) -> None:
        self.company = company
        self.hr = hr

    async def begin(self, period: str, *, banded: bool = False, **policies: str) -> None:
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
            await hr.did("/schemes", scheme(code, coefficient))
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
        """The amount of each line by appraisal, and what each cost centre bears."""
        finance = await self.company.client("finance")
        body = {"code": "B", "cycle_id": CYCLE, "appraisal_ids": appraisals}
        made = await finance.did("/payout-batches", body)
        batch = f"/payout-batches/{made['id']}"
        executive = await self.company.client("executive")
        await executive.did(f"{batch}/approve")
        told = await finance.saw(batch, wait_for=executive.position)
        accounts = (await finance.saw("/ledger/accounts", wait_for=executive.position))["data"]
        expense = "expense:performance_pay:"
        return (
            {line["appraisal_id"]: line["amount"]["amount"] for line in told["lines"]},
            {
                row["account"].removeprefix(expense): row["balance"]["amount"]
                for row in accounts
                if row["account"].startswith(expense)
            },
        )


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
    row = await quarter.hr.saw(f"/appraisals/{appraisal()}", wait_for=quarter.hr.position)
    assert row["pay_forfeited"] is (leaver == "bad-leaver")
    both = await quarter.hr.saw("/employments", person_id=WHO)
    assert [each["previous_employment_id"] for each in both["data"]] == [None, FIRST]


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
