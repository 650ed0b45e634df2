"""The outermost layer: methods, headers, health, pages, and a log without personal data."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog

from api import examples
from api.app import TABLE
from api.problems import MEANINGS, wants_chinese
from api.public import DRAINING
from domain.refusals import REFUSALS
from tenancy.settings import Settings

FOREVER = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


async def test_every_answer_carries_the_same_headers(company: Any, http: httpx.AsyncClient) -> None:
    hr = await company.client("hr")
    for answer in (
        await hr.get("/org-units"),
        await hr.get("/nothing/here"),
        await http.get("/nowhere"),
        await http.get("/health/live"),
        await http.request("TRACE", "/api/v1/people"),
    ):
        assert {name: answer.headers.get(name) for name in FOREVER} == FOREVER
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        UUID(answer.headers["request-id"])
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_browser_elsewhere_is_not_let_in(company: Any) -> None:
    hr = await company.client("hr")
    answer = await hr.send(
        "OPTIONS",
        "/people",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in answer.headers


async def test_options_and_405_tell_what_is_allowed(company: Any, http: httpx.AsyncClient) -> None:
    hr = await company.client("hr")
    options = await hr.send("OPTIONS", "/people")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await hr.send(method, "/people", json={})
        assert answer.status_code == 405
        assert answer.json()["type"] == "/problems/method-not-allowed"
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    trace = await hr.send("TRACE", f"/people/{uuid4()}")
    assert (trace.status_code, trace.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    for path in ("/health/live", "/docs", "/schema/openapi.json"):
        answer = await http.post(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_head_is_get_without_a_body(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    path = f"/schemes/{examples.SCHEME_ID}"
    got = await hr.get(path, params={"wait_for": hr.position})
    head = await hr.send("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/api/v1/", "/api/v1/tenants"])
async def test_unknown_paths_are_problems(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/not-found"


async def test_health(http: httpx.AsyncClient, settings: Settings) -> None:
    for name in ("live", "startup"):
        answer = await http.get(f"/health/{name}")
        assert (answer.status_code, answer.json()) == (200, {"status": "pass"})
    ready = await http.get("/health/ready")
    assert ready.status_code == 200, ready.text
    found = {each["name"]: each["status"] for each in ready.json()["findings"]}
    assert found == {"service": "pass", "database": "pass", "migrations": "pass", "keys": "pass"}
    told = ready.text
    assert settings.database_url is not None
    for secret in (settings.database_url, str(settings.data_dir)):
        assert secret not in told


async def test_draining_says_so_before_the_end(http: httpx.AsyncClient, settings: Settings) -> None:
    assert settings.data_dir is not None
    flag = settings.data_dir / DRAINING
    flag.touch()
    try:
        ready = await http.get("/health/ready")
        assert ready.status_code == 503
        assert (await http.get("/health/live")).status_code == 200
    finally:
        flag.unlink()
    assert (await http.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("code", sorted(MEANINGS))
async def test_every_problem_has_its_page(http: httpx.AsyncClient, code: str) -> None:
    page = await http.get(f"/problems/{code}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert MEANINGS[code].chinese in page.text
    assert (await http.get("/problems/nothing-of-the-kind")).status_code == 404


def test_every_refusal_has_a_status_and_none_is_ours_too() -> None:
    assert set(REFUSALS) <= set(MEANINGS)
    for refusal in REFUSALS.values():
        assert MEANINGS[refusal.code].english == refusal.english
        assert MEANINGS[refusal.code].status in {403, 404, 409, 422}


@pytest.mark.parametrize(
    ("header", "chinese"),
    [
        ("", False),
        ("zh", True),
        ("zh-CN,en;q=0.9", True),
        ("en-GB,zh;q=0.9", False),
        ("de, zh-TW;q=0.3, en;q=0.2", True),
        ("zh;q=0", False),
        ("zh;q=abc", False),
        ("*", False),
    ],
)
def test_languages(header: str, chinese: bool) -> None:
    assert wants_chinese(header) is chinese


async def test_the_docs_need_no_network(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert not re.findall(r"(?:src|href)=\"https?://", page.text)
    for asset in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", page.text):
        answer = await http.get(asset)
        assert answer.status_code == 200, asset
        assert len(answer.content) > 50
    assert (await http.get("/docs/assets/../app.py")).status_code == 404


async def test_the_log_tells_who_and_not_what(company: Any) -> None:
    with structlog.testing.capture_logs() as lines:
        hr = await company.client("hr")
        await hr.did("/people", {"number": "P-77", "name": "张三丰"})
        await hr.get("/people", params={"cursor": "secret-cursor"})
        await hr.get("/张三丰")
    requests = [line for line in lines if line["event"] == "request"]
    posted, queried, lost = requests
    assert (posted["route"], posted["status"], posted["method"]) == ("/people", 201, "POST")
    assert posted["tenant"] == str(company.tenant_id)
    UUID(posted["actor"])
    UUID(posted["request_id"])
    assert queried["problem"] == "invalid-query"
    assert (lost["route"], lost["tenant"]) == ("-", None)
    told = json.dumps(lines, ensure_ascii=False, default=str)
    for secret in ("张三丰", "P-77", "secret-cursor", hr.secret):
        assert secret not in told


async def test_what_nobody_expected_is_told_without_details(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("projections.directory.org_units", broken)
    hr = await company.client("hr")
    with structlog.testing.capture_logs() as lines:
        answer = await hr.get("/org-units")
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal"
    assert "swordfish" not in answer.text
    assert "swordfish" not in json.dumps(lines, default=str)
    assert [line["error"] for line in lines if line["event"] == "unexpected"] == ["RuntimeError"]


def test_the_table_finds_what_the_router_finds() -> None:
    for route in TABLE.routes:
        path = re.sub(r"\{\w+\}", str(uuid4()), route.path)
        found = TABLE.find(route.method, path)
        assert found is not None
        assert found[0] is route
    assert TABLE.find("GET", "/people/") is None
    assert TABLE.find("POST", "/nothing") is None
