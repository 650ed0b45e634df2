"""After the lock: a score is reopened for a cause, takes an adjusting fact, and is locked anew.

No other way leads from one locked version to the next, and no version ever changes. 重开与再锁定
"""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from domain.explanation import Node
from domain.kernel import Command, Event, Personal
from domain.scheme_change import LockedPart

Cause = Literal["appeal", "correction"]
"""An appeal that was upheld, or a correction of business data that was accepted."""

AdjustmentKind = Literal["actual", "points"]
"""What was achieved (it is in the fact sheet), or a judged indicator's points (they are here)."""


class AcceptCorrection(Command, frozen=True, kw_only=True):
    """Let a correction that came after the lock count: the appraisal is reopened for it."""

    correction: UUID
    """The event that holds the correction."""
    reason: str


class AppraisalReopened(Event, frozen=True, kw_only=True):
    """The locked version stays valid until the next one. 重开"""

    TOPIC = "appraisal.reopened"
    SUBJECT = "person_id"
    person_id: UUID
    lock_version: int
    cause: Cause
    cause_id: UUID
    """The appeal, or the event that holds the correction."""
    reason: Personal[str | None] = None


class AdjustingFactAccepted(Event, frozen=True, kw_only=True):
    """What the next version will reckon with. 更正受理"""

    TOPIC = "appraisal.adjusting-fact-accepted"
    cause: Cause
    cause_id: UUID
    kind: AdjustmentKind
    indicator: str
    value: Decimal
    occurred_on: date | None = None
    """Of an actual: the day on which it holds."""
    supersedes: UUID | None = None
    """Of an actual: the event whose value it replaces; None where it adds to what there is."""


class RelockScore(Command, frozen=True, kw_only=True):
    """Freeze the score with its adjusting facts as the next version."""


class ScoreRelocked(Event, frozen=True, kw_only=True):
    """The version before stays as it was. 再锁定"""

    TOPIC = "appraisal.score-relocked"
    lock_version: int
    score: Decimal
    coefficient: Decimal
    explanation: Node
    parts: tuple[LockedPart, ...] = ()


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """Points of a judged indicator as they were decided after the lock, with their event."""

    indicator: str
    points: Decimal
    event_id: UUID


class Reopening(msgspec.Struct, frozen=True, kw_only=True):
    """Why a locked appraisal is open again, and whether anything has come of it yet."""

    cause: Cause
    cause_id: UUID
    adjusted: bool = False
