"""Many questions at once are one question to the database, and each has its own answer."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from tenancy.failover import note_standby, noting_reads
from tenancy.records import Sealed
from tenancy.together import STREAMS_MAX, Together

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def row(stream_id: UUID, version: int) -> Sealed:
    return Sealed(
        stream_id=stream_id,
        version=version,
        topic="till.taken-in",
        recorded_at=AS_OF,
        metadata=b"{}",
        payload=b"",
    )


class Log:
    """Three versions of every stream; counts what it is asked."""

    def __init__(self, *, as_of: datetime | None = None, error: Exception | None = None) -> None:
        self.asked: list[Mapping[UUID, int]] = []
        self.as_of = as_of
        self.error = error

    async def fetch(self, after: Mapping[UUID, int]) -> list[Sealed]:
        self.asked.append(dict(after))
        await asyncio.sleep(0.01)
        if self.as_of is not None:
            note_standby(self.as_of)
        if self.error is not None:
            raise self.error
        return [row(each, n) for each, version in after.items() for n in range(version + 1, 4)]


async def test_questions_that_come_meanwhile_are_one_question() -> None:
    log, streams = Log(), [uuid4() for _ in range(20)]
    together = Together(log.fetch)

    answers = await asyncio.gather(*(together.streams({each: 1}) for each in streams))

    assert len(log.asked) == 1
    assert [[r.version for r in answer] for answer in answers] == [[2, 3]] * 20
    assert [{r.stream_id for r in answer} for answer in answers] == [{each} for each in streams]


async def test_each_has_what_it_asked_for_of_the_same_stream() -> None:
    log, stream = Log(), uuid4()
    together = Together(log.fetch)

    old, new, none = await asyncio.gather(
        together.streams({stream: 0}), together.streams({stream: 2}), together.streams({stream: 3})
    )

    assert log.asked == [{stream: 0}]
    assert ([r.version for r in old], [r.version for r in new], none) == ([1, 2, 3], [3], [])


async def test_what_is_asked_later_is_asked_of_the_database_again() -> None:
    """An answer is never older than its question."""
    log, stream = Log(), uuid4()
    together = Together(log.fetch)

    first = asyncio.ensure_future(together.streams({stream: 0}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.ensure_future(together.streams({stream: 0}))
    await asyncio.gather(first, second)

    assert log.asked == [{stream: 0}, {stream: 0}]


async def test_an_error_is_everybodys_and_not_the_end() -> None:
    log, stream = Log(error=ConnectionError("gone")), uuid4()
    together = Together(log.fetch)

    outcomes = await asyncio.gather(
        together.streams({stream: 0}), together.streams({stream: 1}), return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [ConnectionError, ConnectionError]
    log.error = None
    assert len(await together.streams({stream: 0})) == 3


async def test_who_gives_up_does_not_disturb_the_others() -> None:
    log, stream = Log(), uuid4()
    together = Together(log.fetch)

    leaving = asyncio.ensure_future(together.streams({stream: 0}))
    staying = asyncio.ensure_future(together.streams({stream: 2}))
    await asyncio.sleep(0)
    leaving.cancel()

    assert [r.version for r in await staying] == [3]
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_who_asks_for_very_many_asks_alone() -> None:
    log = Log()
    together = Together(log.fetch)
    many = dict.fromkeys((uuid4() for _ in range(STREAMS_MAX + 1)), 2)

    large, small = await asyncio.gather(together.streams(many), together.streams({uuid4(): 2}))

    assert (len(large), len(small)) == (STREAMS_MAX + 1, 1)
    assert sorted(map(len, log.asked)) == [1, STREAMS_MAX + 1]


async def test_everybody_learns_that_a_standby_has_answered() -> None:
    together = Together(Log(as_of=AS_OF).fetch)

    async def asks() -> datetime | None:
        with noting_reads() as reads:
            await together.streams({uuid4(): 0})
        return reads.as_of

    assert set(await asyncio.gather(asks(), asks(), asks())) == {AS_OF}
