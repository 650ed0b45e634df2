"""The appraisal: data score, sealed ratings, two-way comparison, calibration, locked versions."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.explanation import Node
from domain.kernel import Command, Event, Personal
from domain.organisation import JobFamily


class Rating(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points 0..100 on one manual indicator."""

    indicator: str
    points: Decimal


class Deviation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Self against manager on one indicator, or on the weighted total ("total")."""

    of: str
    self_points: Decimal
    manager_points: Decimal


class CreateAppraisal(Command, frozen=True, kw_only=True):
    cycle_id: UUID
    employment_id: UUID


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
    """First day of the cycle on which the person was employed."""
    ends_on: date


class CalculateInitialScore(Command, frozen=True, kw_only=True):
    """Score the indicators that data alone decides, as of now."""


class IndicatorPoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exact points of one indicator, as a fraction "n/d" or a whole number."""

    indicator: str
    points: str


class InitialScoreCalculated(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.initial-score-calculated"
    score: Decimal
    """Weighted mean over the data-driven indicators, 2 decimals half up."""
    points: tuple[IndicatorPoints, ...]


class SubmitSelfRating(Command, frozen=True, kw_only=True):
    ratings: tuple[Rating, ...]
    comment: str = ""


class SelfRatingSubmitted(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.self-rating-submitted"
    SUBJECT = "person_id"
    person_id: UUID
    ratings: tuple[Rating, ...]
    comment: Personal[str | None] = None


class SubmitManagerRating(Command, frozen=True, kw_only=True):
    ratings: tuple[Rating, ...]
    comment: str = ""


class ManagerRatingSubmitted(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.manager-rating-submitted"
    SUBJECT = "person_id"
    person_id: UUID
    ratings: tuple[Rating, ...]
    comment: Personal[str | None] = None


class TwoWayCompared(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.two-way-compared"
    compared: tuple[Deviation, ...]


class DeviationFlagged(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.deviation-flagged"
    flagged: tuple[Deviation, ...]


class ExplainDeviation(Command, frozen=True, kw_only=True):
    of: str
    """An indicator's code, or "total"."""
    reason: str


class DeviationExplained(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.deviation-explained"
    SUBJECT = "person_id"
    person_id: UUID
    of: str
    reason: Personal[str | None] = None


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


class PublishResult(Command, frozen=True, kw_only=True):
    """Show the locked result to the employee."""


class ResultPublished(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.result-published"
    lock_version: int
