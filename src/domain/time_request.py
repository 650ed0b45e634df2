"""Requests about time, asked for by one, decided by another. 请假, 加班, 补卡

Approved leave is recorded with the employment, as if personnel had, and a missed punch with the
attendance of its month; overtime pays nothing by itself.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal, assert_never
from uuid import UUID

import msgspec

from domain import leave
from domain.attendance import ATTENDANCE_SHEET, AttendanceRecorded, Direction, checked_moment
from domain.calendar import Span
from domain.checks import begun, checked_reason, checked_text, known
from domain.employment import EMPLOYMENT, Employment, assignment_on
from domain.ids import attendance_sheet_id
from domain.kernel import Command, Context, Decider, Elsewhere, Event, Happened, Personal, Refused
from domain.leave import LeaveKind, RecordLeave

RequestKind = Literal["leave", "overtime", "punch"]
RequestState = Literal["waiting", "approved", "rejected", "withdrawn"]
MINUTES_MAX = 24 * 60
DEVICE = "request"
"""The device of a coming or going that was missed and asked for."""


class RequestLeave(Command, frozen=True, kw_only=True):
    """Ask for days away, both ends included."""

    employment_id: UUID
    starts_on: date
    ends_on: date
    kind: LeaveKind
    unpaid: bool = False
    reason: str


class LeaveRequested(Event, frozen=True, kw_only=True):
    """Asked of who led the person on the first day. 请假"""

    TOPIC = "time-request.leave-requested"
    SUBJECT = "person_id"
    employment_id: UUID
    person_id: UUID
    manager_id: UUID | None
    starts_on: date
    ends_on: date
    unpaid: bool
    kind: Personal[str | None] = None
    reason: Personal[str | None] = None


class RequestOvertime(Command, frozen=True, kw_only=True):
    """Ask that work beyond the working hours of a day is acknowledged."""

    employment_id: UUID
    on: date
    minutes: int
    reason: str


class OvertimeRequested(Event, frozen=True, kw_only=True):
    """加班"""

    TOPIC = "time-request.overtime-requested"
    SUBJECT = "person_id"
    employment_id: UUID
    person_id: UUID
    manager_id: UUID | None
    on: date
    minutes: int
    reason: Personal[str | None] = None


class RequestPunch(Command, frozen=True, kw_only=True):
    """Ask that a coming or going is recorded which no terminal saw."""

    employment_id: UUID
    on: date
    """The working day that it belongs to."""
    at: datetime
    """With its offset from UTC; not in the future."""
    direction: Direction
    reason: str


class PunchRequested(Event, frozen=True, kw_only=True):
    """补卡"""

    TOPIC = "time-request.punch-requested"
    SUBJECT = "person_id"
    employment_id: UUID
    person_id: UUID
    manager_id: UUID | None
    on: date
    at: datetime
    direction: Direction
    reason: Personal[str | None] = None


class ApproveTimeRequest(Command, frozen=True, kw_only=True):
    """By neither who asked nor whom it is for."""

    comment: str = ""


class TimeRequestApproved(Event, frozen=True, kw_only=True):
    TOPIC = "time-request.approved"
    SUBJECT = "person_id"
    person_id: UUID
    comment: Personal[str | None] = None


class RejectTimeRequest(Command, frozen=True, kw_only=True):
    """By neither who asked nor whom it is for."""

    reason: str


class TimeRequestRejected(Event, frozen=True, kw_only=True):
    TOPIC = "time-request.rejected"
    SUBJECT = "person_id"
    person_id: UUID
    reason: Personal[str | None] = None


class WithdrawTimeRequest(Command, frozen=True, kw_only=True):
    """Before it is decided, by whom it is for or who asked."""


class TimeRequestWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "time-request.withdrawn"


class TimeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is now; asked for again after it was rejected or withdrawn."""

    employment_id: UUID
    person_id: UUID
    requested_by: UUID
    what: RequestKind
    starts_on: date
    ends_on: date
    unpaid: bool = False
    kind: str | None = None
    reason: str | None = None
    at: datetime | None = None
    """Of a missed punch."""
    direction: Direction | None = None
    state: RequestState = "waiting"


Asking = RequestLeave | RequestOvertime | RequestPunch
Asked = LeaveRequested | OvertimeRequested | PunchRequested
TimeRequestCommand = Asking | ApproveTimeRequest | RejectTimeRequest | WithdrawTimeRequest
TimeRequestEvent = Asked | TimeRequestApproved | TimeRequestRejected | TimeRequestWithdrawn


def _decide(
    state: TimeRequest | None, command: TimeRequestCommand, context: Context
) -> Iterable[Event | Elsewhere]:
    if isinstance(command, Asking):
        return (_asked(state, command, context),)
    request = known(state, "unknown-time-request", "such request")
    if request.state != "waiting":
        raise Refused("time-request-decided", f"The request is {request.state}.")
    match command:
        case ApproveTimeRequest():
            return _approved(request, command, context)
        case RejectTimeRequest():
            _require_apart(request, context)
            reason = checked_reason(command.reason)
            return (TimeRequestRejected(person_id=request.person_id, reason=reason),)
        case WithdrawTimeRequest():
            if context.actor not in {request.person_id, request.requested_by}:
                raise Refused("not-own-time-request", "It is neither theirs nor for them.")
            return (TimeRequestWithdrawn(),)
        case _:
            assert_never(command)


def _asked(state: TimeRequest | None, command: Asking, context: Context) -> Asked:
    employment = _employment(command.employment_id, context)
    if state is not None and not _may_ask_again(state, employment):
        raise Refused("already-exists", "There is such a request already.")
    reason = checked_reason(command.reason)
    if isinstance(command, RequestLeave):
        wanted = _leave(command.starts_on, command.ends_on, command.kind, unpaid=command.unpaid)
        leave.recorded(employment.leaves, _employed(employment), employment.person_id, wanted)
        return LeaveRequested(
            employment_id=command.employment_id,
            person_id=employment.person_id,
            manager_id=_manager_on(employment, command.starts_on),
            starts_on=command.starts_on,
            ends_on=command.ends_on,
            unpaid=command.unpaid,
            kind=command.kind,
            reason=reason,
        )
    if employment.days_within(command.on, command.on) is None:
        raise Refused("not-employed-then", f"The person was not employed on {command.on}.")
    told: dict[str, Any] = {
        "employment_id": command.employment_id,
        "person_id": employment.person_id,
        "manager_id": _manager_on(employment, command.on),
        "on": command.on,
        "reason": reason,
    }
    if isinstance(command, RequestPunch):
        at = _missed(command.employment_id, command.on, command.at, command.direction, context)
        return PunchRequested(at=at, direction=command.direction, **told)
    if not 0 < command.minutes <= MINUTES_MAX:
        raise Refused("bad-overtime", f"Overtime is 1 to {MINUTES_MAX} minutes of a day.")
    return OvertimeRequested(minutes=command.minutes, **told)


def _missed(
    employment_id: UUID, on: date, at: datetime, direction: Direction, context: Context
) -> datetime:
    sheet = context.look(ATTENDANCE_SHEET, attendance_sheet_id(employment_id, on.year, on.month))
    told = checked_moment(sheet, on, at, direction)
    if told > context.now:
        raise Refused("bad-date", "Nothing was missed yet.")
    return told


def _may_ask_again(state: TimeRequest, employment: Employment) -> bool:
    if state.state == "approved" and state.what == "leave":
        # Unless the leave was cancelled since.
        return all(each.span.starts_on != state.starts_on for each in employment.leaves)
    return state.state in {"rejected", "withdrawn"}


def _approved(
    request: TimeRequest, command: ApproveTimeRequest, context: Context
) -> Iterable[Event | Elsewhere]:
    _require_apart(request, context)
    comment = checked_text(command.comment, "comment")
    approved = TimeRequestApproved(person_id=request.person_id, comment=comment)
    if request.what == "overtime":
        return (approved,)
    if request.at is not None and request.direction is not None:
        month = attendance_sheet_id(
            request.employment_id, request.starts_on.year, request.starts_on.month
        )
        punched = AttendanceRecorded(
            employment_id=request.employment_id,
            on=request.starts_on,
            at=_missed(
                request.employment_id, request.starts_on, request.at, request.direction, context
            ),
            direction=request.direction,
            device=DEVICE,
        )
        return (approved, Elsewhere(month, punched))
    employment = _employment(request.employment_id, context)
    wanted = _leave(
        request.starts_on,
        request.ends_on,
        request.kind,
        unpaid=request.unpaid,
        reason=request.reason or "",
    )
    recorded = leave.recorded(employment.leaves, _employed(employment), request.person_id, wanted)
    return (approved, Elsewhere(request.employment_id, recorded))


def _leave(
    starts_on: date, ends_on: date, kind: str | None, *, unpaid: bool, reason: str = ""
) -> RecordLeave:
    # What was erased meanwhile is leave for no reason that anybody knows.
    told: LeaveKind = msgspec.convert(kind or "other", LeaveKind)
    return RecordLeave(
        starts_on=starts_on, ends_on=ends_on, kind=told, unpaid=unpaid, reason=reason
    )


def _employment(employment_id: UUID, context: Context) -> Employment:
    found = context.look(EMPLOYMENT, employment_id)
    return known(found, "unknown-employment", "such employment")


def _employed(employment: Employment) -> Span:
    return Span(employment.hired_on, employment.last_day or date.max)


def _manager_on(employment: Employment, day: date) -> UUID | None:
    assignment = assignment_on(employment, day)
    return None if assignment is None else assignment.manager_id


def _require_apart(request: TimeRequest, context: Context) -> None:
    if context.actor in {request.person_id, request.requested_by}:
        raise Refused("own-time-request", "Somebody else decides on it.")


def _evolve(state: TimeRequest | None, happened: Happened[TimeRequestEvent]) -> TimeRequest:
    event = happened.event
    match event:
        case LeaveRequested():
            return TimeRequest(
                employment_id=event.employment_id,
                person_id=event.person_id,
                requested_by=happened.actor,
                what="leave",
                starts_on=event.starts_on,
                ends_on=event.ends_on,
                unpaid=event.unpaid,
                kind=event.kind,
                reason=event.reason,
            )
        case OvertimeRequested():
            return TimeRequest(
                employment_id=event.employment_id,
                person_id=event.person_id,
                requested_by=happened.actor,
                what="overtime",
                starts_on=event.on,
                ends_on=event.on,
                reason=event.reason,
            )
        case PunchRequested():
            return TimeRequest(
                employment_id=event.employment_id,
                person_id=event.person_id,
                requested_by=happened.actor,
                what="punch",
                starts_on=event.on,
                ends_on=event.on,
                reason=event.reason,
                at=event.at,
                direction=event.direction,
            )
        case TimeRequestApproved():
            return _moved(state, "approved")
        case TimeRequestRejected():
            return _moved(state, "rejected")
        case TimeRequestWithdrawn():
            return _moved(state, "withdrawn")
        case _:
            assert_never(event)


def _moved(state: TimeRequest | None, to: RequestState) -> TimeRequest:
    return msgspec.structs.replace(begun(state), state=to)


TIME_REQUEST: Decider[TimeRequest | None] = Decider(
    kind="time-request", initial=None, decide=_decide, evolve=_evolve
)
