"""Deductions, bonuses and vetoes: recorded with evidence, proposed, applied, withdrawn, read."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.appraisal_decisions import APPRAISAL
from domain.occurrences import (
    OCCURRENCE_SHEET,
    ApplyVeto,
    ItemKind,
    ProposeVeto,
    RecordOccurrence,
    WithdrawOccurrence,
)
from domain.segments import SEGMENTS_MAX
from projections import occurrences
from projections.questions import Page

VIEWS = (occurrences.NAME,)
RECORDERS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)
DECIDERS = writers(auth.HR, auth.ADMIN, auth.EXECUTIVE)


class Sheets(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None
    employment_id: UUID | None = None


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One of them, with its reason; None once the person's key was destroyed."""

    event_id: UUID
    item: str
    kind: ItemKind
    times: int
    occurred_on: date
    evidence: str
    state: occurrences.OccurrenceState
    recorded_by: UUID
    recorded_at: datetime
    applied_by: UUID | None
    reason: str | None


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """All of an employment in a cycle."""

    sheet_id: UUID
    cycle_id: UUID
    employment_id: UUID
    person_id: UUID
    occurrences: tuple[Occurrence, ...]


async def _sheets(asked: Asked, given: Sheets) -> Page[occurrences.OccurrenceSheet]:
    """What happened beside the indicators, by employment and cycle, without reasons."""
    async with asked.view() as view:
        return await occurrences.sheets(
            view,
            cycle_id=given.cycle_id,
            employment_id=given.employment_id,
            limit=given.limit,
            cursor=given.cursor,
        )


async def _sheet(asked: Asked, _: Parameters) -> One:
    """What happened beside the indicators, for the person, the manager, and the company."""
    async with asked.view() as view:
        row = found(await occurrences.sheet(view, asked.one_id()))
        if not await _concerns(asked, row):
            found(None)
        reasons = await occurrences.reasons(view, row)
    told = tuple(
        Occurrence(
            event_id=each.event_id,
            item=each.item,
            kind=each.kind,
            times=each.times,
            occurred_on=each.occurred_on,
            evidence=each.evidence,
            state=each.state,
            recorded_by=each.recorded_by,
            recorded_at=each.recorded_at,
            applied_by=each.applied_by,
            reason=reasons[each.event_id],
        )
        for each in row.occurrences
    )
    sheet = Sheet(
        sheet_id=row.sheet_id,
        cycle_id=row.cycle_id,
        employment_id=row.employment_id,
        person_id=row.person_id,
        occurrences=told,
    )
    return One(value=sheet, version=row.version)


async def _concerns(asked: Asked, row: occurrences.OccurrenceSheet) -> bool:
    caller = asked.caller
    if caller.sees_everyone or caller.person_id == row.person_id:
        return True
    if caller.person_id is None:
        return False
    store = await asked.store()
    for number in range(1, SEGMENTS_MAX + 1):
        own = ids.appraisal_id(row.cycle_id, row.employment_id, number)
        appraisal, _ = await store.load(APPRAISAL, own)
        if appraisal is None:
            return False
        if appraisal.manager_id == caller.person_id:
            return True
    return False


def _own_sheet(_: object, command: RecordOccurrence | ProposeVeto) -> UUID:
    return ids.occurrence_sheet_id(command.cycle_id, command.employment_id)


_SHEET = "/occurrence-sheets/{sheet_id}"

ROUTES: tuple[Route, ...] = (
    post(
        "/occurrences",
        RecordOccurrence,
        OCCURRENCE_SHEET,
        roles=RECORDERS,
        stream=_own_sheet,
        creates="/occurrence-sheets/{id}",
    ),
    post(
        "/vetoes",
        ProposeVeto,
        OCCURRENCE_SHEET,
        roles=DECIDERS,
        stream=_own_sheet,
        creates="/occurrence-sheets/{id}",
    ),
    post(
        f"{_SHEET}/veto",
        ApplyVeto,
        OCCURRENCE_SHEET,
        roles=DECIDERS,
        stream=from_path("sheet_id"),
    ),
    post(
        f"{_SHEET}/withdraw",
        WithdrawOccurrence,
        OCCURRENCE_SHEET,
        roles=DECIDERS,
        stream=from_path("sheet_id"),
    ),
    get(
        "/occurrence-sheets",
        _sheets,
        roles=auth.WHOLE_COMPANY,
        result=occurrences.OccurrenceSheet,
        projections=VIEWS,
        parameters=Sheets,
    ),
    get(
        _SHEET,
        _sheet,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=Sheet,
        projections=VIEWS,
    ),
)
