"""One slim quarter over HTTP: from an empty tenant to money that adds up and can be explained."""

from typing import Any

import httpx

from api import examples


async def _explained(node: dict[str, Any]) -> set[str]:
    sources = {node["source"]} if "source" in node else set()
    for each in node.get("inputs", ()):
        sources |= await _explained(each)
    return sources


async def test_the_baseline_quarter_pays_26928(paid_company: Any) -> None:
    finance = await paid_company.client("finance")
    position = finance.position

    appraisal = await (await paid_company.client("hr")).saw(
        f"/appraisals/{examples.APPRAISAL_ID}", wait_for=position
    )
    assert appraisal["score"] == "89.76"
    assert appraisal["coefficient"] == "0.8976"

    batch = await finance.saw(f"/payout-batches/{examples.BATCH_ID}", wait_for=position)
    assert batch["batch"]["state"] == "settled"
    (line,) = batch["lines"]
    assert line["amount"] == {"amount": "26928.00", "currency": "CNY"}
    assert line["base"] == {"amount": "30000.00", "currency": "CNY"}
    assert batch["batch"]["totals"] == [{"amount": "26928.00", "currency": "CNY"}]

    balance = await finance.saw("/ledger/trial-balance", wait_for=position)
    assert balance["balanced"] is True
    (total,) = balance["by_entries"]
    assert total["debit"] == total["credit"]
    assert total["difference"] == {"amount": "0.00", "currency": "CNY"}

    accounts = (await finance.saw("/ledger/accounts"))["data"]
    # Beside what was set aside for pools and rewards, the baseline's two entries.
    paid = (row for row in accounts if not row["account"].startswith("budget:"))
    assert {row["account"]: row["balance"]["amount"] for row in paid} == {
        "expense:performance_pay:CC-100": "26928.00",
        f"liability:payroll_payable:{examples.EMPLOYMENT_ID}": "0.00",
        "clearing:bank:CN-6222-01": "-26928.00",
    }


async def test_score_and_payout_are_explained_down_to_events(paid_company: Any) -> None:
    auditor = await paid_company.client("auditor")
    score = await auditor.saw(f"/appraisals/{examples.APPRAISAL_ID}/explanation")
    assert score["score"] == "89.76"
    finance = await paid_company.client("finance")
    (line,) = (await finance.saw("/payouts", batch_id=examples.BATCH_ID))["data"]
    payout = await auditor.saw(f"/payouts/{line['payout_id']}/explanation")
    assert payout["amount"] == {"amount": "26928.00", "currency": "CNY"}

    sources = await _explained(score["explanation"]) | await _explained(payout["explanation"])
    assert len(sources) >= 5
    known = {event["event_id"] for event in (await auditor.saw("/audit/events", limit=500))["data"]}
    assert sources <= known


async def test_the_map_shows_the_locked_score(paid_company: Any) -> None:
    executive = await paid_company.client("executive")
    told = await executive.saw("/analytics/performance-map", cycle_id=examples.CYCLE_ID)
    (cell,) = told["cells"]
    assert cell["org_unit_id"] == examples.UNIT_ID
    assert (cell["scores"]["n"], cell["scores"]["mean"]) == (1, "89.76")


async def test_events_are_told_with_their_actors(paid_company: Any) -> None:
    hr = await paid_company.client("hr")
    events = (await hr.saw(f"/appraisals/{examples.APPRAISAL_ID}/history"))["data"]
    by_topic = {event["topic"]: event for event in events}
    assert by_topic["appraisal.self-rating-submitted"]["actor"] == examples.PERSON_ID
    assert by_topic["appraisal.manager-rating-submitted"]["actor"] == examples.MANAGER_ID
    assert by_topic["appraisal.score-locked"]["content"]["score"] == "89.76"
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    path = f"/appraisals/{examples.APPRAISAL_ID}/history"
    first = await hr.saw(path, limit=2)
    rest = await hr.saw(path, cursor=first["next_cursor"])
    assert first["data"] + rest["data"] == events
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert (await hr.get(path, params={"cursor": "99"})).status_code == 400


async def test_a_second_bulk_lock_changes_nothing(paid_company: Any) -> None:
    hr = await paid_company.client("hr")
    before = await paid_company.head()
    answer: httpx.Response = await hr.post(f"/cycles/{examples.CYCLE_ID}/lock")
    assert answer.status_code == 200
    (refused,) = answer.json()["refused"]
    assert (refused["id"], refused["code"]) == (examples.APPRAISAL_ID, "already-locked")
    assert await paid_company.head() == before
