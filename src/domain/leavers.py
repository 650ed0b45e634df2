"""What becomes of the appraisal of somebody who leaves before its lock."""

from typing import Literal
from uuid import UUID

from domain.kernel import Command, Event, Personal

LeaverPolicy = Literal["prorated", "forfeited", "void"]
"""prorated: the days worked are paid; forfeited: scored and paid nothing; void: not scored."""


class VoidAppraisal(Command, frozen=True, kw_only=True):
    """End an appraisal without a score, where the leaver policy says so or no day of it is left."""

    reason: str


class AppraisalVoided(Event, frozen=True, kw_only=True):
    """作废"""

    TOPIC = "appraisal.voided"
    reason: Personal[str | None] = None


class PayForfeited(Event, frozen=True, kw_only=True):
    """Locked for a leaver whom the cycle's policy pays nothing for it. 丧失绩效"""

    TOPIC = "appraisal.pay-forfeited"
    terminated_by: UUID
    """The event that ended the employment."""
