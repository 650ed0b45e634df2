"""The directory: who works where, as what: units, jobs, people and their employments.

People's names are not copied here. The view keeps the position of the event that holds the name,
and the query opens that event: a destroyed key erases the name at once, here too.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from domain.jobs import JobDefined
from domain.money import Money
from domain.org_units import OrgUnitCreated
from domain.organisation import (
    Assignment,
    AssignmentChanged,
    EmployeeHired,
    EmploymentTerminated,
    JobFamily,
    LeaverClass,
    PayStructureSet,
    PersonRegistered,
)
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, get, get_many, page
from projections.tables import R, Row, Table, begun
from tenancy.records import Recorded

NAME = "directory"
VERSION = 1


class OrgUnit(Row, kw_only=True):
    """部门"""

    org_unit_id: UUID
    code: str
    name: str
    valid_from: date
    parent_id: UUID | None
    version: int
    """Of its stream; the ETag. So in every row below."""


class Job(Row, kw_only=True):
    """岗位"""

    job_id: UUID
    code: str
    title: str
    family: JobFamily
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    duties: tuple[str, ...]
    version: int


class PersonRow(Row, kw_only=True):
    """人员, without the name."""

    person_id: UUID
    number: str
    named_at: int
    """The log position of the event that holds the name."""
    version: int


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """人员"""

    person_id: UUID
    number: str
    name: str | None
    """None once the person's key was destroyed."""
    version: int
    position: int


class AssignmentFrom(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment and its first day."""

    effective_from: date
    assignment: Assignment


class PayFrom(msgspec.Struct, frozen=True, kw_only=True):
    """A pay structure and its first day; amounts a month."""

    effective_from: date
    performance_share: Decimal
    total: Money
    performance: Money
    fixed: Money


class Employment(Row, kw_only=True):
    """雇佣; what is effective-dated is kept whole, ascending by first day."""

    employment_id: UUID
    number: str
    person_id: UUID
    hired_on: date
    last_day: date | None
    leaver: LeaverClass | None
    org_unit_id: UUID
    """Of the newest assignment; so are job and manager."""
    job_id: UUID
    manager_id: UUID | None
    assignments: tuple[AssignmentFrom, ...]
    pay_structures: tuple[PayFrom, ...]
    version: int

    def assignment_on(self, day: date) -> Assignment | None:
        """The assignment in force on a day; None outside the employment."""
        if day < self.hired_on or (self.last_day is not None and day > self.last_day):
            return None
        begun = [dated for dated in self.assignments if dated.effective_from <= day]
        return begun[-1].assignment if begun else None

    def pay_on(self, day: date) -> PayFrom | None:
        """The pay structure in force on a day."""
        begun = [dated for dated in self.pay_structures if dated.effective_from <= day]
        return begun[-1] if begun else None


def _table(name: str, row: type[R], key: str, *indexes: tuple[str, ...]) -> Table[R]:
    return Table(name, row, projection=NAME, version=VERSION, key=(key,), indexes=indexes)


ORG_UNITS = _table("org_units", OrgUnit, "org_unit_id", ("code",), ("parent_id", "code"))
JOBS = _table("jobs", Job, "job_id", ("code",))
PEOPLE = _table("people", PersonRow, "person_id", ("number",))
EMPLOYMENTS = _table(
    "employments",
    Employment,
    "employment_id",
    ("number",),
    ("person_id", "number"),
    ("org_unit_id", "number"),
    ("manager_id", "number"),
)


def _org_unit(_: OrgUnit | None, recorded: Recorded) -> OrgUnit:
    event: OrgUnitCreated = recorded.event
    return OrgUnit(
        org_unit_id=recorded.stream_id,
        code=event.code,
        name=event.name,
        valid_from=event.valid_from,
        parent_id=event.parent_id,
        version=recorded.version,
    )


def _job(_: Job | None, recorded: Recorded) -> Job:
    event: JobDefined = recorded.event
    return Job(
        job_id=recorded.stream_id,
        code=event.code,
        title=event.title,
        family=event.family,
        level=event.level,
        coefficient_min=event.coefficient_min,
        coefficient_max=event.coefficient_max,
        duties=event.duties,
        version=recorded.version,
    )


def _person(_: PersonRow | None, recorded: Recorded) -> PersonRow:
    event: PersonRegistered = recorded.event
    return PersonRow(
        person_id=recorded.stream_id,
        number=event.number,
        named_at=recorded.position,
        version=recorded.version,
    )


def _employment(row: Employment | None, recorded: Recorded) -> Employment:
    event = recorded.event
    if isinstance(event, EmployeeHired):
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
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case AssignmentChanged():
            dated = AssignmentFrom(effective_from=event.effective_from, assignment=event.assignment)
            row.assignments = _dated(row.assignments, dated)
            newest = row.assignments[-1].assignment
            row.org_unit_id = newest.org_unit_id
            row.job_id = newest.job_id
            row.manager_id = newest.manager_id
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
    return row


class Dated(Protocol):
    """Something with a first day."""

    @property
    def effective_from(self) -> date: ...


D = TypeVar("D", bound=Dated)


def _dated(old: tuple[D, ...], new: D) -> tuple[D, ...]:
    # The later word on the same day replaces the earlier one.
    kept = [dated for dated in old if dated.effective_from != new.effective_from]
    return tuple(sorted([*kept, new], key=lambda dated: dated.effective_from))


FOLDS = (
    (ORG_UNITS, _org_unit, (OrgUnitCreated,)),
    (JOBS, _job, (JobDefined,)),
    (PEOPLE, _person, (PersonRegistered,)),
    (
        EMPLOYMENTS,
        _employment,
        (EmployeeHired, AssignmentChanged, PayStructureSet, EmploymentTerminated),
    ),
)

DIRECTORY = by_stream(NAME, VERSION, FOLDS)


async def org_units(
    view: View,
    *,
    parent_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[OrgUnit]:
    """Organisational units by code; those below `parent_id` where it is given."""
    where = {"parent_id": parent_id}
    return await page(view, ORG_UNITS, order=("code",), where=where, limit=limit, cursor=cursor)


async def org_unit(view: View, org_unit_id: UUID) -> OrgUnit | None:
    """The unit with this id."""
    return await get(view, ORG_UNITS, org_unit_id)


async def jobs(
    view: View,
    *,
    family: JobFamily | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Job]:
    """Jobs by code."""
    where = {"family": family}
    return await page(view, JOBS, order=("code",), where=where, limit=limit, cursor=cursor)


async def job(view: View, job_id: UUID) -> Job | None:
    """The job with this id."""
    return await get(view, JOBS, job_id)


async def people(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[Person]:
    """People by number, with the names that can still be opened."""
    found = await page(view, PEOPLE, order=("number",), limit=limit, cursor=cursor)
    return found.of(await _named(view, found.items))


async def person(view: View, person_id: UUID) -> Person | None:
    """The person with this id."""
    row = await get(view, PEOPLE, person_id)
    return (await _named(view, (row,)))[0] if row else None


async def names(view: View, person_ids: Sequence[UUID]) -> dict[UUID, str | None]:
    """The names of at most 500 people, for lists that show them; None where erased or unknown."""
    rows = await get_many(view, PEOPLE, person_ids)
    known = {person.person_id: person.name for person in await _named(view, rows)}
    return {person_id: known.get(person_id) for person_id in person_ids}


async def _named(view: View, rows: Sequence[PersonRow]) -> list[Person]:
    naming = await view.reopen([row.named_at for row in rows])
    return [
        Person(
            person_id=row.person_id,
            number=row.number,
            name=naming[row.named_at].event.name,
            version=row.version,
            position=row.position,
        )
        for row in rows
    ]


async def employments(
    view: View,
    *,
    org_unit_id: UUID | None = None,
    job_id: UUID | None = None,
    manager_id: UUID | None = None,
    person_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Employment]:
    """Employments by number; unit, job and manager are those of the newest assignment."""
    where = {
        "org_unit_id": org_unit_id,
        "job_id": job_id,
        "manager_id": manager_id,
        "person_id": person_id,
    }
    return await page(view, EMPLOYMENTS, order=("number",), where=where, limit=limit, cursor=cursor)


async def employment(view: View, employment_id: UUID) -> Employment | None:
    """The employment with this id."""
    return await get(view, EMPLOYMENTS, employment_id)
