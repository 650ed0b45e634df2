"""Limits: over all workers, over a restart, per tenant and key; and sign-ins that fail."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from api import limits
from api.auth import Caller
from api.limits import Limits
from api.problems import Said
from tenancy.allowances import NOBODY, Allowances, Limit, Share, bucket_of
from tenancy.settings import Settings

TOO_MANY = ("too-many-requests", "1")


def caller(tenant_id: UUID, key_id: UUID | None = None) -> Caller:
    return Caller(tenant_id=tenant_id, key_id=key_id or uuid4(), roles=frozenset({"hr"}))


def made(database: Any, tenant: int, key: int = 0) -> Limits:
    """The limits of one worker."""
    return Limits(Allowances(database), Settings(requests_per_s=tenant, key_requests_per_s=key))


async def admitted(worker: Limits, who: Caller, count: int) -> int:
    """How many of so many requests are let through."""
    done = 0
    for _ in range(count):
        try:
            await worker.admit(who)
            done += 1
        except Said as no:
            refused = no
    assert done == count or (refused.code, refused.headers["Retry-After"]) == TOO_MANY
    return done


async def test_what_is_saved_up_is_given_and_then_the_rate(database: Any, tenant_id: UUID) -> None:
    worker, who = made(database, 20), caller(tenant_id)
    # Two seconds' worth, and one share that is waited for by the next.
    assert 40 <= await admitted(worker, who, 200) <= 44
    began, later = time.monotonic(), 0
    while (took := time.monotonic() - began) < 1.5:
        later += await admitted(worker, who, 1)
        await asyncio.sleep(0.005)
    assert later <= 20 * took + 4
    assert later >= 10


async def test_workers_share_one_allowance(database: Any, tenant_id: UUID) -> None:
    workers = [made(database, 50) for _ in range(4)]
    who = caller(tenant_id)
    done = await asyncio.gather(*(admitted(worker, who, 200) for worker in workers))
    share = 50 * limits.SHARE_S
    assert 100 <= sum(done) <= 100 + 4 * share + 50


async def test_a_restarted_worker_starts_where_it_was(database: Any, tenant_id: UUID) -> None:
    who = caller(tenant_id)
    assert await admitted(made(database, 10), who, 100) >= 20
    assert await admitted(made(database, 10), who, 100) <= 3


async def test_a_share_of_an_old_limit_is_no_long_debt(database: Any, tenant_id: UUID) -> None:
    """A worker takes one at the old rate while another is told of the new one already."""
    who = caller(tenant_id)
    assert await admitted(made(database, 5), who, 100) >= 10
    old = Share(bucket=bucket_of("tenant", ""), rate=500, burst=1000, wanted=50)
    await asyncio.sleep(0.25)  # something is left again
    assert await Allowances(database).take(tenant_id, [old])
    await asyncio.sleep(1.0)
    assert await admitted(made(database, 5), who, 100) >= 2


async def test_a_key_has_a_limit_of_its_own(database: Any, tenant_id: UUID) -> None:
    worker = made(database, 1000, 10)
    assert await admitted(worker, caller(tenant_id), 100) <= 24
    assert await admitted(worker, caller(tenant_id), 10) == 10


async def test_another_tenant_is_not_concerned(
    database: Any, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    worker = made(database, 10)
    await admitted(worker, caller(tenant_id), 100)
    assert await admitted(worker, caller(other_tenant_id), 10) == 10


async def test_who_is_over_the_limit_costs_no_round_trips(
    database: Any, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, who, asked = made(database, 5), caller(tenant_id), 0
    take = worker.allowances.take

    async def counted(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        return await take(*given)

    monkeypatch.setattr(worker.allowances, "take", counted)
    await admitted(worker, who, 15)
    before, began = asked, time.monotonic()
    await admitted(worker, who, 2_000)
    assert asked - before <= (time.monotonic() - began) / limits.ASKED_AGAIN_S + 2


async def test_a_tenant_may_have_another_limit(
    database: Any, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIMIT_KNOWN_S", 0.0)
    worker, who = made(database, 10), caller(tenant_id)
    await worker.allowances.set_limit(tenant_id, Limit(requests_per_s=500))
    assert await admitted(worker, who, 100) == 100
    await worker.allowances.set_limit(tenant_id, Limit(key_requests_per_s=3))
    assert await admitted(worker, who, 100) <= 24


async def test_no_limit_is_no_limit(database: Any, tenant_id: UUID) -> None:
    worker = made(database, 0)
    assert await worker.admit(caller(tenant_id)) == {}


async def test_while_the_database_is_away_nobody_is_refused(
    database: Any, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = made(database, 5)

    async def away(*_: Any) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(worker.allowances, "take", away)
    monkeypatch.setattr(worker.allowances, "limit", away)
    assert await admitted(worker, caller(tenant_id), 100) == 100


async def test_a_defect_is_not_taken_for_an_outage(
    database: Any, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = made(database, 5)

    async def broken(*_: Any) -> Any:
        raise ValueError("broken")

    monkeypatch.setattr(worker.allowances, "take", broken)
    with pytest.raises(ValueError, match="broken"):
        await worker.admit(caller(tenant_id))


# -- over HTTP


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(app: Any, database: Any) -> AsyncIterator[None]:
    """An installation that allows little."""
    before = app.state.services
    app.state.services = msgspec.structs.replace(before, limits=made(database, 10, 5))
    yield
    app.state.services = before


async def test_answers_tell_what_is_left(company: Any, narrow: None) -> None:
    client = await company.client("hr")
    answers = [await client.get("/tenants/self") for _ in range(40)]
    first, last = answers[0], answers[-1]
    assert first.status_code == 200
    assert first.headers["ratelimit-policy"] == '"tenant";q=10;w=1, "key";q=5;w=1'
    assert '"key";r=' in first.headers["ratelimit"]
    assert last.status_code == 429
    assert last.headers["retry-after"] == "1"
    assert '"key";r=0;t=1' in last.headers["ratelimit"]
    assert last.json()["type"] == "/problems/too-many-requests"
    assert narrow is None


async def test_who_was_refused_is_refused_at_the_edge(
    company: Any,
    app: Any,
    narrow: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the same words, before the request is looked at; and only the one who was."""
    worker, entered = app.state.services.limits, 0
    admit = worker.admit

    async def counted(*given: Any) -> Any:
        nonlocal entered
        entered += 1
        return await admit(*given)

    monkeypatch.setattr(worker, "admit", counted)
    monkeypatch.setattr(limits, "ASKED_AGAIN_S", 2.0)
    client, other = await company.client("hr"), await company.client("auditor")
    answers = [await client.get("/tenants/self") for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert entered == 40 - len(refused) + 1, "the first of them was looked at"
    assert len({answer.headers["request-id"] for answer in refused}) == len(refused) > 20
    told = [
        ({**answer.json(), "request_id": ""}, {**dict(answer.headers), "request-id": ""})
        for answer in refused
    ]
    assert all(each == told[0] for each in told)
    # In another language, without a body, and at any path; nobody else.
    chinese = await client.get("/people", headers={"Accept-Language": "zh-CN"})
    assert chinese.json()["title"] != refused[0].json()["title"]
    head = await client.send("HEAD", "/people")
    assert (head.status_code, head.content) == (429, b"")
    assert (await other.get("/tenants/self")).status_code == 200
    assert entered == 40 - len(refused) + 2
    # The log tells of them in one line, when it is over.
    capsys.readouterr()
    await asyncio.sleep(2.2)
    assert (await client.get("/tenants/self")).status_code == 200
    assert f"number={len(refused) + 1}" in capsys.readouterr().out
    assert narrow is None


async def _tried(http: httpx.AsyncClient, key: str, address: str) -> int:
    answer = await http.post(
        "/console/sign-in", data={"key": key}, headers={"X-Forwarded-For": address}
    )
    http.cookies.clear()
    return answer.status_code


@pytest_asyncio.fixture(loop_scope="session")
async def behind_a_proxy(app: Any) -> AsyncIterator[None]:
    before = app.state.services
    settings = msgspec.structs.replace(before.settings, proxies="127.0.0.1, 10.0.0.1")
    app.state.services = msgspec.structs.replace(before, settings=settings)
    yield
    app.state.services = before


async def test_sign_ins_that_fail_make_an_address_wait(company: Any, behind_a_proxy: None) -> None:
    here, there = f"203.0.113.{uuid4().int % 250}", f"198.51.100.{uuid4().int % 250}"
    statuses = [await _tried(company.http, f"key {n}", here) for n in range(33)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    good = await company.client("hr")
    assert await _tried(company.http, good.secret, here) == 429, "not even with the right one"
    assert await _tried(company.http, good.secret, there) == 303
    # What a client writes itself into the header is not believed.
    assert await _tried(company.http, "key", f"{there}, {here}, 10.0.0.1") == 429
    assert behind_a_proxy is None


async def test_one_key_is_not_guessed_from_many_addresses(
    company: Any, behind_a_proxy: None
) -> None:
    good = await company.client("hr")
    wrong = good.secret[:-2] + ("aa" if good.secret[-2:] != "aa" else "bb")
    statuses = [await _tried(company.http, wrong, f"192.0.2.{n}") for n in range(8)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    assert behind_a_proxy is None


async def test_allowances_of_nobody_are_nobodys(database: Any, tenant_id: UUID) -> None:
    table = Allowances(database)
    share = Share(bucket=bucket_of("test", str(uuid4())), rate=1.0, burst=5.0, wanted=2.0)
    assert await table.left(NOBODY, share) == 5.0
    assert await table.take(NOBODY, [share]) == {share.bucket: 3.0}
    assert await table.left(NOBODY, share) < 5.0
    assert await table.left(tenant_id, share) == 5.0
