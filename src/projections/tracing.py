"""Where a value comes from: event, chunk, batch, file, sheet, row, column, and what was mended."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.migration import CellFixed, Place
from domain.migration_trail import ChunkCommitted
from domain.money import Money, text_of
from projections import imports
from projections.imports import ChunkRow, ImportRow
from projections.questions import View
from tenancy.records import Recorded

OTHER_NAMES = {
    "parent_id": "parent",
    "org_unit_id": "org_unit",
    "job_id": "job",
    "manager_id": "manager",
    "person_id": "person",
    "subject_id": "subject",
    "org_unit": "org_unit",
    "performance": "monthly_total",
    "fixed": "monthly_total",
    "parents": "parent",
    "names": "name",
}
"""What a field of an event or of a view is called in a record of an import."""


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    """A cell as it was and as it was mended."""

    old: str | None
    """None once the batch's originals were erased. So is `new`."""
    new: str | None
    rule: str
    by: UUID
    at: datetime


class Traced(msgspec.Struct, frozen=True, kw_only=True):
    """The origin of one value that was imported."""

    field: str
    value: str | None
    """As the event says it; None where that was erased, or says nothing."""
    stream_id: UUID
    topic: str
    event_id: UUID
    position: int
    recorded_at: datetime
    import_id: UUID
    import_code: str
    withdrawn: bool
    """Whether the batch was taken back since."""
    file: str
    file_sha256: str
    sheet: str
    row: int
    """0 where the value is in the name of the file."""
    column: str
    fixes: tuple[Fixed, ...]


async def trace(view: View, events: Sequence[Recorded], field: str | None = None) -> list[Traced]:
    """The origins of all values in these events that were imported, in their order.

    Args:
        view: the views of the tenant.
        events: such as all of a stream.
        field: only of this field, by its name in the event, in a view or in the mapping.
    """
    wanted = None if field is None else OTHER_NAMES.get(field.rpartition(".")[2], field)
    batches: dict[UUID, ImportRow] = {}
    chunks: dict[int, ChunkCommitted] = {}
    found: list[Traced] = []
    for recorded in events:
        chunk = await imports.chunk_of(view, recorded.position)
        if chunk is None:
            continue
        if chunk.import_id not in batches:
            batch = await imports.import_(view, chunk.import_id)
            if batch is None:
                continue
            batches[chunk.import_id] = batch
        if chunk.at not in chunks:
            opened = await view.reopen([chunk.at])
            chunks[chunk.at] = opened[chunk.at].event
        batch = batches[chunk.import_id]
        found += await _of(view, recorded, chunk, chunks[chunk.at], batch, wanted)
    return found


async def _of(  # noqa: PLR0917 - what one event's origin consists of
    view: View,
    recorded: Recorded,
    chunk: ChunkRow,
    told: ChunkCommitted,
    batch: ImportRow,
    wanted: str | None,
) -> list[Traced]:
    origin = told.origins[recorded.position - (chunk.at - chunk.events)]
    shape = told.shapes[origin.shape]
    found = []
    for cell in shape.cells:
        if wanted is not None and cell.field != wanted:
            continue
        said = _said(recorded.event, cell.field)
        if said is None:
            continue  # of another event that the same record has made
        sheet, row = shape.sheets[cell.part], origin.rows[cell.part]
        file = batch.files[sheet.file]
        place = Place(file=sheet.file, sheet=sheet.sheet, row=row)
        found.append(
            Traced(
                field=cell.field,
                value=said[0],
                stream_id=recorded.stream_id,
                topic=recorded.topic,
                event_id=recorded.event_id,
                position=recorded.position,
                recorded_at=recorded.recorded_at,
                import_id=batch.import_id,
                import_code=batch.code,
                withdrawn=chunk.withdrawn,
                file=file.name,
                file_sha256=file.sha256,
                sheet=sheet.sheet,
                row=row,
                column=cell.column,
                fixes=await _fixes(view, batch.import_id, place, cell.column),
            )
        )
    return found


async def _fixes(view: View, import_id: UUID, place: Place, column: str) -> tuple[Fixed, ...]:
    row = await imports.row(view, import_id, place)
    if row is None:
        return ()
    at = [each.position for each in row.fixes if each.column == column]
    opened = await view.reopen(at)
    return tuple(_fixed(opened[position]) for position in at)


def _fixed(recorded: Recorded) -> Fixed:
    event: CellFixed = recorded.event
    return Fixed(
        old=event.old,
        new=event.new,
        rule=event.rule,
        by=recorded.actor,
        at=recorded.recorded_at,
    )


_PART = "part:"


def _said(event: Any, field: str) -> tuple[str | None] | None:
    """What the event says in the field, as text; None where it has no such field."""
    if field.startswith(_PART):
        part = field.removeprefix(_PART)
        parts = (each.amount for each in getattr(event, "parts", ()) if each.name == part)
        return next(((_text(amount),) for amount in parts), None)
    total = getattr(event, "total", None)
    if isinstance(total, Money) and field in {"monthly_total", "currency"}:
        return (total.currency if field == "currency" else _text(total),)
    names = (field, f"{field}_id")
    for holder in _holders(event):
        for name in names:
            if name in holder.__struct_fields__:
                return (_text(getattr(holder, name)),)
    return None


def _holders(event: Any) -> Iterable[msgspec.Struct]:
    yield event
    assignment = getattr(event, "assignment", None)
    if isinstance(assignment, msgspec.Struct):
        yield assignment


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return f"{text_of(value)} {value.currency}" if isinstance(value, Money) else str(value)
