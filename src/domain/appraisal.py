"""The appraisal: data score, sealed ratings, two-way comparison, calibration, locked versions."""

from datetime import date
from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.calendar import ProrationBasis
from domain.checks import begun
from domain.conduct import (
    AdjustmentApproved,
    Conduct,
    ConductEvent,
    RaterReassigned,
    conducted,
)
from domain.explanation import Node
from domain.kernel import Command, Decider, Event, Happened, Personal, looking
from domain.leavers import AppraisalVoided, PayForfeited
from domain.organisation import JobFamily
from domain.ratings import (
    DeviationExplained,
    DeviationFlagged,
    ManagerRatingRevised,
    ManagerRatingSubmitted,
    Rating,
    SelfRatingSubmitted,
    TwoWayCompared,
)
from domain.reopening import (
    AdjustingFactAccepted,
    Adjustment,
    AppraisalReopened,
    Reopening,
    ScoreRelocked,
)
from domain.scheme_change import LockedPart


class CreateAppraisal(Command, frozen=True, kw_only=True):
    cycle_id: UUID
    employment_id: UUID
    segment: int = 1
    """1 for the first run of days in one unit and job, and one more after each transfer."""


class AppraisalCreated(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.created"
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
    """First day of the segment, as it was known then."""
    ends_on: date
    assigned_by: UUID | None = None
    """The event of the assignment in force on the first day."""
    proration: ProrationBasis = "calendar-days"
    """As the scheme version says; a change of the version within the cycle leaves it as it is."""


class CalculateInitialScore(Command, frozen=True, kw_only=True):
    """Score the indicators that data alone decides, as of now."""


class RecalculateInitialScore(Command, frozen=True, kw_only=True):
    """Score them again because the data have moved; nothing happens where the score has not.

    Carried out by the product itself after every data event; provisional before the cut-off.
    """


class IndicatorPoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exact points of one indicator, as a fraction "n/d" or a whole number."""

    indicator: str
    points: str


class InitialScoreCalculated(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.initial-score-calculated"
    score: Decimal
    """Weighted mean over the data-driven indicators, 2 decimals half up."""
    points: tuple[IndicatorPoints, ...]
    explanation: Node | None = None
    provisional: bool = False
    """It was calculated while data still came; no score is locked upon it."""


class CalibrateScore(Command, frozen=True, kw_only=True):
    adjustment: Decimal
    """Points to add, at most 2 decimals, negative to take away."""
    reason_code: str
    reason: str
    authorised_by: UUID


class CalibrationApplied(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.calibration-applied"
    SUBJECT = "person_id"
    person_id: UUID
    adjustment: Decimal
    reason_code: str
    authorised_by: UUID
    reason: Personal[str | None] = None


class LockScore(Command, frozen=True, kw_only=True):
    """Freeze the score as a version; pay follows from it."""


class ScoreLocked(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.score-locked"
    lock_version: int
    score: Decimal
    coefficient: Decimal
    explanation: Node
    parts: tuple[LockedPart, ...] = ()
    """By scheme version where it changed within the days; pay then takes these."""


class PublishResult(Command, frozen=True, kw_only=True):
    """Show the locked result to the employee."""


class ResultPublished(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.result-published"
    lock_version: int


# -- what an appraisal is now (its commands are decided in domain.appraisal_decisions)


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """The initial score, from data alone. 考核初分"""

    score: Decimal
    event_id: UUID
    points: tuple[IndicatorPoints, ...] = ()
    provisional: bool = False


class RatingGiven(msgspec.Struct, frozen=True, kw_only=True):
    """A rating as it was submitted, with the event that says so."""

    ratings: tuple[Rating, ...]
    event_id: UUID
    by: UUID | None = None


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """One adjustment, with the event that says so."""

    adjustment: Decimal
    event_id: UUID
    by: UUID | None = None
    authorised_by: UUID | None = None


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen score: `version` is what pay refers to."""

    version: int
    score: Decimal
    coefficient: Decimal
    event_id: UUID
    parts: tuple[LockedPart, ...] = ()


class Appraisal(msgspec.Struct, frozen=True, kw_only=True):
    """An appraisal as it is now. Ratings stay sealed from each other until both are in. 考核单"""

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
    ends_on: date
    assigned_by: UUID | None
    """The event of the assignment that was in force on the first day."""
    proration: ProrationBasis
    created_by: UUID
    """The event that fixed all of the above."""
    initial_score: Scored | None = None
    self_rating: RatingGiven | None = None
    manager_rating: RatingGiven | None = None
    flagged: tuple[str, ...] = ()
    """What must be explained before the score is locked: indicators' codes, or "total"."""
    explained: tuple[str, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    locked: Locked | None = None
    """The newest version: what is valid, also while the appraisal is reopened."""
    versions: tuple[Locked, ...] = ()
    """All of them, the first first."""
    reopened: Reopening | None = None
    adjustments: tuple[Adjustment, ...] = ()
    forfeited_by: UUID | None = None
    """The end of the employment by which the score is worth nothing, if it is one."""
    voided: UUID | None = None
    """The event that ended the appraisal without a score."""
    conduct: Conduct = Conduct()
    published_version: int = 0
    published_on: date | None = None
    """The day on which that version was shown; windows for appeals begin with it."""

    @property
    def unexplained(self) -> tuple[str, ...]:
        """What was flagged and has no reason yet."""
        return tuple(of for of in self.flagged if of not in self.explained)


AppraisalEvent = (
    AppraisalCreated
    | InitialScoreCalculated
    | SelfRatingSubmitted
    | ManagerRatingSubmitted
    | ManagerRatingRevised
    | RaterReassigned
    | AdjustmentApproved
    | ConductEvent
    | TwoWayCompared
    | DeviationFlagged
    | DeviationExplained
    | CalibrationApplied
    | ScoreLocked
    | ResultPublished
    | AppraisalReopened
    | AdjustingFactAccepted
    | ScoreRelocked
    | AppraisalVoided
    | PayForfeited
)


def evolve(state: Appraisal | None, happened: Happened[AppraisalEvent]) -> Appraisal:
    """The appraisal after one more event."""
    if isinstance(happened.event, AppraisalCreated):
        return _created(happened.event, happened.event_id)
    return msgspec.structs.replace(begun(state), **_changed(begun(state), happened))


def _created(event: AppraisalCreated, event_id: UUID) -> Appraisal:
    return Appraisal(
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
        assigned_by=event.assigned_by,
        proration=event.proration,
        created_by=event_id,
    )


def _changed(appraisal: Appraisal, happened: Happened[AppraisalEvent]) -> dict[str, object]:
    event, event_id = happened.event, happened.event_id
    if isinstance(event, ConductEvent):
        return {"conduct": conducted(appraisal.conduct, event, event_id, happened.actor)}
    match event:
        case AppraisalCreated() | TwoWayCompared():
            return {}
        case InitialScoreCalculated():
            return {"initial_score": _scored(event, event_id)}
        case SelfRatingSubmitted():
            return {"self_rating": RatingGiven(ratings=event.ratings, event_id=event_id)}
        case ManagerRatingSubmitted():
            given = RatingGiven(ratings=event.ratings, event_id=event_id, by=happened.actor)
            return {"manager_rating": given}
        case ManagerRatingRevised():
            revised = RatingGiven(ratings=event.ratings, event_id=event_id, by=happened.actor)
            return {"manager_rating": revised, "flagged": (), "explained": ()}
        case RaterReassigned():
            return {"manager_id": event.rater_id}
        case DeviationFlagged():
            return {"flagged": tuple(deviation.of for deviation in event.flagged)}
        case DeviationExplained():
            return {"explained": (*appraisal.explained, event.of)}
        case CalibrationApplied():
            applied = Calibration(
                adjustment=event.adjustment,
                event_id=event_id,
                by=happened.actor,
                authorised_by=event.authorised_by,
            )
            return {"calibrations": (*appraisal.calibrations, applied)}
        case AdjustmentApproved():
            applied = Calibration(
                adjustment=event.adjustment,
                event_id=event_id,
                by=event.proposed_by,
                authorised_by=happened.actor,
            )
            conduct = msgspec.structs.replace(appraisal.conduct, proposed=None)
            return {"calibrations": (*appraisal.calibrations, applied), "conduct": conduct}
        case ScoreLocked() | ScoreRelocked():
            locked = Locked(
                version=event.lock_version,
                score=event.score,
                coefficient=event.coefficient,
                event_id=event_id,
                parts=event.parts,
            )
            return {
                "locked": locked,
                "versions": (*appraisal.versions, locked),
                "reopened": None,
            }
        case ResultPublished():
            return {
                "published_version": event.lock_version,
                "published_on": happened.recorded_at.date(),
            }
        case AppraisalReopened():
            return {"reopened": Reopening(cause=event.cause, cause_id=event.cause_id)}
        case AdjustingFactAccepted():
            return _adjusted(appraisal, event, event_id)
        case AppraisalVoided():
            return {"voided": event_id}
        case PayForfeited():
            return {"forfeited_by": event.terminated_by}
        case _:
            assert_never(event)


def _scored(event: InitialScoreCalculated, event_id: UUID) -> Scored:
    return Scored(
        score=event.score, event_id=event_id, points=event.points, provisional=event.provisional
    )


def _adjusted(
    appraisal: Appraisal, event: AdjustingFactAccepted, event_id: UUID
) -> dict[str, object]:
    reopened = msgspec.structs.replace(begun(appraisal.reopened), adjusted=True)
    if event.kind == "actual":  # the fact sheet holds it
        return {"reopened": reopened}
    kept = (each for each in appraisal.adjustments if each.indicator != event.indicator)
    decided = Adjustment(indicator=event.indicator, points=event.value, event_id=event_id)
    return {"reopened": reopened, "adjustments": (*kept, decided)}


LOOK_AT_APPRAISAL: Decider[Appraisal | None] = looking("appraisal", None, evolve)
"""For goal sheets and fact sheets, which the appraisal looks at in turn."""
