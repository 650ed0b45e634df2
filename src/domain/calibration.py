"""Calibration sessions 校准会: changes proposed and decided, the distribution checked, closed.

No score is locked while a session that took it is open.
"""

from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.kernel import Command, Decider, Event, Happened, Personal, looking


class TargetBand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many percent of the people are to have a score from here up to the next band. 目标分布"""

    code: str
    from_score: Decimal
    """Inclusive; the lowest band begins at 0."""
    share: Decimal
    """Percent; those of all bands sum to 100."""


class BandCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many people a band should have, and has."""

    code: str
    wanted: int
    found: int


class OpenCalibrationSession(Command, frozen=True, kw_only=True):
    code: str
    name: str
    cycle_id: UUID
    appraisal_ids: tuple[UUID, ...]
    target: tuple[TargetBand, ...] = ()
    """None where the session aims at no distribution."""


class CalibrationSessionOpened(Event, frozen=True, kw_only=True):
    TOPIC = "calibration-session.opened"
    code: str
    name: str
    cycle_id: UUID
    appraisal_ids: tuple[UUID, ...]
    target: tuple[TargetBand, ...] = ()


class AddToCalibrationSession(Command, frozen=True, kw_only=True):
    """Take more appraisals into an open session."""

    appraisal_ids: tuple[UUID, ...]


class AppraisalsAdded(Event, frozen=True, kw_only=True):
    TOPIC = "calibration-session.appraisals-added"
    appraisal_ids: tuple[UUID, ...]


class ProposeRatingChange(Command, frozen=True, kw_only=True):
    appraisal_id: UUID
    adjustment: Decimal
    """Points to add, at most 2 decimals, negative to take away."""
    reason_code: str
    reason: str


class RatingChangeProposed(Event, frozen=True, kw_only=True):
    TOPIC = "calibration-session.rating-change-proposed"
    SUBJECT = "person_id"
    proposal: int
    """1, 2, ... within the session."""
    appraisal_id: UUID
    person_id: UUID
    adjustment: Decimal
    reason_code: str
    score_before: Decimal
    score_after: Decimal
    near_edge: Decimal | None = None
    """An edge between two coefficients within 1.00 of the score after. 临界提示"""
    reason: Personal[str | None] = None


class DecideRatingChange(Command, frozen=True, kw_only=True):
    """Whoever decides authorises: another than who proposed it."""

    proposal: int
    accepted: bool
    reason_code: str
    reason: str


class RatingChangeDecided(Event, frozen=True, kw_only=True):
    TOPIC = "calibration-session.rating-change-decided"
    SUBJECT = "person_id"
    proposal: int
    appraisal_id: UUID
    person_id: UUID
    accepted: bool
    reason_code: str
    authorised_by: UUID
    reason: Personal[str | None] = None


class CheckDistribution(Command, frozen=True, kw_only=True):
    """Count the scores as they would be locked now against the session's target."""


class DistributionChecked(Event, frozen=True, kw_only=True):
    TOPIC = "calibration-session.distribution-checked"
    people: int
    bands: tuple[BandCount, ...]
    fits: bool


class CloseCalibrationSession(Command, frozen=True, kw_only=True):
    reason: str = ""
    """Why it is closed although the distribution is not the target."""


class CalibrationSessionClosed(Event, frozen=True, kw_only=True):
    TOPIC = "calibration-session.closed"
    reason: str = ""


class RatingChange(msgspec.Struct, frozen=True, kw_only=True):
    """One proposal of a session, numbered from 1 in their order."""

    appraisal_id: UUID
    adjustment: Decimal
    proposed_by: UUID
    score_before: Decimal
    score_after: Decimal
    near_edge: Decimal | None
    reason_code: str
    accepted: bool | None = None
    """None before it is decided."""
    decided_by: UUID | None = None


class CalibrationSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is now."""

    code: str
    name: str
    cycle_id: UUID
    appraisal_ids: tuple[UUID, ...]
    target: tuple[TargetBand, ...]
    changes: tuple[RatingChange, ...] = ()
    checked: DistributionChecked | None = None
    """The newest check; None where something has changed since."""
    closed: bool = False


CalibrationSessionEvent = (
    CalibrationSessionOpened
    | AppraisalsAdded
    | RatingChangeProposed
    | RatingChangeDecided
    | DistributionChecked
    | CalibrationSessionClosed
)


def evolve(
    state: CalibrationSession | None, happened: Happened[CalibrationSessionEvent]
) -> CalibrationSession:
    """The session after one more event."""
    event = happened.event
    if isinstance(event, CalibrationSessionOpened):
        return CalibrationSession(
            code=event.code,
            name=event.name,
            cycle_id=event.cycle_id,
            appraisal_ids=event.appraisal_ids,
            target=event.target,
        )
    session = begun(state)
    replace = msgspec.structs.replace
    match event:
        case AppraisalsAdded():
            taken = (*session.appraisal_ids, *event.appraisal_ids)
            return replace(session, appraisal_ids=taken, checked=None)
        case RatingChangeProposed():
            return replace(session, changes=(*session.changes, _change(event, happened.actor)))
        case RatingChangeDecided():
            return _decided(session, event)
        case DistributionChecked():
            return replace(session, checked=event)
        case CalibrationSessionClosed():
            return replace(session, closed=True)
        case _:
            assert_never(event)


def _change(event: RatingChangeProposed, actor: UUID) -> RatingChange:
    return RatingChange(
        appraisal_id=event.appraisal_id,
        adjustment=event.adjustment,
        proposed_by=actor,
        score_before=event.score_before,
        score_after=event.score_after,
        near_edge=event.near_edge,
        reason_code=event.reason_code,
    )


def _decided(session: CalibrationSession, event: RatingChangeDecided) -> CalibrationSession:
    index = event.proposal - 1
    decided = msgspec.structs.replace(
        session.changes[index], accepted=event.accepted, decided_by=event.authorised_by
    )
    return msgspec.structs.replace(
        session,
        changes=(*session.changes[:index], decided, *session.changes[index + 1 :]),
        checked=None if event.accepted else session.checked,
    )


LOOK_AT_CALIBRATION_SESSION: Decider[CalibrationSession | None] = looking(
    "calibration-session", None, evolve
)
"""For appraisals, which a session looks at in turn."""
