"""What both sides say of a person: ratings, their comparison, and what is said about deviations."""

from decimal import Decimal
from uuid import UUID

import msgspec

from domain.kernel import Command, Event, Personal


class Rating(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points 0..100 on one manual indicator."""

    indicator: str
    points: Decimal


class Deviation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Self against manager on one indicator, or on the weighted total ("total")."""

    of: str
    self_points: Decimal
    manager_points: Decimal


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


class ReviseManagerRating(Command, frozen=True, kw_only=True):
    """Rate anew after the comparison; what was explained then is to be explained anew."""

    ratings: tuple[Rating, ...]
    reason: str


class ManagerRatingRevised(Event, frozen=True, kw_only=True):
    """The rating before stays in the history; this one counts."""

    TOPIC = "appraisal.manager-rating-revised"
    SUBJECT = "person_id"
    person_id: UUID
    ratings: tuple[Rating, ...]
    reason: Personal[str | None] = None


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
