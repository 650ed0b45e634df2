"""How far a cycle is: appraisals by stage and unit, and those that hold it up.

It has no table of its own: it asks the scores.
"""

from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

from projections.questions import View
from projections.scores import APPRAISALS, AppraisalStage

ExceptionKind = Literal[
    "no-initial-score",
    "provisional-score",
    "self-rating-missing",
    "manager-rating-missing",
    "deviation-unexplained",
    "reopened",
]
"""Why an appraisal cannot be locked, or must be locked anew."""

KINDS: Final[tuple[ExceptionKind, ...]] = get_args(ExceptionKind)
SHOWN_MAX = 200

_OPEN = "lock_version = 0 AND NOT voided"
WHERE: Final[dict[ExceptionKind, str]] = {
    "no-initial-score": f"{_OPEN} AND initial_score IS NULL",
    "provisional-score": f"{_OPEN} AND initial_score_provisional",
    "self-rating-missing": f"{_OPEN} AND NOT self_submitted",
    "manager-rating-missing": f"{_OPEN} AND NOT manager_submitted AND NOT rating_waived",
    "deviation-unexplained": f"{_OPEN} AND stage = 'deviation-pending'",
    "reopened": "reopened AND NOT voided",
}


class UnitProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The appraisals of one unit."""

    org_unit_id: UUID
    appraisals: int
    stages: dict[str, int]
    """How many have reached which stage and no further; stages with none are left out."""
    self_rated: int
    manager_rated: int
    locked: int
    published: int


class ExceptionCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many appraisals are held up by the same thing."""

    kind: ExceptionKind
    count: int


class CycleProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a cycle is; appraisals that were ended without a score are not counted."""

    cycle_id: UUID
    appraisals: int
    stages: dict[str, int]
    units: tuple[UnitProgress, ...]
    exceptions: tuple[ExceptionCount, ...]


class HeldUp(msgspec.Struct, frozen=True, kw_only=True):
    """An appraisal that is held up."""

    appraisal_id: UUID
    person_id: UUID
    manager_id: UUID | None
    org_unit_id: UUID
    stage: AppraisalStage


class HeldUps(msgspec.Struct, frozen=True, kw_only=True):
    """Appraisals that are held up by the same thing, by creation; at most 200 of them."""

    kind: ExceptionKind
    count: int
    appraisals: tuple[HeldUp, ...]


_OF_CYCLE = f"""
FROM {APPRAISALS.name} WHERE tenant_id = $1 AND build = {APPRAISALS.live} AND cycle_id = $2
"""

GROUPS = f"""
SELECT org_unit_id, stage, count(*) AS n,
  count(*) FILTER (WHERE self_submitted) AS self_rated,
  count(*) FILTER (WHERE manager_submitted) AS manager_rated,
  count(*) FILTER (WHERE lock_version > 0) AS locked,
  count(*) FILTER (WHERE published_version > 0) AS published
{_OF_CYCLE} AND NOT voided GROUP BY org_unit_id, stage ORDER BY org_unit_id, stage
"""

COUNTS = f"""
SELECT {", ".join(f"count(*) FILTER (WHERE {where})" for where in WHERE.values())} {_OF_CYCLE}
"""

LISTS: Final[dict[ExceptionKind, str]] = {
    kind: f"SELECT appraisal_id, person_id, manager_id, org_unit_id, stage, count(*) OVER ()"
    f" {_OF_CYCLE} AND {where} ORDER BY created_position LIMIT {SHOWN_MAX}"
    for kind, where in WHERE.items()
}


async def cycle_progress(view: View, cycle_id: UUID) -> CycleProgress:
    """How far this cycle is."""
    units: dict[UUID, list[tuple[str, list[int]]]] = {}
    for record in await view.fetch(GROUPS, cycle_id):
        unit, stage, *numbers = tuple(record)
        units.setdefault(unit, []).append((stage, numbers))
    stages: dict[str, int] = {}
    for rows in units.values():
        for stage, (count, *_) in rows:
            stages[stage] = stages.get(stage, 0) + count
    counts = tuple((await view.fetch(COUNTS, cycle_id))[0])
    return CycleProgress(
        cycle_id=cycle_id,
        appraisals=sum(stages.values()),
        stages=stages,
        units=tuple(_unit(unit, rows) for unit, rows in units.items()),
        exceptions=tuple(
            ExceptionCount(kind=kind, count=count)
            for kind, count in zip(WHERE, counts, strict=True)
        ),
    )


def _unit(org_unit_id: UUID, rows: list[tuple[str, list[int]]]) -> UnitProgress:
    count, self_rated, manager_rated, locked, published = (
        sum(numbers) for numbers in zip(*(each for _, each in rows), strict=True)
    )
    return UnitProgress(
        org_unit_id=org_unit_id,
        appraisals=count,
        stages={stage: numbers[0] for stage, numbers in rows},
        self_rated=self_rated,
        manager_rated=manager_rated,
        locked=locked,
        published=published,
    )


async def held_up(view: View, cycle_id: UUID, kind: ExceptionKind) -> HeldUps:
    """The appraisals of a cycle that one thing holds up."""
    rows = [tuple(record) for record in await view.fetch(LISTS[kind], cycle_id)]
    return HeldUps(
        kind=kind,
        count=rows[0][5] if rows else 0,
        appraisals=tuple(
            HeldUp(
                appraisal_id=appraisal_id,
                person_id=person_id,
                manager_id=manager_id,
                org_unit_id=org_unit_id,
                stage=stage,
            )
            for appraisal_id, person_id, manager_id, org_unit_id, stage, _ in rows
        ),
    )


async def locked_ids(
    view: View, cycle_id: UUID, org_unit_id: UUID | None, limit: int
) -> list[UUID]:
    """Appraisals of a cycle whose score is locked, of one unit where it is named; the first."""
    return [
        record["appraisal_id"] for record in await view.fetch(LOCKED, cycle_id, org_unit_id, limit)
    ]


LOCKED = f"""
SELECT appraisal_id {_OF_CYCLE} AND lock_version > 0 AND NOT voided
AND ($3::uuid IS NULL OR org_unit_id = $3) ORDER BY created_position LIMIT $4
"""
