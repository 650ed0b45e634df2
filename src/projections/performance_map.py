"""The performance map: locked scores by department and job family, and the gap between families.

It has no table of its own: it asks the scores. All figures are exact until they are shown.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from domain.organisation import JobFamily
from projections.questions import View
from projections.scores import APPRAISALS

CENT = Decimal("0.01")


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How scores lie; mean and median are rounded half up to 2 decimals for display only."""

    n: int
    mean: Decimal
    median: Decimal
    min: Decimal
    max: Decimal


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One department's scores in one family."""

    org_unit_id: UUID
    family: JobFamily
    scores: Distribution


class FamilyScores(msgspec.Struct, frozen=True, kw_only=True):
    """All scores of a family."""

    family: JobFamily
    scores: Distribution


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """By how many points the mean of `higher` exceeds that of `lower`, 2 decimals half up."""

    higher: JobFamily
    lower: JobFamily
    points: Decimal


class PerformanceMap(msgspec.Struct, frozen=True, kw_only=True):
    """绩效地图 of one cycle, or of all of them."""

    cells: tuple[Cell, ...]
    families: tuple[FamilyScores, ...]
    gaps: tuple[Gap, ...]
    """Every pair of families, the widest gap first."""


GROUPS = f"""
SELECT org_unit_id, family, array_agg(score ORDER BY score) AS scores FROM {APPRAISALS.name}
WHERE tenant_id = $1 AND build = {APPRAISALS.live} AND lock_version > 0
  AND ($2::uuid IS NULL OR cycle_id = $2)
GROUP BY org_unit_id, family ORDER BY org_unit_id, family
"""  # noqa: S608  own names


async def performance_map(view: View, *, cycle_id: UUID | None = None) -> PerformanceMap:
    """The map of a cycle's locked scores; of all cycles where none is named."""
    groups = [tuple(record) for record in await view.fetch(GROUPS, cycle_id)]
    return map_of(groups)


def map_of(groups: Iterable[tuple[UUID, JobFamily, Sequence[Decimal]]]) -> PerformanceMap:
    """The map of (department, family, scores); no group may be empty."""
    cells = []
    by_family: dict[JobFamily, list[Decimal]] = {}
    for org_unit_id, family, scores in groups:
        cells.append(Cell(org_unit_id=org_unit_id, family=family, scores=distribution(scores)))
        by_family.setdefault(family, []).extend(scores)
    families = tuple(
        FamilyScores(family=family, scores=distribution(scores))
        for family, scores in sorted(by_family.items())
    )
    means = sorted(((_mean(scores), family) for family, scores in by_family.items()), reverse=True)
    gaps = sorted(
        (
            (high - low, higher, lower)
            for n, (high, higher) in enumerate(means)
            for low, lower in means[n + 1 :]
        ),
        key=lambda gap: (-gap[0], gap[1], gap[2]),
    )
    return PerformanceMap(
        cells=tuple(cells),
        families=families,
        gaps=tuple(
            Gap(higher=higher, lower=lower, points=shown(points)) for points, higher, lower in gaps
        ),
    )


def distribution(scores: Sequence[Decimal]) -> Distribution:
    """How these scores lie; at least one."""
    ordered = sorted(scores)
    half = len(ordered) // 2
    middle = ordered[half : half + 1] if len(ordered) % 2 else ordered[half - 1 : half + 1]
    return Distribution(
        n=len(ordered),
        mean=shown(_mean(ordered)),
        median=shown(_mean(middle)),
        min=ordered[0],
        max=ordered[-1],
    )


def _mean(scores: Sequence[Decimal]) -> Fraction:
    return sum(map(Fraction, scores), Fraction(0)) / len(scores)


def shown(exact: Fraction) -> Decimal:
    """2 decimals, half away from zero.

    >>> shown(Fraction(169, 2))
    Decimal('84.50')
    >>> shown(Fraction(-1, 200))
    Decimal('-0.01')
    """
    cents, rest = divmod(abs(exact.numerator) * 100, exact.denominator)
    cents += 2 * rest >= exact.denominator
    return (Decimal(cents if exact >= 0 else -cents) * CENT).quantize(CENT, ROUND_HALF_UP)
