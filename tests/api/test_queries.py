"""Questions over HTTP: pages, fields, lines, tags, and waiting for one's own writes."""

import asyncio
import json
from typing import Any

import pytest

from api import examples
from tenancy.database import Database


async def _units(company: Any, count: int) -> Any:
    hr = await company.client("hr")
    for number in range(count):
        await hr.did("/org-units", {**examples.EXAMPLES["CreateOrgUnit"], "code": f"U{number:02}"})
    return hr


async def test_pages_join_up(company: Any) -> None:
    hr = await _units(company, 7)
    seen: list[str] = []
    answer = await hr.get("/org-units", params={"limit": 3, "wait_for": hr.position})
    while True:
        page = answer.json()
        seen += [unit["code"] for unit in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            assert "link" not in answer.headers
            break
        link = answer.headers["link"]
        assert link.endswith('rel="next"')
        answer = await hr.get(link[1 : link.index(">")].removeprefix("/api/v1"))
    assert seen == [f"U{number:02}" for number in range(7)]


async def test_one_item_a_line_where_asked(company: Any) -> None:
    hr = await _units(company, 2)
    answer = await hr.get(
        "/org-units",
        params={"wait_for": hr.position, "limit": 1},
        headers={"Accept": "application/x-ndjson"},
    )
    assert answer.headers["content-type"] == "application/x-ndjson"
    (line,) = answer.text.splitlines()
    assert json.loads(line)["code"] == "U00"
    assert 'rel="next"' in answer.headers["link"]


async def test_only_the_fields_asked_for(company: Any) -> None:
    hr = await _units(company, 1)
    page = await hr.saw("/org-units", fields="code,version", wait_for=hr.position)
    assert page["data"] == [{"code": "U00", "version": 1}]
    answer = await hr.get("/org-units", params={"fields": "salary"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "?fields"


async def test_an_unchanged_resource_is_not_sent_again(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    path = f"/schemes/{examples.SCHEME_ID}"
    first = await hr.get(path, params={"wait_for": hr.position})
    again = await hr.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await hr.get(path, headers={"If-None-Match": '"99"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "?limit"),
        ("limit=501", "?limit"),
        ("limit=ten", "?limit"),
        ("cursor=nonsense", "?cursor"),
        ("cursor=", "?cursor"),
        ("wait_for=-1", "?wait_for"),
        ("wait_for=99999999999999999999", "?wait_for"),
        ("parent_id=1", "?parent_id"),
        ("tenant_id=1", "?tenant_id"),
        ("limit=1&limit=2", "?limit"),
        ("wait_for=null", "?wait_for"),
    ],
)
async def test_a_wrong_parameter_is_named(company: Any, query: str, pointer: str) -> None:
    hr = await company.client("hr")
    answer = await hr.get(f"/org-units?{query}")
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/invalid-query"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_everyone_reads_their_own_writes(company: Any) -> None:
    hr = await company.client("hr")
    for number in range(10):
        unit = {**examples.EXAMPLES["CreateOrgUnit"], "code": f"W{number}"}
        done = await hr.did("/org-units", unit)
        told = await hr.saw(f"/org-units/{done['id']}", wait_for=done["position"])
        assert told["code"] == f"W{number}"


async def test_waiting_for_what_is_not_in_the_log_is_refused(company: Any) -> None:
    hr = await _units(company, 1)
    answer = await hr.get("/org-units", params={"wait_for": 2})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"pointer": "?wait_for", "detail": "the log ends at 1"}]


async def test_waiting_for_a_view_that_stands_still_ends(
    company: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.queries.WAIT_MAX_S", 0.2)
    hr = await _units(company, 1)
    await hr.saw("/org-units", wait_for=hr.position)
    async with database.transaction(company.tenant_id) as connection:
        # Whoever holds the cursors keeps every runner from moving them.
        await connection.execute("SELECT 1 FROM merit.cursors FOR UPDATE")
        await hr.did("/org-units", {**examples.EXAMPLES["CreateOrgUnit"], "code": "LATE"})
        answer = await hr.get("/org-units", params={"wait_for": hr.position})
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/view-behind"
        assert answer.headers["retry-after"] == "1"
    await hr.saw("/org-units", wait_for=hr.position)


async def test_many_readers_of_names_at_once(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    answers = await asyncio.gather(
        *(hr.get("/people", params={"wait_for": hr.position}) for _ in range(60))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert {person["name"] for person in answers[0].json()["data"]} == {"王晓明", "李总"}
