"""Sessions of browsers: begun by a sign-in, used on every route, ended from many sides."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import structlog.testing

from api import examples
from api.sessions import COOKIE_HERE, Sessions, cookie_name, csrf_of, secured
from tenancy.sessions import SessionTable
from tenancy.settings import Settings

SELF = "/api/v1/tenants/self"
KEYS = "/api/v1/keys"


async def signed_in(company: Any, role: str) -> str:
    """The token of a new session of somebody."""
    return str(await (await company.client(role)).session())


async def asked(company: Any, token: str) -> httpx.Response:
    answer: httpx.Response = await company.http.get(
        SELF, headers={"Cookie": f"{COOKIE_HERE}={token}"}
    )
    return answer


async def altered(owner_url: str, change: str, session_id: UUID) -> None:
    """Let time pass for one session, as the application may not."""
    owner = await asyncpg.connect(owner_url)
    await owner.execute(
        f"UPDATE merit.sessions SET {change} WHERE session_id = $1",
        session_id,
    )
    await owner.close()


async def sent(company: Any, token: str, **headers: str) -> httpx.Response:
    given = {
        "Cookie": f"{COOKIE_HERE}={token}",
        "Idempotency-Key": str(uuid4()),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    answer: httpx.Response = await company.http.post(
        KEYS, json=examples.EXAMPLES["IssueAccessKey"], headers=given
    )
    return answer


async def test_a_session_opens_what_its_key_opens(company: Any) -> None:
    token = await signed_in(company, "finance")
    told = (await asked(company, token)).json()
    assert told["roles"] == ["finance"]
    refused = await sent(company, token, x_csrf_token=csrf_of(token))
    assert refused.json()["type"] == "/problems/not-allowed"


async def test_the_cookie_is_kept_from_scripts_and_other_sites(company: Any) -> None:
    client = await company.client("hr")
    answer = await company.http.post("/console/sign-in", data={"key": client.secret})
    company.http.cookies.clear()
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert client.secret not in cookie


def test_cookies_are_secure_but_over_http_on_this_machine() -> None:
    here = Settings(host="127.0.0.1")
    assert (cookie_name(here), secured(here)) == ("merit_session", False)
    for elsewhere in (
        Settings(public_url="https://merit.example"),
        Settings(public_url="https://localhost"),
        Settings(host="0.0.0.0"),  # noqa: S104 - nothing listens
        Settings(public_url="http://intranet"),
    ):
        assert cookie_name(elsewhere) == "__Host-merit_session"
        assert secured(elsewhere)


async def test_what_another_site_sends_is_refused(company: Any) -> None:
    token = await signed_in(company, "admin")
    other = await signed_in(company, "hr")
    csrf = csrf_of(token)
    for headers in (
        {},
        {"x_csrf_token": "0" * 64},
        {"x_csrf_token": csrf_of(other)},
        {"x_csrf_token": "x"},
        {"x_csrf_token": csrf, "sec_fetch_site": "cross-site"},
        {"x_csrf_token": csrf, "sec_fetch_site": "same-site"},
        {"x_csrf_token": csrf, "origin": "https://evil.example"},
        {"x_csrf_token": csrf, "origin": "null"},
    ):
        answer = await sent(company, token, **headers)
        assert answer.status_code == 403, headers
        assert answer.json()["type"] == "/problems/form-expired"
    own = {"sec_fetch_site": "same-origin", "origin": str(company.http.base_url).rstrip("/")}
    assert (await sent(company, token, x_csrf_token=csrf, **own)).status_code == 201


async def test_sign_out_ends_the_session_for_whoever_kept_its_token(company: Any) -> None:
    token = await signed_in(company, "hr")
    assert (await asked(company, token)).status_code == 200
    cookie = {"Cookie": f"{COOKIE_HERE}={token}"}
    answer = await company.http.post("/console/sign-out", headers=cookie)
    assert answer.status_code == 303
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await asked(company, token)).status_code == 401


async def test_a_sign_in_ends_the_session_that_the_browser_had(company: Any) -> None:
    token = await signed_in(company, "hr")
    client = await company.client("hr")
    cookie = {"Cookie": f"{COOKIE_HERE}={token}"}
    answer = await company.http.post(
        "/console/sign-in", data={"key": client.secret}, headers=cookie
    )
    company.http.cookies.clear()
    assert answer.cookies[COOKIE_HERE] != token
    assert (await asked(company, token)).status_code == 401


async def test_a_session_ends_with_its_key(company: Any, database: Any) -> None:
    admin = await company.client("admin")
    issued = await admin.did("/keys", examples.EXAMPLES["IssueAccessKey"])
    answer = await company.http.post("/console/sign-in", data={"key": issued["secret"]})
    company.http.cookies.clear()
    token = answer.cookies[COOKIE_HERE]
    assert (await asked(company, token)).status_code == 200
    await admin.did(f"/keys/{issued['id']}/revoke")
    assert await SessionTable(database).find(token) is None


@pytest.mark.parametrize(
    "change",
    [
        "expires_at = clock_timestamp()",
        "last_seen_at = clock_timestamp() - interval '61 minutes'",
        "ended_at = clock_timestamp()",
    ],
)
async def test_a_session_ends_by_rest_by_age_and_by_word(
    company: Any, database: Any, owner_url: str, change: str
) -> None:
    token = await signed_in(company, "hr")
    table = SessionTable(database)
    found = await table.find(token)
    assert found is not None
    await altered(owner_url, change, found.session_id)
    assert await table.find(token) is None


async def test_use_is_written_down_now_and_then(
    company: Any, database: Any, owner_url: str
) -> None:
    token = await signed_in(company, "hr")
    table = SessionTable(database)
    first = await table.find(token)
    assert first is not None
    before = await table.find(token)
    assert before is not None
    assert before.last_seen_at == first.last_seen_at
    await altered(owner_url, "last_seen_at = last_seen_at - interval '2 minutes'", first.session_id)
    await table.find(token)
    after = await table.find(token)
    assert after is not None
    assert after.last_seen_at > first.last_seen_at


async def test_sessions_of_a_person_end_at_once_on_every_worker(
    company: Any, database: Any
) -> None:
    person = uuid4()
    table = SessionTable(database)
    key = uuid4()
    await company.registry.issue_key(company.tenant_id, key, "x", ["hr"], person_id=person)
    token = await table.begin(company.tenant_id, ["hr"], key_id=key, person_id=person)
    assert await table.end_those(company.tenant_id, "left", person_id=person) == 1
    assert await table.find(token) is None
    (row,) = [each for each in await table.of(company.tenant_id) if each.person_id == person]
    assert row.ended_because == "left"
    with pytest.raises(ValueError, match="which"):
        await table.end_those(company.tenant_id, "all")


async def test_a_rung_bell_forgets_the_tenant(company: Any, database: Any) -> None:
    now = datetime.now(UTC)
    sessions = Sessions(SessionTable(database))
    token = await signed_in(company, "hr")
    assert await sessions.find(token, now) is not None
    await sessions.table.end(token, "test")
    assert await sessions.find(token, now) is not None, "remembered for a moment"
    sessions.rung(str(uuid4()))
    assert await sessions.find(token, now) is not None
    sessions.rung(str(company.tenant_id))
    assert await sessions.find(token, now) is None


async def test_a_made_up_token_opens_nothing(company: Any) -> None:
    for token in ("", "x", "mls_" + "a" * 43, "mlk_" + "a" * 43, "mls_" + "a" * 5000):
        assert (await asked(company, token)).status_code == 401


async def test_sign_ins_are_logged_whether_they_succeed_or_not(company: Any) -> None:
    with structlog.testing.capture_logs() as lines:
        token = await signed_in(company, "hr")
        refused = await company.http.post("/console/sign-in", data={"key": f"mlk_{token}"})
        cookie = {"Cookie": f"{COOKIE_HERE}={token}"}
        await company.http.post("/console/sign-out", headers=cookie)
    assert refused.status_code == 401
    told = [
        line for line in lines if line["event"] in {"signed-in", "sign-in-refused", "signed-out"}
    ]
    assert [line["event"] for line in told] == ["signed-in", "sign-in-refused", "signed-out"]
    assert told[0]["tenant"] == str(company.tenant_id)
    assert token not in str(lines)
