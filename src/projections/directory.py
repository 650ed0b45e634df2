"""The directory: who works where, as what: units, jobs, people and their employments.

People's names are not copied here. The view keeps the position of the event that holds the name,
and the query opens that event: a destroyed key erases the name at once, here too.
"""

from collections.abc import Sequence
from copy import copy
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.money import Money
from domain.organisation import (
    Assignment,
    JobFamily,
    LeaverClass,
)
from projections.questions import LIMIT_DEFAULT, Between, Holds, Page, View, get, get_many, page
from projections.tables import R, Row, Table

NAME = "directory"
VERSION = 2


class NameFrom(msgspec.Struct, frozen=True, kw_only=True):
    """A name and its first day."""

    effective_from: date
    name: str


class ParentFrom(msgspec.Struct, frozen=True, kw_only=True):
    """A parent unit and the first day below it."""

    effective_from: date
    parent_id: UUID | None


class OrgUnit(Row, kw_only=True):
    """部门; what is effective-dated is kept whole, ascending by first day. So in the rows below."""

    org_unit_id: UUID
    code: str
    name: str
    """The newest; so is the parent. As of a day where one was asked for."""
    valid_from: date
    last_day: date | None
    parent_id: UUID | None
    names: tuple[NameFrom, ...]
    parents: tuple[ParentFrom, ...]
    version: int
    """Of its stream; the ETag. So in every row below."""

    def in_force(self, day: date) -> bool:
        """Whether the unit exists on a day."""
        return self.valid_from <= day and (self.last_day is None or day <= self.last_day)


class GradeFrom(msgspec.Struct, frozen=True, kw_only=True):
    """A level and a coefficient band, and their first day."""

    effective_from: date
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal


class DutiesFrom(msgspec.Struct, frozen=True, kw_only=True):
    """Duties and their first day."""

    effective_from: date
    duties: tuple[str, ...]


class Job(Row, kw_only=True):
    """岗位; level, band and duties are the newest, or as of a day where one was asked for."""

    job_id: UUID
    code: str
    title: str
    family: JobFamily
    level: int
    coefficient_min: Decimal
    coefficient_max: Decimal
    duties: tuple[str, ...]
    grades: tuple[GradeFrom, ...]
    """The first holds since ever: its day is 0001-01-01."""
    dated_duties: tuple[DutiesFrom, ...]
    excepted: tuple[UUID, ...]
    """Cycles in which its people may be appraised by different schemes."""
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
    erased: bool = False
    """Whether what was personal was erased for good."""


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


class Away(msgspec.Struct, frozen=True, kw_only=True):
    """Days on leave, both ends included; why is in the sealed event alone."""

    effective_from: date
    """The first of them."""
    ends_on: date
    unpaid: bool


class OverrideFrom(msgspec.Struct, frozen=True, kw_only=True):
    """An exception from the band of the performance share. 绩效占比例外"""

    effective_from: date
    effective_until: date | None
    performance_share: Decimal
    state: Literal["requested", "approved", "rejected"]


class Employment(Row, kw_only=True):
    """雇佣"""

    employment_id: UUID
    number: str
    person_id: UUID
    hired_on: date
    last_day: date | None
    leaver: LeaverClass | None
    org_unit_id: UUID
    """Of the newest assignment, or of that of a day where one was asked for. So the next two."""
    job_id: UUID
    manager_id: UUID | None
    assignments: tuple[AssignmentFrom, ...]
    pay_structures: tuple[PayFrom, ...]
    leaves: tuple[Away, ...]
    share_overrides: tuple[OverrideFrom, ...]
    """In the order in which they were asked for."""
    previous_employment_id: UUID | None
    """The one that ended before, where this is a rehire."""
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


async def org_units(
    view: View,
    *,
    parent_id: UUID | None = None,
    on: date | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[OrgUnit]:
    """Organisational units by code; those below `parent_id`, and as of `on`, where given."""
    if on is None:
        where = {"parent_id": parent_id}
        return await page(view, ORG_UNITS, order=("code",), where=where, limit=limit, cursor=cursor)
    holding = [Holds(UNIT_IN_FORCE, on)]
    if parent_id is not None:
        holding.append(Holds(_as_of("parents", "p.dated ->> 'parent_id'", on), str(parent_id)))
    found = await page(
        view, ORG_UNITS, order=("code",), holding=holding, limit=limit, cursor=cursor
    )
    return found.of([unit_as_of(row, on) for row in found.items])


UNIT_IN_FORCE = "valid_from <= {}::date AND (last_day IS NULL OR last_day >= {}::date)"
EMPLOYED = "hired_on <= {}::date AND (last_day IS NULL OR last_day >= {}::date)"


def _as_of(rows: str, value: str, on: date) -> str:
    """That `value` of the newest of the dated `rows` begun by `on` is the one asked for."""
    # ISO dates of four-digit years are in the order of their days as text, too.
    return (
        f"(SELECT {value} FROM jsonb_array_elements({rows}) p(dated)"  # noqa: S608  own names
        f" WHERE p.dated ->> 'effective_from' <= '{on.isoformat()}'"
        " ORDER BY p.dated ->> 'effective_from' DESC LIMIT 1) = {}"
    )


def show_grade(row: Job, grade: GradeFrom) -> None:
    """Let the row say this level and band."""
    row.level = grade.level
    row.coefficient_min, row.coefficient_max = grade.coefficient_min, grade.coefficient_max


def show_work(row: Employment, work: Assignment) -> None:
    """Let the row say where this work is."""
    row.org_unit_id, row.job_id, row.manager_id = work.org_unit_id, work.job_id, work.manager_id


def unit_as_of(row: OrgUnit, day: date) -> OrgUnit:
    """The unit as it is on one of its days."""
    row = copy(row)
    row.name = [each for each in row.names if each.effective_from <= day][-1].name
    row.parent_id = [each for each in row.parents if each.effective_from <= day][-1].parent_id
    return row


def job_as_of(row: Job, day: date) -> Job:
    """The job as it is on a day."""
    row = copy(row)
    show_grade(row, [each for each in row.grades if each.effective_from <= day][-1])
    row.duties = [each for each in row.dated_duties if each.effective_from <= day][-1].duties
    return row


def employment_as_of(row: Employment, day: date) -> Employment | None:
    """The employment as it is on a day; None outside of it."""
    work = row.assignment_on(day)
    if work is None:
        return None
    row = copy(row)
    show_work(row, work)
    return row


async def org_unit(view: View, org_unit_id: UUID, on: date | None = None) -> OrgUnit | None:
    """The unit with this id; as of a day, None where it does not exist then."""
    row = await get(view, ORG_UNITS, org_unit_id)
    if row is None or on is None:
        return row
    return unit_as_of(row, on) if row.in_force(on) else None


async def jobs(
    view: View,
    *,
    family: JobFamily | None = None,
    on: date | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Job]:
    """Jobs by code, as of `on` where it is given."""
    where = {"family": family}
    found = await page(view, JOBS, order=("code",), where=where, limit=limit, cursor=cursor)
    return found if on is None else found.of([job_as_of(row, on) for row in found.items])


async def job(view: View, job_id: UUID, on: date | None = None) -> Job | None:
    """The job with this id."""
    row = await get(view, JOBS, job_id)
    return row if row is None or on is None else job_as_of(row, on)


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
            erased=naming[row.named_at].event.name is None,
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
    team_of: UUID | None = None,
    from_number: str | None = None,
    on: date | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Employment]:
    """Employments by number; unit, job and manager of the newest assignment, or as of `on`.

    `from_number` is where the list begins, so that nobody leafs through a hundred thousand.
    `team_of` is the manager of the newest assignment on whatever day is asked for: rows tell all
    of an employment, which is none of a former manager's business.
    """
    where: dict[str, Any] = {"person_id": person_id, "number": Between(low=from_number)}
    work = {"org_unit_id": org_unit_id, "job_id": job_id, "manager_id": manager_id}
    if on is None:
        if team_of is not None and manager_id not in {None, team_of}:
            return Page(items=())
        where |= {**work, "manager_id": team_of or manager_id}
        return await page(
            view, EMPLOYMENTS, order=("number",), where=where, limit=limit, cursor=cursor
        )
    holding = [Holds(EMPLOYED, on)] + [
        Holds(_as_of("assignments", f"p.dated -> 'assignment' ->> '{name}'", on), str(wanted))
        for name, wanted in work.items()
        if wanted is not None
    ]
    found = await page(
        view,
        EMPLOYMENTS,
        order=("number",),
        where={**where, "manager_id": team_of},
        holding=holding,
        limit=limit,
        cursor=cursor,
    )
    return found.of([begun_by(row, on) for row in found.items])


def begun_by(row: Employment, day: date) -> Employment:
    """The employment as it is on one of its days.

    Raises:
        ValueError: it is not.
    """
    known = employment_as_of(row, day)
    if known is None:
        raise ValueError(f"{day} is outside of the employment")
    return known


async def employment(view: View, employment_id: UUID, on: date | None = None) -> Employment | None:
    """The employment with this id; as of a day, None outside of it."""
    row = await get(view, EMPLOYMENTS, employment_id)
    return row if row is None or on is None else employment_as_of(row, on)


async def employed_within(view: View, first: date, last: date) -> list[UUID]:
    """All employments with a day from `first` to `last`, by number, for work in bulk."""
    return [record["employment_id"] for record in await view.fetch(EMPLOYED_WITHIN, first, last)]


EMPLOYED_WITHIN = f"""
SELECT employment_id FROM {EMPLOYMENTS.name} WHERE tenant_id = $1 AND build = {EMPLOYMENTS.live}
AND hired_on <= $3 AND (last_day IS NULL OR last_day >= $2) ORDER BY number
"""  # noqa: S608  own names
