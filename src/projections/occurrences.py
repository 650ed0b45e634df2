"""Deductions, bonuses and vetoes of an employment in a cycle: what counts, waits, was withdrawn.

Reasons are about people, so they are not copied here: the view keeps where they are written.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.occurrences import (
    ItemKind,
    OccurrenceRecorded,
    OccurrenceWithdrawn,
    VetoApplied,
    VetoProposed,
)
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import Row, Table, begun
from tenancy.records import Recorded

NAME = "occurrences"
VERSION = 1

OccurrenceState = Literal["counts", "proposed", "withdrawn"]


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    event_id: UUID
    """Names it when it is withdrawn or, as a proposal, applied."""
    item: str
    kind: ItemKind
    times: int
    occurred_on: date
    evidence: str
    state: OccurrenceState
    recorded_by: UUID
    recorded_at: datetime
    reason_at: int
    """The log position of the event that holds the reason."""
    applied_by: UUID | None = None
    """Of a veto."""


class OccurrenceSheet(Row, kw_only=True):
    """奖惩记录"""

    sheet_id: UUID
    cycle_id: UUID
    employment_id: UUID
    person_id: UUID
    occurrences: tuple[Occurrence, ...]
    version: int


SHEETS: Table[OccurrenceSheet] = Table(
    "occurrence_sheets",
    OccurrenceSheet,
    projection=NAME,
    version=VERSION,
    key=("sheet_id",),
    indexes=(("cycle_id", "sheet_id"), ("employment_id", "sheet_id")),
)


def _sheet(row: OccurrenceSheet | None, recorded: Recorded) -> OccurrenceSheet:
    event = recorded.event
    if row is None and isinstance(event, OccurrenceRecorded | VetoProposed):
        row = OccurrenceSheet(
            sheet_id=recorded.stream_id,
            cycle_id=event.cycle_id,
            employment_id=event.employment_id,
            person_id=event.person_id,
            occurrences=(),
            version=0,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case OccurrenceRecorded() | VetoProposed():
            row.occurrences = (*row.occurrences, _new(recorded))
        case VetoApplied():
            # From now on it is named by the event that applied it.
            row.occurrences = _with(
                row.occurrences,
                event.proposal,
                event_id=recorded.event_id,
                state="counts",
                applied_by=recorded.actor,
            )
        case OccurrenceWithdrawn():
            row.occurrences = _with(row.occurrences, event.occurrence, state="withdrawn")
    return row


def _new(recorded: Recorded) -> Occurrence:
    event = recorded.event
    proposed = isinstance(event, VetoProposed)
    return Occurrence(
        event_id=recorded.event_id,
        item=event.item,
        kind="veto" if proposed else event.kind,
        times=1 if proposed else event.times,
        occurred_on=event.occurred_on,
        evidence=event.evidence,
        state="proposed" if proposed else "counts",
        recorded_by=recorded.actor,
        recorded_at=recorded.recorded_at,
        reason_at=recorded.position,
    )


def _with(
    occurrences: tuple[Occurrence, ...], which: UUID, **changes: object
) -> tuple[Occurrence, ...]:
    return tuple(
        msgspec.structs.replace(each, **changes) if each.event_id == which else each
        for each in occurrences
    )


OCCURRENCES = by_stream(
    NAME,
    VERSION,
    ((SHEETS, _sheet, (OccurrenceRecorded, VetoProposed, VetoApplied, OccurrenceWithdrawn)),),
)


async def sheets(
    view: View,
    *,
    cycle_id: UUID | None = None,
    employment_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[OccurrenceSheet]:
    """Sheets, of a cycle or of an employment where that is given."""
    where = {"cycle_id": cycle_id, "employment_id": employment_id}
    return await page(view, SHEETS, order=("sheet_id",), where=where, limit=limit, cursor=cursor)


async def sheet(view: View, sheet_id: UUID) -> OccurrenceSheet | None:
    """The sheet with this id."""
    return await get(view, SHEETS, sheet_id)


async def reasons(view: View, row: OccurrenceSheet) -> dict[UUID, str | None]:
    """Why, by occurrence; None once the person's key was destroyed."""
    found = await view.reopen([each.reason_at for each in row.occurrences])
    return {each.event_id: found[each.reason_at].event.reason for each in row.occurrences}
