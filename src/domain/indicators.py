"""The points of one indicator, by its kind: exact, unrounded, and explained."""

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

import msgspec

from domain import explanation as why
from domain.evidence import Evidence, is_measured
from domain.exact import exact
from domain.explanation import Explained, Node
from domain.kernel import Refused
from domain.rules import (
    Indicator,
    Inverse,
    Level,
    Manual,
    MeasuredRule,
    MultiRater,
    RaterGroup,
    Ratio,
    Tiered,
    TieredLinear,
)

POINTS_MAX = 100


class Points(msgspec.Struct, frozen=True):
    """What an indicator earned."""

    code: str
    weight: int
    """Basis points of its section that it counts for: 0 where excused or not applicable."""
    points: Explained | Node
    """A blank node where there is no number."""

    @property
    def value(self) -> Fraction | None:
        return self.points.value if isinstance(self.points, Explained) else None


def indicator_points(indicator: Indicator, evidence: Evidence, weight: int) -> Points:
    """The points of `indicator`; `weight` is what it weighs in the whole scheme.

    `domain.evidence.check_evidence` has passed: nothing that has weight is missing.

    Raises:
        Refused: `target-zero`, `points-out-of-range`, `bad-grade`, `rater-group-missing`, and
            those of `domain.exact.exact`.
    """
    code = indicator.code
    if code in evidence.excused:
        return Points(code, 0, why.blank("excused", code, evidence.excused[code]))
    points = _points(indicator, evidence, weight)
    if points is None:
        return Points(code, 0, why.blank("not-applicable", code))
    return Points(code, indicator.weight_bp, points)


def _points(indicator: Indicator, evidence: Evidence, weight: int) -> Explained | None:
    """None where the indicator weighs nothing and there are no figures for it either."""
    rule, code = indicator.rule, indicator.code
    match rule:
        case Ratio() | Inverse() | Tiered() | TieredLinear():
            return _measured(rule, code, evidence, weight)
        case Manual():
            if code not in evidence.points:
                return None
            return _judged(rule, why.given(code, evidence.points[code]), evidence)
        case MultiRater():
            if not any(evidence.responses.get(code, {}).values()):
                return None
            return _by_groups(rule, code, evidence)
        case _:
            assert_never(rule)


# -- measured


def _measured(rule: MeasuredRule, code: str, evidence: Evidence, weight: int) -> Explained | None:
    facts = evidence.actuals.get(code, ())
    if code not in evidence.targets or not facts:
        return None
    target = _target(code, evidence)
    if target.value <= 0:
        if weight:
            raise Refused("target-zero", f"The target of {code} must be above zero.")
        return None
    actual = why.total([why.given("actual", fact) for fact in facts], "actual")
    match rule:
        case Ratio():
            earned = why.percent(actual, target, code)
        case Inverse():
            earned = why.inverse_percent(actual, target, exact(rule.cap), evidence.scheme)
        case Tiered() | TieredLinear():
            return _tiered(rule, code, actual, target, evidence)
        case _:
            assert_never(rule)
    floor, cap = exact(rule.floor), exact(rule.cap)
    return why.clamp(earned, floor, cap, label=code, source=evidence.scheme)


def _target(code: str, evidence: Evidence) -> Explained:
    target = why.given("target", evidence.targets[code])
    part = evidence.target_days
    if part is None:
        return target
    days = why.given_exact("days", part.days, part.source)
    of = why.given_exact("days of the cycle", part.of, part.source)
    return why.product([target, why.quotient(days, of)], "prorated target")


def _tiered(
    rule: Tiered | TieredLinear, code: str, actual: Explained, target: Explained, evidence: Evidence
) -> Explained:
    levels = tuple(sorted(rule.levels, key=lambda level: level.threshold))
    reached = [level for level in levels if is_reached(actual.value, level, target.value)]
    table = [(exact(level.threshold), exact(level.points)) for level in levels]
    share = why.percent(actual, target, code)
    points = exact(reached[-1].points) if reached else Fraction(0)
    if isinstance(rule, Tiered):
        return why.level(share, table, points, evidence.scheme)
    if reached and len(reached) < len(table):
        (low, low_points), (high, high_points) = table[len(reached) - 1 : len(reached) + 1]
        points += (share.value - low) * (high_points - low_points) / (high - low)
    return why.level_linear(share, table, points, evidence.scheme)


def is_reached(actual: Fraction, level: Level, target: Fraction) -> bool:
    """True when `actual` is at least `level.threshold` percent of `target` (above zero).

    Decided by cross-multiplication in whole numbers: no quotient is formed, nothing is rounded.

    >>> from decimal import Decimal
    >>> base = Level(threshold=Decimal(60), points=Decimal(60))
    >>> is_reached(Fraction("539999.99"), base, Fraction(900000))
    False
    """
    threshold = exact(level.threshold)
    return (
        actual.numerator * 100 * threshold.denominator * target.denominator
        >= threshold.numerator * target.numerator * actual.denominator
    )


# -- judged


def _judged(rule: Manual, stated: Explained, evidence: Evidence) -> Explained:
    check_points(rule, stated.value)
    if not rule.grades:
        return stated
    return why.grade(stated, [exact(points) for points in rule.grades], evidence.scheme)


def check_points(rule: Manual | MultiRater, stated: Fraction) -> None:
    """Refuse what a rater may not give.

    Raises:
        Refused: `points-out-of-range` beyond 0..100; `bad-grade` where the rule has grades and
            this is none of 1, 2, ...
    """
    grades = rule.grades if isinstance(rule, Manual) else ()
    if grades:
        if stated.denominator != 1 or not 1 <= stated <= len(grades):
            raise Refused("bad-grade", f"A grade must be a whole number from 1 to {len(grades)}.")
    elif not 0 <= stated <= POINTS_MAX:
        raise Refused("points-out-of-range", f"Points must be from 0 to {POINTS_MAX}.")


def _by_groups(rule: MultiRater, code: str, evidence: Evidence) -> Explained:
    responses = evidence.responses[code]
    unknown = responses.keys() - {group.code for group in rule.groups}
    if unknown:
        raise Refused("unknown-indicator", f"{code} has no group {', '.join(sorted(unknown))}.")
    parts: list[tuple[int, Explained | Node]] = []
    for group in rule.groups:
        given = [why.given(group.code, each) for each in responses.get(group.code, ())]
        for each in given:
            check_points(rule, each.value)
        parts.append(_group(rule, group, given, evidence))
    if not any(weight for weight, _ in parts):
        raise Refused("rater-group-missing", f"No group of {code} has enough responses.")
    return why.weighted_mean(parts, code, evidence.scheme)


def _group(
    rule: MultiRater, group: RaterGroup, given: Sequence[Explained], evidence: Evidence
) -> tuple[int, Explained | Node]:
    if given and len(given) >= group.scored_from:
        return group.weight_bp, why.mean(given, group.code)
    match rule.missing:
        case "renormalise":
            return 0, why.blank("suppressed", group.code)
        case "zero":
            return group.weight_bp, why.missing_is_zero(group.code, evidence.scheme)
        case "block":
            raise Refused("rater-group-missing", f"Group {group.code} has too few responses.")
        case _:
            assert_never(rule.missing)


__all__ = ["POINTS_MAX", "Points", "check_points", "indicator_points", "is_measured", "is_reached"]
