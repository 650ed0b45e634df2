"""Cycles: planned, opened, advanced, closed; and work over all appraisals of one."""

from api import auth
from api.appraisals import AppraisalList, in_cycle
from api.asked import Asked
from api.closing import over_all
from api.commands import from_path, post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.appraisal import CalculateInitialScore, CreateAppraisal, LockScore, PublishResult
from domain.appraisal_decisions import APPRAISAL
from domain.cycle import (
    CYCLE,
    AdvanceCycle,
    BindScheme,
    CloseCycle,
    OpenCycle,
    PlanCycle,
    Stage,
)
from domain.cycle_deadlines import ExtendDeadline
from projections import planning, scores
from projections.questions import Page

VIEWS = (planning.NAME,)
WRITERS = writers(auth.HR, auth.ADMIN)
CREATORS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)


class Cycles(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stage: Stage | None = None


async def _cycles(asked: Asked, given: Cycles) -> Page[planning.Cycle]:
    """Cycles by code."""
    async with asked.view() as view:
        return await planning.cycles(
            view, stage=given.stage, limit=given.limit, cursor=given.cursor
        )


async def _cycle(asked: Asked, _: Parameters) -> One:
    """A cycle with its stage and its bound schemes."""
    async with asked.view() as view:
        cycle = found(await planning.cycle(view, asked.one_id()))
    return One(value=cycle, version=cycle.version)


ROUTES: tuple[Route, ...] = (
    post(
        "/cycles",
        PlanCycle,
        CYCLE,
        roles=WRITERS,
        stream=lambda _, command: ids.cycle_id(command.code),
        creates="/cycles/{id}",
    ),
    get(
        "/cycles",
        _cycles,
        roles=auth.EVERYONE,
        result=planning.Cycle,
        projections=VIEWS,
        parameters=Cycles,
    ),
    get(
        "/cycles/{cycle_id}",
        _cycle,
        roles=auth.EVERYONE,
        result=planning.Cycle,
        projections=VIEWS,
    ),
    post(
        "/cycles/{cycle_id}/schemes",
        BindScheme,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/open",
        OpenCycle,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/advance",
        AdvanceCycle,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/deadlines",
        ExtendDeadline,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/close",
        CloseCycle,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/appraisals",
        CreateAppraisal,
        APPRAISAL,
        roles=CREATORS,
        stream=lambda _, command: ids.appraisal_id(
            command.cycle_id, command.employment_id, command.segment
        ),
        creates="/appraisals/{id}",
    ),
    get(
        "/cycles/{cycle_id}/appraisals",
        in_cycle,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=scores.Appraisal,
        projections=(planning.NAME, scores.NAME),
        parameters=AppraisalList,
    ),
    over_all(
        "/cycles/{cycle_id}/score",
        CalculateInitialScore(),
        "Calculate the initial score of every appraisal of the cycle",
    ),
    over_all("/cycles/{cycle_id}/lock", LockScore(), "Lock every appraisal of the cycle"),
    over_all(
        "/cycles/{cycle_id}/publish",
        PublishResult(),
        "Show every locked result of the cycle to its person",
    ),
)
