"""Who works where, as what, for how much, and since when."""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from domain.kernel import Command, Event, Personal
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


# -- employment 雇佣


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
