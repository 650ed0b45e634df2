"""The two-way comparison 双向比对: self against manager, exactly, per indicator and in total."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from domain.kernel import Event
from domain.ratings import Deviation, DeviationFlagged, Rating, TwoWayCompared
from domain.rules import Manual, SchemeContent
from domain.scheme import judged

TOTAL = "total"
"""Names the weighted mean over all judged indicators; no indicator may be called so."""

SHOWN_DECIMALS = 6


def compare(
    content: SchemeContent, self_ratings: tuple[Rating, ...], manager_ratings: tuple[Rating, ...]
) -> Iterator[Event]:
    """What both ratings together tell: the comparison, then what must be explained, if anything.

    Both name exactly the judged indicators of `content`. Only strictly more than the scheme's
    threshold is flagged, decided on exact fractions. Where a single indicator is judged, its
    comparison is that of the total too, and is not made twice.
    """
    indicators = judged(content)
    if not indicators:
        return
    by_self = {rating.indicator: rating.points for rating in self_ratings}
    by_manager = {rating.indicator: rating.points for rating in manager_ratings}
    earned = [
        (
            _earned(weighted.rule, by_self[weighted.code]),
            _earned(weighted.rule, by_manager[weighted.code]),
        )
        for weighted in indicators
    ]
    compared = [
        (
            Deviation(of=weighted.code, self_points=own, manager_points=managers),
            Fraction(own) - Fraction(managers),
        )
        for weighted, (own, managers) in zip(indicators, earned, strict=True)
    ]
    if len(indicators) > 1 and any(weighted.weight for weighted in indicators):
        weights = [weighted.weight for weighted in indicators]
        own_mean = _mean(weights, [own for own, _ in earned])
        managers_mean = _mean(weights, [managers for _, managers in earned])
        deviation = Deviation(
            of=TOTAL, self_points=_shown(own_mean), manager_points=_shown(managers_mean)
        )
        compared.append((deviation, own_mean - managers_mean))
    yield TwoWayCompared(compared=tuple(deviation for deviation, _ in compared))
    threshold = Fraction(content.deviation_threshold)
    flagged = tuple(deviation for deviation, exact in compared if abs(exact) > threshold)
    if flagged:
        yield DeviationFlagged(flagged=flagged)


def _earned(rule: Manual, given: Decimal) -> Decimal:
    """Points themselves, or those of a grade 1, 2, ..."""
    return rule.grades[int(given) - 1] if rule.grades else given


def _mean(weights: Sequence[int], points: Sequence[Decimal]) -> Fraction:
    weighed = sum(
        (weight * Fraction(each) for weight, each in zip(weights, points, strict=True)),
        start=Fraction(0),
    )
    return weighed / sum(weights)


def _shown(exact: Fraction) -> Decimal:
    # Half up on a number that is never negative.
    scaled = (exact * 10**SHOWN_DECIMALS * 2 + 1) // 2
    return Decimal(scaled).scaleb(-SHOWN_DECIMALS)
