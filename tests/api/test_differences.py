"""Differences over HTTP where time has passed: in another currency, and after the cycle's end."""

from typing import Any

from api import examples
from domain import ids

MADE = examples.EXAMPLES
CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"


async def prepared(company: Any, code: str, **given: Any) -> Any:
    finance = await company.client("finance")
    body = {"code": code, "cycle_id": examples.CYCLE_ID, **given}
    await finance.did("/payout-batches", {**body, "appraisal_ids": [examples.APPRAISAL_ID]})
    path = f"/payout-batches/{ids.batch_id(code)}"
    return await finance.saw(path, wait_for=finance.position)


async def paid(company: Any, code: str) -> None:
    path = f"/payout-batches/{ids.batch_id(code)}"
    await (await company.client("executive")).did(f"{path}/approve", MADE["ApproveBatch"])
    await (await company.client("finance")).did(f"{path}/settle", MADE["SettleBatch"])


async def corrected(company: Any, indicator: str, value: str) -> None:
    """A correction after the lock, accepted by another, and the score locked anew."""
    erp, hr = await company.client("integration"), await company.client("hr")
    late = {**MADE["CorrectActual"], "indicator": indicator, "value": value}
    await erp.did("/actuals/corrections", late)
    waiting = await hr.saw("/actuals/corrections", state="pending", wait_for=erp.position)
    (one,) = waiting["data"]
    accept = {"correction": one["correction_id"], "reason": "已核实"}
    await hr.did(f"{APPRAISAL}/accept-correction", accept)
    await hr.did(f"{APPRAISAL}/relock")


async def test_case_14_a_difference_is_paid_at_the_original_rate(company: Any) -> None:
    """26,928.00 CNY are 551,623 JPY; at 91.36 it is 561,456 JPY by the same rate: 9,833 more."""
    await company.locked()
    finance = await company.client("finance")
    await (await company.client("hr")).did(f"{CYCLE}/advance", {"to": "paying"})
    fixed = {**MADE["FixExchangeRate"], "to_currency": "JPY", "rate": "20.4851"}
    await finance.did("/exchange-rates", fixed)
    first = await prepared(company, "J1", currency="JPY")
    assert first["batch"]["totals"] == [{"amount": "551623", "currency": "JPY"}]
    await paid(company, "J1")
    # There is one rate in a cycle, for ever.
    again = await finance.post("/exchange-rates", {**fixed, "rate": "21.0000"})
    assert again.json()["type"] == "/problems/already-exists"

    await corrected(company, "collection", "45000")
    other = await finance.post(
        "/payout-batches",
        {
            "code": "J2",
            "cycle_id": examples.CYCLE_ID,
            "currency": "CNY",
            "appraisal_ids": [examples.APPRAISAL_ID],
        },
    )
    assert other.json()["type"] == "/problems/currency-mismatch"
    second = await prepared(company, "J2")
    (line,) = second["lines"]
    assert line["amount"] == {"amount": "9833", "currency": "JPY"}
    assert line["entitled"] == {"amount": "561456", "currency": "JPY"}
    told = await finance.saw(f"/payouts/{line['payout_id']}/explanation")
    rates = [node["value"] for node in nodes(told["explanation"]) if node.get("label") == RATE]
    assert rates == ["204851/10000"]
    await paid(company, "J2")


RATE = "exchange rate"


def nodes(tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [tree, *(below for each in tree.get("inputs", []) for below in nodes(each))]


async def test_a_late_appeal_is_paid_after_the_cycle_was_closed(company: Any) -> None:
    """Case 10, with the cycle closed in between: 480.00 more, by a batch that says why."""
    await company.paid()
    hr = await company.client("hr")
    finance = await company.client("finance")
    await hr.did("/people", {"number": "P-2001", "name": "赵敏"})
    await hr.did(f"{APPRAISAL}/publish")
    await hr.did(f"{CYCLE}/close")
    employee = await company.client("employee", examples.PERSON_ID)
    appeal = f"/appeals/{examples.APPEAL_ID}"
    await employee.did("/appeals", MADE["FileAppeal"])
    await hr.did(f"{appeal}/accept")
    await hr.did(f"{appeal}/reviewer", MADE["AssignReviewer"])
    reviewer = await company.client("employee", ids.person_id("P-2001"))
    await reviewer.did(f"{appeal}/decision", MADE["DecideAppeal"])
    await hr.did(f"{APPRAISAL}/relock")
    row = await hr.saw(APPRAISAL, wait_for=hr.position)
    assert (row["score"], row["lock_version"]) == ("91.36", 2)
    body = {
        "code": "LATE",
        "cycle_id": examples.CYCLE_ID,
        "appraisal_ids": [examples.APPRAISAL_ID],
    }
    refused = await finance.post("/payout-batches", body)
    assert refused.json()["type"] == "/problems/cycle-closed"
    told = await prepared(company, "LATE", after_close="异议复核成立")
    assert told["batch"]["after_close"] == "异议复核成立"
    (line,) = told["lines"]
    assert line["amount"] == {"amount": "480.00", "currency": "CNY"}
    await paid(company, "LATE")
    closed = await hr.saw(CYCLE)
    assert closed["stage"] == "closed"
    again = await finance.post("/payout-batches", {**body, "code": "L2", "after_close": "再次"})
    assert again.json()["type"] == "/problems/already-paid"
    # Shown and paid: the stage says so, and which versions were.
    await hr.did(f"{APPRAISAL}/publish")
    shown = await hr.saw(APPRAISAL, wait_for=hr.position)
    assert (shown["stage"], shown["paid_versions"]) == ("paid", [1, 2])
