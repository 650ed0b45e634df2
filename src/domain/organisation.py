"""Who works where, as what, for how much, and since when."""

from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import (
    absent,
    begun,
    checked_code,
    checked_name,
    checked_number,
    checked_text,
    known,
)
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.money import Amount, Money

JobFamily = Literal["marketing", "function", "general"]
"""marketing 营销 (performance share 40-60 %), function 职能 (10-20 %), general (no band)."""

LeaverClass = Literal["good-leaver", "bad-leaver"]


class Assignment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a person works and for whom, from a day on. 任职"""

    org_unit_id: UUID
    job_id: UUID
    cost_centre: str
    manager_id: UUID | None = None
    """The person who rates; None for the head of the company."""
    fte: Decimal = Decimal(1)
    """Full-time equivalent, 0 < fte <= 1."""


# -- organisational unit 部门


class CreateOrgUnit(Command, frozen=True, kw_only=True):
    code: str
    name: str
    valid_from: date
    parent_id: UUID | None = None


class OrgUnitCreated(Event, frozen=True, kw_only=True):
    TOPIC = "org-unit.created"
    code: str
    name: str
    valid_from: date
    parent_id: UUID | None = None


class OrgUnit(msgspec.Struct, frozen=True, kw_only=True):
    """An organisational unit as it is now."""

    code: str
    name: str
    valid_from: date
    parent_id: UUID | None


def _decide_org_unit(
    state: OrgUnit | None, command: CreateOrgUnit, context: Context
) -> tuple[Event, ...]:
    absent(state, "an organisational unit")
    if command.parent_id is not None:
        known(context.look(ORG_UNIT, command.parent_id), "unknown-org-unit", "such parent unit")
    return (
        OrgUnitCreated(
            code=checked_code(command.code),
            name=checked_name(command.name),
            valid_from=command.valid_from,
            parent_id=command.parent_id,
        ),
    )


def _evolve_org_unit(_state: OrgUnit | None, happened: Happened[OrgUnitCreated]) -> OrgUnit:
    event = happened.event
    match event:
        case OrgUnitCreated():
            return OrgUnit(
                code=event.code,
                name=event.name,
                valid_from=event.valid_from,
                parent_id=event.parent_id,
            )
        case _:
            assert_never(event)


ORG_UNIT: Decider[OrgUnit | None] = Decider(
    kind="org-unit", initial=None, decide=_decide_org_unit, evolve=_evolve_org_unit
)


# -- job 岗位


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


LEVEL_MAX = 1000
COEFFICIENT_MAX = Decimal(10)
COEFFICIENT_DECIMALS = 4


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it is now."""

    code: str
    title: str
    family: JobFamily
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    defined_by: UUID
    """The event that set the coefficient band."""


def checked_level(level: int) -> int:
    """`level`, if it is one that a job can have."""
    if not 0 <= level <= LEVEL_MAX:
        raise Refused("bad-level", f"The level must be from 0 to {LEVEL_MAX}.")
    return level


def _decide_job(state: Job | None, command: DefineJob, _context: Context) -> tuple[Event, ...]:
    absent(state, "a job")
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
    return (
        JobDefined(
            code=checked_code(command.code),
            title=checked_name(command.title, "title"),
            family=command.family,
            level=command.level,
            coefficient_min=low,
            coefficient_max=high,
            duties=tuple(checked_text(duty, "duty") for duty in command.duties),
        ),
    )


def _evolve_job(_state: Job | None, happened: Happened[JobDefined]) -> Job:
    event = happened.event
    match event:
        case JobDefined():
            return Job(
                code=event.code,
                title=event.title,
                family=event.family,
                level=event.level,
                coefficient_min=event.coefficient_min,
                coefficient_max=event.coefficient_max,
                defined_by=happened.event_id,
            )
        case _:
            assert_never(event)


JOB: Decider[Job | None] = Decider(kind="job", initial=None, decide=_decide_job, evolve=_evolve_job)


# -- person 人员


class RegisterPerson(Command, frozen=True, kw_only=True):
    number: str
    name: str


class PersonRegistered(Event, frozen=True, kw_only=True):
    TOPIC = "person.registered"
    number: str
    name: Personal[str | None] = None


class EmploymentBegun(Event, frozen=True, kw_only=True):
    """Written to the person beside the hire, so that a person's employments can be looked up."""

    TOPIC = "person.employment-begun"
    employment_id: UUID


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person as decisions need one: no name."""

    number: str
    employments: tuple[UUID, ...] = ()


def _decide_person(
    state: Person | None, command: RegisterPerson, _context: Context
) -> tuple[Event, ...]:
    absent(state, "a person")
    return (PersonRegistered(number=checked_code(command.number), name=checked_name(command.name)),)


def _evolve_person(
    state: Person | None, happened: Happened[PersonRegistered | EmploymentBegun]
) -> Person:
    event = happened.event
    match event:
        case PersonRegistered():
            return Person(number=event.number)
        case EmploymentBegun():
            person = begun(state)
            return msgspec.structs.replace(
                person, employments=(*person.employments, event.employment_id)
            )
        case _:
            assert_never(event)


PERSON: Decider[Person | None] = Decider(
    kind="person", initial=None, decide=_decide_person, evolve=_evolve_person
)


# -- employment 雇佣 (decided in domain.employment)


class HireEmployee(Command, frozen=True, kw_only=True):
    number: str
    person_id: UUID
    hired_on: date
    assignment: Assignment


class EmployeeHired(Event, frozen=True, kw_only=True):
    TOPIC = "employment.hired"
    number: str
    person_id: UUID
    hired_on: date
    assignment: Assignment


class ChangeAssignment(Command, frozen=True, kw_only=True):
    effective_from: date
    assignment: Assignment


class AssignmentChanged(Event, frozen=True, kw_only=True):
    TOPIC = "employment.assignment-changed"
    effective_from: date
    assignment: Assignment


class SetPayStructure(Command, frozen=True, kw_only=True):
    effective_from: date
    monthly_total: Amount
    performance_share: Decimal
    """Of total pay, 0..1; inside the family's band."""


class PayStructureSet(Event, frozen=True, kw_only=True):
    TOPIC = "employment.pay-structure-set"
    effective_from: date
    performance_share: Decimal
    total: Money
    performance: Money
    fixed: Money


class TerminateEmployment(Command, frozen=True, kw_only=True):
    last_day: date
    leaver: LeaverClass
    reason: str


class EmploymentTerminated(Event, frozen=True, kw_only=True):
    TOPIC = "employment.terminated"
    last_day: date
    leaver: LeaverClass
    reason: str
