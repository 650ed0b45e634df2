"""Anomalies of a cycle's locked scores, each with the figures that make it one 异常波动.

A finding is no verdict: it says where to look. The rules compare exact fractions, never floats.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.organisation import JobFamily
from domain.ratings import ManagerRatingRevised
from projections.audit_trail import AUDIT_EVENTS
from projections.performance_map import shown
from projections.planning import CYCLES
from projections.questions import View
from projections.scores import APPRAISALS

Kind = Literal["family-imbalance", "ceiling", "jump", "rater-shift", "late-revision"]

GROUP_MIN = 5
"""Scores below which a group says nothing."""
GAP_POINTS = 5
"""Points below which no difference is one."""
CEILING_POINTS = 95
CEILING_SHARE = Fraction(4, 5)
CEILING_VARIANCE = 9
SIGMAS = 3
LATE_HOURS = 24
DRIVERS = 3


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """A department's part in a finding."""

    org_unit_id: UUID
    family: JobFamily
    n: int
    median: Decimal


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """What stands out, and against what.

    family-imbalance: the medians of two families lie apart by more than each spreads.
    ceiling: nearly everybody of a department is near the maximum, and nobody stands out.
    jump: a person's score moved against the cycle before unlike everybody else's.
    rater-shift: so did, on average, the scores of one manager's people.
    late-revision: a manager's rating was changed within the last day before the lock.
    """

    kind: Kind
    observed: Decimal
    """Points; of a ceiling the percentage of people; of a late revision the hours before."""
    usual: Decimal
    """What everybody's is; of an imbalance the wider distance of quartiles."""
    n: int
    """People that it is about."""
    cycles: int = 1
    """In how many cycles in a row, this one included."""
    family: JobFamily | None = None
    """Of an imbalance the higher one."""
    against: JobFamily | None = None
    org_unit_id: UUID | None = None
    manager_id: UUID | None = None
    appraisal_id: UUID | None = None
    person_id: UUID | None = None
    drivers: tuple[Driver, ...] = ()


class Anomalies(msgspec.Struct, frozen=True, kw_only=True):
    """Of one cycle; `before` is the cycle that it was compared with, None for the first one."""

    cycle_id: UUID
    before: UUID | None
    findings: tuple[Anomaly, ...]


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """A locked score with what it is compared by."""

    cycle_id: UUID
    appraisal_id: UUID
    employment_id: UUID
    person_id: UUID
    org_unit_id: UUID
    family: JobFamily
    manager_id: UUID | None
    score: Decimal


BEFORE = f"""
SELECT DISTINCT c.cycle_id, c.starts_on, c.code FROM {CYCLES.name} c
JOIN {APPRAISALS.name} a ON a.tenant_id = $1 AND a.build = {APPRAISALS.live}
  AND a.cycle_id = c.cycle_id AND a.lock_version > 0
WHERE c.tenant_id = $1 AND c.build = {CYCLES.live} AND c.starts_on < (
  SELECT starts_on FROM {CYCLES.name}
  WHERE tenant_id = $1 AND build = {CYCLES.live} AND cycle_id = $2)
ORDER BY c.starts_on DESC, c.code DESC
"""  # noqa: S608  own names
LOCKED = f"""
SELECT cycle_id, appraisal_id, employment_id, person_id, org_unit_id, family, manager_id, score
FROM {APPRAISALS.name}
WHERE tenant_id = $1 AND build = {APPRAISALS.live} AND lock_version > 0 AND cycle_id = ANY($2)
ORDER BY appraisal_id
"""  # noqa: S608  own names
LATE = f"""
SELECT a.appraisal_id, a.person_id, a.manager_id, a.org_unit_id,
       max(e.recorded_at) AS revised_at, (a.versions -> 0 ->> 'locked_at')::timestamptz AS locked_at
FROM {APPRAISALS.name} a JOIN {AUDIT_EVENTS.name} e
  ON e.tenant_id = $1 AND e.build = {AUDIT_EVENTS.live} AND e.stream_id = a.appraisal_id
  AND e.topic = $3 AND e.recorded_at < (a.versions -> 0 ->> 'locked_at')::timestamptz
WHERE a.tenant_id = $1 AND a.build = {APPRAISALS.live} AND a.lock_version > 0 AND a.cycle_id = $2
GROUP BY 1, 2, 3, 4, 6
ORDER BY 5 DESC, 1
"""  # noqa: S608  own names
CYCLES_BACK = 8


async def anomalies(view: View, cycle_id: UUID) -> Anomalies:
    """What stands out in a cycle, the gravest of each kind first."""
    told = await view.fetch(BEFORE, cycle_id)
    earlier = [record["cycle_id"] for record in told[: CYCLES_BACK - 1]]
    records = await view.fetch(LOCKED, [cycle_id, *earlier])
    by_cycle: dict[UUID, list[Locked]] = {each: [] for each in (cycle_id, *earlier)}
    for record in records:
        by_cycle[record["cycle_id"]].append(Locked(**dict(record)))
    now = by_cycle[cycle_id]
    found = [
        *imbalances([by_cycle[each] for each in (cycle_id, *earlier)]),
        *ceilings(now),
    ]
    if earlier:
        found += [*jumps(now, by_cycle[earlier[0]]), *rater_shifts(now, by_cycle[earlier[0]])]
    found += [
        _late(record, before)
        for record in await view.fetch(LATE, cycle_id, ManagerRatingRevised.TOPIC)
        if (before := record["locked_at"] - record["revised_at"]) <= timedelta(hours=LATE_HOURS)
    ]
    return Anomalies(
        cycle_id=cycle_id, before=earlier[0] if earlier else None, findings=tuple(found)
    )


def imbalances(cycles: Sequence[Sequence[Locked]]) -> list[Anomaly]:
    """Families whose medians lie apart; the cycle that is asked about is the first one."""
    apart = [_apart(rows) for rows in cycles]
    found = []
    for (higher, lower), (gap, spread) in apart[0].items():
        streak = next(
            (n for n, each in enumerate(apart) if (higher, lower) not in each), len(apart)
        )
        rows = [each for each in cycles[0] if each.family in {higher, lower}]
        found.append(
            Anomaly(
                kind="family-imbalance",
                observed=shown(gap),
                usual=shown(spread),
                n=len(rows),
                cycles=streak,
                family=higher,
                against=lower,
                drivers=_drivers(rows, higher, lower),
            )
        )
    return sorted(found, key=lambda each: -each.observed)


def _apart(
    rows: Iterable[Locked],
) -> dict[tuple[JobFamily, JobFamily], tuple[Fraction, Fraction]]:
    families: dict[JobFamily, list[Fraction]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(Fraction(row.score))
    told = {name: sorted(each) for name, each in families.items() if len(each) >= GROUP_MIN}
    found = {}
    for higher, above in told.items():
        for lower, below in told.items():
            gap = quantile(above, Fraction(1, 2)) - quantile(below, Fraction(1, 2))
            spread = max(_spread(above), _spread(below))
            if gap >= GAP_POINTS and gap > spread:
                found[(higher, lower)] = (gap, spread)
    return found


def _drivers(rows: Iterable[Locked], higher: JobFamily, lower: JobFamily) -> tuple[Driver, ...]:
    groups: dict[tuple[JobFamily, UUID], list[Fraction]] = {}
    for row in rows:
        groups.setdefault((row.family, row.org_unit_id), []).append(Fraction(row.score))
    told = sorted(
        (quantile(sorted(scores), Fraction(1, 2)), family, unit, len(scores))
        for (family, unit), scores in groups.items()
    )
    low = [each for each in told if each[1] == lower][:DRIVERS]
    high = [each for each in reversed(told) if each[1] == higher][:DRIVERS]
    return tuple(
        Driver(org_unit_id=unit, family=family, n=n, median=shown(median))
        for median, family, unit, n in (*high, *low)
    )


def ceilings(rows: Iterable[Locked]) -> list[Anomaly]:
    """Departments in which whoever does the work gets everything."""
    groups: dict[tuple[UUID, JobFamily], list[Fraction]] = {}
    for row in rows:
        groups.setdefault((row.org_unit_id, row.family), []).append(Fraction(row.score))
    found = []
    for (unit, family), scores in sorted(groups.items()):
        share = Fraction(sum(each >= CEILING_POINTS for each in scores), len(scores))
        if (
            len(scores) >= GROUP_MIN
            and share >= CEILING_SHARE
            and variance(scores) < CEILING_VARIANCE
        ):
            found.append(
                Anomaly(
                    kind="ceiling",
                    observed=shown(share * 100),
                    usual=shown(CEILING_SHARE * 100),
                    n=len(scores),
                    family=family,
                    org_unit_id=unit,
                )
            )
    return sorted(found, key=lambda each: (-each.observed, each.org_unit_id))


def _changes(now: Iterable[Locked], before: Iterable[Locked]) -> list[tuple[Locked, Fraction]]:
    # Who has several segments in a cycle is compared by none of them: which would it be?
    was = _only(before)
    return [
        (row, Fraction(row.score) - Fraction(was[row.employment_id].score))
        for row in _only(now).values()
        if row.employment_id in was
    ]


def _only(rows: Iterable[Locked]) -> dict[UUID, Locked]:
    found: dict[UUID, list[Locked]] = {}
    for row in rows:
        found.setdefault(row.employment_id, []).append(row)
    return {key: each[0] for key, each in found.items() if len(each) == 1}


def jumps(now: Iterable[Locked], before: Iterable[Locked]) -> list[Anomaly]:
    """People whose change lies further than 3 standard deviations from the average change."""
    changes = _changes(now, before)
    if len(changes) < 2 * GROUP_MIN:
        return []
    every = [change for _, change in changes]
    usual, spread = mean(every), variance(every)
    found = [
        Anomaly(
            kind="jump",
            observed=shown(change),
            usual=shown(usual),
            n=1,
            family=row.family,
            org_unit_id=row.org_unit_id,
            manager_id=row.manager_id,
            appraisal_id=row.appraisal_id,
            person_id=row.person_id,
        )
        for row, change in changes
        if abs(change - usual) >= GAP_POINTS and (change - usual) ** 2 > SIGMAS**2 * spread
    ]
    return sorted(found, key=lambda each: -abs(each.observed - each.usual))


def rater_shifts(now: Iterable[Locked], before: Iterable[Locked]) -> list[Anomaly]:
    """Managers whose people's average change is one that chance does not explain."""
    changes = _changes(now, before)
    if len(changes) < 2 * GROUP_MIN:
        return []
    every = [change for _, change in changes]
    usual, spread = mean(every), variance(every)
    by_manager: dict[UUID, list[Fraction]] = {}
    for row, change in changes:
        if row.manager_id is not None:
            by_manager.setdefault(row.manager_id, []).append(change)
    found = []
    for manager_id, own in sorted(by_manager.items()):
        off = mean(own) - usual
        # The variance of a mean of n is that of one by n.
        if (
            len(own) >= GROUP_MIN
            and abs(off) >= GAP_POINTS
            and off**2 * len(own) > SIGMAS**2 * spread
        ):
            found.append(
                Anomaly(
                    kind="rater-shift",
                    observed=shown(mean(own)),
                    usual=shown(usual),
                    n=len(own),
                    manager_id=manager_id,
                )
            )
    return sorted(found, key=lambda each: -abs(each.observed - each.usual))


def _late(record: Any, before: timedelta) -> Anomaly:
    return Anomaly(
        kind="late-revision",
        observed=shown(Fraction(before // timedelta(seconds=1), 3600)),
        usual=Decimal(LATE_HOURS),
        n=1,
        org_unit_id=record["org_unit_id"],
        manager_id=record["manager_id"],
        appraisal_id=record["appraisal_id"],
        person_id=record["person_id"],
    )


# -- figures


def mean(values: Sequence[Fraction]) -> Fraction:
    """The average of at least one."""
    return sum(values, Fraction(0)) / len(values)


def variance(values: Sequence[Fraction]) -> Fraction:
    """Of all of them, not of a sample.

    >>> variance([Fraction(1), Fraction(3)])
    Fraction(1, 1)
    """
    middle = mean(values)
    return sum(((each - middle) ** 2 for each in values), Fraction(0)) / len(values)


def quantile(ordered: Sequence[Fraction], share: Fraction) -> Fraction:
    """Between the two neighbours, in proportion.

    >>> quantile([Fraction(0), Fraction(1), Fraction(3)], Fraction(3, 4))
    Fraction(2, 1)
    """
    place = share * (len(ordered) - 1)
    below = place.numerator // place.denominator
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _spread(ordered: Sequence[Fraction]) -> Fraction:
    return quantile(ordered, Fraction(3, 4)) - quantile(ordered, Fraction(1, 4))
