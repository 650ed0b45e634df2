"""Units, jobs, people, employments: who works where, as what, for how much, since when."""

from uuid import UUID

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.employment import EMPLOYMENT
from domain.jobs import JOB, DefineJob
from domain.org_units import ORG_UNIT, CreateOrgUnit
from domain.organisation import (
    PERSON,
    ChangeAssignment,
    HireEmployee,
    JobFamily,
    RegisterPerson,
    SetPayStructure,
    TerminateEmployment,
)
from projections import directory
from projections.questions import Page, View, get_many

VIEWS = (directory.NAME,)
WRITERS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)
PAY_WRITERS = writers(auth.HR, auth.FINANCE, auth.ADMIN, auth.INTEGRATION)


class Units(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parent_id: UUID | None = None


class Jobs(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    family: JobFamily | None = None


class Employments(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    org_unit_id: UUID | None = None
    job_id: UUID | None = None
    manager_id: UUID | None = None
    person_id: UUID | None = None


async def _units(asked: Asked, given: Units) -> Page[directory.OrgUnit]:
    """Organisational units by code."""
    async with asked.view() as view:
        return await directory.org_units(
            view, parent_id=given.parent_id, limit=given.limit, cursor=given.cursor
        )


async def _unit(asked: Asked, _: Parameters) -> One:
    """An organisational unit."""
    async with asked.view() as view:
        unit = found(await directory.org_unit(view, asked.one_id()))
    return One(value=unit, version=unit.version)


async def _jobs(asked: Asked, given: Jobs) -> Page[directory.Job]:
    """Jobs by code."""
    async with asked.view() as view:
        return await directory.jobs(
            view, family=given.family, limit=given.limit, cursor=given.cursor
        )


async def _job(asked: Asked, _: Parameters) -> One:
    """A job."""
    async with asked.view() as view:
        job = found(await directory.job(view, asked.one_id()))
    return One(value=job, version=job.version)


async def _people(asked: Asked, given: Listing) -> Page[directory.Person]:
    """People by number; for managers their team, for employees themselves."""
    async with asked.view() as view:
        if sees_all(asked):
            return await directory.people(view, limit=given.limit, cursor=given.cursor)
        if asked.caller.has(frozenset({auth.MANAGER})):
            team = await directory.employments(
                view, manager_id=asked.caller.actor, limit=given.limit, cursor=given.cursor
            )
            return team.of(await _named(view, [each.person_id for each in team.items]))
        myself = await directory.person(view, asked.caller.actor)
        return Page(items=(myself,) if myself else ())


async def _named(view: View, person_ids: list[UUID]) -> list[directory.Person]:
    once = list(dict.fromkeys(person_ids))
    names = await directory.names(view, once)
    return [
        directory.Person(
            person_id=row.person_id,
            number=row.number,
            name=names[row.person_id],
            version=row.version,
            position=row.position,
        )
        for row in await get_many(view, directory.PEOPLE, once)
    ]


async def _person(asked: Asked, _: Parameters) -> One:
    """A person."""
    async with asked.view() as view:
        person = found(await directory.person(view, asked.one_id()))
        if not sees_all(asked) and person.person_id != asked.caller.person_id:
            team = await directory.employments(
                view, manager_id=asked.caller.actor, person_id=person.person_id, limit=1
            )
            found(team.items[0] if manages(asked) and team.items else None)
    # No entity tag: the name may be erased without a new version of the stream.
    return One(value=person)


async def _employments(asked: Asked, given: Employments) -> Page[directory.Employment]:
    """Employments by number; for managers their team's, for employees their own."""
    person_id, manager_id = given.person_id, given.manager_id
    if not sees_all(asked):
        if manages(asked) and person_id != asked.caller.person_id:
            manager_id = asked.caller.actor
        else:
            person_id = asked.caller.actor
    async with asked.view() as view:
        return await directory.employments(
            view,
            org_unit_id=given.org_unit_id,
            job_id=given.job_id,
            manager_id=manager_id,
            person_id=person_id,
            limit=given.limit,
            cursor=given.cursor,
        )


async def _employment(asked: Asked, _: Parameters) -> One:
    """An employment with its assignments and pay structures."""
    async with asked.view() as view:
        row = found(await directory.employment(view, asked.one_id()))
    theirs = row.person_id == asked.caller.person_id or (
        manages(asked) and row.manager_id == asked.caller.person_id
    )
    found(row if theirs or sees_all(asked) else None)
    return One(value=row, version=row.version)


def sees_all(asked: Asked) -> bool:
    """Whether the caller sees everyone; integrations do, for they write them."""
    return asked.caller.sees_everyone or asked.caller.has(frozenset({auth.INTEGRATION}))


def manages(asked: Asked) -> bool:
    """Whether the caller is somebody's manager by role."""
    return asked.caller.has(frozenset({auth.MANAGER})) and asked.caller.person_id is not None


ROUTES: tuple[Route, ...] = (
    post(
        "/org-units",
        CreateOrgUnit,
        ORG_UNIT,
        roles=WRITERS,
        stream=lambda _, command: ids.org_unit_id(command.code),
        creates="/org-units/{id}",
    ),
    get(
        "/org-units",
        _units,
        roles=auth.EVERYONE,
        result=directory.OrgUnit,
        projections=VIEWS,
        parameters=Units,
    ),
    get(
        "/org-units/{org_unit_id}",
        _unit,
        roles=auth.EVERYONE,
        result=directory.OrgUnit,
        projections=VIEWS,
    ),
    post(
        "/jobs",
        DefineJob,
        JOB,
        roles=WRITERS,
        stream=lambda _, command: ids.job_id(command.code),
        creates="/jobs/{id}",
    ),
    get(
        "/jobs",
        _jobs,
        roles=auth.EVERYONE,
        result=directory.Job,
        projections=VIEWS,
        parameters=Jobs,
    ),
    get("/jobs/{job_id}", _job, roles=auth.EVERYONE, result=directory.Job, projections=VIEWS),
    post(
        "/people",
        RegisterPerson,
        PERSON,
        roles=WRITERS,
        stream=lambda _, command: ids.person_id(command.number),
        creates="/people/{id}",
    ),
    get(
        "/people",
        _people,
        roles=auth.EVERYONE,
        result=directory.Person,
        projections=VIEWS,
        parameters=Listing,
    ),
    get(
        "/people/{person_id}",
        _person,
        roles=auth.EVERYONE,
        result=directory.Person,
        projections=VIEWS,
    ),
    post(
        "/employments",
        HireEmployee,
        EMPLOYMENT,
        roles=WRITERS,
        stream=lambda _, command: ids.employment_id(command.number),
        creates="/employments/{id}",
    ),
    get(
        "/employments",
        _employments,
        roles=auth.EVERYONE,
        result=directory.Employment,
        projections=VIEWS,
        parameters=Employments,
    ),
    get(
        "/employments/{employment_id}",
        _employment,
        roles=auth.EVERYONE,
        result=directory.Employment,
        projections=VIEWS,
    ),
    post(
        "/employments/{employment_id}/assignments",
        ChangeAssignment,
        EMPLOYMENT,
        roles=WRITERS,
        stream=from_path("employment_id"),
    ),
    post(
        "/employments/{employment_id}/pay-structure",
        SetPayStructure,
        EMPLOYMENT,
        roles=PAY_WRITERS,
        stream=from_path("employment_id"),
    ),
    post(
        "/employments/{employment_id}/termination",
        TerminateEmployment,
        EMPLOYMENT,
        roles=WRITERS,
        stream=from_path("employment_id"),
    ),
)
