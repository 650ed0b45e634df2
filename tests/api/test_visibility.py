"""Who sees what: ratings sealed from each other, results once published, nobody else's at all."""

from typing import Any
from uuid import uuid4

import pytest

from api import examples

APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
MADE = examples.EXAMPLES


def _content(events: list[dict[str, Any]], what: str) -> Any:
    (event,) = [event for event in events if event["topic"] == f"appraisal.{what}"]
    assert event["withheld"] is (event["content"] is None)
    return event["content"]


async def test_ratings_are_sealed_until_both_are_in(company: Any) -> None:
    await company.appraising()
    employee = await company.client("employee", examples.PERSON_ID)
    manager = await company.client("manager", examples.MANAGER_ID)

    await employee.did(f"{APPRAISAL}/self-rating", MADE["SubmitSelfRating"])
    at = employee.position
    events = (await manager.saw(f"{APPRAISAL}/history", wait_for=at))["data"]
    assert _content(events, "self-rating-submitted") is None
    events = (await employee.saw(f"{APPRAISAL}/history"))["data"]
    assert _content(events, "self-rating-submitted")["ratings"][0]["points"] == "90"
    told = await manager.saw(APPRAISAL)
    assert told["self_submitted"] is True
    assert told["compared"] == []

    await manager.did(f"{APPRAISAL}/manager-rating", MADE["SubmitManagerRating"])
    at = manager.position
    for client in (employee, manager):
        events = (await client.saw(f"{APPRAISAL}/history", wait_for=at))["data"]
        assert _content(events, "self-rating-submitted")["ratings"][0]["points"] == "90"
        assert _content(events, "manager-rating-submitted")["ratings"][0]["points"] == "88"


async def test_the_manager_who_rates_first_is_sealed_too(company: Any) -> None:
    await company.appraising()
    employee = await company.client("employee", examples.PERSON_ID)
    manager = await company.client("manager", examples.MANAGER_ID)
    await manager.did(f"{APPRAISAL}/manager-rating", MADE["SubmitManagerRating"])
    for role in ("employee", "hr"):
        client = await company.client(role, examples.PERSON_ID)
        events = (await client.saw(f"{APPRAISAL}/history", wait_for=manager.position))["data"]
        assert _content(events, "manager-rating-submitted") is None, role
    assert employee.position == 0 or employee.position < manager.position


async def test_a_result_is_the_employees_once_published(company: Any) -> None:
    await company.locked()
    employee = await company.client("employee", examples.PERSON_ID)
    hr = await company.client("hr")
    told = await employee.saw(APPRAISAL, wait_for=hr.position)
    assert (told["score"], told["coefficient"]) == (None, None)
    events = (await employee.saw(f"{APPRAISAL}/history"))["data"]
    assert _content(events, "score-locked") is None
    answer = await employee.get(f"{APPRAISAL}/explanation")
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/not-published"
    assert (await hr.saw(APPRAISAL))["score"] == "89.76"

    await hr.did(f"{APPRAISAL}/publish")
    told = await employee.saw(APPRAISAL, wait_for=hr.position)
    assert (told["score"], told["coefficient"]) == ("89.76", "0.8976")
    assert (await employee.saw(f"{APPRAISAL}/explanation"))["score"] == "89.76"


@pytest.mark.parametrize("role", ["employee", "manager"])
async def test_others_do_not_exist(paid_company: Any, role: str) -> None:
    stranger = await paid_company.client(role, uuid4())
    finance = await paid_company.client("finance")
    (line,) = (await finance.saw("/payouts", wait_for=finance.position))["data"]
    paths = [
        APPRAISAL,
        f"{APPRAISAL}/explanation",
        f"{APPRAISAL}/history",
        f"/people/{examples.PERSON_ID}",
        f"/employments/{examples.EMPLOYMENT_ID}",
        f"/payouts/{line['payout_id']}",
        f"/payouts/{line['payout_id']}/explanation",
    ]
    for path in paths:
        assert (await stranger.get(path)).status_code == 404, path
    for path in ("/people", "/employments", "/payouts"):
        assert (await stranger.saw(path))["data"] == [], path
    listed = await stranger.saw(f"/cycles/{examples.CYCLE_ID}/appraisals")
    assert listed["data"] == []
    before = await paid_company.head()
    answer = await stranger.post(f"{APPRAISAL}/self-rating", MADE["SubmitSelfRating"])
    assert answer.status_code == 404
    assert await paid_company.head() == before


async def test_managers_see_their_team(paid_company: Any) -> None:
    manager = await paid_company.client("manager", examples.MANAGER_ID)
    finance = await paid_company.client("finance")
    (line,) = (await finance.saw("/payouts", wait_for=finance.position))["data"]
    assert (await manager.saw(APPRAISAL))["score"] == "89.76"
    assert (await manager.saw(f"/people/{examples.PERSON_ID}"))["name"] == "王晓明"
    assert [each["number"] for each in (await manager.saw("/people"))["data"]] == [examples.PERSON]
    assert [each["number"] for each in (await manager.saw("/employments"))["data"]] == [
        examples.EMPLOYMENT
    ]
    assert (await manager.saw(f"/payouts/{line['payout_id']}"))["amount"]["amount"] == "26928.00"
    mine = await manager.saw("/employments", person_id=examples.MANAGER_ID)
    assert [each["number"] for each in mine["data"]] == [examples.MANAGER_EMPLOYMENT]


async def test_employees_see_themselves(paid_company: Any) -> None:
    employee = await paid_company.client("employee", examples.PERSON_ID)
    finance = await paid_company.client("finance")
    await employee.saw("/payouts", wait_for=finance.position)
    assert [each["number"] for each in (await employee.saw("/people"))["data"]] == [examples.PERSON]
    (line,) = (await employee.saw("/payouts", person_id=examples.MANAGER_ID))["data"]
    assert line["person_id"] == examples.PERSON_ID


async def test_the_domain_decides_who_rates(company: Any) -> None:
    await company.appraising()
    hr = await company.client("hr")
    answer = await hr.post(f"{APPRAISAL}/manager-rating", MADE["SubmitManagerRating"])
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/not-the-manager"


async def test_whoever_prepared_a_batch_does_not_approve_it(company: Any) -> None:
    await company.locked()
    hr = await company.client("hr")
    await hr.did(f"/cycles/{examples.CYCLE_ID}/advance", {"to": "paying"})
    finance = await company.client("finance")
    await finance.did("/payout-batches", MADE["PrepareBatch"])
    answer = await finance.post(f"/payout-batches/{examples.BATCH_ID}/approve")
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/same-actor"
