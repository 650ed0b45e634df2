"""While a standby answers questions, nothing is decided on what it knows: it may lag."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from domain.kernel import Command, Context, Decider, Event, Refused
from ops.embedded import EmbeddedPostgres
from ops.place import free_port
from tenancy.appending import Append
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.failover import noting_reads
from tenancy.keyring import Keyring, MasterKey
from tenancy.migrate import migrate
from tenancy.recorder import Recorder, Writer
from tenancy.records import Idempotency, Stamp
from tenancy.registry import Registry
from tenancy.store import Histories, Store

NOW = datetime(2025, 3, 31, 12, 30, tzinfo=UTC)
A_MINUTE_S = 60.0
FAST = {"fsync": "off", "synchronous_commit": "off", "shared_buffers": "32MB"}


class Step(Command, frozen=True, kw_only=True):
    """Go on, not further than to three."""


class Stepped(Event, frozen=True, kw_only=True):
    TOPIC = "walk.stepped"


def decide(steps: int, _command: Step, _context: Context) -> Iterable[Event]:
    if steps >= 3:
        raise Refused("far-enough", "no further")
    yield Stepped()


WALK: Decider[int] = Decider(
    kind="walk", initial=0, decide=decide, evolve=lambda steps, _happened: steps + 1
)


class Pair(NamedTuple):
    """A tenant whose streams have a step on the standby; the primary has gone on alone."""

    ahead: Store
    """Speaks to the primary alone."""
    torn: Store
    """Its questions go to the standby, as they do for a moment after a failover."""
    streams: tuple[UUID, UUID]
    database: Database


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    ports = [free_port("127.0.0.1") for _ in range(2)]
    first = EmbeddedPostgres(folder / "first", tcp_port=ports[0], settings=FAST).start()
    master = MasterKey.generate()

    @asynccontextmanager
    async def opened(url: str, tenant_id: UUID) -> AsyncIterator[tuple[Database, Store]]:
        async with await Database.open(url) as database:
            committer = Committer.of(database)
            keyring = Keyring.open(database, master)
            yield database, await Histories(database, keyring, [Stepped], committer).of(tenant_id)
            await committer.close()

    streams = (uuid4(), uuid4())
    try:
        await migrate(first.owner_database_url)
        async with await Database.open(first.database_url) as database:
            tenant_id = (await Registry(database).create_tenant("pair")).tenant_id
        async with opened(first.database_url, tenant_id) as (_, store):
            for stream_id in streams:
                await store.execute(WALK, stream_id, Step(), stamp())
    finally:
        await asyncio.to_thread(first.stop)
    # Copied while it stands still, and never told of anything more: a standby that lags.
    copy = ["cp", "-a", str(folder / "first"), str(folder / "second")]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    (folder / "second" / "data" / "standby.signal").touch()
    second = EmbeddedPostgres(folder / "second", tcp_port=ports[1], settings=FAST)
    try:
        await asyncio.gather(asyncio.to_thread(first.start), asyncio.to_thread(second.start))
        both = first.database_url.replace("@", f"@127.0.0.1:{ports[1]},")
        async with (
            opened(first.database_url, tenant_id) as (_, ahead),
            opened(both, tenant_id) as (database, torn),
        ):
            database._no_primary_until = asyncio.get_running_loop().time() + A_MINUTE_S
            yield Pair(ahead, torn, streams, database)
    finally:
        await asyncio.to_thread(first.stop)
        await asyncio.to_thread(second.stop)


def stamp() -> Stamp:
    return Stamp(now=NOW, actor=uuid4())


def key(name: str) -> Idempotency:
    return Idempotency(key=name, fingerprint=b"f" * 32)


async def test_questions_may_be_old_and_decisions_are_not(pair: Pair) -> None:
    ahead, torn, (stream_id, _), database = pair
    await ahead.execute(WALK, stream_id, Step(), stamp(), idempotency=key("second"))
    with noting_reads() as reads:
        assert await torn.load(WALK, stream_id) == (1, 1), "the standby answers, and it lags"
    assert reads.as_of is not None

    with noting_reads() as reads:
        done = await torn.execute(WALK, stream_id, Step(), stamp(), idempotency=key("third"))
    assert (done.version, done.replayed) == (3, False), "on the second step, not on the first"
    assert reads.as_of is None

    with pytest.raises(Refused):
        await torn.execute(WALK, stream_id, Step(), stamp(), idempotency=key("fourth"))
    again = await torn.execute(WALK, stream_id, Step(), stamp(), idempotency=key("second"))
    assert (again.version, again.replayed) == (2, True), "a key that the standby has never seen"

    recorder = Recorder(database, torn.tenant_id)
    [event] = await Recorder(database, torn.tenant_id).streams({stream_id: 2}, primary=True)
    append = Append(stream_id=stream_id, version=3, expected={stream_id: 2}, events=(event,))
    assert await Writer(database).written(torn.tenant_id, [append]) == [event.position]
    assert await recorder.streams({stream_id: 1}) == [], "which the standby does not have"


async def test_what_many_ask_at_once_is_kept_apart(pair: Pair) -> None:
    ahead, torn, (_, stream_id), _ = pair
    await ahead.execute(WALK, stream_id, Step(), stamp())
    answers: tuple[Any, ...] = await asyncio.gather(
        torn.load(WALK, stream_id),
        torn.execute(WALK, stream_id, Step(), stamp(), idempotency=key("k")),
        torn.load(WALK, stream_id),
    )
    assert (answers[1].version, answers[0][1], answers[2][1]) == (3, 1, 1)
