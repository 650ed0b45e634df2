"""Appeals 异议复核: against an indicator of a published score, decided by an independent person."""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from domain.kernel import Command, Event, Personal
from domain.reopening import AdjustmentKind

FILE_WITHIN_DAYS = 10
"""Working days after the publication in which an appeal may be filed."""
DECIDE_WITHIN_DAYS = 15
"""Working days after its acceptance or escalation in which an appeal is decided."""
ESCALATE_WITHIN_DAYS = 10
"""Working days after the decision in which it may be escalated, once."""

WHOLE = "total"
"""Stands for the whole score; no indicator may be called so."""

Outcome = Literal["upheld", "partly-upheld", "rejected"]


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that is kept elsewhere, with what tells whether it is still the same one."""

    name: str
    checksum: str
    """sha256:<hex> of the document."""


class FileAppeal(Command, frozen=True, kw_only=True):
    """Ask that an indicator of a published score be looked at again."""

    appraisal_id: UUID
    lock_version: int
    indicator: str
    """An indicator's code, or "total"."""
    statement: str
    proofs: tuple[Proof, ...] = ()


class AppealFiled(Event, frozen=True, kw_only=True):
    """提交复核; again after it was returned."""

    TOPIC = "appeal.filed"
    SUBJECT = "person_id"
    person_id: UUID
    appraisal_id: UUID
    lock_version: int
    indicator: str
    file_by: date
    """The last day on which it could be filed."""
    statement: Personal[str | None] = None
    proofs: Personal[tuple[Proof, ...] | None] = None


class AcceptAppeal(Command, frozen=True, kw_only=True):
    """It is complete: the clock for a decision begins."""


class AppealAccepted(Event, frozen=True, kw_only=True):
    """受理"""

    TOPIC = "appeal.accepted"
    decide_by: date


class ReturnAppeal(Command, frozen=True, kw_only=True):
    """Something is missing: it may be filed again within the window."""

    reason: str


class AppealReturned(Event, frozen=True, kw_only=True):
    """退回"""

    TOPIC = "appeal.returned"
    SUBJECT = "person_id"
    person_id: UUID
    reason: Personal[str | None] = None


class AssignReviewer(Command, frozen=True, kw_only=True):
    """Neither the person concerned nor anybody who has had a hand in the score."""

    reviewer_id: UUID


class AppealReviewerAssigned(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.reviewer-assigned"
    reviewer_id: UUID


class AddEvidence(Command, frozen=True, kw_only=True):
    """By the person concerned or the reviewer, until it is decided."""

    note: str
    proofs: tuple[Proof, ...] = ()


class EvidenceAdded(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.evidence-added"
    SUBJECT = "person_id"
    person_id: UUID
    note: Personal[str | None] = None
    proofs: Personal[tuple[Proof, ...] | None] = None


class Adjusting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact that an upheld appeal establishes."""

    kind: AdjustmentKind
    indicator: str
    value: Decimal
    """Of an actual: in the place of the superseded one, else added; or an indicator's points."""
    occurred_on: date | None = None
    """Of an actual: the day on which it holds."""
    supersedes: UUID | None = None
    """Of an actual: the event that was wrong; None where one was missing."""


class DecideAppeal(Command, frozen=True, kw_only=True):
    """By the reviewer. What is upheld reopens the score with the facts that it establishes."""

    outcome: Outcome
    reason: str
    adjusting: tuple[Adjusting, ...] = ()


class AppealUpheld(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.upheld"
    SUBJECT = "person_id"
    person_id: UUID
    adjusting: tuple[Adjusting, ...]
    escalate_by: date
    reason: Personal[str | None] = None


class AppealPartlyUpheld(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.partly-upheld"
    SUBJECT = "person_id"
    person_id: UUID
    adjusting: tuple[Adjusting, ...]
    escalate_by: date
    reason: Personal[str | None] = None


class AppealRejected(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.rejected"
    SUBJECT = "person_id"
    person_id: UUID
    escalate_by: date
    reason: Personal[str | None] = None


class EscalateAppeal(Command, frozen=True, kw_only=True):
    """Once, by the person concerned: another reviewer decides for good."""

    reason: str


class AppealEscalated(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.escalated"
    SUBJECT = "person_id"
    person_id: UUID
    decide_by: date
    reason: Personal[str | None] = None


class WithdrawAppeal(Command, frozen=True, kw_only=True):
    """By the person concerned, before it is decided."""


class AppealWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.withdrawn"


class ExpireAppeal(Command, frozen=True, kw_only=True):
    """Its time has run out: it was not filed again, or not decided. The latter may be escalated."""


class AppealExpired(Event, frozen=True, kw_only=True):
    TOPIC = "appeal.expired"
    escalate_by: date | None = None
    """None where it was returned and not filed again."""


Status = Literal[
    "filed",
    "returned",
    "accepted",
    "under-review",
    "upheld",
    "partly-upheld",
    "rejected",
    "escalated",
    "withdrawn",
    "expired",
]

UNDECIDED: tuple[Status, ...] = ("filed", "returned", "accepted", "under-review", "escalated")


class Appeal(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal as it is now."""

    person_id: UUID
    appraisal_id: UUID
    lock_version: int
    indicator: str
    file_by: date
    status: Status = "filed"
    reviewer_id: UUID | None = None
    reviewers: tuple[UUID, ...] = ()
    """All there were: who has decided once does not decide the escalation."""
    decide_by: date | None = None
    escalate_by: date | None = None
    escalated: bool = False


AppealCommand = (
    FileAppeal
    | AcceptAppeal
    | ReturnAppeal
    | AssignReviewer
    | AddEvidence
    | DecideAppeal
    | EscalateAppeal
    | WithdrawAppeal
    | ExpireAppeal
)
AppealEvent = (
    AppealFiled
    | AppealAccepted
    | AppealReturned
    | AppealReviewerAssigned
    | EvidenceAdded
    | AppealUpheld
    | AppealPartlyUpheld
    | AppealRejected
    | AppealEscalated
    | AppealWithdrawn
    | AppealExpired
)
