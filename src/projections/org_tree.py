"""The organisation on a day: its tree, what does not fit in it, and same work treated unlike.

Questions alone: what they read are the tables of the directory and of the scores.
"""

from collections import defaultdict
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from projections.directory import (
    EMPLOYMENTS,
    JOBS,
    ORG_UNITS,
    OrgUnit,
    unit_as_of,
)
from projections.questions import View, get_many
from projections.scores import APPRAISALS


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A unit in the tree of a day."""

    org_unit_id: UUID
    code: str
    name: str
    parent_id: UUID | None
    path: tuple[UUID, ...]
    """From the root down to the unit itself."""
    people: int
    """Employments assigned to the unit itself on that day."""


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """The units of a day, each after the one above it, siblings by code."""

    on: date
    units: tuple[Node, ...]


FindingKind = Literal["people-in-closed-unit", "unit-below-closed-unit"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not fit in the tree of a day."""

    kind: FindingKind
    org_unit_id: UUID
    """Where it was found."""
    closed_unit_id: UUID
    """The unit that does not exist on that day."""
    people: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What does not fit in the tree of a day."""

    on: date
    findings: tuple[Finding, ...]


class SchemeUse(msgspec.Struct, frozen=True, kw_only=True):
    """A scheme version by which people of a job are appraised, and where they are."""

    scheme_id: UUID
    scheme_version: int
    people: int
    org_unit_ids: tuple[UUID, ...]


class UnlikeWork(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose people are appraised by different schemes in one cycle. 同岗同责"""

    job_id: UUID
    code: str
    excepted: bool
    """Whether an exception was recorded for the cycle."""
    schemes: tuple[SchemeUse, ...]


class SameWork(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs whose people are not appraised alike in a cycle."""

    cycle_id: UUID
    unlike: tuple[UnlikeWork, ...]


UNITS = f"""
SELECT {ORG_UNITS.selected} FROM {ORG_UNITS.name}
WHERE tenant_id = $1 AND build = {ORG_UNITS.live} ORDER BY code
"""  # noqa: S608  own names

HEADCOUNT = f"""
SELECT (
    SELECT (p.dated -> 'assignment' ->> 'org_unit_id')::uuid
    FROM jsonb_array_elements(assignments) p(dated)
    WHERE p.dated ->> 'effective_from' <= $2::text
    ORDER BY p.dated ->> 'effective_from' DESC LIMIT 1
) AS org_unit_id, count(*) AS people
FROM {EMPLOYMENTS.name}
WHERE tenant_id = $1 AND build = {EMPLOYMENTS.live}
AND hired_on <= $3 AND (last_day IS NULL OR last_day >= $3)
GROUP BY 1
"""  # noqa: S608  own names

SCHEMES_OF_JOBS = f"""
SELECT job_id, scheme_id, scheme_version, count(*) AS people,
    array_agg(DISTINCT org_unit_id ORDER BY org_unit_id) AS org_unit_ids
FROM {APPRAISALS.name}
WHERE tenant_id = $1 AND build = {APPRAISALS.live} AND cycle_id = $2 AND stage <> 'void'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608  own names


async def tree(view: View, day: date) -> Tree:
    """All units of a day, each after the one above it."""
    units = [unit_as_of(row, day) for row in await _units(view) if row.in_force(day)]
    people = await _headcount(view, day)
    known = {row.org_unit_id for row in units}
    below: defaultdict[UUID | None, list[OrgUnit]] = defaultdict(list)
    for row in units:
        # Below a unit that was closed, a unit is a root of its own until it is moved.
        below[row.parent_id if row.parent_id in known else None].append(row)
    nodes: list[Node] = []
    waiting: list[tuple[OrgUnit, tuple[UUID, ...]]] = [(row, ()) for row in reversed(below[None])]
    while waiting:
        row, above = waiting.pop()
        path = (*above, row.org_unit_id)
        nodes.append(
            Node(
                org_unit_id=row.org_unit_id,
                code=row.code,
                name=row.name,
                parent_id=row.parent_id,
                path=path,
                people=people.get(row.org_unit_id, 0),
            )
        )
        waiting += [(each, path) for each in reversed(below[row.org_unit_id])]
    return Tree(on=day, units=tuple(nodes))


async def findings(view: View, day: date) -> Findings:
    """People and units that are, on a day, in or below a unit that does not exist then."""
    rows = await _units(view)
    people = await _headcount(view, day)
    gone = {row.org_unit_id for row in rows if not row.in_force(day)}
    found = [
        Finding(
            kind="people-in-closed-unit",
            org_unit_id=row.org_unit_id,
            closed_unit_id=row.org_unit_id,
            people=people[row.org_unit_id],
        )
        for row in rows
        if row.org_unit_id in gone and people.get(row.org_unit_id)
    ]
    for row in rows:
        parent_id = unit_as_of(row, day).parent_id if row.in_force(day) else None
        if parent_id in gone and parent_id is not None:
            found.append(
                Finding(
                    kind="unit-below-closed-unit",
                    org_unit_id=row.org_unit_id,
                    closed_unit_id=parent_id,
                    people=people.get(row.org_unit_id, 0),
                )
            )
    return Findings(on=day, findings=tuple(found))


async def same_work(view: View, cycle_id: UUID) -> SameWork:
    """Jobs whose people are appraised by more than one scheme version in a cycle."""
    by_job: defaultdict[UUID, list[SchemeUse]] = defaultdict(list)
    for record in await view.fetch(SCHEMES_OF_JOBS, cycle_id):
        by_job[record["job_id"]].append(
            SchemeUse(
                scheme_id=record["scheme_id"],
                scheme_version=record["scheme_version"],
                people=record["people"],
                org_unit_ids=tuple(record["org_unit_ids"]),
            )
        )
    unlike = {job_id: uses for job_id, uses in by_job.items() if len(uses) > 1}
    jobs = {row.job_id: row for row in await get_many(view, JOBS, list(unlike))}
    return SameWork(
        cycle_id=cycle_id,
        unlike=tuple(
            UnlikeWork(
                job_id=job_id,
                code=jobs[job_id].code,
                excepted=cycle_id in jobs[job_id].excepted,
                schemes=tuple(uses),
            )
            for job_id, uses in unlike.items()
        ),
    )


async def _units(view: View) -> list[OrgUnit]:
    return [ORG_UNITS.read(record) for record in await view.fetch(UNITS)]


async def _headcount(view: View, day: date) -> dict[UUID, int]:
    records = await view.fetch(HEADCOUNT, day.isoformat(), day)
    return {record["org_unit_id"]: record["people"] for record in records}
