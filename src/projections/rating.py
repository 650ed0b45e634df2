"""Who is to rate whom in a 360, and the calibration sessions with what was decided in them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from domain.calibration import (
    AppraisalsAdded,
    BandCount,
    CalibrationSessionClosed,
    CalibrationSessionOpened,
    DistributionChecked,
    RatingChangeDecided,
    RatingChangeProposed,
    TargetBand,
)
from domain.ids import rater_panel_id
from domain.peer_rating import PeerRatingSubmitted
from domain.rater_panel import RaterApproved, RaterDeclined, RaterNominated, RaterReplaced
from projections.kernel import Projection
from projections.questions import LIMIT_DEFAULT, LIMIT_MAX, Page, View, get, page
from projections.tables import Build, Row, Table, begun
from tenancy.records import Recorded

NAME = "rating"
VERSION = 2

RaterState = Literal["nominated", "approved", "declined", "replaced", "submitted"]


class Rater(Row, kw_only=True):
    """One person on one panel 评价人"""

    panel_id: UUID
    rater_id: UUID
    appraisal_id: UUID
    group_code: str
    state: RaterState
    asked_position: int
    """Of the nomination; the order in which raters are told their tasks."""
    asked_by: UUID
    """Who named them."""
    asked_at: datetime


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was proposed in a session, and what became of it."""

    proposal: int
    appraisal_id: UUID
    person_id: UUID
    adjustment: Decimal
    reason_code: str
    proposed_by: UUID
    score_before: Decimal
    score_after: Decimal
    near_edge: Decimal | None = None
    """An edge between two coefficients within 1.00 of the score after."""
    accepted: bool | None = None
    """None before it is decided."""
    authorised_by: UUID | None = None


class Session(Row, kw_only=True):
    """校准会"""

    session_id: UUID
    code: str
    name: str
    cycle_id: UUID
    appraisal_ids: tuple[UUID, ...]
    target: tuple[TargetBand, ...]
    changes: tuple[Change, ...] = ()
    distribution: tuple[BandCount, ...] = ()
    """As checked last; empty where something has changed since."""
    fits: bool | None = None
    closed: bool = False
    opened_position: int
    version: int


RATERS = Table(
    "raters",
    Rater,
    projection=NAME,
    version=VERSION,
    key=("panel_id", "rater_id"),
    indexes=(("rater_id", "asked_position"), ("state", "asked_position")),
)
SESSIONS = Table(
    "calibration_sessions",
    Session,
    projection=NAME,
    version=VERSION,
    key=("session_id",),
    indexes=(("cycle_id", "opened_position"),),
)


def rater_step(row: Rater | None, recorded: Recorded) -> Rater:
    """The row of the rater whom the event names first; pure."""
    event = recorded.event
    if isinstance(event, RaterNominated):
        return Rater(
            panel_id=recorded.stream_id,
            rater_id=event.rater_id,
            appraisal_id=event.appraisal_id,
            group_code=event.group,
            state="nominated",
            asked_position=recorded.position,
            asked_by=recorded.actor,
            asked_at=recorded.recorded_at,
        )
    row = begun(row, recorded)
    match event:
        case RaterApproved():
            row.state = "approved"
        case RaterDeclined():
            row.state = "declined"
        case RaterReplaced():
            row.state = "replaced"
        case PeerRatingSubmitted():
            row.state = "submitted"
    return row


def session_step(row: Session | None, recorded: Recorded) -> Session:
    """The session's next state; pure."""
    event = recorded.event
    if isinstance(event, CalibrationSessionOpened):
        return Session(
            session_id=recorded.stream_id,
            code=event.code,
            name=event.name,
            cycle_id=event.cycle_id,
            appraisal_ids=event.appraisal_ids,
            target=event.target,
            opened_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case AppraisalsAdded():
            row.appraisal_ids = (*row.appraisal_ids, *event.appraisal_ids)
            row.distribution, row.fits = (), None
        case RatingChangeProposed():
            row.changes = (*row.changes, _proposed(event, recorded.actor))
        case RatingChangeDecided():
            row.changes = tuple(
                msgspec.structs.replace(
                    each, accepted=event.accepted, authorised_by=event.authorised_by
                )
                if each.proposal == event.proposal
                else each
                for each in row.changes
            )
            if event.accepted:
                row.distribution, row.fits = (), None
        case DistributionChecked():
            row.distribution, row.fits = event.bands, event.fits
        case CalibrationSessionClosed():
            row.closed = True
    return row


def _proposed(event: RatingChangeProposed, actor: UUID) -> Change:
    return Change(
        proposal=event.proposal,
        appraisal_id=event.appraisal_id,
        person_id=event.person_id,
        adjustment=event.adjustment,
        reason_code=event.reason_code,
        proposed_by=actor,
        score_before=event.score_before,
        score_after=event.score_after,
        near_edge=event.near_edge,
    )


RATER_TOPICS = frozenset(
    event.TOPIC
    for event in (RaterNominated, RaterApproved, RaterDeclined, RaterReplaced, PeerRatingSubmitted)
)
SESSION_TOPICS = frozenset(
    event.TOPIC
    for event in (
        CalibrationSessionOpened,
        AppraisalsAdded,
        RatingChangeProposed,
        RatingChangeDecided,
        DistributionChecked,
        CalibrationSessionClosed,
    )
)


def _rater_keys(recorded: Recorded) -> list[tuple[UUID, UUID]]:
    event = recorded.event
    match event:
        case PeerRatingSubmitted():
            return [(rater_panel_id(event.appraisal_id), event.rater_id)]
        case RaterReplaced():
            return [(recorded.stream_id, event.rater_id), (recorded.stream_id, event.by_id)]
        case _:
            return [(recorded.stream_id, event.rater_id)]


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    named = [recorded for recorded in batch if recorded.topic in RATER_TOPICS]
    raters = await RATERS.load(build, (key for each in named for key in _rater_keys(each)))
    for recorded in named:
        first, *second = _rater_keys(recorded)
        raters.fold(first, recorded, rater_step)
        for key in second:
            before = raters.get(first)

            def instead(
                _row: Rater | None, recorded: Recorded, before: Rater | None = before
            ) -> Rater:
                row = begun(before, recorded)
                row.rater_id, row.state = recorded.event.by_id, "nominated"
                row.asked_position = recorded.position
                row.asked_by, row.asked_at = recorded.actor, recorded.recorded_at
                return row

            raters.fold(key, recorded, instead)
    await raters.save()
    sessions = [recorded for recorded in batch if recorded.topic in SESSION_TOPICS]
    rows = await SESSIONS.load(build, (each.stream_id for each in sessions))
    for recorded in sessions:
        rows.fold(recorded.stream_id, recorded, session_step)
    await rows.save()


RATING = Projection(
    name=NAME,
    version=VERSION,
    topics=RATER_TOPICS | SESSION_TOPICS,
    tables=(RATERS, SESSIONS),
    apply=_apply,
)


TASKS = f"""
SELECT {RATERS.selected} FROM {RATERS.name}
WHERE tenant_id = $1 AND build = {RATERS.live} AND rater_id = $2
  AND state IN ('approved', 'submitted')
ORDER BY asked_position DESC LIMIT {LIMIT_MAX}
"""  # noqa: S608  own names


async def tasks(view: View, *, rater_id: UUID) -> list[Rater]:
    """Whom a person may rate, or has rated, on a panel; the newest first, at most a page."""
    return [RATERS.read(record) for record in await view.fetch(TASKS, rater_id)]


async def nominated(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[Rater]:
    """Who was named and neither approved nor declined yet, the oldest first."""
    order = ("asked_position", "rater_id")
    return await page(
        view, RATERS, order=order, where={"state": "nominated"}, limit=limit, cursor=cursor
    )


async def sessions(
    view: View,
    *,
    cycle_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Session]:
    """Calibration sessions in the order of their opening."""
    return await page(
        view,
        SESSIONS,
        order=("opened_position",),
        where={"cycle_id": cycle_id},
        limit=limit,
        cursor=cursor,
    )


async def session(view: View, session_id: UUID) -> Session | None:
    """The session with this id."""
    return await get(view, SESSIONS, session_id)


PANEL = f"""
SELECT {RATERS.selected} FROM {RATERS.name}
WHERE tenant_id = $1 AND build = {RATERS.live} AND appraisal_id = $2
ORDER BY asked_position, rater_id
"""  # noqa: S608  own names


async def raters_of(view: View, appraisal_id: UUID) -> list[Rater]:
    """Everybody who was ever on a panel about an appraisal."""
    return [RATERS.read(record) for record in await view.fetch(PANEL, appraisal_id)]


RATERS_OF_APPRAISALS = f"""
SELECT appraisal_id FROM {RATERS.name}
WHERE tenant_id = $1 AND build = {RATERS.live} AND rater_id = $2 AND state = 'submitted'
ORDER BY asked_position
"""  # noqa: S608  own names


async def rated_by(view: View, rater_id: UUID) -> list[UUID]:
    """The appraisals in which a person has rated as one of a panel."""
    return [record["appraisal_id"] for record in await view.fetch(RATERS_OF_APPRAISALS, rater_id)]
