"""Leave: days on which a person was away; unpaid ones earn nothing. 请假"""

from collections.abc import Iterable
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from domain.calendar import Span
from domain.checks import checked_reason, checked_text
from domain.kernel import Command, Event, Personal, Refused

LeaveKind = Literal["annual", "sick", "parental", "personal", "other"]
"""年假、病假、产假或陪产假、事假、其他"""


class RecordLeave(Command, frozen=True, kw_only=True):
    """Days away, both ends included. Unpaid days reduce performance pay, the others do not."""

    starts_on: date
    ends_on: date
    kind: LeaveKind
    unpaid: bool
    reason: str = ""


class LeaveRecorded(Event, frozen=True, kw_only=True):
    """Why somebody was away is nobody else's business: it is sealed."""

    TOPIC = "employment.leave-recorded"
    SUBJECT = "person_id"
    person_id: UUID
    starts_on: date
    ends_on: date
    unpaid: bool
    kind: Personal[str | None] = None
    reason: Personal[str | None] = None


class CancelLeave(Command, frozen=True, kw_only=True):
    """The leave that begins on that day was not taken, or was recorded wrongly."""

    starts_on: date
    reason: str


class LeaveCancelled(Event, frozen=True, kw_only=True):
    TOPIC = "employment.leave-cancelled"
    starts_on: date
    reason: Personal[str | None] = None


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """Days away, with the event that says so."""

    span: Span
    unpaid: bool
    event_id: UUID


def recorded(
    leaves: Iterable[Leave], employed: Span, person_id: UUID, command: RecordLeave
) -> LeaveRecorded:
    """The leave as recorded; no day is ever away twice.

    Raises:
        Refused: `bad-date`, `leave-outside-employment`, `leave-overlaps`.
    """
    span = Span(command.starts_on, command.ends_on)
    if span.within(employed) != span:
        raise Refused("leave-outside-employment", "Leave lies within the employment.")
    if any(leave.span.within(span) for leave in leaves):
        raise Refused("leave-overlaps", "Some of these days are leave already.")
    return LeaveRecorded(
        person_id=person_id,
        starts_on=span.starts_on,
        ends_on=span.ends_on,
        unpaid=command.unpaid,
        kind=command.kind,
        reason=checked_text(command.reason, "reason"),
    )


def cancelled(leaves: Iterable[Leave], command: CancelLeave) -> LeaveCancelled:
    """The leave as cancelled, or `Refused("unknown-leave")`."""
    if command.starts_on not in {leave.span.starts_on for leave in leaves}:
        raise Refused("unknown-leave", f"No leave begins on {command.starts_on}.")
    return LeaveCancelled(starts_on=command.starts_on, reason=checked_reason(command.reason))
