"""The law of recorders, for PostgreSQL and for its twin in memory."""

import asyncio
import itertools
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from tenancy.appending import Append, Outcome, waves
from tenancy.database import Database
from tenancy.errors import UnknownTenant
from tenancy.memory import MemoryDatabase, MemoryRecorder, MemoryWriter
from tenancy.recorder import Recorder, Writer
from tenancy.records import Idempotency, Sealed

NOW = datetime(2025, 3, 31, 12, 30, 0, 123456, tzinfo=UTC)


def sealed(stream_id: UUID, version: int, topic: str = "thing.happened") -> Sealed:
    return Sealed(
        stream_id=stream_id,
        version=version,
        topic=topic,
        recorded_at=NOW,
        metadata=b'{"event_id":"x"}',
        payload=random.randbytes(40),
        personal=random.randbytes(20) if version % 2 else None,
    )


def appended(
    stream_id: UUID,
    after: int = 0,
    count: int = 1,
    *,
    looked: Mapping[UUID, int] | None = None,
    key: str | None = None,
    topic: str = "thing.happened",
) -> Append:
    return Append(
        stream_id=stream_id,
        version=after + count,
        expected={stream_id: after} | dict(looked or {}),
        events=tuple(sealed(stream_id, after + n, topic) for n in range(1, count + 1)),
        idempotency=Idempotency(key=key, fingerprint=key.encode() * 4) if key else None,
    )


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [outcome.kind for outcome in outcomes]


class Contract:
    """What holds of every recorder."""

    async def test_an_empty_log_has_no_events_and_head_zero(self, log: Recorder) -> None:
        assert await log.head() == 0
        assert await log.log() == []
        assert await log.stream(uuid4()) == []
        assert await log.streams({uuid4(): 0, uuid4(): 3}) == []
        assert await log.streams({}) == []

    async def test_an_event_is_read_as_it_was_written(self, log: Recorder) -> None:
        append = appended(uuid4(), count=2)
        [outcome] = await log.append([append])
        assert outcome == Outcome(kind="written", position=2)
        read = await log.stream(append.stream_id)
        for position, (wrote, found) in enumerate(zip(append.events, read, strict=True), 1):
            for column in ("stream_id", "version", "topic", "metadata", "payload", "personal"):
                assert getattr(found, column) == getattr(wrote, column)
            assert found.recorded_at == NOW
            assert found.position == position
        assert await log.log() == read
        assert await log.streams({append.stream_id: 0}) == read

    async def test_positions_run_on_over_streams_and_calls(self, log: Recorder) -> None:
        one, two = uuid4(), uuid4()
        outcomes = await log.append([appended(one, count=2), appended(two)])
        outcomes += await log.append([appended(one, after=2)])
        assert [outcome.position for outcome in outcomes] == [2, 3, 4]
        assert [(row.position, row.stream_id, row.version) for row in await log.log()] == [
            (1, one, 1),
            (2, one, 2),
            (3, two, 1),
            (4, one, 3),
        ]
        assert await log.head() == 4

    async def test_a_conflict_refuses_that_command_alone(self, log: Recorder) -> None:
        taken = uuid4()
        await log.append([appended(taken)])
        outcomes = await log.append(
            [appended(uuid4()), appended(taken, count=3), appended(uuid4(), count=2)]
        )
        assert kinds(outcomes) == ["written", "overtaken", "written"]
        assert [outcomes[0].position, outcomes[2].position] == [2, 4]
        assert [row.position for row in await log.log()] == [1, 2, 3, 4]
        assert await log.head() == 4

    async def test_what_was_only_looked_at_is_expected_too(self, log: Recorder) -> None:
        looked = uuid4()
        await log.append([appended(looked)])
        outcomes = await log.append(
            [
                appended(uuid4(), looked={looked: 1}),
                appended(uuid4(), looked={looked: 0}),
                appended(uuid4(), looked={looked: 2}),
                appended(uuid4(), looked={uuid4(): 0}),
                appended(uuid4(), looked={uuid4(): 1}),
            ]
        )
        assert kinds(outcomes) == ["written", "overtaken", "overtaken", "written", "overtaken"]

    async def test_one_command_writes_to_many_streams_or_to_none(self, log: Recorder) -> None:
        one, two = uuid4(), uuid4()
        both = Append(
            stream_id=one,
            version=1,
            expected={one: 0, two: 0},
            events=(sealed(one, 1), sealed(two, 1), sealed(two, 2)),
        )
        assert kinds(await log.append([both])) == ["written"]
        half = Append(
            stream_id=one,
            version=2,
            expected={one: 1, two: 1},
            events=(sealed(one, 2), sealed(two, 2)),
        )
        assert kinds(await log.append([half])) == ["overtaken"]
        assert len(await log.stream(one)) == 1
        assert len(await log.stream(two)) == 2

    async def test_commands_of_one_flush_count_in_their_order(self, log: Recorder) -> None:
        stream_id = uuid4()
        outcomes = await log.append(
            [
                appended(uuid4(), looked={stream_id: 0}),
                appended(stream_id),
                appended(stream_id),
                appended(uuid4(), looked={stream_id: 0}),
                appended(stream_id, after=1),
                appended(uuid4(), looked={stream_id: 2}),
            ]
        )
        assert kinds(outcomes) == [
            "written",
            "written",
            "overtaken",
            "overtaken",
            "written",
            "written",
        ]
        assert [row.version for row in await log.stream(stream_id)] == [1, 2]
        assert await log.head() == 4

    async def test_a_key_is_carried_out_once(self, log: Recorder) -> None:
        stream_id = uuid4()
        first = appended(stream_id, count=2, key="k-1")
        [outcome] = await log.append([first])
        assert outcome.kind == "written"
        # Neither its versions nor its events matter any more.
        repeats = [appended(stream_id, after=7, key="k-1"), appended(uuid4(), key="k-1")]
        for repeated in await log.append(repeats):
            assert repeated.kind == "repeated"
            assert repeated.remembered == await log.remembered("k-1")
        remembered = await log.remembered("k-1")
        assert remembered is not None
        assert remembered.fingerprint == b"k-1" * 4
        assert (remembered.stream_id, remembered.version, remembered.position) == (stream_id, 2, 2)
        assert await log.head() == 2
        assert await log.remembered("k-2") is None

    async def test_a_key_twice_in_one_flush_is_carried_out_once(self, log: Recorder) -> None:
        outcomes = await log.append([appended(uuid4(), key="same") for _ in range(4)])
        assert kinds(outcomes) == ["written", "repeated", "repeated", "repeated"]
        assert await log.head() == 1

    async def test_an_overtaken_command_does_not_use_up_its_key(self, log: Recorder) -> None:
        stream_id = uuid4()
        assert kinds(await log.append([appended(stream_id, after=3, key="k")])) == ["overtaken"]
        assert await log.remembered("k") is None
        assert kinds(await log.append([appended(stream_id, key="k")])) == ["written"]

    async def test_a_command_without_events_keeps_its_key_and_receipt(self, log: Recorder) -> None:
        stream_id = uuid4()
        await log.append([appended(stream_id, count=3)])
        nothing = Append(
            stream_id=stream_id,
            version=3,
            expected={stream_id: 3},
            idempotency=Idempotency(key="nothing", fingerprint=b"f"),
            position=3,
        )
        for kind in ("written", "repeated"):
            [outcome] = await log.append([nothing])
            assert outcome.kind == kind
        remembered = await log.remembered("nothing")
        assert remembered is not None
        assert (remembered.version, remembered.position) == (3, 3)
        assert await log.head() == 3

    async def test_a_stream_is_read_between_versions_and_backwards(self, log: Recorder) -> None:
        stream_id = uuid4()
        await log.append([appended(stream_id, count=6), appended(uuid4(), count=2)])

        async def versions(
            after: int = 0, upto: int | None = None, limit: int | None = None, *, desc: bool = False
        ) -> list[int]:
            rows = await log.stream(stream_id, after=after, upto=upto, limit=limit, desc=desc)
            return [row.version for row in rows]

        assert await versions() == [1, 2, 3, 4, 5, 6]
        assert await versions(after=4) == [5, 6]
        assert await versions(upto=2) == [1, 2]
        assert await versions(after=1, upto=4, limit=2) == [2, 3]
        assert await versions(desc=True, limit=2) == [6, 5]
        assert await versions(upto=3, limit=1, desc=True) == [3]

    async def test_the_log_is_read_between_positions_and_by_topic(self, log: Recorder) -> None:
        await log.append(
            [appended(uuid4(), topic=topic) for topic in ("a.a", "b.b", "a.a", "c.c", "a.a")]
        )

        async def positions(
            after: int = 0,
            limit: int | None = None,
            topics: list[str] | None = None,
            upto: int | None = None,
        ) -> list[int]:
            return [row.position for row in await log.log(after, limit, topics=topics, upto=upto)]

        assert await positions() == [1, 2, 3, 4, 5]
        assert await positions(2) == [3, 4, 5]
        assert await positions(1, 2) == [2, 3]
        assert await positions(topics=["a.a"]) == [1, 3, 5]
        assert await positions(1, 1, ["a.a", "c.c"]) == [3]
        assert await positions(upto=3) == [1, 2, 3]
        assert await positions(topics=[]) == []
        assert await positions(5) == []

    async def test_streams_are_read_together_each_from_its_own_version(self, log: Recorder) -> None:
        one, two, three = uuid4(), uuid4(), uuid4()
        await log.append(
            [appended(one, count=3), appended(two, count=2), appended(three), appended(uuid4())]
        )
        rows = await log.streams({one: 1, two: 0, three: 1, uuid4(): 0})
        found = {
            stream_id: [row.version for row in rows]
            for stream_id, rows in itertools.groupby(rows, key=lambda row: row.stream_id)
        }
        assert found == {one: [2, 3], two: [1, 2]}

    async def test_a_gap_of_versions_is_a_bug_and_nothing_is_written(self, log: Recorder) -> None:
        stream_id = uuid4()
        gap = Append(
            stream_id=stream_id,
            version=2,
            expected={stream_id: 0},
            events=(sealed(stream_id, 2),),
        )
        with pytest.raises(ValueError, match="does not follow"):
            await log.append([appended(uuid4()), gap])
        assert await log.stream(stream_id) == []

    async def test_random_flushes_agree_with_the_twin(self, log: Recorder) -> None:
        """Whatever is asked, the answers and the log are those of commands one after the other."""
        chance = random.Random(20250331)
        streams = [uuid4() for _ in range(5)]
        memory = MemoryDatabase()
        memory.create_tenant(log.tenant_id)
        twin = MemoryRecorder(memory, log.tenant_id)
        reached = dict.fromkeys(streams, 0)
        for _ in range(60):
            flush = []
            guess = dict(reached)
            for _ in range(chance.randrange(1, 12)):
                own, *others = chance.sample(streams, chance.randrange(1, 4))
                after = max(0, guess[own] + chance.choice((0, 0, 0, 0, 1, -1)))
                count = chance.randrange(1, 3)
                flush.append(
                    appended(
                        own,
                        after,
                        count,
                        looked={each: guess[each] for each in others},
                        key=chance.choice((None, None, str(chance.randrange(40)))),
                    )
                )
                if chance.random() < 0.7:
                    guess[own] = after + count
            assert await log.append(flush) == await twin.append(flush)
            for row in await twin.log():
                reached[row.stream_id] = row.version
        rows = await log.log()
        assert rows == await twin.log()
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) > 50


@pytest.mark.both_postgres
class TestPostgres(Contract):
    @pytest.fixture
    def log(self, database: Database, tenant_id: UUID) -> Recorder:
        return Recorder(database, tenant_id)

    async def test_an_unknown_tenant_is_named(self, database: Database) -> None:
        with pytest.raises(UnknownTenant):
            await Recorder(database, uuid4()).append([appended(uuid4())])

    async def test_tenants_do_not_see_each_other(
        self, database: Database, log: Recorder, other_tenant_id: UUID
    ) -> None:
        stream_id = uuid4()
        stranger = Recorder(database, other_tenant_id)
        await log.append([appended(stream_id, count=2, key="k")])
        assert await stranger.log() == []
        assert await stranger.stream(stream_id) == []
        assert await stranger.streams({stream_id: 0}) == []
        assert await stranger.head() == 0
        assert await stranger.remembered("k") is None
        # The same stream, key and positions again, for they are another tenant's.
        [outcome] = await stranger.append([appended(stream_id, key="k")])
        assert outcome == Outcome(kind="written", position=1)

    async def test_many_writers_leave_no_gap_and_lose_nothing(
        self, database: Database, log: Recorder
    ) -> None:
        writers = [Writer(database) for _ in range(4)]

        async def write(writer: Writer) -> list[int]:
            positions = []
            for _ in range(25):
                flush = [appended(uuid4()) for _ in range(3)]
                outcomes = await writer.append(log.tenant_id, flush)
                positions += [outcome.position for outcome in outcomes]
            return positions

        try:
            written = await asyncio.gather(*(write(writer) for writer in writers))
        finally:
            for writer in writers:
                await writer.close()
        assert sorted(itertools.chain(*written)) == list(range(1, 301))
        assert all(positions == sorted(positions) for positions in written)
        assert await log.head() == 300

    async def test_written_knows_its_own_events_from_others(
        self, database: Database, log: Recorder
    ) -> None:
        mine, theirs = appended(uuid4(), count=2), appended(uuid4())
        await log.append([mine, theirs])
        same_place = appended(theirs.stream_id)
        writer = Writer(database)
        asked = [mine, same_place, appended(uuid4()), theirs]
        assert await writer.written(log.tenant_id, asked) == [2, 0, 0, 3]

    async def test_one_wake_up_for_a_flush_and_none_for_nothing(
        self, database: Database, log: Recorder
    ) -> None:
        heard: list[str] = []
        async with await database.listen("merit_log", heard.append):
            await log.append([appended(uuid4(), count=3), appended(uuid4())])
            await log.append([appended(uuid4(), after=4)])
            await log.append([appended(uuid4())])
            for _ in range(100):
                if heard.count(str(log.tenant_id)) == 2:
                    break
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.05)
        assert heard.count(str(log.tenant_id)) == 2


class TestMemory(Contract):
    @pytest.fixture
    def memory(self) -> MemoryDatabase:
        return MemoryDatabase()

    @pytest.fixture
    def log(self, memory: MemoryDatabase) -> MemoryRecorder:
        tenant_id = uuid4()
        memory.create_tenant(tenant_id)
        return MemoryRecorder(memory, tenant_id)

    async def test_an_unknown_tenant_is_named(self, memory: MemoryDatabase) -> None:
        with pytest.raises(UnknownTenant):
            await MemoryRecorder(memory, uuid4()).append([appended(uuid4())])

    async def test_written_knows_its_own_events_from_others(
        self, memory: MemoryDatabase, log: MemoryRecorder
    ) -> None:
        mine, theirs = appended(uuid4(), count=2), appended(uuid4())
        await log.append([mine, theirs])
        writer = MemoryWriter(memory)
        asked = [mine, appended(theirs.stream_id), appended(uuid4()), theirs]
        assert await writer.written(log.tenant_id, asked) == [2, 0, 0, 3]


def test_independent_commands_are_one_wave() -> None:
    looked = uuid4()
    flush = [appended(uuid4(), looked={looked: 4}, key=str(n)) for n in range(10)]
    assert waves(flush) == [range(10)]


def test_a_wave_ends_where_something_depends_on_it() -> None:
    stream_id = uuid4()
    flush = [
        appended(stream_id),
        appended(uuid4()),
        appended(stream_id, after=1),
        appended(uuid4(), looked={stream_id: 2}),
    ]
    assert waves(flush) == [range(2), range(2, 3), range(3, 4)]
