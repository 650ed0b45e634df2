"""Group commit: what arrives for a tenant while a commit is under way forms the next flush."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Self
from uuid import UUID

import structlog
from opentelemetry import trace

from tenancy.appending import Append, Appender, Outcome
from tenancy.database import BACKOFF_GROWTH, BACKOFF_S, BACKOFF_S_MAX, Database, is_retryable
from tenancy.errors import Unavailable
from tenancy.metrics import APPEND_SECONDS, APPENDED, FLUSH_COMMANDS
from tenancy.queues import Answer, Queues, Waiting
from tenancy.recorder import Writer

LANES = 4
"""Connections that write. Two write as much, since commits are what takes the time; but whoever
shares one with a tenant that floods waits for each of its flushes."""
WAITING_MAX = 40_000
"""Commands; more than that would wait longer than anybody is willing to."""
RETRY_S_MAX = 2.0
"""How long a flush is tried before its commands are told to come again."""
PARTED_MIN = 24
"""From so many commands on they part into two halves."""
HELD_BACK_S_MAX = 0.005
"""How long an answer may be held back for that."""

# A shard that moves away under an append says it with one of these. Each is tried again, but not
# for long: it may mean what it says.
MOVED_STATES = frozenset({"XX000", "23505", "42501"})
MOVED_ATTEMPTS_MAX = 3

TRACER = trace.get_tracer("meritledger.tenancy")

_log = structlog.get_logger(__name__)
_chance = random.SystemRandom()


class Committer:
    """Writes the commands of all tenants, those of one tenant together.

    Args:
        new_appender: makes what a lane writes with.
        lanes: how many flushes may be under way at once, of as many tenants.
        waiting_max: commands that may wait.
        retry_s_max: how long a flush is tried.
    """

    def __init__(
        self,
        new_appender: Callable[[], Appender],
        *,
        lanes: int = LANES,
        waiting_max: int = WAITING_MAX,
        retry_s_max: float = RETRY_S_MAX,
    ) -> None:
        self._new_appender = new_appender
        self._lanes_max = lanes
        self._waiting_max = waiting_max
        self._retry_s_max = retry_s_max
        self._lanes: list[_Lane] = []
        self._queues = Queues(self._start)
        self._closed = False
        # Asking for the running loop is a system call (1.7 us of the 18 that a command costs).
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def of(cls, database: Database) -> Self:
        """Over this database, of which each lane that there is work for keeps one connection.

        At most half of them: whoever decides has to read.
        """
        return cls(lambda: Writer(database), lanes=max(1, min(LANES, database.size // 2)))

    def commit(self, tenant_id: UUID, append: Append) -> asyncio.Future[Outcome]:
        """Queue `append`; the future has its outcome.

        Cancelling the future takes it back if it is not under way yet. It fails with
        `UnknownTenant`, or with `Unavailable` when the database stays away for too long.

        Raises:
            Unavailable: too much is waiting already, or the committer was closed.
        """
        if self._closed:
            raise Unavailable("the service is shutting down")
        if self._queues.waiting >= self._waiting_max:
            raise Unavailable("too many commands are waiting to be written")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = self._loop.create_future()
        if trace.get_current_span().is_recording():
            _tell(append, future)
        self._queues.add(tenant_id, Waiting(append, future))
        return future

    async def close(self) -> None:
        """Take nothing more, and finish what is waiting."""
        self._closed = True
        for lane in self._lanes:
            lane.closed = True
        self._queues.wake()
        await asyncio.gather(*(lane.finish() for lane in self._lanes))

    def _start(self) -> None:
        if len(self._lanes) < self._lanes_max:
            self._lanes.append(_Lane(self._new_appender(), self._queues, self._retry_s_max))


class _Lane:
    """One flush after the other, of whichever tenant's turn it is."""

    def __init__(self, appender: Appender, queues: Queues, retry_s_max: float) -> None:
        self._appender = appender
        self._queues = queues
        self._retry_s_max = retry_s_max
        self.closed = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def finish(self) -> None:
        """Wait until nothing is left to write."""
        await self._task
        await self._appender.close()

    async def _run(self) -> None:
        """Flush, and answer the commands of the previous flush while the next one is under way.

        With many at work they part into two halves: what one half asks next is decided and
        encoded here while the server writes for the other. With few, that would only cost.
        """
        loop = asyncio.get_running_loop()
        done: list[tuple[Waiting, Answer]] = []
        while True:
            if not self._queues and done:
                half = _share(len(done), 0)
                _answer(done[:half])
                del done[:half]
                await asyncio.sleep(0)
            taken = self._queues.take()
            if taken:
                tenant_id, flush = taken
                writing = loop.create_task(self._write(tenant_id, flush))
                await asyncio.sleep(0)  # it is on its way before the last ones are answered
                share = _share(len(done), len(flush))
                _answer(done[:share])
                del done[:share]
                if done:
                    # So that the halves become equal; but never for long.
                    await asyncio.wait((writing,), timeout=HELD_BACK_S_MAX)
                    if not writing.done():
                        _answer(done)
                        done.clear()
                answers = await writing
                self._queues.done(tenant_id)
                done += zip(flush, answers, strict=True)
            elif done:
                _answer(done)
                done.clear()
            elif self.closed:
                return
            else:
                await self._queues.turn()

    async def _write(self, tenant_id: UUID, flush: Sequence[Waiting]) -> Sequence[Answer]:
        """The answer for each command; it never raises."""
        if not flush:
            return ()
        appends = [waiting.append for waiting in flush]
        try:
            return await self._persist(tenant_id, appends)
        except Unavailable as error:
            self._refuse_all(error)
            return [error] * len(flush)
        except Exception as error:  # noqa: BLE001 - it is raised where the command waits
            if len(flush) == 1 or not _blames_one(error):
                return [error] * len(flush)
        return [await self._alone(tenant_id, append) for append in appends]

    async def _alone(self, tenant_id: UUID, append: Append) -> Answer:
        """One of a flush that one of its commands has spoilt; the others must not suffer."""
        try:
            # Of a flush in several waves, the first ones may have been written.
            [outcome] = await self._persist(tenant_id, [append], tried=True)
        except Exception as error:  # noqa: BLE001 - it is raised where the command waits
            return error
        return outcome

    async def _persist(
        self, tenant_id: UUID, appends: Sequence[Append], *, tried: bool = False
    ) -> Sequence[Outcome]:
        """Write, again and again if need be; `tried` says that it may have been written already.

        Raises:
            Unavailable: the time is up.
            Exception: what trying again cannot help.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._retry_s_max
        pause_s = BACKOFF_S
        moved = 0
        while True:
            under_way = False
            try:
                await self._appender.ready()
                under_way = True
                began = loop.time()
                outcomes = await self._appender.append(tenant_id, appends)
                APPEND_SECONDS.record(loop.time() - began)
                FLUSH_COMMANDS.record(len(appends))
                APPENDED.add(sum(len(append.events) for append in appends))
                return await self._ours(tenant_id, appends, outcomes) if tried else outcomes
            except Exception as failed:
                error = failed
                moved += getattr(error, "sqlstate", None) in MOVED_STATES
                if not is_retryable(error) and not 0 < moved < MOVED_ATTEMPTS_MAX:
                    raise
            tried = tried or under_way
            await self._appender.renew(error)
            if loop.time() + pause_s > deadline:
                break
            await asyncio.sleep(pause_s * _chance.uniform(0.5, 1.0))
            pause_s = min(pause_s * BACKOFF_GROWTH, BACKOFF_S_MAX)
        _log.warning("append-given-up", error=type(error).__name__, commands=len(appends))
        raise Unavailable(
            "the database was lost while this was being written: it may have been carried out"
            if tried
            else "the database cannot be written now; nothing was carried out",
            unknown=tried,
        ) from error

    async def _ours(
        self, tenant_id: UUID, appends: Sequence[Append], outcomes: Sequence[Outcome]
    ) -> Sequence[Outcome]:
        """What stands in the way of a second attempt may be the first one, which got through.

        The head row was waited for, so a first attempt that is still to be committed is no more.
        """
        doubtful = [index for index, each in enumerate(outcomes) if each.kind != "written"]
        if not doubtful:
            return outcomes
        positions = await self._appender.written(tenant_id, [appends[index] for index in doubtful])
        found = dict(zip(doubtful, positions, strict=True))
        return [
            Outcome(kind="written", position=found[index]) if found.get(index) else outcome
            for index, outcome in enumerate(outcomes)
        ]

    def _refuse_all(self, error: Unavailable) -> None:
        """Whoever waits behind a database that is away need not wait for its own turn to fail."""
        waiting = self._queues.drain()
        known = Unavailable("the database cannot be written now; nothing was carried out")
        known.__cause__ = error.__cause__
        for each in waiting:
            each.answer(known)


def _tell(append: Append, future: asyncio.Future[Outcome]) -> None:
    """A span from here until the future has its outcome: waiting for the flush, and the flush."""
    span = TRACER.start_span("append", attributes={"merit.events": len(append.events)})

    def tell(done: asyncio.Future[Outcome]) -> None:
        if not done.cancelled():
            if (error := done.exception()) is not None:
                # Its kind alone: the words may quote what was written.
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            else:
                span.set_attribute("merit.outcome", done.result().kind)
                span.set_attribute("merit.position", done.result().position)
        span.end()

    future.add_done_callback(tell)


def _blames_one(error: Exception) -> bool:
    """Whether it may be one command's content that cannot be written."""
    state = getattr(error, "sqlstate", None) or ""
    return isinstance(error, ValueError | TypeError) or state[:2] in {"22", "23"}


def _share(done: int, under_way: int) -> int:
    """How many of `done` to answer now, so that as many work here as are under way."""
    together = done + under_way
    return done if together < PARTED_MIN else min(done, (together + 1) // 2)


def _answer(done: Sequence[tuple[Waiting, Answer]]) -> None:
    for waiting, answer in done:
        waiting.answer(answer)
