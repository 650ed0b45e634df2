"""A company and its quarter, as the commands that will be sent."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.cycle import BindScheme, PlanCycle
from domain.goals import Target
from domain.ids import appraisal_id, cycle_id, employment_id, person_id
from domain.jobs import DefineJob
from domain.org_units import CreateOrgUnit
from domain.organisation import (
    ChangeAssignment,
    HireEmployee,
    RegisterPerson,
    SetPayStructure,
    TerminateEmployment,
)
from domain.ratings import Rating
from domain.scheme import DraftScheme

TOTAL = "total"
"""What the two-way comparison calls the weighted total."""


class BadInput(Exception):
    """Somebody's file says what we cannot accept; the text names file, row and column."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a business data feed: what a member achieved, and when."""

    feed: str
    number: str
    """The employment's number."""
    indicator: str
    value: Decimal
    occurred_on: date


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Points that the calibration meeting gives or takes, and why."""

    adjustment: Decimal
    reason_code: str
    reason: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the company, with the quarter that he or she had."""

    person: RegisterPerson
    employment: HireEmployee
    pay: SetPayStructure
    changes: tuple[ChangeAssignment, ...] = ()
    termination: TerminateEmployment | None = None
    roles: tuple[str, ...] = ("employee",)
    targets: tuple[Target, ...] = ()
    """Empty for those whom nobody rates (the head of the company)."""
    self_ratings: tuple[Rating, ...] = ()
    manager_ratings: tuple[Rating, ...] = ()
    reason: str = ""
    """Why self and manager ratings lie apart, where they do."""
    calibration: Calibration | None = None

    @property
    def person_id(self) -> UUID:
        return person_id(self.person.number)

    @property
    def employment_id(self) -> UUID:
        return employment_id(self.employment.number)

    @property
    def manager_id(self) -> UUID | None:
        """Who rates at the end of the quarter."""
        last = self.changes[-1].assignment if self.changes else self.employment.assignment
        return last.manager_id

    @property
    def unit_id(self) -> UUID:
        last = self.changes[-1].assignment if self.changes else self.employment.assignment
        return last.org_unit_id


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the drive needs to know; two readers of the same source get equal ones."""

    name: str
    currency: str
    units: tuple[CreateOrgUnit, ...]
    """Parents before children."""
    jobs: tuple[DefineJob, ...]
    schemes: tuple[DraftScheme, ...]
    bindings: tuple[BindScheme, ...]
    cycle: PlanCycle
    members: tuple[Member, ...]
    """Managers before those whom they lead."""
    facts: tuple[Fact, ...]
    hr: UUID
    """Person ids of those who run the quarter."""
    preparer: UUID
    approver: UUID
    executive: UUID
    assumptions: tuple[str, ...] = ()
    """What the source did not say and somebody had to decide; printed before the drive."""
    known_payouts: dict[str, Decimal] = {}
    """Employment number: what a worked case says the payout must be."""

    @property
    def rated(self) -> tuple[Member, ...]:
        """Those who are appraised."""
        return tuple(member for member in self.members if member.targets or member.self_ratings)

    def appraisal_of(self, member: Member) -> UUID:
        return appraisal_id(cycle_id(self.cycle.code), member.employment_id)


def deviations(member: Member, threshold: Decimal) -> set[str]:
    """The manual indicators on which self and manager lie more than `threshold` points apart."""
    by_manager = {rating.indicator: rating.points for rating in member.manager_ratings}
    return {
        rating.indicator
        for rating in member.self_ratings
        if abs(rating.points - by_manager[rating.indicator]) > threshold
    }
