"""Keeps initial scores up to the data: whatever moves them has them calculated again.

The events that data come by are answered with one command for each appraisal that they are about.
It calculates as a person's command would, and says nothing where nothing has changed.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from domain.appraisal import RecalculateInitialScore
from domain.appraisal_decisions import APPRAISAL
from domain.conduct import RatingWaived
from domain.cycle import DataCutOffReached
from domain.facts import ActualCorrected, ActualRecorded
from domain.goal_changes import IndicatorExcused, TargetChanged
from domain.goals import GOAL_SHEET, GoalsAgreed
from domain.ids import appraisal_id
from domain.kernel import Event, Refused
from domain.organisation import AssignmentChanged, EmploymentTerminated
from domain.scheme_change import SchemeVersionChanged
from domain.segments import SEGMENTS_MAX
from domain.withdrawal import AssignmentWithdrawn, TerminationWithdrawn
from projections import cursors, scores
from projections.following import Following, NotYet, Reaction
from projections.history import TenantLogs
from projections.questions import LIMIT_MAX, View
from tenancy.database import Database
from tenancy.errors import Overtaken, Unavailable
from tenancy.records import Recorded, Stamp
from tenancy.store import Histories, Store

NAME = "initial-scores"
SCORER = UUID("00000000-0000-4000-8000-00000000a005")
"""The actor of what the product calculates by itself."""
AT_ONCE = 8
"""Appraisals decided side by side; the committer writes them in few flushes."""
VIEW_WAIT_S = 2.0
LOOK_AGAIN_S = 0.05

BY_SHEET = (ActualRecorded, ActualCorrected)
BY_GOALS: tuple[type[Event], ...] = (GoalsAgreed, TargetChanged, IndicatorExcused)
BY_CYCLE: tuple[type[Event], ...] = (DataCutOffReached, SchemeVersionChanged)
BY_EMPLOYMENT: tuple[type[Event], ...] = (
    AssignmentChanged,
    AssignmentWithdrawn,
    EmploymentTerminated,
    TerminationWithdrawn,
)
"""They change the days of appraisals, and so what counts for them."""

TOPICS = frozenset(
    event.TOPIC
    for events in (BY_SHEET, BY_GOALS, BY_CYCLE, BY_EMPLOYMENT, (RatingWaived,))
    for event in events
)
"""Everything that an initial score is read from. A feed's own events are not among them: when it is
validated its actuals have been counted, each as it came."""


class Rescoring:
    """Answers events of data with calculations.

    Args:
        database: where the views are that name the appraisals of a cycle.
        logs: of all tenants.
        histories: of all tenants.
    """

    def __init__(self, database: Database, logs: TenantLogs, histories: Histories) -> None:
        self._database = database
        self._logs = logs
        self._histories = histories

    @classmethod
    def following(cls, database: Database, logs: TenantLogs, histories: Histories) -> Following:
        """The process manager, ready to run."""
        answer = cls(database, logs, histories).answer
        return Following(database, logs, Reaction(name=NAME, topics=TOPICS, answer=answer))

    async def answer(self, tenant_id: UUID, batch: Sequence[Recorded]) -> None:
        """Have every appraisal that the events are about calculated once.

        Raises:
            NotYet: the view that names the appraisals has not come so far.
        """
        store = await self._histories.of(tenant_id)
        causes: dict[UUID, Recorded] = {}
        for recorded in batch:
            for found in await self._concerned(store, recorded):
                causes[found] = recorded
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(found: UUID, cause: Recorded) -> None:
            async with turns:
                await _calculate(store, found, cause)

        outcomes = await asyncio.gather(
            *(one(found, cause) for found, cause in causes.items()), return_exceptions=True
        )
        for failure in outcomes:
            if isinstance(failure, BaseException):
                raise failure

    async def _concerned(self, store: Store, recorded: Recorded) -> list[UUID]:
        """The appraisals that an event is about."""
        event = recorded.event
        if isinstance(event, BY_SHEET):
            return await _segments(store, event.cycle_id, event.employment_id)
        if isinstance(event, BY_GOALS):
            sheet, _ = await store.load(GOAL_SHEET, recorded.stream_id)
            return [] if sheet is None else [sheet.appraisal_id]
        if isinstance(event, RatingWaived):
            return [recorded.stream_id]
        view = await self._view(store.tenant_id, recorded.position)
        if isinstance(event, BY_CYCLE):
            return await scores.appraisal_ids(view, recorded.stream_id)
        page = await scores.appraisals(view, employment_id=recorded.stream_id, limit=LIMIT_MAX)
        return [row.appraisal_id for row in page.items if not row.lock_version and not row.voided]

    async def _view(self, tenant_id: UUID, position: int) -> View:
        """The view of scores, once it has come to a position."""
        deadline = asyncio.get_running_loop().time() + VIEW_WAIT_S
        while True:
            async with self._database.transaction(tenant_id, read_only=True) as connection:
                found = await cursors.of_tenant(connection, tenant_id)
            if any(
                (each.projection, each.version, each.live) == (scores.NAME, scores.VERSION, True)
                and each.position >= position
                for each in found
            ):
                log = await self._logs.of(tenant_id)
                return View(database=self._database, tenant_id=tenant_id, reopen=log.at)
            if asyncio.get_running_loop().time() > deadline:
                raise NotYet(f"{scores.NAME} has not come to {position}")
            await asyncio.sleep(LOOK_AGAIN_S)


async def _segments(store: Store, cycle_id: UUID, employment_id: UUID) -> list[UUID]:
    found: list[UUID] = []
    for number in range(1, SEGMENTS_MAX + 1):
        each = appraisal_id(cycle_id, employment_id, number)
        appraisal, _ = await store.load(APPRAISAL, each)
        if appraisal is None:
            break
        if appraisal.locked is None and appraisal.voided is None:
            found.append(each)
    return found


async def _calculate(store: Store, found: UUID, cause: Recorded) -> None:
    stamp = Stamp(
        now=datetime.now(UTC),
        actor=SCORER,
        correlation_id=cause.metadata.correlation_id,
        causation_id=cause.event_id,
        traceparent=cause.metadata.traceparent,
    )
    try:
        await store.execute(APPRAISAL, found, RecalculateInitialScore(), stamp)
    except Refused:
        # There is nothing to calculate from yet, or nothing to calculate any more: the next event
        # of its data asks again.
        return
    except (Overtaken, Unavailable) as error:
        raise NotYet(str(error)) from error
