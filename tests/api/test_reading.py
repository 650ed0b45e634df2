"""Reads of what is sensitive are written down before their answer leaves."""

from typing import Any

import pytest

from api import examples
from api.app import TABLE
from api.reading import OPEN, is_question
from tenancy.errors import Unavailable

APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"


async def _noted(company: Any, **wanted: Any) -> list[dict[str, Any]]:
    admin = await company.client("admin")
    # Others look at the same company: the newest are ours, however many there are before.
    asked = {"limit": 500, "newest_first": True, **wanted}
    told: list[dict[str, Any]] = (await admin.saw("/audit/reads", **asked))["data"]
    return told[::-1]


def test_open_questions_are_questions() -> None:
    assert {route.path for route in TABLE.routes if is_question(route)} >= OPEN


@pytest.mark.parametrize("word", ["appraisal", "payout", "people", "employment", "ledger", "audit"])
def test_nothing_about_people_or_money_is_open(word: str) -> None:
    assert not {path for path in OPEN if word in path}


async def test_who_read_what_about_whom(paid_company: Any) -> None:
    hr = await paid_company.client("hr")
    answer = await hr.get(
        APPRAISAL,
        params={"fields": "score,person_id"},
        headers={"Merit-Purpose": "季度审计".encode()},
    )
    assert answer.status_code == 200
    by_person = await _noted(paid_company, subject=examples.PERSON_ID)
    (entry,) = (each for each in by_person if each["request_id"] == answer.headers["request-id"])
    me = await hr.saw("/tenants/self")
    assert (entry["actor"], entry["key_id"]) == (me["key_id"], me["key_id"])
    assert (entry["route"], entry["method"]) == ("/appraisals/{appraisal_id}", "GET")
    assert entry["fields"] == ["person_id", "score"]
    assert entry["subjects"] == [examples.APPRAISAL_ID, examples.PERSON_ID]
    assert (entry["row_count"], entry["purpose"], entry["position"]) == (1, "季度审计", None)
    assert "89.76" not in str(entry)
    assert entry in await _noted(paid_company, subject=examples.APPRAISAL_ID)
    assert entry in await _noted(paid_company, actor=me["key_id"])


async def test_lists_say_how_many(paid_company: Any) -> None:
    finance = await paid_company.client("finance")
    answer = await finance.get("/ledger/entries", params={"limit": 3})
    lines = await finance.get(
        "/people", headers={"Accept": "application/x-ndjson"}, params={"limit": 2}
    )
    noted = {each["request_id"]: each for each in await _noted(paid_company)}
    entry = noted[answer.headers["request-id"]]
    assert entry["row_count"] == 3
    assert "amount" in entry["fields"]
    people = noted[lines.headers["request-id"]]
    assert (people["row_count"], len(people["subjects"])) == (2, 2)


async def test_the_past_is_read_at_its_position(paid_company: Any) -> None:
    auditor = await paid_company.client("auditor")
    answer = await auditor.get("/people", params={"position": 4})
    noted = {each["request_id"]: each for each in await _noted(paid_company)}
    assert noted[answer.headers["request-id"]]["position"] == 4


async def test_what_is_about_structures_is_noted_of_auditors_alone(paid_company: Any) -> None:
    hr, auditor = await paid_company.client("hr"), await paid_company.client("auditor")
    by_hr, by_auditor = await hr.get("/schemes"), await auditor.get("/schemes")
    noted = {each["request_id"] for each in await _noted(paid_company)}
    assert by_hr.headers["request-id"] not in noted
    assert by_auditor.headers["request-id"] in noted


async def test_a_question_by_post_is_a_read(paid_company: Any) -> None:
    hr = await paid_company.client("hr")
    answer = await hr.post(f"{APPRAISAL}/impact", examples.EXAMPLES["SupposedFacts"])
    assert answer.status_code == 200, answer.text
    noted = {each["request_id"]: each for each in await _noted(paid_company)}
    assert noted[answer.headers["request-id"]]["method"] == "POST"


async def test_what_was_not_told_was_not_read(company: Any) -> None:
    await company.organised()
    employee = await company.client("employee", examples.PERSON_ID)
    answer = await employee.get(f"/people/{examples.MANAGER_ID}")
    assert answer.status_code == 404
    assert await _noted(company, subject=examples.MANAGER_ID) == []


async def test_what_cannot_be_noted_is_not_told(
    company: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await company.organised()

    async def full(*_: Any) -> None:
        raise Unavailable("no place to write")

    monkeypatch.setattr(app.state.services.reads, "note", full)
    hr = await company.client("hr")
    answer = await hr.get("/people")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/unavailable"
    assert examples.PERSON_ID not in answer.text
    assert (await hr.get("/jobs")).status_code == 200


@pytest.mark.parametrize("purpose", [b"x" * 201, b"\xff\xfe"])
async def test_a_purpose_is_a_short_line(company: Any, purpose: bytes) -> None:
    hr = await company.client("hr")
    answer = await hr.get("/people", headers={"Merit-Purpose": purpose})
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/invalid-header"


async def test_pages_and_the_chain(company: Any) -> None:
    hr, auditor = await company.client("hr"), await company.client("auditor")
    for _ in range(5):
        await hr.saw("/people")
    whole = (await auditor.saw("/audit/reads"))["data"]
    assert [each["route"] for each in whole] == ["/people"] * 5
    first = await auditor.saw("/audit/reads", limit=2)
    second = await auditor.saw("/audit/reads", limit=2, cursor=first["next_cursor"])
    assert first["data"] + second["data"] == whole[:4]
    newest = await auditor.saw("/audit/reads", limit=1, newest_first="true")
    assert newest["data"][0]["route"] == "/audit/reads"
    chain = await auditor.saw("/audit/reads/chain")
    assert (chain["holds"], chain["first_wrong"], chain["entries"]) == (True, None, 9)
    assert (await auditor.get("/audit/reads", params={"cursor": "x"})).status_code == 400
