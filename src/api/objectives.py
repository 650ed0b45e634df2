"""Objectives, goals that serve them, goals that change with approval, indicators excused."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from api import auth
from api.appraisals import GOAL_SETTERS, PEOPLE, READERS, known, seen, whose
from api.asked import Asked
from api.commands import from_path, post
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.goal_changes import (
    AlignGoal,
    ApproveGoalChange,
    DeclineGoalChange,
    Excused,
    Request,
    RequestExcuse,
    RequestTargetChange,
)
from domain.goals import GOAL_SHEET, GoalSheet
from domain.objective import OBJECTIVE, DropObjective, SetObjective
from projections import alignment, planning, scores
from projections.questions import Page

VIEWS = (alignment.NAME,)
SETTERS = writers(auth.HR, auth.EXECUTIVE, auth.ADMIN)
APPROVERS = writers(auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)


class Objectives(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None


class Goals(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person_id: UUID | None = None
    manager_id: UUID | None = None
    waiting: bool = False
    """Those alone of which something waits for a decision; a page then has fewer."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A target, and the event that states it."""

    indicator: str
    target: Decimal
    event_id: UUID


class GoalsTold(msgspec.Struct, frozen=True, kw_only=True):
    """The goals of an appraisal as they count now, and what is asked for."""

    appraisal_id: UUID
    agreed: bool
    proposed_by: UUID | None
    targets: tuple[Goal, ...]
    excused: tuple[Excused, ...]
    requests: tuple[Request, ...]
    """Each waits for somebody else's approval; without a target, to be excused."""
    serves: dict[str, UUID]
    """Objectives by indicator."""
    version: int
    """For If-Match: who agrees agrees to these and no others."""


class GoalsListed(GoalsTold, frozen=True, kw_only=True):
    """The same among those of other people."""

    cycle_id: UUID
    person_id: UUID
    manager_id: UUID | None


async def _every(asked: Asked, given: Goals) -> Page[GoalsListed]:
    """Goals before the lock of their scores; for managers their team's, for employees their own."""
    person_id, manager_id = whose(asked.caller, given.person_id, given.manager_id)
    async with asked.view() as view:
        page = await scores.appraisals(
            view,
            person_id=person_id,
            manager_id=manager_id,
            lock_version=0,
            limit=given.limit,
            cursor=given.cursor,
        )
    store = await asked.store()
    sheets = await store.load_all([(GOAL_SHEET, row.goal_sheet_id) for row in page.items])
    return page.of(
        [
            GoalsListed(
                cycle_id=row.cycle_id,
                person_id=row.person_id,
                manager_id=row.manager_id,
                **_told(sheet.state, sheet.version),
            )
            for row, sheet in zip(page.items, sheets, strict=True)
            if sheet.state is not None and (not given.waiting or _waits(sheet.state))
        ]
    )


def _waits(sheet: GoalSheet) -> bool:
    return bool(sheet.moves.requests) or (sheet.proposal is not None and not sheet.agreed)


def _told(sheet: GoalSheet, version: int) -> dict[str, Any]:
    stated = {} if sheet.proposal is None else sheet.stated
    return {
        "appraisal_id": sheet.appraisal_id,
        "agreed": sheet.agreed,
        "proposed_by": sheet.proposed_by,
        "targets": tuple(
            Goal(indicator=code, target=each.value, event_id=each.source)
            for code, each in stated.items()
        ),
        "excused": sheet.moves.excused,
        "requests": sheet.moves.requests,
        "serves": dict(sheet.moves.aligned),
        "version": version,
    }


async def _goals(asked: Asked, _: Parameters) -> One:
    """The goals of an appraisal, what was excused, what is asked for, and what they serve."""
    await seen(asked, asked.one_id())
    store = await asked.store()
    sheet, version = await store.load(GOAL_SHEET, ids.goal_sheet_id(asked.one_id()))
    if sheet is None:
        raise Said("not-found", "no goals were proposed")
    return One(value=GoalsTold(**_told(sheet, version)), version=version)


async def _objectives(asked: Asked, given: Objectives) -> Page[alignment.Objective]:
    """Objectives by cycle and code."""
    async with asked.view() as view:
        return await alignment.objectives(
            view, cycle_id=given.cycle_id, limit=given.limit, cursor=given.cursor
        )


async def _objective(asked: Asked, _: Parameters) -> One:
    """An objective, and what it serves."""
    async with asked.view() as view:
        row = found(await alignment.objective(view, asked.one_id()))
    return One(value=row, version=row.version)


async def _tree(asked: Asked, _: Parameters) -> One:
    """The alignment tree of a cycle, with how much of all goals serves which objective."""
    async with asked.view() as view:
        found(await planning.cycle(view, asked.one_id()))
        return One(value=await alignment.tree(view, asked.one_id()))


def _goal_sheet(path_ids: Mapping[str, UUID], _: Any) -> UUID:
    return ids.goal_sheet_id(path_ids["appraisal_id"])


ROUTES: tuple[Route, ...] = (
    post(
        "/objectives",
        SetObjective,
        OBJECTIVE,
        roles=SETTERS,
        stream=lambda _, command: ids.objective_id(command.cycle_id, command.code),
        creates="/objectives/{id}",
    ),
    get(
        "/objectives",
        _objectives,
        roles=auth.EVERYONE,
        result=alignment.Objective,
        projections=VIEWS,
        parameters=Objectives,
    ),
    get(
        "/objectives/{objective_id}",
        _objective,
        roles=auth.EVERYONE,
        result=alignment.Objective,
        projections=VIEWS,
    ),
    post(
        "/objectives/{objective_id}/drop",
        DropObjective,
        OBJECTIVE,
        roles=SETTERS,
        stream=from_path("objective_id"),
    ),
    get(
        "/cycles/{cycle_id}/alignment",
        _tree,
        roles=auth.EVERYONE,
        result=alignment.Tree,
        projections=(*VIEWS, planning.NAME),
    ),
    get(
        "/goals",
        _every,
        roles=READERS,
        result=GoalsListed,
        projections=(scores.NAME,),
        parameters=Goals,
    ),
    get(
        "/appraisals/{appraisal_id}/goals",
        _goals,
        roles=READERS,
        result=GoalsTold,
        projections=(scores.NAME,),
    ),
    *(
        post(
            f"/appraisals/{{appraisal_id}}/goals/{name}",
            command,
            GOAL_SHEET,
            roles=roles,
            stream=_goal_sheet,
            guard=known,
        )
        for name, command, roles in (
            ("target-change", RequestTargetChange, GOAL_SETTERS),
            ("excuse", RequestExcuse, PEOPLE),
            ("approve-change", ApproveGoalChange, APPROVERS),
            ("decline-change", DeclineGoalChange, APPROVERS),
            ("align", AlignGoal, GOAL_SETTERS),
        )
    ),
)
