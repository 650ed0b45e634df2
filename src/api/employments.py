"""Employments: hired, transferred, paid, away, ended, hired again; their segments in a cycle."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.organisation import PAY_WRITERS, VIEWS, WRITERS, manages, sees_all
from api.queries import Dated, DatedListing, Parameters, found
from api.routes import Route, get, writers
from api.sealing import relation
from api.wire import One
from domain import ids
from domain.appraisal import Appraisal
from domain.appraisal_decisions import APPRAISAL
from domain.calendar import Span
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT, Employment
from domain.leave import CancelLeave, RecordLeave
from domain.organisation import (
    ChangeAssignment,
    HireEmployee,
    RehireEmployee,
    SetPayStructure,
    TerminateEmployment,
)
from domain.segments import SEGMENTS_MAX, days_of, reporting_score, uncovered
from domain.share_override import (
    ApproveShareOverride,
    RejectShareOverride,
    RequestShareOverride,
)
from projections import directory
from projections.questions import Page
from tenancy.store import Store

OVERRIDERS = writers(auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)


class Employments(DatedListing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    org_unit_id: UUID | None = None
    job_id: UUID | None = None
    manager_id: UUID | None = None
    person_id: UUID | None = None
    from_number: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    """Where the list begins."""


class SegmentShown(msgspec.Struct, frozen=True, kw_only=True):
    """Days in one unit and job; the appraisal is None where it has not been created."""

    appraisal_id: UUID | None
    segment: int | None
    starts_on: date
    ends_on: date
    days: int
    unpaid_days: int
    """Of these, on unpaid leave: they earn nothing."""
    org_unit_id: UUID
    job_id: UUID
    score: Decimal | None
    """As locked, where the reader may know it."""


class Segments(msgspec.Struct, frozen=True, kw_only=True):
    """Every employed day of a cycle, once."""

    cycle_id: UUID
    employment_id: UUID
    cycle_days: int
    segments: tuple[SegmentShown, ...]
    reporting_score: Decimal | None
    """The scores weighted by days, once all are there: for reports, pay never uses it."""


async def _employments(asked: Asked, given: Employments) -> Page[directory.Employment]:
    """Employments by number; for managers their team's, for employees their own."""
    person_id, team_of = given.person_id, None
    if not sees_all(asked):
        if manages(asked) and person_id != asked.caller.person_id:
            team_of = asked.caller.actor
        else:
            person_id = asked.caller.actor
    async with asked.view() as view:
        return await directory.employments(
            view,
            org_unit_id=given.org_unit_id,
            job_id=given.job_id,
            manager_id=given.manager_id,
            person_id=person_id,
            team_of=team_of,
            from_number=given.from_number,
            on=given.day,
            limit=given.limit,
            cursor=given.cursor,
        )


async def _employment(asked: Asked, given: Dated) -> One:
    """An employment with its assignments and pay structures."""
    async with asked.view() as view:
        row = found(await directory.employment(view, asked.one_id()))
    found(row if _may_know(asked, row.person_id, row.manager_id) else None)
    # Whoever was the manager on that day is not asked: the row tells what came after, too.
    shown = row if given.day is None else directory.employment_as_of(row, given.day)
    return One(value=found(shown), version=row.version)


def _may_know(asked: Asked, person_id: UUID, manager_id: UUID | None) -> bool:
    caller = asked.caller
    return (
        sees_all(asked)
        or person_id == caller.person_id
        or (manages(asked) and manager_id == caller.person_id)
    )


async def _segments(asked: Asked, _: Parameters) -> One:
    """The segments of an employment in a cycle, as it is known now"""
    store = await asked.store()
    cycle_id, employment_id = asked.ids["cycle_id"], asked.ids["employment_id"]
    cycle = found((await store.load(CYCLE, cycle_id))[0])
    employment = found((await store.load(EMPLOYMENT, employment_id))[0])
    manager_id = employment.assignments[-1].assignment.manager_id
    found(employment if _may_know(asked, employment.person_id, manager_id) else None)
    appraisals = await _appraisals(store, cycle_id, employment_id)
    period = Span(cycle.starts_on, cycle.ends_on)
    shown = [
        _shown(asked, appraisal, days.span, employment)
        for appraisal in appraisals
        if (days := days_of(appraisal, employment)) is not None
    ]
    shown += [
        SegmentShown(
            appraisal_id=None,
            segment=None,
            org_unit_id=each.org_unit_id,
            job_id=each.job_id,
            score=None,
            **_counted(each.span, employment),
        )
        for each in uncovered(employment, period, appraisals)
    ]
    scores = [(each.days, each.score) for each in shown if each.score is not None]
    value = Segments(
        cycle_id=cycle_id,
        employment_id=employment_id,
        cycle_days=period.days,
        segments=tuple(sorted(shown, key=lambda each: each.starts_on)),
        reporting_score=reporting_score(scores) if shown and len(scores) == len(shown) else None,
    )
    return One(value=value)


async def _appraisals(store: Store, cycle_id: UUID, employment_id: UUID) -> list[Appraisal]:
    every: list[Appraisal] = []
    for number in range(1, SEGMENTS_MAX + 1):
        state, _ = await store.load(APPRAISAL, ids.appraisal_id(cycle_id, employment_id, number))
        if state is None:
            break
        every.append(state)
    return [each for each in every if each.voided is None]


def _shown(asked: Asked, appraisal: Appraisal, span: Span, employment: Employment) -> SegmentShown:
    reader = relation(asked.caller, appraisal.person_id, appraisal.manager_id)
    known = appraisal.versions
    if reader == "ratee":
        known = known[: appraisal.published_version]
    return SegmentShown(
        appraisal_id=ids.appraisal_id(
            appraisal.cycle_id, appraisal.employment_id, appraisal.segment
        ),
        segment=appraisal.segment,
        org_unit_id=appraisal.org_unit_id,
        job_id=appraisal.job_id,
        score=known[-1].score if known and reader is not None else None,
        **_counted(span, employment),
    )


def _counted(span: Span, employment: Employment) -> dict[str, Any]:
    away = [leave.span.within(span) for leave in employment.leaves if leave.unpaid]
    return {
        "starts_on": span.starts_on,
        "ends_on": span.ends_on,
        "days": span.days,
        "unpaid_days": sum(each.days for each in away if each is not None),
    }


_EMPLOYMENT = "/employments/{employment_id}"

ROUTES: tuple[Route, ...] = (
    post(
        "/employments",
        HireEmployee,
        EMPLOYMENT,
        roles=WRITERS,
        stream=lambda _, command: ids.employment_id(command.number),
        creates="/employments/{id}",
    ),
    post(
        "/employments/rehires",
        RehireEmployee,
        EMPLOYMENT,
        roles=WRITERS,
        stream=lambda _, command: ids.employment_id(command.number),
        creates="/employments/{id}",
    ),
    get(
        "/employments",
        _employments,
        roles=auth.EVERYONE,
        result=directory.Employment,
        projections=VIEWS,
        parameters=Employments,
    ),
    get(
        _EMPLOYMENT,
        _employment,
        roles=auth.EVERYONE,
        result=directory.Employment,
        projections=VIEWS,
        parameters=Dated,
    ),
    get(
        "/cycles/{cycle_id}/employments/{employment_id}/segments",
        _segments,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=Segments,
    ),
    *(
        post(
            f"{_EMPLOYMENT}/{name}",
            command,
            EMPLOYMENT,
            roles=roles,
            stream=from_path("employment_id"),
        )
        for name, command, roles in (
            ("assignments", ChangeAssignment, WRITERS),
            ("pay-structure", SetPayStructure, PAY_WRITERS),
            ("termination", TerminateEmployment, WRITERS),
            ("leave", RecordLeave, WRITERS),
            ("leave/cancel", CancelLeave, WRITERS),
            ("share-override", RequestShareOverride, OVERRIDERS),
            ("share-override/approve", ApproveShareOverride, OVERRIDERS),
            ("share-override/reject", RejectShareOverride, OVERRIDERS),
        )
    ),
)
