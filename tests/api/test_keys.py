"""Access keys over HTTP: a secret once, revoked within seconds, every key in history."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from api import auth, examples
from api.auth import Door
from api.problems import Said
from tenancy.registry import Credential

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_an_issued_key_opens_until_it_is_revoked(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "CACHED_FOR", timedelta(0))
    admin = await company.client("admin")
    issued = await admin.post("/keys", examples.EXAMPLES["IssueAccessKey"])
    assert issued.status_code == 201
    told = issued.json()
    headers = {"Authorization": f"Bearer {told['secret']}"}
    self_ = await company.http.get("/api/v1/tenants/self", headers=headers)
    assert self_.json()["roles"] == ["integration"]
    assert self_.json()["key_id"] == told["id"]

    listed = await admin.saw("/keys")
    assert told["secret"] not in str(listed)
    assert told["id"] in {key["key_id"] for key in listed["data"]}

    await admin.did(f"/keys/{told['id']}/revoke", {"reason": "lost"})
    refused = await company.http.get("/api/v1/tenants/self", headers=headers)
    assert refused.status_code == 401
    again = await admin.post(f"/keys/{told['id']}/revoke")
    assert again.json()["type"] == "/problems/already-revoked"


async def test_a_repeated_issue_never_shows_the_secret_again(company: Any) -> None:
    admin = await company.client("admin")
    first = await admin.post("/keys", examples.EXAMPLES["IssueAccessKey"], key="issue")
    again = await admin.post("/keys", examples.EXAMPLES["IssueAccessKey"], key="issue")
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == {**first.json(), "secret": None}
    keys = (await admin.saw("/keys"))["data"]
    assert [key["name"] for key in keys].count("payroll connector") == 1


async def test_an_issue_that_died_halfway_is_completed_by_its_repetition(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await company.client("admin")

    async def dies(*_: object, **__: object) -> str:
        raise RuntimeError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr("tenancy.registry.Registry.issue_key", dies)
        answer = await admin.post("/keys", examples.EXAMPLES["IssueAccessKey"], key="halfway")
        assert answer.status_code == 500
    again = await admin.post("/keys", examples.EXAMPLES["IssueAccessKey"], key="halfway")
    secret = again.json()["secret"]
    opened = await company.http.get(
        "/api/v1/tenants/self", headers={"Authorization": f"Bearer {secret}"}
    )
    assert opened.status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"roles": []}, 422, "unknown-role"),
        ({"roles": ["root"]}, 422, "unknown-role"),
        ({"person_id": str(uuid4())}, 404, "unknown-person"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "expiry-in-past"),
    ],
)
async def test_a_refused_key_is_not_there(
    company: Any, change: dict[str, Any], status: int, code: str
) -> None:
    admin = await company.client("admin")
    before = (await admin.saw("/keys"))["data"]
    answer = await admin.post("/keys", {**examples.EXAMPLES["IssueAccessKey"], **change})
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{code}")
    assert (await admin.saw("/keys"))["data"] == before


async def test_keys_come_in_pages(company: Any) -> None:
    admin = await company.client("admin")
    for number in range(4):
        await admin.did("/keys", {"name": f"k{number}", "roles": ["auditor"]})
    page = await admin.saw("/keys", limit=2)
    names = [key["name"] for key in page["data"]]
    while page["has_more"]:
        page = await admin.saw("/keys", limit=2, cursor=page["next_cursor"])
        names += [key["name"] for key in page["data"]]
    assert names == ["admin", "k0", "k1", "k2", "k3"]
    assert (await admin.get("/keys", params={"cursor": "no"})).status_code == 400


def _credential(**change: Any) -> Credential:
    given: dict[str, Any] = {
        "tenant_id": UUID(int=1),
        "key_id": UUID(int=2),
        "prefix": "abc",
        "name": "k",
        "roles": frozenset({"hr", "of-a-later-release"}),
        "person_id": None,
        "expires_at": None,
        "revoked_at": None,
        "created_at": NOW,
    }
    return Credential(**{**given, **change})


class Registered:
    """One credential, and how often it was asked for."""

    def __init__(self, credential: Credential | None) -> None:
        self.credential = credential
        self.asked = 0

    async def find(self, _: str) -> Credential | None:
        self.asked += 1
        return self.credential

    async def closed(self, _: str) -> str | None:
        return None


async def test_a_revoked_key_is_refused_within_five_seconds() -> None:
    there = Registered(_credential())
    door = Door(there.find, there.closed)
    caller = await door.enter("Bearer x", NOW)
    assert caller.roles == {"hr"}
    assert await door.enter("bearer x", NOW + timedelta(seconds=1)) == caller
    assert there.asked == 1
    there.credential = _credential(revoked_at=NOW)
    with pytest.raises(Said, match="unauthenticated"):
        await door.enter("Bearer x", NOW + timedelta(seconds=5))


async def test_a_clock_that_is_set_back_does_not_make_a_revoked_key_last_longer() -> None:
    there = Registered(_credential())
    door = Door(there.find, there.closed)
    await door.enter("Bearer x", NOW)
    there.credential = _credential(revoked_at=NOW)
    with pytest.raises(Said, match="unauthenticated"):
        await door.enter("Bearer x", NOW - timedelta(hours=1))


async def test_a_key_expires_to_the_moment_although_it_is_remembered() -> None:
    end = NOW + timedelta(seconds=1)
    there = Registered(_credential(expires_at=end))
    door = Door(there.find, there.closed)
    await door.enter("Bearer x", NOW)
    await door.enter("Bearer x", end - timedelta(microseconds=1))
    with pytest.raises(Said, match="unauthenticated"):
        await door.enter("Bearer x", end)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic x", "x", "bearer\tx"])
async def test_a_header_without_a_key_is_not_looked_up(header: str | None) -> None:
    there = Registered(_credential())
    with pytest.raises(Said, match="unauthenticated"):
        await Door(there.find, there.closed).enter(header, NOW)
    assert there.asked == 0
