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
    known,
)
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.money import Amount, Money
from domain.withdrawal import (
    EmploymentOfPersonWithdrawn,
    PersonWithdrawn,
    WithdrawPerson,
    check_taking_back,
)

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


LEVEL_MAX = 1000


def checked_level(level: int) -> int:
    """`level`, if it is one that a job can have."""
    if not 0 <= level <= LEVEL_MAX:
        raise Refused("bad-level", f"The level must be from 0 to {LEVEL_MAX}.")
    return level


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


PersonEvent = PersonRegistered | EmploymentBegun | PersonWithdrawn | EmploymentOfPersonWithdrawn


def _decide_person(
    state: Person | None, command: RegisterPerson | WithdrawPerson, context: Context
) -> tuple[Event, ...]:
    if isinstance(command, WithdrawPerson):
        person = known(state, "unknown-person", "such person")
        check_taking_back(command.import_id, context)
        if person.employments:
            raise Refused("person-is-employed", "The employments are taken back first.")
        return (PersonWithdrawn(import_id=command.import_id),)
    absent(state, "a person")
    return (PersonRegistered(number=checked_code(command.number), name=checked_name(command.name)),)


def _evolve_person(state: Person | None, happened: Happened[PersonEvent]) -> Person | None:
    event = happened.event
    match event:
        case PersonRegistered():
            return Person(number=event.number)
        case EmploymentBegun():
            person = begun(state)
            return msgspec.structs.replace(
                person, employments=(*person.employments, event.employment_id)
            )
        case EmploymentOfPersonWithdrawn():
            person = begun(state)
            kept = tuple(each for each in person.employments if each != event.employment_id)
            return msgspec.structs.replace(person, employments=kept)
        case PersonWithdrawn():
            return None
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


class RehireEmployee(Command, frozen=True, kw_only=True):
    """A former employee comes back: a second employment, beside the one that ended."""

    number: str
    person_id: UUID
    hired_on: date
    assignment: Assignment
    previous_employment_id: UUID


class EmployeeRehired(Event, frozen=True, kw_only=True):
    """再入职"""

    TOPIC = "employment.rehired"
    number: str
    person_id: UUID
    hired_on: date
    assignment: Assignment
    previous_employment_id: UUID


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
    reason: Personal[str | None] = None
