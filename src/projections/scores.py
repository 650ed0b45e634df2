"""Scores: one row per appraisal, from its creation to its published result and its payment."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.appraisal import (
    AppraisalCreated,
    AppraisalEvent,
    CalibrationApplied,
    InitialScoreCalculated,
    ResultPublished,
    ScoreLocked,
)
from domain.conduct import AdjustmentApproved, RaterReassigned, RatingWaived
from domain.goals import GoalsAgreed, GoalSheetProposed
from domain.ids import goal_sheet_id
from domain.leavers import AppraisalVoided, PayForfeited
from domain.organisation import JobFamily
from domain.ratings import (
    Deviation,
    DeviationExplained,
    DeviationFlagged,
    ManagerRatingSubmitted,
    SelfRatingSubmitted,
    TwoWayCompared,
)
from domain.receipt import ResultAcknowledged
from domain.reopening import AppraisalReopened, ScoreRelocked
from projections.kernel import Projection
from projections.paid_versions import PAY, lines_of, lines_table, paid_after, paying_streams
from projections.questions import LIMIT_DEFAULT, Page, View, get, get_many, page
from projections.tables import Build, Row, Table, begun
from tenancy.records import Recorded

NAME = "scores"
VERSION = 6

AppraisalStage = Literal[
    "created",
    "goals-set",
    "initial-scored",
    "rated",
    "deviation-pending",
    "reconciled",
    "calibrated",
    "locked",
    "published",
    "paid",
    "reopened",
    "void",
]
"""In the order of the work; a row shows the furthest that it has reached. A score that was reopened
stays valid until it is locked anew. What is void was ended without a score."""

STAGES: tuple[AppraisalStage, ...] = get_args(AppraisalStage)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Self against manager on one indicator or on the total, and what became of it."""

    of: str
    self_points: Decimal
    manager_points: Decimal
    flagged: bool = False
    """More than the scheme allows: the score cannot be locked before it is explained."""
    explained: bool = False


class LockedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a score; none ever changes."""

    version: int
    score: Decimal
    coefficient: Decimal
    event_id: UUID
    locked_at: datetime


class Appraisal(Row, kw_only=True):
    """考核单; scores are decimals of 2 places, the coefficient of 4."""

    appraisal_id: UUID
    cycle_id: UUID
    employment_id: UUID
    person_id: UUID
    segment: int
    org_unit_id: UUID
    job_id: UUID
    family: JobFamily
    cost_centre: str
    manager_id: UUID | None
    scheme_id: UUID
    scheme_version: int
    starts_on: date
    """First day of its segment as it was known at its creation."""
    ends_on: date
    stage: AppraisalStage = "created"
    goal_sheet_id: UUID
    goals_agreed: bool = False
    initial_score: Decimal | None = None
    initial_score_provisional: bool = False
    """More data may come: no score is locked upon it."""
    self_submitted: bool = False
    manager_submitted: bool = False
    compared: tuple[Compared, ...] = ()
    calibration: Decimal = Decimal(0)
    """Sum of the adjustments."""
    score: Decimal | None = None
    """As locked last; None before."""
    coefficient: Decimal | None = None
    lock_version: int = 0
    locked_event_id: UUID | None = None
    versions: tuple[LockedVersion, ...] = ()
    """Every one there was, the first first."""
    reopened: bool = False
    """An appeal was upheld or a correction accepted: another version is due."""
    published_version: int = 0
    """The lock version that the employee was shown; 0 for none."""
    acknowledged_version: int = 0
    """The lock version that the employee has confirmed to have seen; 0 for none."""
    paid_versions: tuple[int, ...] = ()
    """Lock versions whose money has arrived, or whose claim was booked."""
    voided: bool = False
    """Ended without a score."""
    pay_forfeited: bool = False
    """The score of a leaver whom the cycle's policy pays nothing for it."""
    rating_waived: bool = False
    """Nobody could give the manager's rating: judged indicators do not count."""
    created_position: int
    version: int


APPRAISALS = Table(
    "appraisals",
    Appraisal,
    projection=NAME,
    version=VERSION,
    key=("appraisal_id",),
    indexes=(
        ("cycle_id", "created_position"),
        ("person_id", "created_position"),
        ("manager_id", "created_position"),
        ("employment_id", "created_position"),
        ("goal_sheet_id",),
    ),
)

LINES = lines_table(NAME, VERSION)


def _created(recorded: Recorded) -> Appraisal:
    event: AppraisalCreated = recorded.event
    return Appraisal(
        appraisal_id=recorded.stream_id,
        cycle_id=event.cycle_id,
        employment_id=event.employment_id,
        person_id=event.person_id,
        segment=event.segment,
        org_unit_id=event.org_unit_id,
        job_id=event.job_id,
        family=event.family,
        cost_centre=event.cost_centre,
        manager_id=event.manager_id,
        scheme_id=event.scheme_id,
        scheme_version=event.scheme_version,
        starts_on=event.starts_on,
        ends_on=event.ends_on,
        goal_sheet_id=goal_sheet_id(recorded.stream_id),
        created_position=recorded.position,
        version=recorded.version,
    )


def appraisal_step(row: Appraisal | None, recorded: Recorded) -> Appraisal:
    """The row's next state; pure."""
    event = recorded.event
    if isinstance(event, AppraisalCreated):
        return _created(recorded)
    row = begun(row, recorded)
    if recorded.stream_id == row.appraisal_id:
        row.version = recorded.version
    match event:
        case GoalSheetProposed():
            row.goals_agreed = False
        case GoalsAgreed():
            row.goals_agreed = True
        case InitialScoreCalculated():
            row.initial_score = event.score
            row.initial_score_provisional = event.provisional
        case SelfRatingSubmitted():
            row.self_submitted = True
        case ManagerRatingSubmitted():
            row.manager_submitted = True
        case TwoWayCompared():
            row.compared = tuple(_unflagged(deviation) for deviation in event.compared)
        case DeviationFlagged():
            row.compared = _flagged(row.compared, event.flagged)
        case DeviationExplained():
            row.compared = tuple(
                msgspec.structs.replace(each, explained=True) if each.of == event.of else each
                for each in row.compared
            )
        case RaterReassigned():
            row.manager_id = event.rater_id
        case RatingWaived():
            row.rating_waived = True
        case CalibrationApplied() | AdjustmentApproved():
            row.calibration += event.adjustment
        case ScoreLocked() | ScoreRelocked():
            _lock(row, event, recorded)
        case AppraisalReopened():
            row.reopened = True
        case ResultPublished():
            row.published_version = event.lock_version
        case AppraisalVoided():
            row.voided = True
        case PayForfeited():
            row.pay_forfeited = True
        case ResultAcknowledged():
            row.acknowledged_version = event.lock_version
    row.stage = _stage(row, calibrated=isinstance(event, CalibrationApplied | AdjustmentApproved))
    return row


def paid_step(version: int, row: Appraisal | None, recorded: Recorded) -> Appraisal:
    """The row's next state by an event of a line that pays this version; pure."""
    row = begun(row, recorded)
    row.paid_versions = paid_after(row.paid_versions, version, recorded.event)
    row.stage = _stage(row, calibrated=False)
    return row


def _lock(row: Appraisal, event: ScoreLocked | ScoreRelocked, recorded: Recorded) -> None:
    row.score, row.coefficient = event.score, event.coefficient
    row.lock_version, row.locked_event_id = event.lock_version, recorded.event_id
    row.reopened = False
    version = LockedVersion(
        version=event.lock_version,
        score=event.score,
        coefficient=event.coefficient,
        event_id=recorded.event_id,
        locked_at=recorded.recorded_at,
    )
    row.versions = (*row.versions, version)


def _unflagged(deviation: Deviation) -> Compared:
    return Compared(
        of=deviation.of,
        self_points=deviation.self_points,
        manager_points=deviation.manager_points,
    )


def _flagged(
    compared: tuple[Compared, ...], flagged: tuple[Deviation, ...]
) -> tuple[Compared, ...]:
    named = {deviation.of for deviation in flagged}
    kept = tuple(
        msgspec.structs.replace(each, flagged=True, explained=False) if each.of in named else each
        for each in compared
    )
    missing = named - {each.of for each in compared}
    added = (
        msgspec.structs.replace(_unflagged(deviation), flagged=True)
        for deviation in flagged
        if deviation.of in missing
    )
    return (*kept, *added)


def _stage(row: Appraisal, *, calibrated: bool) -> AppraisalStage:
    if row.voided:
        return "void"
    if row.reopened:
        return "reopened"
    if row.published_version and row.published_version == row.lock_version:
        return "paid" if row.lock_version in row.paid_versions else "published"
    if row.lock_version:
        return "locked"
    if any(each.flagged and not each.explained for each in row.compared):
        return "deviation-pending"
    if calibrated or row.stage == "calibrated":
        return "calibrated"
    if row.compared:
        return "reconciled"
    if row.self_submitted and row.manager_submitted:
        return "rated"
    if row.initial_score is not None:
        return "initial-scored"
    return "goals-set" if row.goals_agreed else "created"


# All of them, so that a row's version is that of its stream.
OWN = frozenset(event.TOPIC for event in get_args(AppraisalEvent))
GOALS = frozenset({GoalSheetProposed.TOPIC, GoalsAgreed.TOPIC})


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    sheets = {recorded.stream_id for recorded in batch if recorded.topic in GOALS}
    appraisal_of: dict[UUID, UUID] = {}
    if sheets:
        # A goal sheet's events name the sheet; the appraisal may be in the table, or begin here.
        known = await APPRAISALS.having(build, "goal_sheet_id", sheets)
        appraisal_of = {row.goal_sheet_id: row.appraisal_id for row in known}
    for recorded in batch:
        if recorded.topic == AppraisalCreated.TOPIC:
            appraisal_of[goal_sheet_id(recorded.stream_id)] = recorded.stream_id
    lines = await lines_of(LINES, build, batch)
    touched: list[tuple[UUID, Recorded, int | None]] = []
    for recorded in batch:
        if recorded.topic not in PAY:
            own = appraisal_of.get(recorded.stream_id, recorded.stream_id)
            touched.append((own, recorded, None))
            continue
        touched.extend(
            (paid.appraisal_id, recorded, paid.lock_version) for paid in lines[recorded.stream_id]
        )
    rows = await APPRAISALS.load(build, (each for each, _, _ in touched))
    for appraisal_id, recorded, version in touched:
        step = appraisal_step if version is None else partial(paid_step, version)
        rows.fold(appraisal_id, recorded, step)
    await rows.save()


SCORES = Projection(
    name=NAME,
    version=VERSION,
    topics=OWN | GOALS | PAY,
    tables=(APPRAISALS, LINES),
    apply=_apply,
    streams=paying_streams(APPRAISALS, LINES),
)


async def appraisals(
    view: View,
    *,
    cycle_id: UUID | None = None,
    org_unit_id: UUID | None = None,
    family: JobFamily | None = None,
    stage: AppraisalStage | None = None,
    manager_id: UUID | None = None,
    person_id: UUID | None = None,
    employment_id: UUID | None = None,
    lock_version: int | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Appraisal]:
    """Appraisals in the order of their creation."""
    where = {
        "lock_version": lock_version,
        "cycle_id": cycle_id,
        "org_unit_id": org_unit_id,
        "family": family,
        "stage": stage,
        "manager_id": manager_id,
        "person_id": person_id,
        "employment_id": employment_id,
    }
    order = ("created_position",)
    return await page(view, APPRAISALS, order=order, where=where, limit=limit, cursor=cursor)


async def appraisal(view: View, appraisal_id: UUID) -> Appraisal | None:
    """The appraisal with this id."""
    return await get(view, APPRAISALS, appraisal_id)


async def appraisals_of(view: View, appraisal_ids: Sequence[UUID]) -> list[Appraisal]:
    """The appraisals with these ids, in no order; at most a page of them."""
    return await get_many(view, APPRAISALS, appraisal_ids)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a cycle's appraisals, in the order of their creation."""

    ids: tuple[UUID, ...]
    last: int | None = None
    """Where there are more: ask for those after this."""
    total: int | None = None
    """Of the whole cycle, where a limit was given."""


async def part(view: View, cycle_id: UUID, *, after: int = 0, limit: int | None = None) -> Part:
    """Appraisals of a cycle, for work in bulk; all of them where no limit is given."""
    records = await view.fetch(IDS_OF_CYCLE, cycle_id, after, None if limit is None else limit + 1)
    ids = tuple(record["appraisal_id"] for record in records[:limit])
    if limit is None:
        return Part(ids=ids)
    total = await view.fetchrow(COUNT_OF_CYCLE, cycle_id)
    more = len(records) > limit
    return Part(
        ids=ids,
        last=records[limit - 1]["created_position"] if more else None,
        total=total["count"] if total else 0,
    )


async def appraisal_ids(view: View, cycle_id: UUID) -> list[UUID]:
    """All appraisals of a cycle in the order of their creation."""
    return list((await part(view, cycle_id)).ids)


_FROM_CYCLE = f"""
FROM {APPRAISALS.name} WHERE tenant_id = $1 AND build = {APPRAISALS.live} AND cycle_id = $2
"""
IDS_OF_CYCLE = f"""
SELECT appraisal_id, created_position {_FROM_CYCLE}
AND created_position > $3 ORDER BY created_position LIMIT $4
"""
COUNT_OF_CYCLE = f"SELECT count(*) AS count {_FROM_CYCLE}"
