"""How an appraisal is conducted beside its two ratings: stand-ins, waivers, replies, adjustments.

What of it an appraisal has to remember is its `Conduct`; what it decides is in
`domain.rating_decisions`.
"""

from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.kernel import Command, Event, Personal
from domain.receipt import ReceiptIssued, ResultAcknowledged

# -- who rates


class ReassignRater(Command, frozen=True, kw_only=True):
    """Let another person rate in the manager's place: they left, or there never was one."""

    rater_id: UUID
    """Who rates from now on: the skip-level manager, a member of the board."""
    reason: str


class RaterReassigned(Event, frozen=True, kw_only=True):
    """From here on the rater stands for the manager in this appraisal. 更换评价人"""

    TOPIC = "appraisal.rater-reassigned"
    SUBJECT = "person_id"
    person_id: UUID
    before: UUID | None
    rater_id: UUID
    reason: Personal[str | None] = None


class RequestWaiver(Command, frozen=True, kw_only=True):
    """Ask that the manager's rating be done without: nobody can give it."""

    reason: str


class WaiverRequested(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.waiver-requested"
    SUBJECT = "person_id"
    person_id: UUID
    reason: Personal[str | None] = None


class ApproveWaiver(Command, frozen=True, kw_only=True):
    """Agree to the waiver that another has asked for."""


class RatingWaived(Event, frozen=True, kw_only=True):
    """Judged indicators do not count: their weight goes to the rest of their section. 免评"""

    TOPIC = "appraisal.rating-waived"
    requested_by: UUID


# -- what ratings say


class ReplyToDeviation(Command, frozen=True, kw_only=True):
    """What the person concerned has to say to a flagged deviation."""

    of: str
    """An indicator's code, or "total"."""
    reply: str


class DeviationReplied(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.deviation-replied"
    SUBJECT = "person_id"
    person_id: UUID
    of: str
    reply: Personal[str | None] = None


class RaterGroupSuppressed(Event, frozen=True, kw_only=True):
    """Too few answered: the group does not count, or counts as its rule says. 评价组匿名不足"""

    TOPIC = "appraisal.rater-group-suppressed"
    indicator: str
    group: str
    responses: int
    scored_from: int


# -- adjustments 调整


class ProposeAdjustment(Command, frozen=True, kw_only=True):
    adjustment: Decimal
    """Points to add, at most 2 decimals, negative to take away."""
    reason_code: str
    reason: str


class AdjustmentProposed(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.adjustment-proposed"
    SUBJECT = "person_id"
    person_id: UUID
    adjustment: Decimal
    reason_code: str
    score_before: Decimal
    score_after: Decimal
    near_edge: Decimal | None = None
    """An edge between two coefficients within 1.00 of the score after. 临界提示"""
    reason: Personal[str | None] = None


class ApproveAdjustment(Command, frozen=True, kw_only=True):
    """Agree to the adjustment that another has proposed."""


class AdjustmentApproved(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.adjustment-approved"
    adjustment: Decimal
    reason_code: str
    proposed_by: UUID


class RejectAdjustment(Command, frozen=True, kw_only=True):
    reason: str


class AdjustmentRejected(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.adjustment-rejected"
    SUBJECT = "person_id"
    person_id: UUID
    reason: Personal[str | None] = None


# -- calibration sessions


class CalibrationSessionJoined(Event, frozen=True, kw_only=True):
    """Until that session is closed the score is not locked. Written when the session takes it."""

    TOPIC = "appraisal.calibration-session-joined"
    session_id: UUID


# -- what an appraisal remembers of it


class ProposedAdjustment(msgspec.Struct, frozen=True, kw_only=True):
    """An adjustment that waits for another to decide."""

    adjustment: Decimal
    reason_code: str
    proposed_by: UUID


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """What happened around the ratings of one appraisal."""

    waiver_requested_by: UUID | None = None
    waived: UUID | None = None
    """The event that waived the manager's rating."""
    replied: tuple[str, ...] = ()
    proposed: ProposedAdjustment | None = None
    sessions: tuple[UUID, ...] = ()
    """Calibration sessions that took the appraisal, open or closed."""
    acknowledged_version: int = 0


ConductEvent = (
    WaiverRequested
    | RatingWaived
    | DeviationReplied
    | RaterGroupSuppressed
    | AdjustmentProposed
    | AdjustmentRejected
    | CalibrationSessionJoined
    | ReceiptIssued
    | ResultAcknowledged
)


def conducted(conduct: Conduct, event: ConductEvent, event_id: UUID, actor: UUID) -> Conduct:
    """The conduct after one more event."""
    replace = msgspec.structs.replace
    match event:
        case WaiverRequested():
            return replace(conduct, waiver_requested_by=actor)
        case RatingWaived():
            return replace(conduct, waived=event_id)
        case DeviationReplied():
            return replace(conduct, replied=(*conduct.replied, event.of))
        case AdjustmentProposed():
            proposed = ProposedAdjustment(
                adjustment=event.adjustment,
                reason_code=event.reason_code,
                proposed_by=actor,
            )
            return replace(conduct, proposed=proposed)
        case AdjustmentRejected():
            return replace(conduct, proposed=None)
        case CalibrationSessionJoined():
            return replace(conduct, sessions=(*conduct.sessions, event.session_id))
        case ResultAcknowledged():
            return replace(conduct, acknowledged_version=event.lock_version)
        case RaterGroupSuppressed() | ReceiptIssued():
            return conduct
        case _:
            assert_never(event)
