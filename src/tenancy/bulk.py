"""Many commands of one tenant, each decided by its own decider, written in one append.

For imports: what a command at a time costs in round trips is paid once for a thousand. Nothing is
decided otherwise than by `Store.execute`: every stream that was looked at is expected at its
version, and where anybody else was faster the whole portion is decided again.
"""

import asyncio
import time
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, NamedTuple
from uuid import UUID

from tenancy.appending import Append, Outcome
from tenancy.committer import Committer
from tenancy.entropy import entropy
from tenancy.errors import Overtaken, Unavailable
from tenancy.event_ids import ENTROPY_BYTES, event_id, milliseconds
from tenancy.idempotency import replay
from tenancy.look import Context, Decides
from tenancy.mapper import Mapper
from tenancy.recorder import Reading
from tenancy.records import Idempotency, Metadata, Receipt, Recorded, Sealed, Stamp

KEPT_MAX = 60_000
"""States of one kind that are kept at hand."""
ATTEMPTS_MAX = 8
READ_AT_ONCE_MAX = 2_000
PATIENCE_S = 300.0
PAUSE_S_MAX = 10.0
YIELD_EVERY = 64
"""Steps after which others have a turn: what was decided before is on its way to the server."""


class Step(NamedTuple):
    """One command of many."""

    decider: Decides[Any]
    stream_id: UUID
    command: object
    looks: tuple[tuple[Decides[Any], UUID], ...] = ()
    """Streams that its decision is known to look at, so that they are read together."""


class Done(NamedTuple):
    """What became of one step: its events with their streams, or the refusal."""

    events: tuple[tuple[UUID, Any], ...] = ()
    refusal: Exception | None = None


After = Callable[[Sequence[Done]], Iterable[Step]]
"""Steps that follow from what became of those before them, such as a note of their origin."""


class Asked(NamedTuple):
    """Steps that are to be written together, or not at all."""

    steps: Sequence[Step]
    then: After | None = None
    """The last steps; they may not be refused."""
    idempotency: Idempotency | None = None
    token: Any = None
    """The caller's own."""


class Portion(NamedTuple):
    """Steps that were decided."""

    done: tuple[Done, ...]
    append: Append | None
    """None where there is nothing to write."""


class _Missing(Exception):
    """A stream is not at hand: it is read, and the step decided again."""

    def __init__(self, decider: Decides[Any], stream_id: UUID) -> None:
        super().__init__(str(stream_id))
        self.wanted = (decider, stream_id)


class _Kept:
    """States of one kind; when half of what may be kept is young, the old half goes."""

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, kept_max: int) -> None:
        self._half = max(1, kept_max // 2)
        self._young: dict[int, tuple[Any, int]] = {}
        self._old: dict[int, tuple[Any, int]] = {}

    def get(self, key: int) -> tuple[Any, int] | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: int, state: tuple[Any, int]) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = state


class Bulk:
    """One writer of many commands. A portion is decided while the one before is being written.

    Args:
        recorder: reads the tenant's streams.
        mapper: opens and seals.
        committer: writes.
        refusal: what the domain raises when it says no.
        kept: how many states of a kind are kept, where that is not `KEPT_MAX`.
    """

    def __init__(
        self,
        recorder: Reading,
        mapper: Mapper,
        committer: Committer,
        refusal: type[Exception],
        kept: Mapping[str, int] | None = None,
    ) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._committer = committer
        self._refusal = refusal
        self._kept_max = kept or {}
        self._states: dict[str, _Kept] = {}
        self._deciders: dict[str, Decides[Any]] = {}
        self._expected: dict[UUID, int] = {}

    def forget(self) -> None:
        """Others have written: nothing that is at hand may be trusted."""
        self._states.clear()

    async def decide(self, asked: Asked, stamp: Stamp, *, dry: bool = False) -> Portion:
        """Decide steps one after the other, each on what those before it have done.

        Args:
            asked: what is wanted.
            stamp: who asks, and when.
            dry: only to see what would happen; nothing is made ready to be written, no key made.

        Raises:
            Exception: the refusal of one of the steps of `then`.
        """
        self._expected = {}
        await self._read_ahead(asked.steps)
        context = Context(now=stamp.now, actor=stamp.actor, look=self)  # type: ignore[arg-type]  # asked like one
        recorded: list[Recorded] = []
        done = []
        for index, step in enumerate(asked.steps, 1):
            done.append(await self._one(step, context, stamp, asked, recorded))
            if index % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        if asked.then is not None:
            for step in asked.then(done):
                last = await self._one(step, context, stamp, asked, recorded)
                if last.refusal is not None:
                    raise last.refusal
        append = await self._sealed(recorded, asked) if recorded and not dry else None
        return Portion(tuple(done), append)

    async def load(self, wanted: Sequence[tuple[Decides[Any], UUID]]) -> list[Any]:
        """The states of these streams as they are in the log now; at most `READ_AT_ONCE_MAX`."""
        await self._read(wanted)
        return [self(decider, stream_id) for decider, stream_id in wanted]

    async def carry_out(
        self, asked: Asked, stamp: Stamp
    ) -> tuple[tuple[Done, ...], Receipt | None]:
        """Decide and write, again where others were faster; no receipt where nothing happened.

        Raises:
            Overtaken: they were, `ATTEMPTS_MAX` times.
        """
        for _ in range(ATTEMPTS_MAX):
            portion = await self.decide(asked, stamp)
            if portion.append is None:
                return portion.done, None
            receipt = await self._written(portion.append, self._commit(portion.append))
            if receipt is not None:
                return portion.done, receipt
            self.forget()
        raise Overtaken(asked.steps[0].stream_id)

    async def carry_out_all(
        self, portions: AsyncIterable[Asked], stamp: Callable[[], Stamp]
    ) -> AsyncIterator[tuple[Asked, tuple[Done, ...], Receipt | None]]:
        """Carry out portions in their order, deciding each while the one before is written.

        Raises:
            Overtaken: as `carry_out`.
        """
        waiting: tuple[Asked, Portion, asyncio.Future[Outcome] | None] | None = None
        async for asked in portions:
            portion = await self.decide(asked, stamp())
            if waiting is not None:
                earlier, receipt = await self._settled(waiting)
                if earlier is None:
                    # It has to be decided again, and so has what rests on it.
                    self.forget()
                    yield (waiting[0], *await self.carry_out(waiting[0], stamp()))
                    portion = await self.decide(asked, stamp())
                else:
                    yield waiting[0], earlier.done, receipt
            future = None if portion.append is None else self._commit(portion.append)
            waiting = asked, portion, future
            await asyncio.sleep(0)
        if waiting is not None:
            last, receipt = await self._settled(waiting)
            if last is None:
                self.forget()
                yield (waiting[0], *await self.carry_out(waiting[0], stamp()))
            else:
                yield waiting[0], last.done, receipt

    async def _settled(
        self, waiting: tuple[Asked, Portion, asyncio.Future[Outcome] | None]
    ) -> tuple[Portion | None, Receipt | None]:
        """The portion with its receipt; no portion where it was overtaken."""
        _, portion, future = waiting
        if future is None or portion.append is None:
            return portion, None
        receipt = await self._written(portion.append, future)
        return (None, None) if receipt is None else (portion, receipt)

    def _commit(self, append: Append) -> asyncio.Future[Outcome]:
        return self._committer.commit(self._recorder.tenant_id, append)

    async def _written(self, append: Append, future: asyncio.Future[Outcome]) -> Receipt | None:
        """The receipt; None where it was overtaken.

        Nobody sits and waits for a bulk, so it has more patience with a database that is away or
        slow than a request has. Only what has a key may be tried again: it may have got through.
        """
        deadline = time.monotonic() + PATIENCE_S
        pause_s = 1.0
        under_way: asyncio.Future[Outcome] | None = future
        while True:
            try:
                return self._receipt(append, await (under_way or self._commit(append)))
            except Unavailable:
                if append.idempotency is None or time.monotonic() > deadline:
                    raise
            under_way = None
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    @staticmethod
    def _receipt(append: Append, outcome: Outcome) -> Receipt | None:
        if outcome.kind == "written":
            return Receipt(
                stream_id=append.stream_id, version=append.version, position=outcome.position
            )
        if outcome.remembered is not None and append.idempotency is not None:
            return replay(append.idempotency, outcome.remembered)
        return None

    # -- looking: what the domain's context asks

    def __call__(self, decider: Decides[Any], stream_id: UUID) -> Any:
        """The state of a stream, which is expected from now on."""
        kept = self._states.get(decider.kind)
        found = None if kept is None else kept.get(stream_id.int)
        if found is None:
            raise _Missing(decider, stream_id)
        if stream_id not in self._expected:
            self._expected[stream_id] = found[1]
        return found[0]

    def all(self, decider: Decides[Any], stream_ids: Iterable[UUID]) -> list[Any]:
        """The states of several streams."""
        return [self(decider, stream_id) for stream_id in stream_ids]

    # -- deciding

    async def _one(
        self, step: Step, context: Context, stamp: Stamp, asked: Asked, recorded: list[Recorded]
    ) -> Done:
        decider, stream_id = step.decider, step.stream_id
        while True:
            try:
                state = self(decider, stream_id)
                events = decider.carry_out(stream_id, state, step.command, context)
                break
            except _Missing as missing:
                await self._read([missing.wanted])
            except self._refusal as refusal:
                return Done(refusal=refusal)
        key = None if asked.idempotency is None else asked.idempotency.key
        unix_ms = milliseconds(stamp.now)
        for target, event in events:
            recorded.append(self._fold(target, event, stamp, key, unix_ms))
        return Done(events)

    def _fold(
        self, target: UUID, event: Any, stamp: Stamp, command_id: str | None, unix_ms: int
    ) -> Recorded:
        kind = event.TOPIC.partition(".")[0]
        kept = self._states.get(kind)
        found = None if kept is None else kept.get(target.int)
        if kept is None or found is None:
            raise LookupError(f"{event.TOPIC} is for a stream that its decision did not look at")
        state, version = found
        recorded = Recorded(
            event=event,
            stream_id=target,
            version=version + 1,
            position=0,
            topic=event.TOPIC,
            recorded_at=stamp.now,
            metadata=Metadata(
                event_id=event_id(unix_ms, entropy(ENTROPY_BYTES)),
                actor=stamp.actor,
                on_behalf_of=stamp.on_behalf_of,
                command_id=command_id,
                correlation_id=stamp.correlation_id,
                causation_id=stamp.causation_id,
                traceparent=stamp.traceparent,
                class_version=event.class_version,
            ),
        )
        self._expected.setdefault(target, version)
        kept.put(target.int, (self._deciders[kind].evolve(state, recorded), version + 1))
        return recorded

    async def _sealed(self, recorded: Sequence[Recorded], asked: Asked) -> Append:
        await self._mapper.prepare((each.stream_id, each.event) for each in recorded)
        # From here to the end nothing is awaited: the keys stay at hand.
        seal = self._mapper.seal
        last = recorded[-1]
        return Append(
            stream_id=last.stream_id,
            version=last.version,
            expected=self._expected,
            events=tuple(
                seal(each.stream_id, each.version, each.event, each.metadata, each.recorded_at)
                for each in recorded
            ),
            idempotency=asked.idempotency,
        )

    # -- reading

    async def _read_ahead(self, steps: Sequence[Step]) -> None:
        missing: dict[tuple[str, int], tuple[Decides[Any], UUID]] = {}
        for decider, stream_id in _looks(steps):
            kept = self._states.get(decider.kind)
            if kept is None or kept.get(stream_id.int) is None:
                missing[decider.kind, stream_id.int] = (decider, stream_id)
        wanted = list(missing.values())
        for begin in range(0, len(wanted), READ_AT_ONCE_MAX):
            await self._read(wanted[begin : begin + READ_AT_ONCE_MAX])

    async def _read(self, wanted: Sequence[tuple[Decides[Any], UUID]]) -> None:
        rows: dict[int, list[Sealed]] = {}
        sealed = await self._recorder.streams(
            {stream_id: 0 for _, stream_id in wanted}, primary=True
        )
        await self._mapper.ready(sealed)
        for row in sealed:
            rows.setdefault(row.stream_id.int, []).append(row)
        for decider, stream_id in wanted:
            state, version = decider.initial, 0
            for row in rows.get(stream_id.int, ()):
                state = decider.evolve(state, self._mapper.open(row))
                version = row.version
            kept = self._states.get(decider.kind)
            if kept is None:
                kept_max = self._kept_max.get(decider.kind, KEPT_MAX)
                kept = self._states[decider.kind] = _Kept(kept_max)
            # Of deciders to look with and to decide with, both fold alike.
            self._deciders[decider.kind] = decider
            kept.put(stream_id.int, (state, version))


def _looks(steps: Sequence[Step]) -> Iterator[tuple[Decides[Any], UUID]]:
    for step in steps:
        yield step.decider, step.stream_id
        yield from step.looks
