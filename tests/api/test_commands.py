"""Commands over HTTP: once per key, at the expected version, and nothing stored when wrong."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from api import examples
from api.problems import MEANINGS

UNIT = examples.EXAMPLES["CreateOrgUnit"]


async def test_a_creation_tells_where_it_went(company: Any) -> None:
    hr = await company.client("hr")
    answer = await hr.post("/org-units", UNIT)
    assert answer.status_code == 201
    assert answer.json() == {"id": examples.UNIT_ID, "version": 1, "position": 1}
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["merit-position"] == "1"
    assert answer.headers["location"] == f"/api/v1/org-units/{examples.UNIT_ID}"
    assert "idempotent-replayed" not in answer.headers
    unit = await hr.get(f"/org-units/{examples.UNIT_ID}", params={"wait_for": 1})
    assert unit.json()["name"] == "市场部"
    assert unit.headers["etag"] == '"1"'


async def test_a_repeated_key_gives_the_same_answer_once_more(company: Any) -> None:
    hr = await company.client("hr")
    first = await hr.post("/org-units", UNIT, key="once")
    again = await hr.post("/org-units", UNIT, key="once")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert await company.head() == 1


async def test_a_key_used_by_many_at_once_is_carried_out_once(company: Any) -> None:
    hr = await company.client("hr")
    answers = await asyncio.gather(*(hr.post("/org-units", UNIT, key="k") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await company.head() == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/org-units", {**UNIT, "name": "另一个"}),
        ("/people", examples.EXAMPLES["RegisterPerson"]),
    ],
)
async def test_a_key_of_another_request_is_refused(company: Any, path: str, body: Any) -> None:
    hr = await company.client("hr")
    await hr.did("/org-units", UNIT, key="taken")
    answer = await hr.post(path, body, key="taken")
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/idempotency-conflict"
    assert await company.head() == 1


async def test_a_failed_validation_does_not_use_up_the_key(company: Any) -> None:
    hr = await company.client("hr")
    assert (await hr.post("/org-units", {**UNIT, "code": 7}, key="mend")).status_code == 400
    assert (await hr.post("/org-units", {**UNIT, "code": " "}, key="mend")).status_code == 422
    assert (await hr.post("/org-units", UNIT, key="mend")).status_code == 201


async def test_if_match_guards_against_what_others_did(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    path = f"/employments/{examples.EMPLOYMENT_ID}/assignments"
    change = examples.EXAMPLES["ChangeAssignment"]
    employment = await hr.get(
        f"/employments/{examples.EMPLOYMENT_ID}", params={"wait_for": hr.position}
    )
    tag = employment.headers["etag"]
    stale = await hr.post(path, change, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["type"] == "/problems/stale-version"
    done = await hr.post(path, change, headers={"If-Match": f"W/{tag}"})
    assert done.status_code == 200
    assert done.headers["etag"] != tag
    late = {**change, "effective_from": "2025-08-01"}
    assert (await hr.post(path, late, headers={"If-Match": tag})).status_code == 412


LONG = "x" * 256
RAW = {"Content-Type": "application/json"}

# What is sent, and the problem that has to be named. {} stands for a good body.
BAD: list[tuple[str, dict[str, Any], int, str, list[str]]] = [
    ("an unknown field", {"json": {**UNIT, "tenant_id": "x"}}, 400, "invalid-body", ["/tenant_id"]),
    ("a missing field", {"json": {"code": "A"}}, 400, "invalid-body", ["/name", "/valid_from"]),
    (
        "wrong types",
        {"json": {"code": 1, "name": None, "valid_from": "soon"}},
        400,
        "invalid-body",
        ["/code", "/name", "/valid_from"],
    ),
    ("an array", {"json": [UNIT]}, 400, "invalid-body", [""]),
    ("null", {"content": b"null", "headers": RAW}, 400, "invalid-body", [""]),
    (
        "nothing",
        {"content": b"", "headers": RAW},
        400,
        "invalid-body",
        ["/code", "/name", "/valid_from"],
    ),
    ("half a body", {"content": b'{"code": "A"', "headers": RAW}, 400, "malformed-json", []),
    ("not UTF-8", {"content": b'{"code": "\xff"}', "headers": RAW}, 400, "malformed-json", []),
    ("a NUL", {"json": {**UNIT, "name": "a\x00b"}}, 400, "invalid-body", ["/name"]),
    ("a bad id", {"json": {**UNIT, "parent_id": "1"}}, 400, "invalid-body", ["/parent_id"]),
    ("a foreign id", {"json": {**UNIT, "parent_id": str(uuid4())}}, 404, "unknown-org-unit", []),
    ("a bad code", {"json": {**UNIT, "code": "a\tb"}}, 422, "bad-code", []),
    ("a form", {"data": {"code": "A"}}, 415, "unsupported-media-type", []),
    (
        "text",
        {"content": json.dumps(UNIT).encode(), "headers": {"Content-Type": "text/plain"}},
        415,
        "unsupported-media-type",
        [],
    ),
    (
        "too much",
        {"content": b'{"code":"' + b"A" * 2_000_000 + b'"}', "headers": RAW},
        413,
        "body-too-large",
        [],
    ),
    (
        "a long key",
        {"json": UNIT, "headers": {"Idempotency-Key": LONG}},
        400,
        "idempotency-key-invalid",
        [],
    ),
    (
        "an empty key",
        {"json": UNIT, "headers": {"Idempotency-Key": ""}},
        400,
        "idempotency-key-invalid",
        [],
    ),
    ("an odd tag", {"json": UNIT, "headers": {"If-Match": '"x"'}}, 400, "invalid-header", []),
    ("a bare tag", {"json": UNIT, "headers": {"If-Match": "1"}}, 400, "invalid-header", []),
    ("a stale tag", {"json": UNIT, "headers": {"If-Match": '"7"'}}, 412, "stale-version", []),
]


@pytest.mark.parametrize(
    ("given", "status", "code", "pointers"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
async def test_bad_input_is_named_and_stores_nothing(
    company: Any, given: dict[str, Any], status: int, code: str, pointers: list[str]
) -> None:
    hr = await company.client("hr")
    headers = {"Idempotency-Key": "bad", **given.get("headers", {})}
    rest = {name: value for name, value in given.items() if name != "headers"}
    answer = await hr.send("POST", "/org-units", headers=headers, **rest)
    told = answer.json()
    assert (answer.status_code, told["type"]) == (status, f"/problems/{code}"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in told.get("errors", [])] == pointers
    assert told["request_id"] == answer.headers["request-id"]
    assert await company.head() == 0


async def test_a_missing_key_is_named(company: Any) -> None:
    hr = await company.client("hr")
    answer = await hr.send("POST", "/org-units", json=UNIT)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/idempotency-key-missing"
    assert await company.head() == 0


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "1e999999", "1e-999999", "0." + "1" * 100, "abc"]
)
async def test_numbers_that_nobody_can_calculate_with(company: Any, number: str) -> None:
    hr = await company.client("hr")
    before = await company.head()
    job = {**examples.EXAMPLES["DefineJob"], "coefficient_max": number}
    answer = await hr.post("/jobs", job)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/coefficient_max"]
    answer = await hr.post("/jobs", {**examples.EXAMPLES["DefineJob"], "level": 10**30})
    assert answer.json()["errors"][0]["pointer"] == "/level"
    assert await company.head() == before


async def test_a_binary_float_in_json_is_read_exactly(company: Any) -> None:
    hr = await company.client("hr")
    raw = json.dumps({**examples.EXAMPLES["DefineJob"], "coefficient_max": 0}).replace(
        '"coefficient_max": 0', '"coefficient_max": 1.1'
    )
    answer = await hr.post("/jobs", content=raw.encode(), headers=RAW)
    assert answer.status_code == 201
    job = await hr.saw(f"/jobs/{examples.JOB_ID}", wait_for=hr.position)
    assert job["coefficient_max"] == "1.1"


@pytest.mark.parametrize("bad", ["1", "not-an-id", "%00", "..%2F..", "A" * 3000])
async def test_a_bad_id_is_nothing(company: Any, bad: str) -> None:
    hr = await company.client("hr")
    for answer in (
        await hr.get(f"/people/{bad}"),
        await hr.post(f"/schemes/{bad}/publish", {"version": 1}),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/not-found"


async def test_a_problem_speaks_the_readers_language(company: Any) -> None:
    hr = await company.client("hr")
    path = f"/schemes/{uuid4()}/publish"
    english = (await hr.post(path, {"version": 1})).json()
    chinese = (
        await hr.post(path, {"version": 1}, headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
    ).json()
    assert english["type"] == chinese["type"] == "/problems/unknown-scheme"
    assert english["title"] == MEANINGS["unknown-scheme"].english
    assert chinese["title"] == MEANINGS["unknown-scheme"].chinese


async def test_the_correlation_id_reaches_history(company: Any) -> None:
    hr = await company.client("hr")
    request_id = str(uuid4())
    answer = await hr.post("/org-units", UNIT, headers={"X-Request-Id": request_id})
    assert answer.headers["request-id"] == request_id
    auditor = await company.client("auditor")
    (event,) = (await auditor.saw("/audit/events", wait_for=1))["data"]
    assert event["correlation_id"] == request_id
    assert event["command_id"]
