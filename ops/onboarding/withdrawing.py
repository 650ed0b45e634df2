"""Taking a batch back: what it wrote is undone from its last chunk to its first, by commands.

First it is asked whether anything else in history rests on the batch; if so, it is named and
nothing is taken back.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from domain.catalogue import DECIDERS
from domain.employment import EMPLOYMENT
from domain.historical import (
    HISTORICAL_RECORD,
    HistoricalFactRecorded,
    HistoricalPayRecorded,
    HistoricalRatingRecorded,
    WithdrawHistoricalEntry,
)
from domain.ids import import_trail_id
from domain.jobs import JOB, JobDefined
from domain.kernel import Refused
from domain.migration import CompensateImport, FinishCompensation
from domain.migration_decisions import IMPORT
from domain.migration_trail import IMPORT_TRAIL, ChunkCommitted, ChunkWithdrawn, WithdrawChunk
from domain.org_units import ORG_UNIT, OrgUnitCreated
from domain.organisation import (
    PERSON,
    AssignmentChanged,
    EmployeeHired,
    EmploymentTerminated,
    PayStructureSet,
    PersonRegistered,
)
from domain.withdrawal import (
    WithdrawAssignment,
    WithdrawEmployment,
    WithdrawJob,
    WithdrawOrgUnit,
    WithdrawPayStructure,
    WithdrawPerson,
    WithdrawTermination,
)
from ops.demo.model import BadInput
from ops.onboarding.actions import KEPT
from ops.onboarding.batches import Batch, portions
from ops.onboarding.committing import Told, seldom_collecting
from projections.history import TenantLog
from tenancy.bulk import After, Asked, Done, Step
from tenancy.idempotency import fingerprint
from tenancy.records import Idempotency, Recorded, Stamp
from tenancy.store import Store

BATCH_EVENTS = 2_000
NAMED_MAX = 20
BEGINNINGS = (OrgUnitCreated, JobDefined, PersonRegistered, EmployeeHired)
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Dependent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that rests on what the batch wrote."""

    position: int
    topic: str
    stream_id: UUID
    on: UUID
    """The stream of the batch that it rests on."""


class RestsOnIt(BadInput):
    """Something that was not imported rests on the batch, so it cannot be taken back."""

    def __init__(self, code: str, dependents: Sequence[Dependent], more: int) -> None:
        named = "; ".join(f"{each.topic} at {each.position}" for each in dependents)
        rest = f" and {more} more" if more else ""
        super().__init__(f"{code} cannot be taken back, later events rest on it: {named}{rest}")
        self.dependents = tuple(dependents)


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """What taking back has come to."""

    chunks: int
    events: int
    """Events that undo others."""
    seconds: float
    position: int


class Written(msgspec.Struct, kw_only=True):
    """What a batch has written, as far as taking it back needs to know."""

    chunks: list[tuple[int, int, int]]
    """Number, first and last position of its events."""
    begun: set[int]
    """Streams that it has begun."""
    touched: set[int]
    """All its streams."""
    withdrawn: int | None
    """The chunk that was taken back last."""
    last: int
    """Position of the last chunk."""


async def written_by(store: Store, log: TenantLog, import_id: UUID) -> Written:
    """Read what a batch has written."""
    written = Written(chunks=[], begun=set(), touched=set(), withdrawn=None, last=0)
    before = 0
    while trail := await store.read(import_trail_id(import_id), after=before, limit=50):
        for recorded in trail:
            event = recorded.event
            if isinstance(event, ChunkWithdrawn):
                written.withdrawn = event.number
            elif isinstance(event, ChunkCommitted):
                last = recorded.position - 1
                first = recorded.position - len(event.origins)
                written.chunks.append((event.number, first, last))
                written.last = recorded.position
        before = trail[-1].version
    for _, first, last in written.chunks:
        for recorded in await _between(log, first, last):
            written.touched.add(recorded.stream_id.int)
            if isinstance(recorded.event, BEGINNINGS):
                written.begun.add(recorded.stream_id.int)
    return written


async def _between(log: TenantLog, first: int, last: int) -> list[Recorded]:
    if last < first:
        return []
    return await log.between(first - 1, last, last - first + 1)


async def dependents_of(
    log: TenantLog, written: Written, import_id: UUID
) -> tuple[list[Dependent], int]:
    """Events that rest on the batch and are not its own; those to be named, and how many more."""
    if not written.chunks:
        return [], 0
    found: list[Dependent] = []
    more = 0
    own = {import_id.int, import_trail_id(import_id).int}
    mine = iter([*written.chunks, (0, 2**62, 2**62)])
    _, first, last = next(mine)
    after = first - 1
    head = await log.head()
    while batch := await log.between(after, head, BATCH_EVENTS):
        for recorded in batch:
            while recorded.position > last:
                _, first, last = next(mine)
            if recorded.position >= first or recorded.stream_id.int in own:
                continue
            rests = _rests_on(recorded, written)
            # What takes a chunk back is the batch's own, when this goes on after a crash.
            if rests is None or recorded.topic.endswith("withdrawn"):
                continue
            if len(found) == NAMED_MAX:
                more += 1
                continue
            found.append(
                Dependent(
                    position=recorded.position,
                    topic=recorded.topic,
                    stream_id=recorded.stream_id,
                    on=UUID(int=rests),
                )
            )
        after = batch[-1].position
    return found, more


def _rests_on(recorded: Recorded, written: Written) -> int | None:
    if recorded.stream_id.int in written.touched:
        return recorded.stream_id.int
    # Whatever names something that the batch has begun, wherever it names it.
    for text in _ID.findall(msgspec.json.encode(recorded.event)):
        named = UUID(text.decode()).int
        if named in written.begun:
            return named
    return None


async def withdraw(
    store: Store,
    log: TenantLog,
    batch: Batch,
    reason: str,
    *,
    new_stamp: Callable[[], Stamp],
    told: Told | None = None,
) -> Withdrawn:
    """Take everything back that the batch wrote; goes on where it stopped.

    Raises:
        RestsOnIt: something else rests on it; nothing was taken back.
        Refused: the window is over, or the batch was not committed.
    """
    began = datetime.now(UTC)
    written = await written_by(store, log, batch.import_id)
    if batch.state.stage != "compensating":
        dependents, more = await dependents_of(log, written, batch.import_id)
        if dependents:
            raise RestsOnIt(batch.code, dependents, more)
        command = CompensateImport(reason=reason)
        await store.execute(IMPORT, batch.import_id, command, new_stamp())
    events = chunks = 0
    left = len([each for each in written.chunks if _is_left(each[0], written)])
    bulk = store.bulk(Refused, KEPT)
    waiting = _portions(log, batch.import_id, written)
    with seldom_collecting():
        async for asked, done, _ in bulk.carry_out_all(waiting, new_stamp):
            for step, each in zip(asked.steps, done, strict=True):
                if each.refusal is not None:
                    raise BadInput(f"{step.stream_id} cannot be taken back: {each.refusal}")
                events += len(each.events)
            chunks += 1
            if told is not None:
                # In rows, as the batch counts; its chunks are about equally long.
                told(batch.state.committed * chunks // left, events)
    return Withdrawn(
        chunks=chunks,
        events=events,
        seconds=(datetime.now(UTC) - began).total_seconds(),
        position=await store.head(),
    )


async def _portions(log: TenantLog, import_id: UUID, written: Written) -> AsyncIterator[Asked]:
    trail = import_trail_id(import_id)
    for number, first, last in reversed(written.chunks):
        if not _is_left(number, written):
            continue
        events = await _between(log, first, last)
        steps = [
            step
            for recorded in reversed(events)
            if (step := _undoing(recorded, import_id, written)) is not None
        ]
        note = Step(IMPORT_TRAIL, trail, WithdrawChunk(import_id=import_id, number=number))
        key = f"import/{import_id}/withdraw/{number}"
        yield Asked(steps, _always(note), Idempotency(key=key, fingerprint=fingerprint(key)))


def _is_left(number: int, written: Written) -> bool:
    return written.withdrawn is None or number < written.withdrawn


def _always(step: Step) -> After:
    def after(_: Sequence[Done]) -> tuple[Step]:
        return (step,)

    return after


def _undoing(recorded: Recorded, import_id: UUID, written: Written) -> Step | None:
    """The command that undoes an event; None where another one does it, too."""
    event, stream = recorded.event, recorded.stream_id
    begun = stream.int in written.begun
    match event:
        case OrgUnitCreated():
            return Step(ORG_UNIT, stream, WithdrawOrgUnit(import_id=import_id))
        case JobDefined():
            return Step(JOB, stream, WithdrawJob(import_id=import_id))
        case PersonRegistered():
            return Step(PERSON, stream, WithdrawPerson(import_id=import_id))
        case EmployeeHired():
            looks = ((PERSON, event.person_id),)
            return Step(EMPLOYMENT, stream, WithdrawEmployment(import_id=import_id), looks)
        case HistoricalPayRecorded() | HistoricalRatingRecorded():
            return _entry(stream, import_id, event.measure, event.period)
        case HistoricalFactRecorded():
            return _entry(stream, import_id, event.measure, event.reference)
        case AssignmentChanged() if not begun:
            day = event.effective_from
            changed = WithdrawAssignment(import_id=import_id, effective_from=day)
            return Step(EMPLOYMENT, stream, changed)
        case PayStructureSet() if not begun:
            day = event.effective_from
            paid = WithdrawPayStructure(import_id=import_id, effective_from=day)
            return Step(EMPLOYMENT, stream, paid)
        case EmploymentTerminated() if not begun:
            return Step(EMPLOYMENT, stream, WithdrawTermination(import_id=import_id))
        case _:
            return None


def _entry(stream: UUID, import_id: UUID, measure: str, reference: str) -> Step:
    command = WithdrawHistoricalEntry(import_id=import_id, measure=measure, reference=reference)
    return Step(HISTORICAL_RECORD, stream, command)


async def residual_of(store: Store, log: TenantLog, import_id: UUID) -> int:
    """How many streams of the batch are not as they were without it: folded, and compared."""
    written = await written_by(store, log, import_id)
    before: dict[UUID, tuple[str, int]] = {}
    for _, first, last in written.chunks:
        for recorded in await _between(log, first, last):
            kind = recorded.topic.partition(".")[0]
            before.setdefault(recorded.stream_id, (kind, recorded.version - 1))
    left = 0
    bulk = store.bulk(Refused)
    for few in portions(before.items(), BATCH_EVENTS):
        states = await bulk.load([(DECIDERS[kind], stream) for stream, (kind, _) in few])
        for (stream, (kind, version)), now in zip(few, states, strict=True):
            then = DECIDERS[kind].initial
            if version:
                then, _ = await store.load(DECIDERS[kind], stream, version=version)
            left += now != then
    return left


async def finish(store: Store, batch: Batch, residual: int, stamp: Stamp) -> None:
    """Say that the batch is taken back.

    Raises:
        Refused: `import-residual`, where something is left of it.
    """
    await store.execute(IMPORT, batch.import_id, FinishCompensation(residual=residual), stamp)
