"""A tenant is suspended, copied for trying things out, and ended so that nobody reads it again."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import msgspec
import pytest

from api import examples, forking
from api.ending import ender
from api.forking import fork
from api.replay import replay
from api.services import settle
from domain import ids
from domain.origin import ORIGIN
from ops.bundles import export, verify
from ops.ending import Ending
from ops.forking import CannotFork
from ops.forking import fork as operators_fork
from ops.tenants import erase_tenant, stamp
from tenancy.errors import TenantErased
from tenancy.registry import UnknownEntry
from tenancy.signing import Verifier
from tenancy.verification import verify_bundle

MADE = examples.EXAMPLES
BATCH = f"/payout-batches/{examples.BATCH_ID}"


async def digests(services: Any, tenant: UUID, position: int) -> dict[str, str]:
    moment = await services.views.moment(tenant, position=position)
    told = await replay(services.views, tenant, moment, None)
    # The trail shows callers' own keys of idempotency, which a copy does not have.
    return {each.view: each.digest for each in told.views if each.view != "audit_trail"}


async def test_a_fork_says_the_same_with_masks_and_never_pays(
    paid_company: Any, new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    services, tenant = app.state.services, paid_company.tenant_id
    original = await services.histories.of(tenant)
    at = await original.head() - 3
    made = await operators_fork(services, tenant, at=at)
    copy = made.tenant.tenant_id
    assert (made.tenant.forked_from, made.tenant.forked_at) == (tenant, at)
    assert made.tenant.status == "active"

    # The same events at the same places, under other keys, and the same results.
    history = await services.histories.of(copy)
    before, after = await original.log(upto=at), await history.log(upto=at)
    assert [(each.position, each.stream_id, each.version, each.event_id) for each in after] == [
        (each.position, each.stream_id, each.version, each.event_id) for each in before
    ]
    assert await digests(services, copy, at) == await digests(services, tenant, at)
    rows = [await each._recorder.log(upto=at) for each in (original, history)]
    for mine, theirs in zip(*rows, strict=True):
        assert mine.payload[:16] != theirs.payload[:16]

    # Nothing personal; the same text has the same mask, here and in the next fork.
    names = {
        each.stream_id: each.event.name for each in before if each.topic == "person.registered"
    }
    masks = {each.stream_id: each.event.name for each in after if each.topic == "person.registered"}
    assert set(names.values()).isdisjoint(masks.values())
    assert all(each.startswith("name-") for each in masks.values())
    assert made.masked > 5
    texts = msgspec.json.encode([each.event for each in after]).decode()
    assert not [name for name in names.values() if name in texts]
    again = await operators_fork(services, tenant, at=at, name="again")
    twin = await services.histories.of(again.tenant.tenant_id)
    assert {each.stream_id: each.event for each in await twin.log(upto=at)} == {
        each.stream_id: each.event for each in after
    }

    # It goes on as a company of its own, and no money leaves it.
    assert (await history.load(ORIGIN, ids.ORIGIN_ID))[0].position == at
    company = await new_company("stands for the fork")
    company.tenant_id, company._clients = copy, {}
    finance = await company.client("finance")
    told = await finance.saw("/tenants/self")
    assert (told["forked_from"], told["forked_at"]) == (str(tenant), at)
    (line,) = (await finance.saw(BATCH, wait_for=at))["lines"]
    for path, body in (
        (f"{BATCH}/instruct", {"bank_account": "CN-1"}),
        (f"{BATCH}/settle", MADE["SettleBatch"]),
        (f"/payouts/{line['payout_id']}/instruct", {"bank_account": "CN-1"}),
        (f"/payouts/{line['payout_id']}/settle", {"bank_reference": "B-1"}),
        (f"/payouts/{line['payout_id']}/return", MADE["ReturnPayment"]),
        ("/ledger/journals", MADE["ExportJournal"]),
    ):
        answer = await finance.post(path, body)
        assert answer.status_code == 403, (path, answer.text)
        assert answer.json()["type"] == "/problems/fork-never-pays"
    hr = await company.client("hr")
    await hr.did("/people", {"number": "P-7777", "name": "试"})


async def test_what_is_not_there_is_not_forked(
    paid_company: Any, registry: Any, app: Any, tenant_id: UUID
) -> None:
    services = app.state.services
    for tenant, at in ((tenant_id, 1), (paid_company.tenant_id, 0), (paid_company.tenant_id, 9**9)):
        with pytest.raises(CannotFork, match="positions"):
            await operators_fork(services, tenant, at=at)
    made = await operators_fork(services, paid_company.tenant_id, at=1)
    with pytest.raises(CannotFork, match="original"):
        await operators_fork(services, made.tenant.tenant_id, at=1)
    with pytest.raises(UnknownEntry):
        await operators_fork(services, uuid4(), at=1)


async def test_an_administrator_forks_over_http(
    paid_company: Any, new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    admin, forks = await paid_company.client("admin"), "/tenants/self/forks"
    before = len((await admin.saw(forks))["forks"])
    at = await paid_company.head()
    body = {"at": at, "name": "试算"}
    made = await admin.did(forks, body, key="fork-1")
    assert (made["status"], made["forked_at"], made["name"]) == ("active", at, "试算")
    assert made["masked"] > 5
    # The same request again is the same copy, and its key is told to nobody a second time.
    again = await admin.did(forks, body, key="fork-1")
    assert again == {**made, "masked": None, "secret": None}
    assert len((await admin.saw(forks))["forks"]) == before + 1
    assert await paid_company.head() == at
    # Whoever copies may read it all: that was written down, once.
    noted = (await admin.saw("/audit/reads", route=forks, limit=500))["data"]
    copied = [each for each in noted if each["method"] == "POST"]
    assert [(each["position"], each["row_count"]) for each in copied] == [(at, at)]

    for body_of, key, status, code in (
        ({"at": at - 1}, "fork-1", 422, "idempotency-conflict"),
        ({"at": at + 1}, "fork-2", 409, "cannot-fork"),
        ({"at": 10**9}, "fork-3", 409, "cannot-fork"),
        ({"at": 0}, "fork-4", 400, "invalid-body"),
    ):
        answer = await admin.post(forks, body_of, key=key)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{code}")
    for role in ("hr", "finance", "executive", "auditor", "integration"):
        answer = await (await paid_company.client(role)).post(forks, body)
        assert answer.status_code == 403

    # Its administrator goes on there: the same money, nobody's name, and none of it leaves.
    company = await new_company("stands for the fork made over HTTP")
    company.tenant_id, company._clients = UUID(made["tenant_id"]), {}
    there = type(admin)(admin.http, made["secret"])
    told = await there.saw("/tenants/self")
    assert (told["forked_from"], told["forked_at"]) == (str(paid_company.tenant_id), at)
    assert (await there.saw(BATCH, wait_for=at))["lines"] == (await admin.saw(BATCH))["lines"]
    names = {each["name"] for each in (await there.saw("/people"))["data"]}
    assert all(each.startswith("name-") for each in names)
    finance = await company.client("finance")
    answer = await finance.post(f"{BATCH}/settle", MADE["SettleBatch"])
    assert answer.json()["type"] == "/problems/fork-never-pays"
    answer = await there.post(forks, {"at": 1})
    assert answer.json()["type"] == "/problems/cannot-fork"


async def test_forks_are_few_and_not_for_a_key_with_scopes(
    new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    company = await new_company("forks often")
    admin, forks = await company.client("admin"), "/tenants/self/forks"
    await (await company.client("hr")).did("/people", MADE["RegisterPerson"])
    key = {"name": "narrow", "roles": ["admin"], "scopes": ["tenants:write"]}
    narrow = type(admin)(admin.http, (await admin.did("/keys", key))["secret"])
    answer = await narrow.post(forks, {"at": 1})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/out-of-scope")
    made = [await admin.did(forks, {"at": 1}) for _ in range(10)]
    assert len({each["tenant_id"] for each in made}) == 10
    answer = await admin.post(forks, {"at": 1})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-many-forks")
    await erase_tenant(app.state.services, UUID(made[0]["tenant_id"]))
    await admin.did(forks, {"at": 1})


class Killed(BaseException):
    """What kill -9 is to the code that runs: no handler, nothing after it."""


async def cut_short(services: Any, source: UUID, at: int, fork_id: UUID) -> None:
    """A copy whose maker is killed after the first batch."""

    def die(done: int, _total: int) -> None:
        raise Killed(done)

    with pytest.raises(Killed):
        await fork(services, source, at=at, stamp=stamp(), fork_id=fork_id, on_progress=die)


async def test_a_fork_that_was_cut_short_is_gone_on_with(
    paid_company: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, admin = app.state.services, await paid_company.client("admin")
    forks = "/tenants/self/forks"
    at = await paid_company.head()
    monkeypatch.setattr(forking, "_AT_ONCE", 40)
    fork_id = uuid5(paid_company.tenant_id, "fork cut-1")
    await cut_short(services, paid_company.tenant_id, at, fork_id)
    assert (await services.registry.tenant(fork_id)).status == "suspended"
    copied = await (await services.histories.of(fork_id)).head()
    assert 0 < copied < at
    # While somebody is at it, the same request is told so.
    async with services.registry.making(fork_id) as ours:
        assert ours
        answer = await admin.post(forks, {"at": at}, key="cut-1")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/overtaken")
    made = await admin.did(forks, {"at": at}, key="cut-1")
    assert (made["tenant_id"], made["status"]) == (str(fork_id), "active")
    assert made["secret"] is not None
    # As if nothing had happened: the same masks, the same digests.
    whole = await fork(services, paid_company.tenant_id, at=at, stamp=stamp())
    assert made["masked"] == whole.masked
    assert await digests(services, fork_id, at) == await digests(
        services, whole.tenant.tenant_id, at
    )
    again = await admin.did(forks, {"at": at}, key="cut-1")
    assert again == {**made, "masked": None, "secret": None}


HOLDS = """
import asyncio, sys
from uuid import UUID
from tenancy.database import Database
from tenancy.registry import Registry

async def hold():
    async with await Database.open(sys.argv[1], size=1) as database:
        async with Registry(database).making(UUID(sys.argv[2])) as ours:
            print(ours, flush=True)
            await asyncio.sleep(60)

asyncio.run(hold())
"""


async def test_whoever_is_killed_holds_a_fork_no_longer(registry: Any, database_url: str) -> None:
    fork_id = uuid4()
    maker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS, database_url, str(fork_id), stdout=asyncio.subprocess.PIPE
    )
    assert maker.stdout is not None
    assert await maker.stdout.readline() == b"True\n"
    async with registry.making(fork_id) as ours:
        assert not ours
    maker.kill()
    await maker.wait()
    for _ in range(100):
        async with registry.making(fork_id) as ours:
            if ours:
                break
        await asyncio.sleep(0.05)
    assert ours


async def test_a_fork_that_nobody_finishes_is_taken_away(
    paid_company: Any, app: Any, owner_url: str
) -> None:
    services, fork_id = app.state.services, uuid4()
    await cut_short(services, paid_company.tenant_id, 5, fork_id)
    ending = Ending(ender(services))
    # Somebody may still come back for it.
    await ending.round()
    assert (await services.registry.tenant(fork_id)).status == "suspended"
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(
            "UPDATE merit.tenants SET created_at = created_at - interval '2 hours'"
            " WHERE tenant_id = $1",
            fork_id,
        )
    finally:
        await owner.close()
    async with services.registry.making(fork_id):
        await ending.round()
        assert (await services.registry.tenant(fork_id)).status == "suspended"
    await ending.round()
    assert (await services.registry.tenant(fork_id)).status == "erased"
    # One that is whole stays, however old, whatever the operator does with it.
    whole = await fork(services, paid_company.tenant_id, at=1, stamp=stamp())
    await services.registry.suspend_tenant(whole.tenant.tenant_id)
    await ending.round()
    assert (await services.registry.tenant(whole.tenant.tenant_id)).status == "suspended"


async def test_the_application_cannot_make_a_fork_an_original(
    paid_company: Any, app: Any, database_url: str
) -> None:
    services = app.state.services
    made = await operators_fork(services, paid_company.tenant_id, at=1)
    connection = await asyncpg.connect(database_url, server_settings={"role": "merit_app"})
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "UPDATE merit.tenants SET forked_from = NULL, forked_at = NULL"
                " WHERE tenant_id = $1",
                made.tenant.tenant_id,
            )
    finally:
        await connection.close()


@pytest.mark.timeout(90)
async def test_an_erased_tenant_answers_410_and_proves_that_nothing_was_taken_out(
    new_company: Callable[[str], Awaitable[Any]],
    app: Any,
    owner_url: str,
    tmp_path: Path,
    registry: Any,
) -> None:
    company = await new_company("ends")
    await company.organised()
    services, tenant = app.state.services, company.tenant_id
    hr = await company.client("hr")
    await hr.saw("/people", wait_for=hr.position)
    head = await company.head()
    await export(services, tenant, tmp_path / "before", content=True)
    verdict = verify(tmp_path / "before")
    assert verdict.ok

    ended = await erase_tenant(services, tenant)
    certificate = ended.certificate
    assert (certificate.scope, ended.tenant.status) == ("tenant", "erased")
    assert ended.view_rows > 0
    assert (
        Verifier.parse(certificate.verifier)
        .open(certificate.note)
        .startswith("meritledger erasure\n")
    )

    for role in ("hr", "admin"):
        client = await company.client(role)
        await asyncio.sleep(3.1 if role == "hr" else 0)
        answer = await client.get("/people")
        assert answer.status_code == 410, answer.text
        assert answer.json()["type"] == "/problems/tenant-erased"
    with pytest.raises(TenantErased):
        await (await services.histories.of(tenant)).log()
    for switch in (registry.suspend_tenant, registry.resume_tenant):
        with pytest.raises(TenantErased):
            await switch(tenant)
    with pytest.raises(TenantErased):
        await operators_fork(services, tenant, at=1)

    owner = await asyncpg.connect(owner_url)
    try:
        for table in ("tenant_keys", "subject_keys", "signing_keys"):
            rows = await owner.fetch(
                f"SELECT key_id, wrapped FROM merit.{table} WHERE tenant_id = $1", tenant
            )
            assert {row["wrapped"] for row in rows} == {None}
            assert {row["key_id"] for row in rows} <= set(certificate.key_ids)
        events = "SELECT count(*) FROM merit.events WHERE tenant_id = $1"
        assert await owner.fetchval(events, tenant) == head
        names = "SELECT DISTINCT name FROM merit.access_keys WHERE tenant_id = $1"
        assert [row["name"] for row in await owner.fetch(names, tenant)] == ["erased"]
        tables = await owner.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'merit_views'"
        )
        for view in tables:
            left = await owner.fetchval(
                f"SELECT count(*) FROM merit_views.{view['tablename']} WHERE tenant_id = $1",
                tenant,
            )
            assert left == 0, view
    finally:
        await owner.close()

    # The rows that stay are the ones that were signed; a copy from before would be ended again.
    again = await erase_tenant(services, tenant)
    assert again.certificate == certificate
    await settle(services.erasures, services.registry, services.database)
    sealed = verify_bundle(tmp_path / "before", held=[], catalogue=None)
    assert sealed.ok
    assert sealed.events == verdict.verdict.events


async def test_suspended_and_resumed(
    new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    company = await new_company("pauses")
    hr = await company.client("hr")
    await hr.did("/people", MADE["RegisterPerson"])
    registry = app.state.services.registry
    assert (await registry.suspend_tenant(company.tenant_id)).status == "suspended"
    stranger = await company.client("executive")
    answer = await stranger.get("/people")
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/tenant-suspended")
    assert (await registry.resume_tenant(company.tenant_id)).status == "active"
    assert (await stranger.get("/people")).status_code == 200
