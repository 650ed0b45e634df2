"""Employments: effective-dated assignments and pay, read only as of a day, never as "current"."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol, TypeVar, assert_never
from uuid import UUID

import msgspec

from domain import leave
from domain.calendar import Span
from domain.checks import absent, begun, checked_code, checked_number, checked_reason, known
from domain.ids import employment_id
from domain.jobs import JOB
from domain.kernel import Context, Decider, Elsewhere, Event, Happened, Refused
from domain.money import Money, money_of
from domain.org_units import ORG_UNIT, check_in_force
from domain.organisation import (
    PERSON,
    Assignment,
    AssignmentChanged,
    ChangeAssignment,
    EmployeeHired,
    EmployeeRehired,
    EmploymentBegun,
    EmploymentTerminated,
    HireEmployee,
    LeaverClass,
    PayStructureSet,
    RehireEmployee,
    SetPayStructure,
    TerminateEmployment,
)
from domain.pay import split_pay
from domain.share_override import (
    ApproveShareOverride,
    OverrideCommand,
    OverrideEvent,
    PerformanceShareOverrideApproved,
    PerformanceShareOverrideRejected,
    PerformanceShareOverrideRequested,
    RejectShareOverride,
    RequestShareOverride,
    ShareOverride,
    check_share_on,
    decided,
    overridden,
)
from domain.withdrawal import (
    AssignmentWithdrawn,
    EmploymentOfPersonWithdrawn,
    EmploymentWithdrawn,
    FromEmployment,
    OfEmployment,
    PayStructureWithdrawn,
    TerminationWithdrawn,
    WithdrawAssignment,
    WithdrawEmployment,
    WithdrawPayStructure,
    WithdrawTermination,
    check_taking_back,
)

FTE_DECIMALS = 4


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment and the day from which it holds."""

    effective_from: date
    assignment: Assignment
    event_id: UUID
    recorded: int
    """How many assignments were recorded before it: the order in which they became known."""


class Pay(msgspec.Struct, frozen=True, kw_only=True):
    """A pay structure and the day from which it holds; fixed + performance = total. 薪酬结构"""

    effective_from: date
    performance_share: Decimal
    total: Money
    performance: Money
    fixed: Money
    event_id: UUID


class Employment(msgspec.Struct, frozen=True, kw_only=True):
    """An employment with all its dated rows, each list in the order of its days. 雇佣"""

    number: str
    person_id: UUID
    hired_on: date
    hired_by: UUID
    """The event that set the day of hire."""
    assignments: tuple[Assigned, ...]
    pay: tuple[Pay, ...] = ()
    last_day: date | None = None
    leaver: LeaverClass | None = None
    terminated_by: UUID | None = None
    leaves: tuple[leave.Leave, ...] = ()
    overrides: tuple[ShareOverride, ...] = ()
    previous_employment_id: UUID | None = None
    """The one that ended before, where this is a rehire."""

    def days_within(self, starts_on: date, ends_on: date) -> tuple[date, date] | None:
        """First and last employed day within a period, or None if there is none."""
        first = max(starts_on, self.hired_on)
        last = ends_on if self.last_day is None else min(ends_on, self.last_day)
        return (first, last) if first <= last else None


class _Dated(Protocol):
    @property
    def effective_from(self) -> date: ...


Row = TypeVar("Row", bound=_Dated)


def _in_force(rows: Sequence[Row], day: date) -> Row | None:
    return next((row for row in reversed(rows) if row.effective_from <= day), None)


def assigned_on(employment: Employment, day: date) -> Assigned | None:
    """The assignment in force on `day` with its event; None before the day of hire."""
    return _in_force(employment.assignments, day)


def assignment_on(employment: Employment, day: date) -> Assignment | None:
    """The assignment in force on `day`; None before the day of hire."""
    assigned = assigned_on(employment, day)
    return None if assigned is None else assigned.assignment


def pay_on(employment: Employment, day: date) -> Pay | None:
    """The pay structure in force on `day`; None before the first."""
    return _in_force(employment.pay, day)


LeaveCommand = leave.RecordLeave | leave.CancelLeave
EmploymentCommand = (
    HireEmployee
    | RehireEmployee
    | ChangeAssignment
    | SetPayStructure
    | TerminateEmployment
    | LeaveCommand
    | OverrideCommand
    | OfEmployment
)
EmploymentEvent = (
    EmployeeHired
    | EmployeeRehired
    | AssignmentChanged
    | PayStructureSet
    | EmploymentTerminated
    | leave.LeaveRecorded
    | leave.LeaveCancelled
    | OverrideEvent
    | FromEmployment
)


def _decide(
    state: Employment | None, command: EmploymentCommand, context: Context
) -> tuple[Event | Elsewhere, ...]:
    if isinstance(command, HireEmployee | RehireEmployee):
        return _hire(state, command, context)
    employment = known(state, "unknown-employment", "such employment")
    if isinstance(command, LeaveCommand):
        # Also after the end: leave is often told late, and what it takes away is still owed back.
        return (_away(employment, command),)
    if isinstance(command, OfEmployment):
        return _taken_back(employment, command, context)
    if employment.last_day is not None:
        raise Refused("employment-terminated", f"The employment ended on {employment.last_day}.")
    match command:
        case ChangeAssignment():
            return _assign(employment, command, context)
        case SetPayStructure():
            return _set_pay(employment, command, context)
        case RequestShareOverride() | ApproveShareOverride() | RejectShareOverride():
            if isinstance(command, RequestShareOverride):
                _not_before_hire(employment, command.effective_from)
            return (decided(employment.overrides, command, employment.person_id, context),)
        case TerminateEmployment():
            _not_before_hire(employment, command.last_day)
            return (
                EmploymentTerminated(
                    last_day=command.last_day,
                    leaver=command.leaver,
                    reason=checked_reason(command.reason),
                ),
            )
        case _:
            assert_never(command)


def _taken_back(
    employment: Employment, command: OfEmployment, context: Context
) -> tuple[Event | Elsewhere, ...]:
    batch = command.import_id
    check_taking_back(batch, context)
    match command:
        case WithdrawEmployment():
            own = employment_id(employment.number)
            of_person = EmploymentOfPersonWithdrawn(employment_id=own, import_id=batch)
            beside = Elsewhere(employment.person_id, of_person)
            return (EmploymentWithdrawn(import_id=batch), beside)
        case WithdrawAssignment():
            day = command.effective_from
            _one_of(employment.assignments, day)
            if day == employment.hired_on:
                raise Refused("nothing-to-withdraw", "The first assignment came with the hire.")
            return (AssignmentWithdrawn(import_id=batch, effective_from=day),)
        case WithdrawPayStructure():
            _one_of(employment.pay, command.effective_from)
            return (PayStructureWithdrawn(import_id=batch, effective_from=command.effective_from),)
        case WithdrawTermination():
            if employment.last_day is None:
                raise Refused("nothing-to-withdraw", "The employment has not ended.")
            return (TerminationWithdrawn(import_id=batch),)
        case _:
            assert_never(command)


def _one_of(rows: Sequence[_Dated], day: date) -> None:
    if all(row.effective_from != day for row in rows):
        raise Refused("nothing-to-withdraw", f"Nothing of that kind begins on {day}.")


def _hire(
    state: Employment | None, command: HireEmployee | RehireEmployee, context: Context
) -> tuple[Event | Elsewhere, ...]:
    absent(state, "an employment")
    known(context.look(PERSON, command.person_id), "unknown-person", "such person")
    _check_assignment(command.assignment, command.person_id, command.hired_on, context)
    number = checked_code(command.number, "number")
    begins = Elsewhere(command.person_id, EmploymentBegun(employment_id=employment_id(number)))
    if isinstance(command, HireEmployee):
        hired = EmployeeHired(
            number=number,
            person_id=command.person_id,
            hired_on=command.hired_on,
            assignment=command.assignment,
        )
        return (hired, begins)
    _check_former(command, context)
    rehired = EmployeeRehired(
        number=number,
        person_id=command.person_id,
        hired_on=command.hired_on,
        assignment=command.assignment,
        previous_employment_id=command.previous_employment_id,
    )
    return (rehired, begins)


def _check_former(command: RehireEmployee, context: Context) -> None:
    former = known(
        context.look(EMPLOYMENT, command.previous_employment_id),
        "unknown-employment",
        "such previous employment",
    )
    if former.person_id != command.person_id:
        raise Refused("not-the-same-person", "The previous employment is another person's.")
    if former.last_day is None or command.hired_on <= former.last_day:
        raise Refused("still-employed", "The previous employment has not ended by then.")


def _away(employment: Employment, command: LeaveCommand) -> Event:
    if isinstance(command, leave.CancelLeave):
        return leave.cancelled(employment.leaves, command)
    employed = Span(employment.hired_on, employment.last_day or date.max)
    return leave.recorded(employment.leaves, employed, employment.person_id, command)


def _assign(
    employment: Employment, command: ChangeAssignment, context: Context
) -> tuple[Event, ...]:
    _not_before_hire(employment, command.effective_from)
    if any(row.effective_from == command.effective_from for row in employment.assignments):
        raise Refused(
            "assignment-date-taken", f"An assignment begins on {command.effective_from} already."
        )
    _check_assignment(command.assignment, employment.person_id, command.effective_from, context)
    return (
        AssignmentChanged(effective_from=command.effective_from, assignment=command.assignment),
    )


def _set_pay(
    employment: Employment, command: SetPayStructure, context: Context
) -> tuple[Event, ...]:
    _not_before_hire(employment, command.effective_from)
    if any(row.effective_from == command.effective_from for row in employment.pay):
        raise Refused("pay-date-taken", f"Pay is set from {command.effective_from} on already.")
    assignment = begun(assignment_on(employment, command.effective_from))
    job = begun(context.look(JOB, assignment.job_id))
    check_share_on(
        employment.overrides, job.family, command.performance_share, command.effective_from
    )
    total = money_of(command.monthly_total, "monthly total")
    performance, fixed = split_pay(total, command.performance_share)
    return (
        PayStructureSet(
            effective_from=command.effective_from,
            performance_share=command.performance_share,
            total=total,
            performance=performance,
            fixed=fixed,
        ),
    )


def _check_assignment(assignment: Assignment, person_id: UUID, day: date, context: Context) -> None:
    unit = known(context.look(ORG_UNIT, assignment.org_unit_id), "unknown-org-unit", "such unit")
    check_in_force(unit, day)
    known(context.look(JOB, assignment.job_id), "unknown-job", "such job")
    if assignment.manager_id is not None:
        known(context.look(PERSON, assignment.manager_id), "unknown-person", "such manager")
    if assignment.manager_id == person_id:
        raise Refused("own-manager", "Nobody is their own manager.")
    checked_code(assignment.cost_centre, "cost centre")
    checked_number(
        assignment.fte,
        "full-time equivalent",
        least=Decimal("0.0001"),
        most=Decimal(1),
        decimals=FTE_DECIMALS,
        code="bad-fte",
    )


def _not_before_hire(employment: Employment, day: date) -> None:
    if day < employment.hired_on:
        raise Refused("before-hire", f"{day} is before the day of hire, {employment.hired_on}.")


def _evolve(state: Employment | None, happened: Happened[EmploymentEvent]) -> Employment | None:
    event, event_id = happened.event, happened.event_id
    if isinstance(event, FromEmployment):
        return _without(begun(state), event)
    match event:
        case EmployeeHired() | EmployeeRehired():
            former = None if isinstance(event, EmployeeHired) else event.previous_employment_id
            return Employment(
                number=event.number,
                person_id=event.person_id,
                hired_on=event.hired_on,
                hired_by=event_id,
                assignments=(_assigned(event.hired_on, event.assignment, event_id, 0),),
                previous_employment_id=former,
            )
        case AssignmentChanged():
            employment = begun(state)
            recorded = len(employment.assignments)
            row = _assigned(event.effective_from, event.assignment, event_id, recorded)
            return msgspec.structs.replace(
                employment, assignments=_by_day((*employment.assignments, row))
            )
        case PayStructureSet():
            employment = begun(state)
            pay = Pay(
                effective_from=event.effective_from,
                performance_share=event.performance_share,
                total=event.total,
                performance=event.performance,
                fixed=event.fixed,
                event_id=event_id,
            )
            return msgspec.structs.replace(employment, pay=_by_day((*employment.pay, pay)))
        case EmploymentTerminated():
            return msgspec.structs.replace(
                begun(state),
                last_day=event.last_day,
                leaver=event.leaver,
                terminated_by=event_id,
            )
        case leave.LeaveRecorded() | leave.LeaveCancelled():
            return _leave_changed(begun(state), event, event_id)
        case (
            PerformanceShareOverrideRequested()
            | PerformanceShareOverrideApproved()
            | PerformanceShareOverrideRejected()
        ):
            employment = begun(state)
            return msgspec.structs.replace(
                employment, overrides=overridden(employment.overrides, event, happened.actor)
            )
        case _:
            assert_never(event)


def _without(employment: Employment, event: FromEmployment) -> Employment | None:
    change = msgspec.structs.replace
    match event:
        case EmploymentWithdrawn():
            return None
        case AssignmentWithdrawn():
            day = event.effective_from
            left = tuple(row for row in employment.assignments if row.effective_from != day)
            return change(employment, assignments=left)
        case PayStructureWithdrawn():
            paid = tuple(
                row for row in employment.pay if row.effective_from != event.effective_from
            )
            return change(employment, pay=paid)
        case TerminationWithdrawn():
            return change(employment, last_day=None, leaver=None, terminated_by=None)
        case _:
            assert_never(event)


def _leave_changed(
    employment: Employment, event: leave.LeaveRecorded | leave.LeaveCancelled, event_id: UUID
) -> Employment:
    kept = tuple(each for each in employment.leaves if each.span.starts_on != event.starts_on)
    if isinstance(event, leave.LeaveRecorded):
        span = Span(event.starts_on, event.ends_on)
        taken = leave.Leave(span=span, unpaid=event.unpaid, event_id=event_id)
        kept = tuple(sorted((*kept, taken), key=lambda each: each.span.starts_on))
    return msgspec.structs.replace(employment, leaves=kept)


def _assigned(day: date, assignment: Assignment, event_id: UUID, recorded: int) -> Assigned:
    return Assigned(effective_from=day, assignment=assignment, event_id=event_id, recorded=recorded)


def _by_day(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: row.effective_from))


EMPLOYMENT: Decider[Employment | None] = Decider(
    kind="employment", initial=None, decide=_decide, evolve=_evolve
)
