"""Units, jobs and people, as of any day; what does not fit in the organisation of a day."""

from uuid import UUID

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Dated, DatedListing, Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.jobs import JOB, ChangeJobGrade, DefineJob, DefineJobDuties, ExceptSameWork
from domain.org_units import ORG_UNIT, CloseOrgUnit, CreateOrgUnit, MoveOrgUnit, RenameOrgUnit
from domain.organisation import (
    PERSON,
    JobFamily,
    RegisterPerson,
)
from projections import directory, org_tree, planning, scores
from projections.questions import Page, View, get_many

VIEWS = (directory.NAME,)
WRITERS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)
OVERSEERS = auth.EVERYONE - {auth.EMPLOYEE, auth.MANAGER, auth.INTEGRATION}
PAY_WRITERS = writers(auth.HR, auth.FINANCE, auth.ADMIN, auth.INTEGRATION)


class Units(DatedListing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parent_id: UUID | None = None


class Jobs(DatedListing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    family: JobFamily | None = None


async def _units(asked: Asked, given: Units) -> Page[directory.OrgUnit]:
    """Organisational units by code."""
    async with asked.view() as view:
        return await directory.org_units(
            view,
            parent_id=given.parent_id,
            on=given.day,
            limit=given.limit,
            cursor=given.cursor,
        )


async def _unit(asked: Asked, given: Dated) -> One:
    """An organisational unit."""
    async with asked.view() as view:
        unit = found(await directory.org_unit(view, asked.one_id(), given.day))
    return One(value=unit, version=unit.version)


async def _jobs(asked: Asked, given: Jobs) -> Page[directory.Job]:
    """Jobs by code."""
    async with asked.view() as view:
        return await directory.jobs(
            view, family=given.family, on=given.day, limit=given.limit, cursor=given.cursor
        )


async def _job(asked: Asked, given: Dated) -> One:
    """A job."""
    async with asked.view() as view:
        job = found(await directory.job(view, asked.one_id(), given.day))
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
            erased=names[row.person_id] is None,
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


async def _tree(asked: Asked, given: Dated) -> One:
    """All units of a day, each after the one above it, with the people in it"""
    async with asked.view() as view:
        return One(value=await org_tree.tree(view, given.day or asked.stamp.now.date()))


async def _findings(asked: Asked, given: Dated) -> One:
    """People and units that are in or below a unit that does not exist on a day"""
    async with asked.view() as view:
        return One(value=await org_tree.findings(view, given.day or asked.stamp.now.date()))


async def _same_work(asked: Asked, _: Parameters) -> One:
    """Jobs whose people are appraised by different schemes in a cycle"""
    async with asked.view() as view:
        found(await planning.cycle(view, asked.one_id()))
        return One(value=await org_tree.same_work(view, asked.one_id()))


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
        parameters=Dated,
    ),
    get(
        "/org-units/tree",
        _tree,
        roles=auth.EVERYONE,
        result=org_tree.Tree,
        projections=VIEWS,
        parameters=Dated,
    ),
    get(
        "/org-units/findings",
        _findings,
        roles=OVERSEERS,
        result=org_tree.Findings,
        projections=VIEWS,
        parameters=Dated,
    ),
    get(
        "/cycles/{cycle_id}/same-work",
        _same_work,
        roles=OVERSEERS,
        result=org_tree.SameWork,
        projections=(directory.NAME, planning.NAME, scores.NAME),
    ),
    *(
        post(
            f"/org-units/{{org_unit_id}}/{name}",
            command,
            ORG_UNIT,
            roles=WRITERS,
            stream=from_path("org_unit_id"),
        )
        for name, command in (
            ("moves", MoveOrgUnit),
            ("names", RenameOrgUnit),
            ("closure", CloseOrgUnit),
        )
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
    get(
        "/jobs/{job_id}",
        _job,
        roles=auth.EVERYONE,
        result=directory.Job,
        projections=VIEWS,
        parameters=Dated,
    ),
    *(
        post(f"/jobs/{{job_id}}/{name}", command, JOB, roles=roles, stream=from_path("job_id"))
        for name, command, roles in (
            ("grades", ChangeJobGrade, WRITERS),
            ("duties", DefineJobDuties, WRITERS),
            ("same-work-exceptions", ExceptSameWork, writers(auth.HR, auth.EXECUTIVE)),
        )
    ),
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
)
