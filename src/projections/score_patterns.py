"""How locked scores lie within a cycle and over cycles, by department, job and family.

It has no table of its own: it asks the scores and the cycles. All figures are exact until shown.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.organisation import JobFamily
from projections.performance_map import Distribution, FamilyScores, distribution
from projections.planning import CYCLES
from projections.questions import View
from projections.scores import APPRAISALS

WIDTH = 5
"""Points of one step of a distribution."""


class JobCell(msgspec.Struct, frozen=True, kw_only=True):
    """One department's scores in one job."""

    org_unit_id: UUID
    job_id: UUID
    scores: Distribution


class JobMap(msgspec.Struct, frozen=True, kw_only=True):
    """绩效地图 by job, of one cycle, or of all of them."""

    cells: tuple[JobCell, ...]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How many scores lie from `low` inclusive to `high` exclusive."""

    low: Decimal
    high: Decimal
    n: int


class ScoreDistribution(msgspec.Struct, frozen=True, kw_only=True):
    """绩效分布 of one cycle, or of all of them; steps without a score between others are there."""

    scores: Distribution | None
    """None where no score is locked."""
    steps: tuple[Step, ...]


class UnitScores(msgspec.Struct, frozen=True, kw_only=True):
    """All scores of a department."""

    org_unit_id: UUID
    scores: Distribution


class CycleScores(msgspec.Struct, frozen=True, kw_only=True):
    """One cycle of a trend."""

    cycle_id: UUID
    code: str
    name: str
    starts_on: date
    scores: Distribution
    families: tuple[FamilyScores, ...]
    departments: tuple[UnitScores, ...]


class Trends(msgspec.Struct, frozen=True, kw_only=True):
    """历史趋势: every cycle with locked scores, the earliest first."""

    cycles: tuple[CycleScores, ...]


JOBS = f"""
SELECT org_unit_id, job_id, array_agg(score ORDER BY score) AS scores FROM {APPRAISALS.name}
WHERE tenant_id = $1 AND build = {APPRAISALS.live} AND lock_version > 0
  AND ($2::uuid IS NULL OR cycle_id = $2)
GROUP BY org_unit_id, job_id ORDER BY org_unit_id, job_id
"""  # noqa: S608  own names
SCORES = f"""
SELECT score FROM {APPRAISALS.name}
WHERE tenant_id = $1 AND build = {APPRAISALS.live} AND lock_version > 0
  AND ($2::uuid IS NULL OR cycle_id = $2)
"""  # noqa: S608  own names
BY_CYCLE = f"""
SELECT c.cycle_id, c.code, c.name, c.starts_on, a.org_unit_id, a.family,
       array_agg(a.score ORDER BY a.score) AS scores
FROM {APPRAISALS.name} a JOIN {CYCLES.name} c
  ON c.tenant_id = $1 AND c.build = {CYCLES.live} AND c.cycle_id = a.cycle_id
WHERE a.tenant_id = $1 AND a.build = {APPRAISALS.live} AND a.lock_version > 0
GROUP BY c.cycle_id, c.code, c.name, c.starts_on, a.org_unit_id, a.family
ORDER BY c.starts_on, c.code, a.org_unit_id, a.family
"""  # noqa: S608  own names


async def job_map(view: View, *, cycle_id: UUID | None = None) -> JobMap:
    """Locked scores by department and job; of all cycles where none is named."""
    return JobMap(
        cells=tuple(
            JobCell(org_unit_id=unit, job_id=job, scores=distribution(scores))
            for unit, job, scores in await view.fetch(JOBS, cycle_id)
        )
    )


async def score_distribution(view: View, *, cycle_id: UUID | None = None) -> ScoreDistribution:
    """How many locked scores lie in which step."""
    scores = [record["score"] for record in await view.fetch(SCORES, cycle_id)]
    return ScoreDistribution(
        scores=distribution(scores) if scores else None, steps=steps_of(scores)
    )


def steps_of(scores: Iterable[Decimal]) -> tuple[Step, ...]:
    """The steps from the lowest to the highest score.

    >>> [(str(step.low), step.n) for step in steps_of([Decimal("79.99"), Decimal("90")])]
    [('75', 1), ('80', 0), ('85', 0), ('90', 1)]
    """
    counts: dict[int, int] = {}
    for score in scores:
        at = int(score // WIDTH)
        counts[at] = counts.get(at, 0) + 1
    if not counts:
        return ()
    return tuple(
        Step(low=Decimal(at * WIDTH), high=Decimal((at + 1) * WIDTH), n=counts.get(at, 0))
        for at in range(min(counts), max(counts) + 1)
    )


async def trends(view: View) -> Trends:
    """How locked scores lie in every cycle."""
    groups: dict[UUID, list[tuple[UUID, JobFamily, Sequence[Decimal]]]] = {}
    about: dict[UUID, tuple[str, str, date]] = {}
    for cycle_id, code, name, starts_on, unit, family, scores in await view.fetch(BY_CYCLE):
        about[cycle_id] = (code, name, starts_on)
        groups.setdefault(cycle_id, []).append((unit, family, scores))
    return Trends(
        cycles=tuple(_cycle(cycle_id, *about[cycle_id], groups[cycle_id]) for cycle_id in groups)
    )


def _cycle(
    cycle_id: UUID,
    code: str,
    name: str,
    starts_on: date,
    groups: Iterable[tuple[UUID, JobFamily, Sequence[Decimal]]],
) -> CycleScores:
    everyone: list[Decimal] = []
    families: dict[JobFamily, list[Decimal]] = {}
    units: dict[UUID, list[Decimal]] = {}
    for unit, family, scores in groups:
        everyone.extend(scores)
        families.setdefault(family, []).extend(scores)
        units.setdefault(unit, []).extend(scores)
    return CycleScores(
        cycle_id=cycle_id,
        code=code,
        name=name,
        starts_on=starts_on,
        scores=distribution(everyone),
        families=tuple(
            FamilyScores(family=family, scores=distribution(scores))
            for family, scores in sorted(families.items())
        ),
        departments=tuple(
            UnitScores(org_unit_id=unit, scores=distribution(scores))
            for unit, scores in sorted(units.items())
        ),
    )
