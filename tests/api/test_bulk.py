"""Bulk: outcomes one a line, in order, each as its own request would have had."""

import json
from typing import Any

from api import examples

MADE = examples.EXAMPLES
NDJSON = {"Content-Type": "application/x-ndjson"}


async def _bulk(client: Any, lines: list[Any]) -> list[dict[str, Any]]:
    content = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )
    answer = await client.send("POST", "/bulk", content=content, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def _line(path: str, body: Any, key: str, **rest: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "body": body, "idempotency_key": key, **rest}


async def test_lines_build_on_each_other(company: Any) -> None:
    hr = await company.client("hr")
    outcomes = await _bulk(
        hr,
        [
            _line("/org-units", MADE["CreateOrgUnit"], "1"),
            _line("/jobs", MADE["DefineJob"], "2"),
            _line("/people", MADE["RegisterPerson"], "3"),
            _line("/people", {"number": examples.MANAGER, "name": "李总"}, "4"),
            _line("/employments", MADE["HireEmployee"], "5"),
            _line(
                f"/employments/{examples.EMPLOYMENT_ID}/pay-structure", MADE["SetPayStructure"], "6"
            ),
        ],
    )
    assert [outcome["status"] for outcome in outcomes] == [201, 201, 201, 201, 201, 200]
    assert [outcome["line"] for outcome in outcomes] == [1, 2, 3, 4, 5, 6]
    assert outcomes[4]["id"] == examples.EMPLOYMENT_ID
    positions = [outcome["position"] for outcome in outcomes]
    assert positions == sorted(positions)


async def test_a_wrong_line_is_its_own_problem(company: Any) -> None:
    hr = await company.client("hr")
    outcomes = await _bulk(
        hr,
        [
            _line("/people", {"number": "A", "name": "甲"}, "a"),
            b"not json\n",
            b"\n",
            _line("/people", {"number": "B", "name": "乙", "tenant_id": 1}, "b"),
            _line("/people", {"number": "A", "name": "甲"}, "c"),
            _line("/people", {"number": "A", "name": "甲"}, "a"),
            _line("/people", {"number": "Z", "name": "甲"}, "a"),
            _line("/nothing", {}, "d"),
            _line("/keys", MADE["IssueAccessKey"], "e"),
            _line("/bulk", {}, "f"),
            _line("/payout-batches/x/approve", {}, "g"),
            _line("/people", {"number": "C", "name": "丙"}, ""),
            _line("/people", {"number": "D", "name": "丁"}, "h", method="GET"),
            _line("/api/v1/people", {"number": "E", "name": "戊"}, "i"),
            {"path": "/people"},
        ],
    )
    told = [
        (outcome["status"], outcome.get("problem", {}).get("type", "").rpartition("/")[2])
        for outcome in outcomes
    ]
    assert told == [
        (201, ""),
        (400, "malformed-json"),
        (400, "invalid-body"),
        (409, "already-exists"),
        (201, ""),
        (422, "idempotency-conflict"),
        (404, "not-found"),
        (404, "not-found"),
        (404, "not-found"),
        (403, "not-allowed"),
        (400, "idempotency-key-invalid"),
        (404, "not-found"),
        (201, ""),
        (400, "invalid-body"),
    ]
    assert outcomes[4]["replayed"] is True
    assert outcomes[2]["problem"]["errors"][0]["pointer"] == "/tenant_id"
    assert await company.head() == 2


async def test_a_line_is_the_same_request_as_its_own(company: Any) -> None:
    hr = await company.client("hr")
    body = json.dumps(MADE["CreateOrgUnit"]).encode()
    single = await hr.post(
        "/org-units", content=body, headers={"Content-Type": "application/json"}, key="same"
    )
    raw = b'{"path":"/org-units","idempotency_key":"same","body":' + body + b"}\n"
    (outcome,) = await _bulk(hr, [raw])
    assert (outcome["status"], outcome["replayed"]) == (201, True)
    assert outcome["id"] == single.json()["id"]


async def test_if_match_works_in_a_line(company: Any) -> None:
    hr = await company.client("hr")
    outcomes = await _bulk(
        hr,
        [
            _line("/schemes", MADE["DraftScheme"], "1"),
            _line(f"/schemes/{examples.SCHEME_ID}/lint", {"version": 1}, "2", if_match='"9"'),
            _line(f"/schemes/{examples.SCHEME_ID}/lint", {"version": 1}, "3", if_match='"1"'),
        ],
    )
    assert [outcome["status"] for outcome in outcomes] == [201, 412, 200]


async def test_roles_hold_for_each_line(company: Any) -> None:
    erp = await company.client("integration")
    outcomes = await _bulk(
        erp,
        [_line("/feeds", MADE["ReceiveFeed"], "1"), _line("/cycles", MADE["PlanCycle"], "2")],
    )
    assert [outcome["status"] for outcome in outcomes] == [201, 403]


async def test_json_is_not_lines(company: Any) -> None:
    hr = await company.client("hr")
    answer = await hr.send("POST", "/bulk", json={})
    assert answer.status_code == 415


async def test_more_than_a_megabyte_of_lines(company: Any) -> None:
    hr = await company.client("hr")
    lines = [
        _line(
            "/org-units",
            {**MADE["CreateOrgUnit"], "code": f"B{n}", "padding": "x" * 40_000},
            f"{n}",
        )
        for n in range(40)
    ]
    outcomes = await _bulk(hr, lines)
    assert [outcome["status"] for outcome in outcomes] == [400] * 40
