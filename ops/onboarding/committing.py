"""Checked records become history: decided one by one by the domain, written a portion at a time.

Each portion ends with the chunk of the trail that says where its events come from, in the same
transaction. So whoever is killed in the middle goes on behind the last chunk, and a second commit
of the same batch finds nothing left to do.
"""

import contextlib
import gc
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.employment import EMPLOYMENT
from domain.ids import employment_id, import_trail_id, person_id
from domain.kernel import Refused
from domain.migration import FinishCommit, FoundInRow, QuarantineRows
from domain.migration_decisions import IMPORT
from domain.migration_trail import IMPORT_TRAIL, ChunkCommitted, RecordChunk
from ops.demo.model import BadInput
from ops.onboarding.actions import KEPT, step_of
from ops.onboarding.batches import DECIDED, Batch
from ops.onboarding.origins import Origins, RowSet, place_of, rows_of
from ops.onboarding.records import Checked, Record, RowRef
from tenancy.bulk import Asked, Bulk, Done, Step
from tenancy.idempotency import fingerprint
from tenancy.records import Idempotency, Stamp
from tenancy.store import Store

RECORDS_AT_ONCE = 500
"""A flush of its events takes milliseconds, on a machine that is very busy still less than 3 s."""

Told = Callable[[int, int], None]
"""(rows, events) so far: for a progress bar."""


class Numbered(NamedTuple):
    """A record with its number in the check."""

    number: int
    record: Record


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that the domain has said no to."""

    entity: str
    key: str
    row: RowRef
    code: str
    detail: str


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit has come to."""

    rows: int
    committed: int
    quarantined: int
    excluded: int
    records: int
    events: int
    refused: tuple[RefusedRow, ...]
    seconds: float
    position: int
    """Of the log behind it: views that have reached it show it all."""


class People:
    """Who is behind the number of an employment: passed by, or looked up in history."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._differing: dict[str, str] = {}
        self._seen: set[str] = set()
        self._found: dict[str, UUID] = {}

    def passed(self, record: Record) -> None:
        """Remember whose employment this is, where it has another number."""
        number, person = record.text("number"), record.text("person")
        if number is not None and person is not None and number != person:
            self._differing[number] = person

    async def prepare(self, records: Sequence[Numbered]) -> None:
        """Have at hand whoever manages somebody here."""
        for _, record in records:
            if record.entity == "employment":
                self.passed(record)
            manager = record.text("manager")
            if manager is None or manager in self._differing or manager in self._found:
                continue
            state, _ = await self._store.load(EMPLOYMENT, employment_id(manager))
            if state is not None:
                self._found[manager] = state.person_id

    def of(self, number: str) -> UUID:
        """The person of an employment by its number; one of the same number if none is known."""
        found = self._found.get(number)
        return found or person_id(self._differing.get(number, number))


class Portions:
    """Cuts the records of a check into portions that are written together."""

    def __init__(self, store: Store, batch: Batch, checked: Checked) -> None:
        self._batch = batch
        self._checked = checked
        self._trail = import_trail_id(batch.import_id)
        self._people = People(store)
        self._done = RowSet()
        """Rows of earlier rounds: they are history."""
        self.number = 0
        """Of the last chunk."""
        self.after = 0
        """Number of the last record that is history already."""
        self.events = 0
        self.rows = RowSet()

    async def resume(self, store: Store) -> None:
        """Find out how far the batch has come."""
        before = 0
        digest = self._checked.report_digest
        while chunks := await store.read(self._trail, after=before, limit=50):
            for recorded in chunks:
                event = recorded.event
                if isinstance(event, ChunkCommitted):
                    self.number, self.events = event.number, self.events + len(event.origins)
                    same = event.checked == digest
                    self.after = event.upto if same else 0
                    for row in rows_of(event.shapes, event.origins):
                        self.rows.add(row)
                        if not same:
                            self._done.add(row)
            before = chunks[-1].version

    async def cut(self) -> AsyncIterator[Asked]:
        """Portions in the order in which they can be carried out."""
        few: list[Numbered] = []
        for number, record in self._checked.records(after=self.after):
            if record.row in self._done:
                continue
            few.append(Numbered(number, record))
            if len(few) == RECORDS_AT_ONCE:
                yield await self._portion(few)
                few = []
        if few:
            yield await self._portion(few)

    async def _portion(self, records: list[Numbered]) -> Asked:
        await self._people.prepare(records)
        steps = [step_of(record, self._people.of) for _, record in records]
        self.number += 1
        number = self.number
        then = self._note(number, records)
        keys = "\n".join(f"{record.entity} {record.key}" for _, record in records)
        digest = hashlib.sha256(keys.encode()).hexdigest()
        key = Idempotency(
            key=f"import/{self._batch.import_id}/{number}/{digest[:16]}",
            fingerprint=fingerprint(str(self._batch.import_id), self._checked.report_digest, keys),
        )
        return Asked(steps, then, key, records)

    def _note(
        self, number: int, records: list[Numbered]
    ) -> Callable[[Sequence[Done]], Iterator[Step]]:
        batch_id = self._batch.import_id

        def note(done: Sequence[Done]) -> Iterator[Step]:
            origins = Origins()
            rows: set[RowRef] = set()
            findings = []
            for (_, record), each in zip(records, done, strict=True):
                if isinstance(each.refusal, Refused):
                    findings.append(_finding(record, each.refusal))
                else:
                    origins.add(record, len(each.events))
                    rows.add(record.row)
                    if record.more_rows:
                        rows.update(record.more_rows)
            yield Step(
                IMPORT_TRAIL,
                self._trail,
                RecordChunk(
                    import_id=batch_id,
                    number=number,
                    rows=len(rows),
                    checked=self._checked.report_digest,
                    upto=records[-1].number,
                    shapes=tuple(origins.shapes),
                    origins=tuple(origins.origins),
                ),
            )
            if findings:
                yield Step(IMPORT, batch_id, QuarantineRows(findings=tuple(findings)))

        return note


def _finding(record: Record, refused: Refused) -> FoundInRow:
    return FoundInRow(
        place=place_of(record.row),
        column="",
        rule=f"{DECIDED}{refused.code}",
        message=f"{record.entity} {record.key}: {refused.detail}",
    )


def _bulk(store: Store, kept: dict[str, int]) -> Bulk:
    return store.bulk(Refused, kept)


@contextlib.contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for cycles seldom: with 300,000 states at hand each look costs, and finds none.

    A third of the time of an import went there.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def commit(
    store: Store,
    batch: Batch,
    checked: Checked,
    new_stamp: Callable[[], Stamp],
    told: Told | None = None,
) -> Committed:
    """Carry out every sound record of a batch whose commit has begun; goes on where it stopped.

    Raises:
        Refused: the batch is not being committed, or its rows do not add up.
        BadInput: it was checked again since it was signed off.
        Overtaken: others write the same all the time.
    """
    if batch.state.stage != "committing":
        raise Refused("wrong-import-stage", f"The batch is {batch.state.stage} now.")
    began = datetime.now(UTC)
    portions = Portions(store, batch, checked)
    await portions.resume(store)
    refused: list[RefusedRow] = []
    records = portions.after
    with seldom_collecting():
        async for asked, done, _ in _bulk(store, KEPT).carry_out_all(portions.cut(), new_stamp):
            numbered: list[Numbered] = asked.token
            records = numbered[-1].number
            for (_, record), each in zip(numbered, done, strict=True):
                if isinstance(each.refusal, Refused):
                    refused.append(_refused(record, each.refusal))
                else:
                    portions.rows.add(record.row)
                    portions.events += len(each.events)
            if told is not None:
                told(portions.rows.count, portions.events)
    committed = await _finish(store, batch, checked, new_stamp())
    return Committed(
        rows=committed.read,
        committed=committed.committed,
        quarantined=committed.quarantined,
        excluded=committed.excluded,
        records=records,
        events=portions.events,
        refused=tuple(refused),
        seconds=(datetime.now(UTC) - began).total_seconds(),
        position=await store.head(),
    )


class _Counts(NamedTuple):
    read: int
    committed: int
    quarantined: int
    excluded: int


async def _finish(store: Store, batch: Batch, checked: Checked, stamp: Stamp) -> _Counts:
    """Count the rows once more, from the check and what the domain refused, and say so."""
    state, _ = await store.load(IMPORT, batch.import_id)
    if state is None:
        raise BadInput(f"there is no import {batch.code!r}")
    sound = sum(
        1
        for row in checked.rows("ok")
        if state.rows.of(place_of(row)) not in {"quarantined", "excluded"}
    )
    await store.execute(IMPORT, batch.import_id, FinishCommit(committed=sound), stamp)
    return _Counts(state.read, sound, state.rows.quarantined, state.rows.excluded)


def _refused(record: Record, refused: Refused) -> RefusedRow:
    return RefusedRow(
        entity=record.entity,
        key=record.key,
        row=record.row,
        code=refused.code,
        detail=refused.detail,
    )


class WouldHappen(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a commit would write."""

    number: int
    """Of the record."""
    entity: str
    key: str
    stream_id: UUID
    topic: str
    event: msgspec.Raw


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a dry run has come to; nothing was written."""

    records: int
    events: int
    topics: dict[str, int]
    refused: tuple[RefusedRow, ...]
    seconds: float


async def rehearse(
    store: Store,
    batch: Batch,
    checked: Checked,
    stamp: Stamp,
    *,
    see: Callable[[WouldHappen], None] | None = None,
    told: Told | None = None,
) -> Rehearsal:
    """Decide every sound record exactly as a commit would, on history as it is; write nothing.

    Args:
        store: the tenant's history.
        batch: the batch.
        checked: its check.
        stamp: as who and when.
        see: is shown each event.
        told: progress.
    """
    began = datetime.now(UTC)
    portions = Portions(store, batch, checked)
    await portions.resume(store)
    # What is decided here stays at hand to the end: history will not have it.
    bulk = _bulk(store, dict.fromkeys(("person", "employment", "historical-record"), 10**9))
    refused: list[RefusedRow] = []
    topics: dict[str, int] = {}
    records = events = 0
    with seldom_collecting():
        async for asked in portions.cut():
            portion = await bulk.decide(Asked(asked.steps), stamp, dry=True)
            numbered: list[Numbered] = asked.token
            records += len(numbered)
            for (number, record), each in zip(numbered, portion.done, strict=True):
                if isinstance(each.refusal, Refused):
                    refused.append(_refused(record, each.refusal))
                for stream_id, event in each.events:
                    events += 1
                    topics[event.TOPIC] = topics.get(event.TOPIC, 0) + 1
                    if see is not None:
                        see(
                            WouldHappen(
                                number=number,
                                entity=record.entity,
                                key=record.key,
                                stream_id=stream_id,
                                topic=event.TOPIC,
                                event=msgspec.Raw(msgspec.json.encode(event)),
                            )
                        )
            if told is not None:
                told(records, events)
    return Rehearsal(
        records=records,
        events=events,
        topics=topics,
        refused=tuple(refused),
        seconds=(datetime.now(UTC) - began).total_seconds(),
    )


async def quarantine_refused(
    store: Store, batch: Batch, refused: Sequence[RefusedRow], stamp: Stamp
) -> None:
    """Hold back the rows that a rehearsal has found the domain to refuse."""
    findings = [
        FoundInRow(
            place=place_of(each.row),
            column="",
            rule=f"{DECIDED}{each.code}",
            message=f"{each.entity} {each.key}: {each.detail}",
        )
        for each in refused
    ]
    for begin in range(0, len(findings), 1_000):
        command = QuarantineRows(findings=tuple(findings[begin : begin + 1_000]))
        await store.execute(IMPORT, batch.import_id, command, stamp)
