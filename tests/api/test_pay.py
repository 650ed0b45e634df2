"""Pay over HTTP, to the cent: differences, claims, returns, pools, currencies, reconciliation."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest_asyncio

from api import examples
from domain import ids

MADE = examples.EXAMPLES
CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
PAYABLE = f"liability:payroll_payable:{examples.EMPLOYMENT_ID}"
RECEIVABLE = f"asset:clawback_receivable:{examples.EMPLOYMENT_ID}"
BANK = "CN-6222-01"


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def said(answer: Any, status: int, code: str) -> None:
    """A problem of this code."""
    told = answer.status_code, answer.json()["type"].rpartition("/")[2]
    assert told == (status, code), answer.text


def batch_path(code: str) -> str:
    return f"/payout-batches/{ids.batch_id(code)}"


def appraisal_of(number: str) -> str:
    return str(ids.appraisal_id(ids.cycle_id(examples.CYCLE), ids.employment_id(number)))


class Payroll:
    """Finance and whoever approves, of one company."""

    def __init__(self, company: Any, finance: Any, executive: Any) -> None:
        self.company, self.finance, self.executive = company, finance, executive

    async def prepare(self, code: str, *appraisals: str, **given: Any) -> Any:
        cycle_id = given.pop("cycle_id", examples.CYCLE_ID)
        body = {"code": code, "cycle_id": cycle_id, "appraisal_ids": list(appraisals), **given}
        await self.finance.did("/payout-batches", body)
        return await self.finance.saw(batch_path(code), wait_for=self.finance.position)

    async def approve(self, code: str) -> None:
        await self.executive.did(f"{batch_path(code)}/approve", MADE["ApproveBatch"])

    async def pay(self, code: str) -> None:
        await self.approve(code)
        await self.finance.did(f"{batch_path(code)}/instruct", MADE["InstructBatch"])
        reference = {"bank_account": BANK, "bank_reference": f"BR-{code}"}
        await self.finance.did(f"{batch_path(code)}/settle", reference)

    async def balances(self, **given: Any) -> dict[str, str]:
        """Every account's balance, having seen that they add up to nothing."""
        position = max(self.finance.position, self.executive.position)
        told = await self.finance.saw("/ledger/trial-balance", wait_for=position)
        assert told["balanced"]
        for total in told["by_entries"]:
            assert total["debit"] == total["credit"]
        then = await self.finance.saw("/ledger/balances", **given)
        return {row["account"]: row["balance"]["amount"] for row in then["balances"]}


async def payroll_of(company: Any) -> Payroll:
    return Payroll(company, await company.client("finance"), await company.client("executive"))


@pytest_asyncio.fixture(loop_scope="session")
async def corrected(new_company: Callable[[str], Awaitable[Any]]) -> Payroll:
    """Case 1 paid, then 45,000.00 more collected: v2 is 91.36."""
    company = await new_company("pay")
    await company.paid()
    payroll = await payroll_of(company)
    late = {**MADE["CorrectActual"], "indicator": "collection", "value": "45000"}
    await correct(payroll, late)
    return payroll


async def correct(payroll: Payroll, correction: dict[str, Any]) -> None:
    hr = await payroll.company.client("hr")
    erp = await payroll.company.client("integration")
    await erp.did("/actuals/corrections", correction)
    waiting = await hr.saw("/actuals/corrections", state="pending", wait_for=erp.position)
    (one,) = waiting["data"]
    accept = {"correction": one["correction_id"], "reason": "已核实"}
    await hr.did(f"{APPRAISAL}/accept-correction", accept)
    await hr.did(f"{APPRAISAL}/relock")


async def second_cycle(payroll: Payroll, monthly: str) -> str:
    """The quarter after, with a judged scheme and a score of 100; the appraisal."""
    hr = await payroll.company.client("hr")
    executive = payroll.executive
    await hr.did("/schemes", judged("JUDGED"))
    scheme = ids.scheme_id("JUDGED")
    await executive.did(f"/schemes/{scheme}/approve", MADE["ApproveScheme"])
    await hr.did(f"/schemes/{scheme}/publish", MADE["PublishScheme"])
    plan = {"code": "Q2", "name": "Q2", "starts_on": "2025-04-01", "ends_on": "2025-06-30"}
    await hr.did("/cycles", plan)
    cycle = ids.cycle_id("Q2")
    binding = {"scheme_id": str(scheme), "scheme_version": 1, "family": "marketing"}
    await hr.did(f"/cycles/{cycle}/schemes", binding)
    await hr.did(f"/cycles/{cycle}/open")
    pay = {"effective_from": "2025-04-01", "monthly_total": cny(monthly)}
    await hr.did(
        f"/employments/{examples.EMPLOYMENT_ID}/pay-structure", {**pay, "performance_share": "0.5"}
    )
    await hr.did(f"/cycles/{cycle}/appraisals", {"employment_id": examples.EMPLOYMENT_ID})
    appraisal = str(ids.appraisal_id(cycle, ids.employment_id(examples.EMPLOYMENT)))
    await rate_and_lock(payroll.company, str(cycle), {appraisal: "100"})
    return appraisal


def judged(code: str) -> dict[str, Any]:
    duty = {"code": "duty", "name": "职责", "weight_bp": 10000, "rule": {"kind": "manual"}}
    section = {"code": "kci", "name": "KCI", "weight_bp": 10000, "indicators": [duty]}
    return {
        "code": code,
        "content": {
            "name": code,
            "sections": [section],
            "coefficient": {"kind": "linear"},
            "score_cap": "120",
            "deviation_threshold": "10.00",
        },
    }


async def rate_and_lock(company: Any, cycle: str, scores: dict[str, str]) -> None:
    hr = await company.client("hr")
    for stage in ("data-intake", "rating"):
        await hr.did(f"/cycles/{cycle}/advance", {"to": stage})
    manager = await company.client("manager", examples.MANAGER_ID)
    for appraisal, points in scores.items():
        rating = {"ratings": [{"indicator": "duty", "points": points}]}
        await manager.did(f"/appraisals/{appraisal}/manager-rating", rating)
    for stage in ("comparison", "calibration"):
        await hr.did(f"/cycles/{cycle}/advance", {"to": stage})
    assert (await hr.did(f"/cycles/{cycle}/lock"))["refused"] == []


async def test_cases_10_and_11_differences_and_a_claim(corrected: Payroll) -> None:
    payroll = corrected
    batch = await payroll.prepare("D1", examples.APPRAISAL_ID)
    (line,) = batch["lines"]
    assert (line["amount"], line["entitled"]) == (cny("480.00"), cny("27408.00"))
    assert line["lock_version"] == 2
    (first,) = (await payroll.finance.saw("/payouts", batch_id=examples.BATCH_ID))["data"]
    assert line["corrects"] == first["payout_id"]
    assert first["amount"] == cny("26928.00")
    await payroll.approve("D1")
    owed = await payroll.balances()
    assert (owed["expense:performance_pay:CC-100"], owed[PAYABLE]) == ("27408.00", "-480.00")
    again = {"code": "D2", "cycle_id": examples.CYCLE_ID, "appraisal_ids": [examples.APPRAISAL_ID]}
    refused = await payroll.finance.post("/payout-batches", again)
    said(refused, 409, "already-paid")
    settle = {"bank_account": BANK, "bank_reference": "BR-D1"}
    await payroll.finance.did(f"{batch_path('D1')}/settle", settle)

    contract = {**MADE["CorrectActual"], "indicator": "contract", "value": "-180000"}
    contract.pop("supersedes", None)
    await correct(payroll, {**contract, "occurred_on": "2025-03-15"})
    batch = await payroll.prepare("D3", examples.APPRAISAL_ID)
    (line,) = batch["lines"]
    assert (line["amount"], line["entitled"]) == (cny("-1440.00"), cny("25968.00"))
    why = await payroll.finance.saw(f"/payouts/{line['payout_id']}/explanation")
    assert why["explanation"]["value"] == "-144000"
    await payroll.approve("D3")
    assert (await payroll.balances())[RECEIVABLE] == "1440.00"

    later = await second_cycle(payroll, "2000.00")
    cycle_id = str(ids.cycle_id("Q2"))
    batch = await payroll.prepare("Q2-1", later, cycle_id=cycle_id)
    await payroll.pay("Q2-1")
    (line,) = (await payroll.finance.saw(batch_path("Q2-1"), wait_for=payroll.finance.position))[
        "lines"
    ]
    assert (line["amount"], line["kept"]) == (cny("3000.00"), cny("600.00"))
    after = await payroll.balances()
    assert (after[RECEIVABLE], after[PAYABLE]) == ("840.00", "0.00")
    assert after[f"clearing:bank:{BANK}"] == "-29808.00"  # 26,928.00 + 480.00 + 2,400.00
    (owed,) = (await payroll.finance.saw("/clawbacks"))["data"]
    assert (owed["owed"], owed["limit_share"]) == ([cny("840.00")], "0.20")
    path = f"/employments/{examples.EMPLOYMENT_ID}/clawback"
    own = await payroll.company.client("employee", examples.PERSON_ID)
    assert (await own.saw(path))["owed"] == [cny("840.00")]
    manager = await payroll.company.client("manager", examples.MANAGER_ID)
    assert (await manager.get(path)).status_code == 404
    nothing = f"/employments/{ids.employment_id(examples.MANAGER_EMPLOYMENT)}/clawback"
    assert (await manager.saw(nothing))["owed"] == []
    limit = {**MADE["SetClawbackLimit"], "limit": "0.5"}
    await payroll.finance.did("/clawbacks", limit)
    (owed,) = (await payroll.finance.saw("/clawbacks", wait_for=payroll.finance.position))["data"]
    assert owed["limit_share"] == "0.5"


PEOPLE_15 = (
    ("A", "20000.00", "CNY", "89.76", "2024-01-01"),
    ("B", "31648.36", "CNY", "100", "2025-03-02"),  # 30 of 90 days: 15,824.18
    ("C", "5725.62", "CNY", "100", "2025-03-02"),
)


async def rated(company: Any, people: Any) -> None:
    """Everybody hired, paid (number, a month, currency, score, since), rated and locked."""
    await company.organised()
    hr, executive = await company.client("hr"), await company.client("executive")
    await hr.did("/schemes", judged("JUDGED"))
    scheme = ids.scheme_id("JUDGED")
    await executive.did(f"/schemes/{scheme}/approve", MADE["ApproveScheme"])
    await hr.did(f"/schemes/{scheme}/publish", MADE["PublishScheme"])
    await hr.did("/cycles", MADE["PlanCycle"])
    binding = {"scheme_id": str(scheme), "scheme_version": 1, "family": "marketing"}
    await hr.did(f"{CYCLE}/schemes", binding)
    await hr.did(f"{CYCLE}/open")
    scores = {}
    for number, monthly, currency, score, since in people:
        await hr.did("/people", {"number": number, "name": number})
        hired = {"number": number, "person_id": str(ids.person_id(number)), "hired_on": since}
        await hr.did("/employments", {**MADE["HireEmployee"], **hired})
        employment = str(ids.employment_id(number))
        pay = {"effective_from": since, "monthly_total": {"amount": monthly, "currency": currency}}
        await hr.did(
            f"/employments/{employment}/pay-structure", {**pay, "performance_share": "0.5"}
        )
        await hr.did(f"{CYCLE}/appraisals", {"employment_id": employment})
        scores[appraisal_of(number)] = score
    await rate_and_lock(company, examples.CYCLE_ID, scores)


async def test_case_15_exactly_once_returned_and_reconciled(
    new_company: Callable[[str], Awaitable[Any]],
) -> None:
    company = await new_company("case 15")
    await rated(company, PEOPLE_15)
    payroll = await payroll_of(company)
    finance = payroll.finance
    named = [appraisal_of(number) for number in "ABC"]
    body = {"code": "K1", "cycle_id": examples.CYCLE_ID, "appraisal_ids": named}
    bodies = [body, {**body, "code": "K2"}]
    # Two batches for the same lines at the same time: one is there, the other finds nothing.
    answers = await asyncio.gather(
        *(finance.post("/payout-batches", each, key=f"pay-{n}") for n, each in enumerate(bodies))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201, 409], [answer.text for answer in answers]
    won = next(n for n, answer in enumerate(answers) if answer.status_code == 201)
    code = ("K1", "K2")[won]
    before = await company.head()
    repeated = await finance.post("/payout-batches", bodies[won], key=f"pay-{won}")
    assert repeated.json() == answers[won].json()
    other = await finance.post("/payout-batches", {**body, "code": "K9"}, key=f"pay-{won}")
    said(other, 422, "idempotency-conflict")
    assert await company.head() == before

    batch = await finance.saw(batch_path(code), wait_for=before)
    assert batch["batch"]["totals"] == [cny("45614.99")]
    amounts = {line["employment_id"]: line["amount"]["amount"] for line in batch["lines"]}
    assert sorted(amounts.values()) == ["15824.18", "26928.00", "2862.81"]
    (line,) = (each for each in batch["lines"] if each["amount"] == cny("15824.18"))
    path, owed = (
        f"/payouts/{line['payout_id']}",
        f"liability:payroll_payable:{line['employment_id']}",
    )
    await payroll.pay(code)
    bank = f"clearing:bank:{BANK}"
    assert (await payroll.balances())[bank] == "-45614.99"

    await finance.did(f"{path}/return", MADE["ReturnPayment"])
    returned = await payroll.balances()
    assert (returned[owed], returned[bank]) == ("-15824.18", "-29790.81")
    seen = await finance.saw(path)
    assert (seen["state"], seen["returned_because"]) == ("returned", "账号有误")
    await finance.did(f"{path}/instruct", MADE["InstructPayment"])
    assert (await payroll.balances())[owed] == "0.00"
    duplicate = await finance.post(f"{path}/return", MADE["ReturnPayment"])
    said(duplicate, 409, "duplicate-bank-message")
    await finance.did(f"{path}/settle", MADE["SettlePayment"])
    after = await payroll.balances()
    assert (after[owed], after[bank], after[f"clearing:instructed:{BANK}"]) == (
        "0.00",
        "-45614.99",
        "0.00",
    )

    await reconciled(payroll, bank)
    await as_it_was(payroll, before, amounts)


async def reconciled(payroll: Payroll, bank: str) -> None:
    finance = payroll.finance
    statement = {"account": bank, "as_of": "2099-12-31", "source": "对账单"}
    for balance in ("-45614.99", "-45614.98"):
        await finance.did("/ledger/assertions", {**statement, "balance": cny(balance)})
    told = (await finance.saw("/ledger/assertions", wait_for=finance.position))["data"]
    assert [(row["asserted"]["amount"], row["holds"]) for row in told] == [
        ("-45614.99", True),
        ("-45614.98", False),
    ]
    head = await payroll.company.head()
    beyond = await finance.post("/ledger/journals", {"system": "kingdee", "through": head + 99})
    said(beyond, 400, "invalid-body")
    for through in (head - 5, head):
        await finance.did("/ledger/journals", {"system": "kingdee", "through": through})
    refused = await finance.post("/ledger/journals", {"system": "kingdee", "through": head})
    said(refused, 409, "nothing-to-export")
    (journal,) = (await finance.saw("/ledger/journals", wait_for=finance.position))["data"]
    assert (journal["number"], journal["first_position"], journal["last_position"]) == (
        2,
        head - 4,
        head,
    )
    whole = (await finance.saw("/ledger/entries", limit=500))["data"]
    parts = [
        *(await finance.saw("/ledger/entries", last_position=head - 5, limit=500))["data"],
        *(await finance.saw("/ledger/entries", first_position=head - 4, limit=500))["data"],
    ]
    assert parts == whole


async def as_it_was(payroll: Payroll, before: int, amounts: dict[str, str]) -> None:
    # As it was known before the return, and as of the end of the cycle, when nothing was paid.
    early = await payroll.balances(position=before)
    assert early == {}
    at_quarter_end = await payroll.balances(effective_until="2025-03-31")
    assert at_quarter_end == {
        "expense:performance_pay:CC-100": "45614.99",
        **{
            f"liability:payroll_payable:{employment}": f"-{amount}"
            for employment, amount in amounts.items()
        },
    }


async def test_a_batch_and_a_line_are_voided(corrected: Payroll) -> None:
    payroll = corrected
    await payroll.prepare("V1", examples.APPRAISAL_ID)
    await payroll.approve("V1")
    await payroll.executive.did(f"{batch_path('V1')}/void", MADE["VoidBatch"])
    assert (await payroll.balances())[PAYABLE] == "0.00"
    batch = await payroll.prepare("V2", examples.APPRAISAL_ID)
    (line,) = batch["lines"]
    assert line["amount"] == cny("480.00")
    await payroll.executive.did(f"/payouts/{line['payout_id']}/void", MADE["VoidPayout"])
    seen = await payroll.finance.saw(
        f"/payouts/{line['payout_id']}", wait_for=payroll.executive.position
    )
    assert seen["state"] == "voided"
    first = await payroll.finance.saw(batch_path("V1"))
    assert first["batch"]["state"] == "voided"


PEOPLE_9 = (
    ("A", "8000.00", "CNY", "100", "2024-01-01"),
    ("B", "6000.00", "CNY", "100", "2024-01-01"),
    ("C", "6000.00", "CNY", "80", "2024-01-01"),
    ("D", "11200.00", "CNY", "100", "2025-03-02"),
    ("E", "6000.00", "CNY", "0", "2024-01-01"),
)
SHARES = {
    None: ("35502.96", "26627.22", "21301.77", "16568.05", "0.00"),
    "0.3": ("30000.00", "28899.08", "23119.27", "17981.65", "0.00"),
}


async def test_case_9_a_pool_is_shared_out_and_paid(
    new_company: Callable[[str], Awaitable[Any]],
) -> None:
    company = await new_company("case 9")
    await rated(company, PEOPLE_9)
    payroll = await payroll_of(company)
    finance = payroll.finance
    named = {"appraisal_ids": [appraisal_of(number) for number in "ABCDE"]}
    for cap, expected in SHARES.items():
        code = f"POOL-{cap}"
        pool = f"/pools/{ids.pool_id(code)}"
        await finance.did("/pools", {**MADE["FundPool"], "code": code, "cap": cap})
        await finance.did(f"{pool}/allocate", named)
        told = await finance.saw(pool, wait_for=finance.position)
        assert tuple(share["amount"]["amount"] for share in told["shares"]) == expected
    assert len((await finance.saw("/pools"))["data"]) == 2

    pool_id = str(ids.pool_id("POOL-None"))
    batch = await payroll.prepare("P1", pool_id=pool_id)
    assert batch["batch"]["totals"] == [cny("100000.00")]
    assert batch["lines"][0]["pool_id"] == pool_id
    await payroll.pay("P1")
    after = await payroll.balances()
    assert after[f"budget:pool:{pool_id}"] == "0.00"
    assert after[f"budget:spent:{pool_id}"] == "100000.00"
    taken = await finance.post(f"/pools/{pool_id}/withdraw", MADE["WithdrawFromPool"])
    said(taken, 409, "balance-below-zero")
    shown = await finance.saw(f"/pools/{pool_id}/resettlements")
    assert shown == {"pool_id": pool_id, "affected": [], "outcomes": []}
    unchanged = await finance.post(f"/pools/{pool_id}/resettle", MADE["ResettlePool"])
    said(unchanged, 409, "nothing-to-resettle")


PEOPLE_14 = (
    ("A", "222222", "JPY", "89.76", "2024-01-01"),
    ("B", "2469.134", "KWD", "89.76", "2025-03-02"),
    ("C", "17953.10", "CNY", "100", "2025-03-02"),
    ("D", "17953.10", "CNY", "100", "2025-03-02"),
)


async def test_case_14_currencies_and_fixed_rates(
    new_company: Callable[[str], Awaitable[Any]],
) -> None:
    company = await new_company("case 14")
    await rated(company, PEOPLE_14)
    payroll = await payroll_of(company)
    finance = payroll.finance
    missing = {"code": "X", "cycle_id": examples.CYCLE_ID, "currency": "JPY"}
    answer = await finance.post(
        "/payout-batches", {**missing, "appraisal_ids": [appraisal_of("C")]}
    )
    said(answer, 404, "unknown-exchange-rate")
    for to, rate in (("JPY", "20.4851"), ("KWD", "0.042517")):
        fixed = {**MADE["FixExchangeRate"], "to_currency": to, "rate": rate}
        await finance.did("/exchange-rates", fixed)
        again = await finance.post("/exchange-rates", fixed)
        said(again, 409, "already-exists")
    rates = (await finance.saw("/exchange-rates", wait_for=finance.position))["data"]
    assert [row["rate"] for row in rates] == ["20.4851", "0.042517"]

    own = await payroll.prepare("F1", appraisal_of("A"), appraisal_of("B"))
    assert own["batch"]["totals"] == [
        {"amount": "299200", "currency": "JPY"},
        {"amount": "1108.147", "currency": "KWD"},
    ]
    for code, number, currency, amount in (
        ("F2", "C", "JPY", "183886"),
        ("F3", "D", "KWD", "381.656"),
    ):
        batch = await payroll.prepare(code, appraisal_of(number), currency=currency)
        (line,) = batch["lines"]
        assert line["amount"] == {"amount": amount, "currency": currency}
    for code in ("F1", "F2", "F3"):
        await payroll.pay(code)
    then = await finance.saw("/ledger/trial-balance", wait_for=finance.position)
    assert then["balanced"]
    assert [total["currency"] for total in then["by_entries"]] == ["JPY", "KWD"]
