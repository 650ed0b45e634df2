"""Appraisals: goals, ratings, deviations, calibration, lock; why a score is what it is."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.sealing import Relation, Shown, history_for, relation, row_for, teller
from api.wire import One
from domain import ids
from domain.appraisal import (
    CalculateInitialScore,
    CalibrateScore,
    LockScore,
    PublishResult,
    ScoreLocked,
)
from domain.appraisal_decisions import APPRAISAL
from domain.checks import begun
from domain.cycle import CYCLE
from domain.explanation import Node
from domain.goals import GOAL_SHEET, AgreeGoals, ProposeGoals
from domain.leavers import VoidAppraisal
from domain.organisation import JobFamily
from domain.ratings import ExplainDeviation, SubmitManagerRating, SubmitSelfRating
from domain.reopening import ScoreRelocked
from domain.scheme import LOOK_AT_SCHEME
from domain.scheme_change import LockedPart
from projections import planning, scores
from projections.questions import BadQuestion, Page

VIEWS = (scores.NAME,)
READERS = auth.EVERYONE - {auth.INTEGRATION}
OPERATORS = writers(auth.HR, auth.ADMIN)
SCORERS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)
# Who rates whom is decided by the domain, which knows the people; roles only keep out machines.
PEOPLE = writers(auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
RATERS = writers(auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
GOAL_SETTERS = PEOPLE | {auth.INTEGRATION}
CALIBRATORS = writers(auth.HR, auth.EXECUTIVE, auth.ADMIN)


class AppraisalList(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    org_unit_id: UUID | None = None
    family: JobFamily | None = None
    stage: scores.AppraisalStage | None = None
    manager_id: UUID | None = None
    person_id: UUID | None = None
    employment_id: UUID | None = None


class Explaining(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int | None = None
    """Of the lock; the newest where it is not given."""


class ScoreExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """A locked score and why it is what it is."""

    appraisal_id: UUID
    lock_version: int
    score: Decimal
    coefficient: Decimal
    event_id: UUID
    """The event that locked it."""
    recorded_at: datetime
    explanation: Node
    parts: tuple[LockedPart, ...]
    """By scheme version, where that changed within the days; pay takes each on its own."""


def whose(
    caller: auth.Caller, person_id: UUID | None, manager_id: UUID | None
) -> tuple[UUID | None, UUID | None]:
    """The person and the manager whose appraisals a caller may list, of those asked for."""
    if caller.sees_everyone:
        return person_id, manager_id
    if caller.has(frozenset({auth.MANAGER})) and person_id != caller.person_id:
        return person_id, caller.actor
    return caller.actor, manager_id


async def in_cycle(asked: Asked, given: AppraisalList) -> Page[scores.Appraisal]:
    """Appraisals of a cycle by creation; for managers their team's, for employees their own."""
    person_id, manager_id = whose(asked.caller, given.person_id, given.manager_id)
    async with asked.view() as view:
        found(await planning.cycle(view, asked.one_id()))
        page = await scores.appraisals(
            view,
            cycle_id=asked.one_id(),
            org_unit_id=given.org_unit_id,
            family=given.family,
            stage=given.stage,
            manager_id=manager_id,
            person_id=person_id,
            employment_id=given.employment_id,
            limit=given.limit,
            cursor=given.cursor,
        )
    return page.of([row_for(readable(asked, row), row) for row in page.items])


async def seen(asked: Asked, appraisal_id: UUID) -> tuple[Relation, scores.Appraisal]:
    """An appraisal that the caller may know of, and how the caller stands to it.

    Raises:
        Said: `not-found`.
    """
    async with asked.view() as view:
        row = found(await scores.appraisal(view, appraisal_id))
    return readable(asked, row), row


async def shown_to_ratee(asked: Asked, appraisal_id: UUID) -> scores.Appraisal:
    """An appraisal whose result the caller may know.

    Raises:
        Said: `not-found`, or `not-published` for the person concerned.
    """
    reader, row = await seen(asked, appraisal_id)
    if reader == "ratee" and not row.published_version:
        raise Said("not-published", "the result has not been shown to you yet")
    return row


def readable(asked: Asked, row: scores.Appraisal) -> Relation:
    """How the caller stands to an appraisal of the views.

    Raises:
        Said: `not-found`, where the caller may not know of it.
    """
    reader: Relation = found(relation(asked.caller, row.person_id, row.manager_id))
    return reader


async def known(asked: Asked) -> None:
    """Let pass who may know of the appraisal; from history, so the view need not have it yet.

    Raises:
        Said: `not-found`.
    """
    if asked.caller.has(frozenset({auth.INTEGRATION})):
        return
    store = await asked.store()
    # What is remembered saves a question to the database, and may be old. So it says yes (whoever
    # decides finds out), and never no.
    state = await store.recall(APPRAISAL, asked.ids["appraisal_id"])
    if state is None or not relation(asked.caller, state.person_id, state.manager_id):
        state, _ = await store.load(APPRAISAL, asked.ids["appraisal_id"])
    found(state and relation(asked.caller, state.person_id, state.manager_id))


async def _appraisal(asked: Asked, _: Parameters) -> One:
    """An appraisal: its stage, its scores, its deviations."""
    reader, row = await seen(asked, asked.one_id())
    return One(value=row_for(reader, row), version=row.version)


async def _explanation(asked: Asked, given: Explaining) -> One:
    """Why a locked score is what it is, down to the events that it was read from."""
    row = await shown_to_ratee(asked, asked.one_id())
    reader = readable(asked, row)
    store = await asked.store()
    tell = await _teller(asked, reader, row)
    for recorded in reversed(await store.read(row.appraisal_id)):
        event = recorded.event
        if not isinstance(event, ScoreLocked | ScoreRelocked):
            continue
        if reader == "ratee" and event.lock_version > row.published_version:
            continue
        if given.version in {None, event.lock_version}:
            return One(
                value=ScoreExplanation(
                    appraisal_id=row.appraisal_id,
                    lock_version=event.lock_version,
                    score=event.score,
                    coefficient=event.coefficient,
                    event_id=recorded.event_id,
                    recorded_at=recorded.recorded_at,
                    explanation=tell(event.explanation),
                    parts=event.parts,
                )
            )
    raise Said("not-found", "the score has not been locked")


async def _teller(asked: Asked, reader: Relation, row: scores.Appraisal) -> Callable[[Any], Any]:
    scheme, _ = await (await asked.store()).load(LOOK_AT_SCHEME, row.scheme_id)
    return teller(asked.caller, reader, begun(scheme))


async def _history(asked: Asked, given: Listing) -> Page[Shown]:
    """Everything that happened to an appraisal, with who and when."""
    reader, row = await seen(asked, asked.one_id())
    store = await asked.store()
    # Whether a rating is still sealed shows only in the whole; an appraisal's history is short.
    cycle, _ = await store.load(CYCLE, row.cycle_id)
    events = history_for(
        reader,
        await store.read(row.appraisal_id),
        deadline_passed=begun(cycle).has_reached("calibration"),
        told=await _teller(asked, reader, row),
    )
    if given.cursor is not None and given.cursor not in {str(each.version) for each in events}:
        raise BadQuestion("this cursor is not one that we gave")
    after = 0 if given.cursor is None else int(given.cursor)
    shown = events[after : after + given.limit]
    more = after + given.limit < len(events)
    return Page(items=tuple(shown), next=str(shown[-1].version) if more else None)


def _goal_sheet(path_ids: Mapping[str, UUID], _: Any) -> UUID:
    return ids.goal_sheet_id(path_ids["appraisal_id"])


_APPRAISAL = "/appraisals/{appraisal_id}"
_SELF = from_path("appraisal_id")

ROUTES: tuple[Route, ...] = (
    get(
        _APPRAISAL,
        _appraisal,
        roles=READERS,
        result=scores.Appraisal,
        projections=VIEWS,
    ),
    get(
        f"{_APPRAISAL}/explanation",
        _explanation,
        roles=READERS,
        result=ScoreExplanation,
        projections=VIEWS,
        parameters=Explaining,
    ),
    get(
        f"{_APPRAISAL}/history",
        _history,
        roles=READERS,
        result=Shown,
        projections=VIEWS,
        parameters=Listing,
    ),
    *(
        post(
            f"{_APPRAISAL}/{name}",
            command,
            decider,
            roles=roles,
            stream=stream,
            guard=known,
        )
        for name, command, decider, roles, stream in (
            ("goals", ProposeGoals, GOAL_SHEET, GOAL_SETTERS, _goal_sheet),
            ("goals/agree", AgreeGoals, GOAL_SHEET, GOAL_SETTERS, _goal_sheet),
            ("initial-score", CalculateInitialScore, APPRAISAL, SCORERS, _SELF),
            ("self-rating", SubmitSelfRating, APPRAISAL, PEOPLE, _SELF),
            ("manager-rating", SubmitManagerRating, APPRAISAL, RATERS, _SELF),
            ("deviation", ExplainDeviation, APPRAISAL, PEOPLE, _SELF),
            ("calibration", CalibrateScore, APPRAISAL, CALIBRATORS, _SELF),
            ("lock", LockScore, APPRAISAL, OPERATORS, _SELF),
            ("publish", PublishResult, APPRAISAL, OPERATORS, _SELF),
            ("void", VoidAppraisal, APPRAISAL, OPERATORS, _SELF),
        )
    ),
)
