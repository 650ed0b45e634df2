"""How the directory follows from events: one fold for each of its tables."""

from datetime import date
from typing import Protocol, TypeVar

import msgspec

from domain.jobs import JobDefined, JobDutiesDefined, JobGradeChanged, SameWorkExcepted
from domain.leave import LeaveCancelled, LeaveRecorded
from domain.org_units import OrgUnitClosed, OrgUnitCreated, OrgUnitMoved, OrgUnitRenamed
from domain.organisation import (
    AssignmentChanged,
    EmployeeHired,
    EmployeeRehired,
    EmploymentTerminated,
    PayStructureSet,
    PersonRegistered,
)
from domain.share_override import (
    OverrideEvent,
    PerformanceShareOverrideApproved,
    PerformanceShareOverrideRejected,
    PerformanceShareOverrideRequested,
)
from domain.withdrawal import (
    AssignmentWithdrawn,
    EmploymentWithdrawn,
    JobWithdrawn,
    OrgUnitWithdrawn,
    PayStructureWithdrawn,
    PersonWithdrawn,
    TerminationWithdrawn,
)
from projections.directory import (
    EMPLOYMENTS,
    JOBS,
    NAME,
    ORG_UNITS,
    PEOPLE,
    VERSION,
    AssignmentFrom,
    Away,
    DutiesFrom,
    Employment,
    GradeFrom,
    Job,
    NameFrom,
    OrgUnit,
    OverrideFrom,
    ParentFrom,
    PayFrom,
    PersonRow,
    show_grade,
    show_work,
)
from projections.kernel import by_stream
from projections.tables import begun
from tenancy.records import Recorded


def _org_unit(row: OrgUnit | None, recorded: Recorded) -> OrgUnit | None:
    event = recorded.event
    if isinstance(event, OrgUnitWithdrawn):
        return None
    if isinstance(event, OrgUnitCreated):
        first = event.valid_from
        return OrgUnit(
            org_unit_id=recorded.stream_id,
            code=event.code,
            name=event.name,
            valid_from=first,
            last_day=None,
            parent_id=event.parent_id,
            names=(NameFrom(effective_from=first, name=event.name),),
            parents=(ParentFrom(effective_from=first, parent_id=event.parent_id),),
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case OrgUnitMoved():
            under = ParentFrom(effective_from=event.effective_from, parent_id=event.parent_id)
            row.parents = _dated(row.parents, under)
            row.parent_id = row.parents[-1].parent_id
        case OrgUnitRenamed():
            named = NameFrom(effective_from=event.effective_from, name=event.name)
            row.names = _dated(row.names, named)
            row.name = row.names[-1].name
        case OrgUnitClosed():
            row.last_day = event.last_day
    return row


def _job(row: Job | None, recorded: Recorded) -> Job | None:
    event = recorded.event
    if isinstance(event, JobWithdrawn):
        return None
    if isinstance(event, JobDefined):
        return Job(
            job_id=recorded.stream_id,
            code=event.code,
            title=event.title,
            family=event.family,
            level=event.level,
            coefficient_min=event.coefficient_min,
            coefficient_max=event.coefficient_max,
            duties=event.duties,
            grades=(_grade(event, date.min),),
            dated_duties=(DutiesFrom(effective_from=date.min, duties=event.duties),),
            excepted=(),
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case JobGradeChanged():
            row.grades = _dated(row.grades, _grade(event, event.effective_from))
            show_grade(row, row.grades[-1])
        case JobDutiesDefined():
            duties = DutiesFrom(effective_from=event.effective_from, duties=event.duties)
            row.dated_duties = _dated(row.dated_duties, duties)
            row.duties = row.dated_duties[-1].duties
        case SameWorkExcepted():
            row.excepted = (*row.excepted, event.cycle_id)
    return row


def _grade(event: JobDefined | JobGradeChanged, day: date) -> GradeFrom:
    return GradeFrom(
        effective_from=day,
        level=event.level,
        coefficient_min=event.coefficient_min,
        coefficient_max=event.coefficient_max,
    )


def _person(_: PersonRow | None, recorded: Recorded) -> PersonRow | None:
    event: PersonRegistered | PersonWithdrawn = recorded.event
    if isinstance(event, PersonWithdrawn):
        return None
    return PersonRow(
        person_id=recorded.stream_id,
        number=event.number,
        named_at=recorded.position,
        version=recorded.version,
    )


def _employment(row: Employment | None, recorded: Recorded) -> Employment | None:
    event = recorded.event
    if isinstance(event, EmploymentWithdrawn):
        return None
    if isinstance(event, EmployeeHired | EmployeeRehired):
        former = None if isinstance(event, EmployeeHired) else event.previous_employment_id
        assignment = event.assignment
        return Employment(
            employment_id=recorded.stream_id,
            number=event.number,
            person_id=event.person_id,
            hired_on=event.hired_on,
            last_day=None,
            leaver=None,
            org_unit_id=assignment.org_unit_id,
            job_id=assignment.job_id,
            manager_id=assignment.manager_id,
            assignments=(AssignmentFrom(effective_from=event.hired_on, assignment=assignment),),
            pay_structures=(),
            leaves=(),
            share_overrides=(),
            previous_employment_id=former,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case AssignmentChanged():
            dated = AssignmentFrom(effective_from=event.effective_from, assignment=event.assignment)
            row.assignments = _dated(row.assignments, dated)
            show_work(row, row.assignments[-1].assignment)
        case PayStructureSet():
            pay = PayFrom(
                effective_from=event.effective_from,
                performance_share=event.performance_share,
                total=event.total,
                performance=event.performance,
                fixed=event.fixed,
            )
            row.pay_structures = _dated(row.pay_structures, pay)
        case EmploymentTerminated():
            row.last_day, row.leaver = event.last_day, event.leaver
        case LeaveRecorded():
            away = Away(effective_from=event.starts_on, ends_on=event.ends_on, unpaid=event.unpaid)
            row.leaves = _dated(row.leaves, away)
        case LeaveCancelled():
            row.leaves = tuple(
                each for each in row.leaves if each.effective_from != event.starts_on
            )
        case AssignmentWithdrawn():
            row.assignments = _without(row.assignments, event.effective_from)
            show_work(row, row.assignments[-1].assignment)
        case PayStructureWithdrawn():
            row.pay_structures = _without(row.pay_structures, event.effective_from)
        case TerminationWithdrawn():
            row.last_day = row.leaver = None
        case _:
            row.share_overrides = _overridden(row.share_overrides, event)
    return row


def _overridden(rows: tuple[OverrideFrom, ...], event: OverrideEvent) -> tuple[OverrideFrom, ...]:
    if isinstance(event, PerformanceShareOverrideRequested):
        asked = OverrideFrom(
            effective_from=event.effective_from,
            effective_until=event.effective_until,
            performance_share=event.performance_share,
            state="requested",
        )
        return (*rows, asked)
    approved = isinstance(event, PerformanceShareOverrideApproved)
    return tuple(
        msgspec.structs.replace(each, state="approved" if approved else "rejected")
        if each.effective_from == event.effective_from and each.state == "requested"
        else each
        for each in rows
    )


class Dated(Protocol):
    """Something with a first day."""

    @property
    def effective_from(self) -> date: ...


D = TypeVar("D", bound=Dated)


def _without(old: tuple[D, ...], day: date) -> tuple[D, ...]:
    return tuple(dated for dated in old if dated.effective_from != day)


def _dated(old: tuple[D, ...], new: D) -> tuple[D, ...]:
    # The later word on the same day replaces the earlier one.
    kept = [dated for dated in old if dated.effective_from != new.effective_from]
    return tuple(sorted([*kept, new], key=lambda dated: dated.effective_from))


FOLDS = (
    (
        ORG_UNITS,
        _org_unit,
        (OrgUnitCreated, OrgUnitMoved, OrgUnitRenamed, OrgUnitClosed, OrgUnitWithdrawn),
    ),
    (
        JOBS,
        _job,
        (JobDefined, JobGradeChanged, JobDutiesDefined, SameWorkExcepted, JobWithdrawn),
    ),
    (PEOPLE, _person, (PersonRegistered, PersonWithdrawn)),
    (
        EMPLOYMENTS,
        _employment,
        (
            EmployeeHired,
            EmployeeRehired,
            AssignmentChanged,
            PayStructureSet,
            EmploymentTerminated,
            LeaveRecorded,
            LeaveCancelled,
            PerformanceShareOverrideRequested,
            PerformanceShareOverrideApproved,
            PerformanceShareOverrideRejected,
            EmploymentWithdrawn,
            AssignmentWithdrawn,
            PayStructureWithdrawn,
            TerminationWithdrawn,
        ),
    ),
)

DIRECTORY = by_stream(NAME, VERSION, FOLDS)
