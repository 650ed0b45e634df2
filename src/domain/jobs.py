"""Jobs: what is done, at which level, within which coefficient band, from which day on."""

from datetime import date
from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import (
    absent,
    begun,
    checked_code,
    checked_name,
    checked_number,
    checked_reason,
    checked_text,
    known,
)
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.organisation import JobFamily, checked_level
from domain.withdrawal import JobWithdrawn, WithdrawJob, check_taking_back

COEFFICIENT_MAX = Decimal(10)
COEFFICIENT_DECIMALS = 4
DUTIES_MAX = 100


class DefineJob(Command, frozen=True, kw_only=True):
    code: str
    title: str
    family: JobFamily
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    duties: tuple[str, ...] = ()


class JobDefined(Event, frozen=True, kw_only=True):
    TOPIC = "job.defined"
    code: str
    title: str
    family: JobFamily
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    duties: tuple[str, ...] = ()


class ChangeJobGrade(Command, frozen=True, kw_only=True):
    """From a day on the job has another level or another coefficient band; its family stays."""

    effective_from: date
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    reason: str


class JobGradeChanged(Event, frozen=True, kw_only=True):
    """岗位级别与系数区间"""

    TOPIC = "job.grade-changed"
    effective_from: date
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    reason: str


class DefineJobDuties(Command, frozen=True, kw_only=True):
    """From a day on these are the duties of the job, all of them."""

    effective_from: date
    duties: tuple[str, ...]


class JobDutiesDefined(Event, frozen=True, kw_only=True):
    """岗位职责"""

    TOPIC = "job.duties-defined"
    effective_from: date
    duties: tuple[str, ...]


class ExceptSameWork(Command, frozen=True, kw_only=True):
    """In a cycle, people of this job may be appraised by different schemes, for this reason."""

    cycle_id: UUID
    reason: str


class SameWorkExcepted(Event, frozen=True, kw_only=True):
    """同岗同责例外"""

    TOPIC = "job.same-work-excepted"
    cycle_id: UUID
    reason: str


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """A level with its coefficient band, and the day from which they hold."""

    effective_from: date
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    set_by: UUID
    """The event that says so."""


class Duties(msgspec.Struct, frozen=True, kw_only=True):
    """Duties and the day from which they hold."""

    effective_from: date
    duties: tuple[str, ...]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job with all its dated rows; what it was defined with holds since ever. 岗位"""

    code: str
    title: str
    family: JobFamily
    grades: tuple[Grade, ...]
    duties: tuple[Duties, ...]
    excepted: tuple[UUID, ...] = ()
    """Cycles in which its people may be appraised by different schemes."""

    def grade_on(self, day: date) -> Grade:
        """The level and the coefficient band in force on `day`."""
        return next(row for row in reversed(self.grades) if row.effective_from <= day)

    def duties_on(self, day: date) -> tuple[str, ...]:
        """The duties in force on `day`."""
        return next(row for row in reversed(self.duties) if row.effective_from <= day).duties


JobCommand = DefineJob | ChangeJobGrade | DefineJobDuties | ExceptSameWork | WithdrawJob
JobEvent = JobDefined | JobGradeChanged | JobDutiesDefined | SameWorkExcepted | JobWithdrawn


def _decide(state: Job | None, command: JobCommand, context: Context) -> tuple[Event, ...]:
    if isinstance(command, DefineJob):
        return _define(state, command)
    job = known(state, "unknown-job", "such job")
    match command:
        case ChangeJobGrade():
            _check_free(job.grades, command.effective_from)
            _check_grade(command)
            return (
                JobGradeChanged(
                    effective_from=command.effective_from,
                    level=command.level,
                    coefficient_min=command.coefficient_min,
                    coefficient_max=command.coefficient_max,
                    reason=checked_reason(command.reason),
                ),
            )
        case DefineJobDuties():
            _check_free(job.duties, command.effective_from)
            return (
                JobDutiesDefined(
                    effective_from=command.effective_from, duties=_checked_duties(command.duties)
                ),
            )
        case ExceptSameWork():
            if command.cycle_id in job.excepted:
                raise Refused("already-excepted", "There is such an exception for the cycle.")
            return (
                SameWorkExcepted(cycle_id=command.cycle_id, reason=checked_reason(command.reason)),
            )
        case WithdrawJob():
            check_taking_back(command.import_id, context)
            return (JobWithdrawn(import_id=command.import_id),)
        case _:
            assert_never(command)


def _define(state: Job | None, command: DefineJob) -> tuple[Event, ...]:
    absent(state, "a job")
    _check_grade(command)
    return (
        JobDefined(
            code=checked_code(command.code),
            title=checked_name(command.title, "title"),
            family=command.family,
            level=command.level,
            coefficient_min=command.coefficient_min,
            coefficient_max=command.coefficient_max,
            duties=_checked_duties(command.duties),
        ),
    )


def _check_grade(command: DefineJob | ChangeJobGrade) -> None:
    checked_level(command.level)
    low, high = (
        checked_number(
            bound,
            "coefficient band",
            least=Decimal(0),
            most=COEFFICIENT_MAX,
            decimals=COEFFICIENT_DECIMALS,
            code="bad-coefficient-band",
        )
        for bound in (command.coefficient_min, command.coefficient_max)
    )
    if low > high:
        raise Refused("bad-coefficient-band", f"The band from {low} to {high} is empty.")


def _checked_duties(duties: tuple[str, ...]) -> tuple[str, ...]:
    if len(duties) > DUTIES_MAX:
        raise Refused("too-many-duties", f"A job has at most {DUTIES_MAX} duties.")
    return tuple(checked_text(duty, "duty") for duty in duties)


def _check_free(rows: tuple[Grade, ...] | tuple[Duties, ...], day: date) -> None:
    if any(row.effective_from == day for row in rows):
        raise Refused("job-date-taken", f"The job changes in that way on {day} already.")


def _evolve(state: Job | None, happened: Happened[JobEvent]) -> Job | None:
    event = happened.event
    match event:
        case JobDefined():
            return Job(
                code=event.code,
                title=event.title,
                family=event.family,
                grades=(_grade(event, date.min, happened.event_id),),
                duties=(Duties(effective_from=date.min, duties=event.duties),),
            )
        case JobGradeChanged():
            job = begun(state)
            grade = _grade(event, event.effective_from, happened.event_id)
            grades = sorted((*job.grades, grade), key=lambda row: row.effective_from)
            return msgspec.structs.replace(job, grades=tuple(grades))
        case JobDutiesDefined():
            job = begun(state)
            row = Duties(effective_from=event.effective_from, duties=event.duties)
            duties = sorted((*job.duties, row), key=lambda row: row.effective_from)
            return msgspec.structs.replace(job, duties=tuple(duties))
        case SameWorkExcepted():
            job = begun(state)
            return msgspec.structs.replace(job, excepted=(*job.excepted, event.cycle_id))
        case JobWithdrawn():
            return None
        case _:
            assert_never(event)


def _grade(event: JobDefined | JobGradeChanged, day: date, event_id: UUID) -> Grade:
    return Grade(
        effective_from=day,
        level=event.level,
        coefficient_min=event.coefficient_min,
        coefficient_max=event.coefficient_max,
        set_by=event_id,
    )


JOB: Decider[Job | None] = Decider(kind="job", initial=None, decide=_decide, evolve=_evolve)
