"""A batch in history: begun from a check, amended by people, checked again until it is clean."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar
from uuid import UUID

import msgspec

from domain.ids import import_id
from domain.kernel import Command
from domain.migration import (
    TRACE_DAYS_MIN,
    CellFixed,
    ExcludeRows,
    FindingQuarantined,
    FoundInRow,
    ImportEvent,
    ImportStarted,
    Place,
    QuarantineRows,
    RecordCheck,
    ReleaseRows,
    RowExcluded,
    SourceFile,
    StartImport,
)
from domain.migration_batch import ImportBatch
from domain.migration_decisions import IMPORT
from ops.demo.model import BadInput
from ops.onboarding.origins import RowSet, place_of
from ops.onboarding.records import Amendment, Amendments, Checked, Finding, RowRef, SourceRef
from tenancy.records import Stamp
from tenancy.store import Store

AT_ONCE = 1_000
"""Rows of one command."""
DECIDED = "domain:"
"""Before the code of a refusal, where a finding is the domain's own."""

T = TypeVar("T")


class FilesChanged(BadInput):
    """The batch was begun with other files, or another mapping."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """An import with its id."""

    import_id: UUID
    code: str
    state: ImportBatch


async def batch_of(store: Store, code: str) -> Batch:
    """The batch with this code.

    Raises:
        BadInput: there is none.
    """
    found = await find(store, code)
    if found is None:
        raise BadInput(f"there is no import {code!r}")
    return found


async def find(store: Store, code: str) -> Batch | None:
    """The batch with this code, if it was begun."""
    batch_id = import_id(code)
    state, _ = await store.load(IMPORT, batch_id)
    return None if state is None else Batch(import_id=batch_id, code=code, state=state)


async def files_of(store: Store, batch_id: UUID) -> tuple[SourceFile, ...]:
    """The files that a batch was begun with."""
    (first,) = await store.read(batch_id, limit=1)
    started: ImportStarted = first.event
    return started.files


async def bring_in(
    store: Store,
    checked: Checked,
    code: str,
    owner: str,
    stamp: Stamp,
    *,
    trace_days: int = TRACE_DAYS_MIN,
) -> Batch:
    """Begin the batch, or tell it what another check of the same files has found.

    Raises:
        FilesChanged: it was begun with others.
    """
    batch_id = import_id(code)
    state, _ = await store.load(IMPORT, batch_id)
    if state is None:
        files = tuple(
            SourceFile(name=each.name, sha256=each.sha256, size=each.size) for each in checked.files
        )
        await store.execute(
            IMPORT,
            batch_id,
            StartImport(
                code=code,
                owner=owner,
                mapping_digest=checked.mapping_digest,
                files=files,
                trace_days=trace_days,
            ),
            stamp,
        )
        state, _ = await store.load(IMPORT, batch_id)
    else:
        await _same_files(store, batch_id, checked)
    if state is None:
        raise FilesChanged(f"{code} cannot be read back")
    for command in _told(state, checked):
        await store.execute(IMPORT, batch_id, command, stamp)
    return await batch_of(store, code)


async def _same_files(store: Store, batch_id: UUID, checked: Checked) -> None:
    (first,) = await store.read(batch_id, limit=1)
    started: ImportStarted = first.event
    theirs = [(each.name, each.sha256) for each in checked.files]
    ours = [(each.name, each.sha256) for each in started.files]
    if theirs != ours or checked.mapping_digest != started.mapping_digest:
        changed = sorted({name for name, _ in set(theirs) ^ set(ours)})
        what = ", ".join(changed[:5]) or "the mapping"
        raise FilesChanged(f"{started.code} was begun with other contents of {what}")


def _told(state: ImportBatch, checked: Checked) -> Iterator[Command]:
    """What the check says that the batch does not know yet."""
    known = state.rows
    held = RowSet()
    for row in checked.rows("quarantined"):
        held.add(row)
    named = RowSet()
    findings = (
        found
        for found in checked.findings("error")
        if found.row
        and RowRef(found.file, found.sheet, found.row) in held
        and known.of(Place(file=found.file, sheet=found.sheet, row=found.row))
        not in {"quarantined", "excluded"}
    )
    for few in portions(findings, AT_ONCE):
        for found in few:
            named.add(RowRef(found.file, found.sheet, found.row))
        yield QuarantineRows(findings=tuple(map(_finding, few)))
    # Rows that are held back without a finding of their own: what they rest on is in quarantine.
    silent = (
        FoundInRow(
            place=place_of(row),
            column="",
            rule="held-back",
            message="what it rests on is not sound",
        )
        for row in checked.rows("quarantined")
        if row not in named and known.of(place_of(row)) is None
    )
    for rest in portions(silent, AT_ONCE):
        yield QuarantineRows(findings=tuple(rest))
    yield from _left_out(state, checked)
    released = (
        place
        for bucket in known.buckets
        for place, what in bucket.items()
        if what == "quarantined" and RowRef(place.file, place.sheet, place.row) not in held
    )
    for places in portions(released, AT_ONCE):
        yield ReleaseRows(places=tuple(places))
    yield from _checks(checked)


def _left_out(state: ImportBatch, checked: Checked) -> Iterator[ExcludeRows]:
    reasons = {(each.file, each.sheet): each.reason for each in checked.exclusions()}
    by_reason: defaultdict[str, list[Place]] = defaultdict(list)
    for row in checked.rows("excluded"):
        place = place_of(row)
        if state.rows.of(place) != "excluded":
            reason = reasons.get((row.file, row.sheet)) or "left out by the mapping"
            by_reason[reason].append(place)
            if len(by_reason[reason]) == AT_ONCE:
                yield ExcludeRows(places=tuple(by_reason.pop(reason)), reason=reason)
    for reason, places in by_reason.items():
        yield ExcludeRows(places=tuple(places), reason=reason)


def _checks(checked: Checked) -> Iterator[RecordCheck]:
    counts = checked.counts()
    held = RowSet()
    for row in checked.rows("quarantined"):
        held.add(row)
    for row in checked.rows("excluded"):
        held.add(row)
    left = {"format": 0, "logic": 0}
    warnings = {"format": 0, "logic": 0}
    for found in checked.findings():
        if found.check == "sampling":
            continue
        if found.severity == "warning":
            warnings[found.check] += 1
        elif not found.row or RowRef(found.file, found.sheet, found.row) not in held:
            left[found.check] += 1
    for kind in ("format", "logic"):
        yield RecordCheck(
            check=kind,
            rows=counts.rows,
            open_findings=left[kind],
            warnings=warnings[kind],
            report_digest=checked.report_digest,
        )


def _finding(found: Finding) -> FoundInRow:
    return FoundInRow(
        place=Place(file=found.file, sheet=found.sheet, row=found.row),
        column=found.column,
        rule=found.code,
        message=found.rule if found.suggestion is None else f"{found.rule}: {found.suggestion}",
        value=found.value,
        suggestion=found.replacement,
    )


def portions(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items, so many at a time."""
    waiting = iter(items)
    while few := list(islice(waiting, size)):
        yield few


async def events_of(store: Store, batch_id: UUID) -> list[ImportEvent]:
    """All that was said about a batch, with what is personal where it can still be opened."""
    return [recorded.event for recorded in await store.read(batch_id)]


def amendments(events: Sequence[ImportEvent]) -> Amendments:
    """What people and the domain have decided, for the next check."""
    cells: dict[SourceRef, Amendment] = {}
    excluded: dict[RowRef, str] = {}
    refused: dict[RowRef, str] = {}
    for event in events:
        if isinstance(event, CellFixed):
            place = event.place
            ref = SourceRef(place.file, place.sheet, place.row, event.column)
            before = cells.get(ref)
            old = (event.old or "") if before is None else before.old
            cells[ref] = Amendment(old, event.new or "", event.rule)
            refused.pop(RowRef(place.file, place.sheet, place.row), None)
        elif isinstance(event, RowExcluded):
            place = event.place
            excluded[RowRef(place.file, place.sheet, place.row)] = event.reason
        elif isinstance(event, FindingQuarantined) and event.rule.startswith(DECIDED):
            place = event.place
            why = f"{event.rule.removeprefix(DECIDED)}: {event.message or ''}"
            refused[RowRef(place.file, place.sheet, place.row)] = why
    return Amendments(cells=cells, excluded=excluded, refused=refused)
