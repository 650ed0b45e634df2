"""The law of group commit: each command has its own outcome, whatever happens to the others."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from ops.embedded import EmbeddedPostgres
from tenancy.appending import Append, Outcome
from tenancy.committer import Committer
from tenancy.database import Database, Unconfirmed
from tenancy.errors import Unavailable, UnknownTenant
from tenancy.memory import MemoryDatabase, MemoryWriter
from tenancy.queues import EVENTS_MAX
from tenancy.recorder import Recorder, Writer
from tenancy.records import Idempotency, Sealed

NOW = datetime(2025, 3, 31, tzinfo=UTC)


def appended(
    stream_id: UUID | None = None,
    after: int = 0,
    count: int = 1,
    *,
    key: str | None = None,
    topic: str = "thing.happened",
) -> Append:
    stream_id = stream_id or uuid4()
    return Append(
        stream_id=stream_id,
        version=after + count,
        expected={stream_id: after},
        events=tuple(
            Sealed(
                stream_id=stream_id,
                version=after + n,
                topic=topic,
                recorded_at=NOW,
                metadata=b"{}",
                payload=random.randbytes(40),
            )
            for n in range(1, count + 1)
        ),
        idempotency=Idempotency(key=key, fingerprint=key.encode()) if key else None,
    )


Work = Coroutine[Any, Any, list[Outcome]]
Step = Callable[[Work], Awaitable[list[Outcome]]]


class Scripted(MemoryWriter):
    """The twin, on which each call of `append` may meet with something; then all is well again."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.script: list[Step] = []
        self.flushes: list[tuple[UUID, int]] = []
        self.renewed = 0
        self.away = False

    async def ready(self) -> None:
        if self.away:
            raise ConnectionRefusedError("nobody is there")

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Outcome]:
        self.flushes.append((tenant_id, len(appends)))
        work = super().append(tenant_id, appends)
        if self.script:
            return await self.script.pop(0)(work)
        return await work

    async def renew(self, error: Exception) -> None:
        self.renewed += 1


async def lost_before(work: Work) -> list[Outcome]:
    work.close()
    raise ConnectionResetError("the socket broke before the server had heard of it")


async def lost_after(work: Work) -> list[Outcome]:
    await work
    raise ConnectionResetError("the socket broke before the answer came")


async def not_on_the_standby(work: Work) -> list[Outcome]:
    await work
    raise Unconfirmed("the standby may not have it yet")


async def moved(work: Work) -> list[Outcome]:
    work.close()
    raise asyncpg.InternalServerError("the shard moved")


class Slow:
    """Holds a flush under way until it is told."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, work: Work) -> list[Outcome]:
        self.entered.set()
        await self.go.wait()
        return await work


class Bench:
    """One lane over the twin, with one tenant."""

    def __init__(
        self, *, lanes: int = 1, waiting_max: int = 1000, retry_s_max: float = 2.0
    ) -> None:
        self.memory = MemoryDatabase()
        self.tenant_id = uuid4()
        self.memory.create_tenant(self.tenant_id)
        self.writer = Scripted(self.memory)
        self.committer = Committer(
            lambda: self.writer, lanes=lanes, waiting_max=waiting_max, retry_s_max=retry_s_max
        )

    def commit(self, append: Append) -> "asyncio.Future[Outcome]":
        return self.committer.commit(self.tenant_id, append)

    @property
    def payloads(self) -> list[bytes]:
        return [event.payload for event in self.memory.log_of(self.tenant_id).events]


async def test_what_arrives_during_a_flush_is_the_next_flush() -> None:
    bench, slow = Bench(), Slow()
    bench.writer.script = [slow]
    first = bench.commit(appended())
    await slow.entered.wait()
    others = [bench.commit(appended()) for _ in range(50)]
    slow.go.set()
    outcomes = await asyncio.gather(first, *others)
    assert [outcome.position for outcome in outcomes] == list(range(1, 52))
    assert [count for _, count in bench.writer.flushes] == [1, 50]
    await bench.committer.close()


async def test_a_flush_is_bounded_by_its_events() -> None:
    bench, slow = Bench(), Slow()
    bench.writer.script = [slow]
    futures = [bench.commit(appended())]
    await slow.entered.wait()
    futures += [bench.commit(appended(count=EVENTS_MAX // 4)) for _ in range(9)]
    futures.append(bench.commit(appended(count=EVENTS_MAX * 2)))
    slow.go.set()
    await asyncio.gather(*futures)
    assert [count for _, count in bench.writer.flushes] == [1, 4, 4, 1, 1]
    await bench.committer.close()


async def test_tenants_take_turns() -> None:
    bench, slow = Bench(), Slow()
    quiet = uuid4()
    bench.memory.create_tenant(quiet)
    bench.writer.script = [slow]
    futures = [bench.commit(appended())]
    await slow.entered.wait()
    futures += [bench.commit(appended(count=EVENTS_MAX)) for _ in range(5)]
    futures.append(bench.committer.commit(quiet, appended()))
    slow.go.set()
    await asyncio.gather(*futures)
    assert [tenant for tenant, _ in bench.writer.flushes].index(quiet) == 1
    await bench.committer.close()


async def test_a_tenant_that_floods_keeps_one_lane_and_leaves_the_others() -> None:
    bench, slow = Bench(lanes=2), Slow()
    quiet = uuid4()
    bench.memory.create_tenant(quiet)
    bench.writer.script = [slow]
    flood = [bench.commit(appended())]
    await slow.entered.wait()
    flood += [bench.commit(appended(count=EVENTS_MAX)) for _ in range(5)]

    outcome = await asyncio.wait_for(bench.committer.commit(quiet, appended()), 2)

    assert outcome.kind == "written"
    assert not any(future.done() for future in flood)
    slow.go.set()
    await asyncio.gather(*flood)
    assert [tenant for tenant, _ in bench.writer.flushes].count(quiet) == 1
    await bench.committer.close()


async def test_a_cancelled_command_that_still_waits_is_not_written() -> None:
    bench, slow = Bench(), Slow()
    bench.writer.script = [slow]
    under_way, kept, dropped = appended(), appended(), appended()
    first = bench.commit(under_way)
    await slow.entered.wait()
    waiting, cancelled = bench.commit(kept), bench.commit(dropped)
    cancelled.cancel()
    # The flush that is under way goes on, though nobody waits for it any more.
    first.cancel()
    slow.go.set()
    assert (await waiting).position == 2
    assert bench.payloads == [under_way.events[0].payload, kept.events[0].payload]
    await bench.committer.close()


@pytest.mark.parametrize(
    "script",
    [
        [lost_before],
        [lost_after],
        [not_on_the_standby],
        [moved, moved],
        [lost_before, lost_after, lost_before, lost_after],
    ],
    ids=lambda script: "-".join(step.__name__ for step in script),
)
async def test_a_lost_connection_loses_and_doubles_nothing(script: list[Step]) -> None:
    """Without any key: what stands in the way of the second try may be the first."""
    bench = Bench()
    taken = appended()
    await bench.commit(taken)
    bench.writer.script = list(script)
    flush = [
        appended(),
        appended(taken.stream_id),
        appended(key="a"),
        appended(key="a"),
        appended(count=2),
    ]
    outcomes = await asyncio.gather(*(bench.commit(append) for append in flush))
    assert [outcome.kind for outcome in outcomes] == [
        "written",
        "overtaken",
        "written",
        "repeated",
        "written",
    ]
    assert [outcome.position for outcome in outcomes] == [2, 0, 3, 0, 5]
    assert len(bench.payloads) == 5
    assert bench.writer.renewed == len(script)
    await bench.committer.close()


async def test_an_error_that_nobody_can_mend_reaches_its_command_alone() -> None:
    bench = Bench()
    stream_id = uuid4()
    bad = Append(
        stream_id=stream_id,
        version=3,
        expected={stream_id: 1},
        events=appended(stream_id, after=2).events,
    )
    flush = [appended(), bad, appended()]
    results = await asyncio.gather(
        *(bench.commit(append) for append in flush), return_exceptions=True
    )
    assert isinstance(results[1], ValueError)
    assert [each.kind for each in (results[0], results[2]) if isinstance(each, Outcome)] == [
        "written",
        "written",
    ]
    assert len(bench.payloads) == 2
    await bench.committer.close()


async def test_an_unknown_tenant_is_told_at_once() -> None:
    bench = Bench()
    with pytest.raises(UnknownTenant):
        await bench.committer.commit(uuid4(), appended())
    assert (await bench.commit(appended())).position == 1
    await bench.committer.close()


async def test_when_the_database_is_away_all_are_told_so_and_the_next_ones_tried() -> None:
    bench = Bench(retry_s_max=0.2)
    other = uuid4()
    bench.memory.create_tenant(other)
    await bench.commit(appended())
    bench.writer.away = True
    futures = [bench.commit(appended()) for _ in range(3)]
    futures += [bench.committer.commit(other, appended()) for _ in range(3)]
    results = await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 2)
    for result in results:
        assert isinstance(result, Unavailable)
        assert not result.unknown
    assert len(bench.payloads) == 1
    bench.writer.away = False
    assert (await bench.commit(appended())).position == 2
    await bench.committer.close()


async def test_an_outcome_that_stays_unknown_is_called_unknown() -> None:
    bench = Bench(retry_s_max=0.1)

    lost = asyncio.Event()

    async def lost_for_good(work: Work) -> list[Outcome]:
        bench.writer.away = True
        lost.set()
        return await lost_after(work)

    bench.writer.script = [lost_for_good]
    future = bench.commit(appended())
    await lost.wait()
    behind = bench.commit(appended())
    with pytest.raises(Unavailable) as told:
        await future
    assert told.value.unknown
    with pytest.raises(Unavailable) as waited:
        await behind
    assert not waited.value.unknown
    await bench.committer.close()


async def test_the_queue_is_bounded() -> None:
    bench, slow = Bench(waiting_max=5), Slow()
    bench.writer.script = [slow]
    futures = [bench.commit(appended())]
    await slow.entered.wait()
    futures += [bench.commit(appended()) for _ in range(5)]
    with pytest.raises(Unavailable, match="too many"):
        bench.commit(appended())
    slow.go.set()
    await asyncio.gather(*futures)
    assert (await bench.commit(appended())).position == 7
    await bench.committer.close()


async def test_closing_finishes_what_waits_and_takes_nothing_more() -> None:
    bench, slow = Bench(), Slow()
    bench.writer.script = [slow]
    futures = [bench.commit(appended())]
    await slow.entered.wait()
    futures += [bench.commit(appended()) for _ in range(5)]
    closing = asyncio.ensure_future(bench.committer.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="shutting down"):
        bench.commit(appended())
    slow.go.set()
    await closing
    assert [future.result().kind for future in futures] == ["written"] * 6


async def test_a_committer_that_was_never_used_closes() -> None:
    await Bench().committer.close()


# -- over PostgreSQL


@pytest.mark.both_postgres
async def test_killed_connections_lose_and_double_nothing(
    database: Database, postgres: EmbeddedPostgres, tenant_id: UUID
) -> None:
    """Backends are killed in the middle of it, again and again; no command has a key."""
    committer = Committer(lambda: Writer(database), retry_s_max=20.0)
    told: dict[bytes, int] = {}
    stop = asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            append = appended(count=random.choice((1, 1, 3)))
            outcome = await committer.commit(tenant_id, append)
            assert outcome.kind == "written"
            told[append.events[-1].payload] = outcome.position

    clients = [asyncio.ensure_future(client()) for _ in range(20)]
    killer = await asyncpg.connect(postgres.superuser_url)
    killed = 0
    try:
        for _ in range(15):
            await asyncio.sleep(random.uniform(0.01, 0.1))
            killed += await killer.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'meritledger' AND query LIKE '%merit.append%'"
            )
    finally:
        await killer.close()
        stop.set()
    await asyncio.gather(*clients)
    await committer.close()
    log = await Recorder(database, tenant_id).log()
    assert [event.position for event in log] == list(range(1, len(log) + 1))
    found = {event.payload: event.position for event in log}
    assert len(found) == len(log)
    assert told.items() <= found.items()
    streams = {event.stream_id for event in log}
    # Nothing but what was told was written: each client waited for the answer to each command.
    assert len(streams) == len(told) > 100
    assert killed > 5


async def test_a_text_that_the_server_refuses_spoils_nobody_else(
    database: Database, tenant_id: UUID
) -> None:
    committer = Committer.of(database)
    results = await asyncio.gather(
        committer.commit(tenant_id, appended()),
        committer.commit(tenant_id, appended(topic="nul\x00byte")),
        committer.commit(tenant_id, appended(key="k" * 256)),
        committer.commit(tenant_id, appended()),
        return_exceptions=True,
    )
    assert isinstance(results[1], asyncpg.CharacterNotInRepertoireError)
    assert isinstance(results[2], asyncpg.CheckViolationError)
    assert [each.position for each in results if isinstance(each, Outcome)] == [1, 2]
    await committer.close()


async def test_two_committers_on_one_tenant_share_its_log(
    database: Database, tenant_id: UUID
) -> None:
    committers = [Committer.of(database), Committer.of(database)]
    outcomes = await asyncio.gather(
        *(committers[n % 2].commit(tenant_id, appended()) for n in range(200))
    )
    assert sorted(outcome.position for outcome in outcomes) == list(range(1, 201))
    for committer in committers:
        await committer.close()


async def test_an_unknown_tenant_is_known_to_be_none(database: Database) -> None:
    committer = Committer.of(database)
    with pytest.raises(UnknownTenant):
        await committer.commit(uuid4(), appended())
    await committer.close()
