"""Which scheme appraises an employment in a cycle, and why it is that one."""

from datetime import date
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.problems import Said
from api.queries import Dated, found
from api.routes import Route, get
from api.wire import One
from domain.binding import Binding, Considered
from domain.calendar import Span
from domain.cycle import CYCLE, Cycle
from domain.employment import EMPLOYMENT, Employment, assignment_on
from domain.jobs import JOB, Job
from domain.org_units import ORG_UNIT, OrgUnit
from domain.organisation import JobFamily


class Resolving(Dated, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last employed day of the cycle where no day is named."""

    employment_id: UUID


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """The binding that is chosen, and every other with the reason why it is not."""

    cycle_id: UUID
    employment_id: UUID
    on: date
    family: JobFamily
    level: int
    units: tuple[UUID, ...]
    """The unit of that day and those above it, nearest first."""
    chosen: Binding | None
    considered: tuple[Considered, ...]


async def _resolution(asked: Asked, given: Resolving) -> One:
    """Which scheme appraises an employment in a cycle, and why it is that one."""
    store = await asked.store()
    cycle: Cycle = found((await store.load(CYCLE, asked.one_id()))[0])
    employment: Employment = found((await store.load(EMPLOYMENT, given.employment_id))[0])
    day = _day(cycle, employment, given.day)
    assignment = found(assignment_on(employment, day))
    job: Job = found((await store.load(JOB, assignment.job_id))[0])
    level = job.grade_on(day).level
    units: list[UUID] = []
    above: UUID | None = assignment.org_unit_id
    while above is not None and above not in units:
        units.append(above)
        unit: OrgUnit = found((await store.load(ORG_UNIT, above))[0])
        above = unit.parent_on(day)
    resolution = cycle.resolve(job.family, level, units)
    return One(
        value=Resolved(
            cycle_id=asked.one_id(),
            employment_id=given.employment_id,
            on=day,
            family=job.family,
            level=level,
            units=tuple(units),
            chosen=resolution.chosen,
            considered=resolution.considered,
        )
    )


def _day(cycle: Cycle, employment: Employment, on: date | None) -> date:
    employed = employment.days_within(cycle.starts_on, cycle.ends_on)
    if employed is None or (on is not None and on not in Span(*employed)):
        raise Said("not-found", "the employment has no such day in the cycle")
    return on or employed[1]


ROUTES: tuple[Route, ...] = (
    get(
        "/cycles/{cycle_id}/resolution",
        _resolution,
        roles=auth.WHOLE_COMPANY,
        result=Resolved,
        parameters=Resolving,
    ),
)
