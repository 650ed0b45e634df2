"""What each member must score and be paid, worked out from the inputs in a page of fractions.

Written against the definition, not against our own scoring: the drive compares the two.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

import msgspec

from domain.rules import Banded, Manual, Ratio, SchemeContent, Tiered
from ops.demo.model import Company, Member

Actuals: TypeAlias = Mapping[tuple[str, str], Fraction]
"""By employment number and indicator."""

HALF = Fraction(1, 2)
POINTS = 100


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A member's result."""

    score: Decimal
    coefficient: Decimal
    payout_minor: int


def expected(company: Company) -> dict[str, Expected]:
    """By employment number, for everybody who is rated."""
    actuals: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for fact in company.facts:
        actuals[fact.number, fact.indicator] += Fraction(fact.value)
    return {member.employment.number: _member(company, member, actuals) for member in company.rated}


def _member(
    company: Company, member: Member, actuals: Mapping[tuple[str, str], Fraction]
) -> Expected:
    content = _scheme_of(company, member)
    targets = {each.indicator: Fraction(each.target) for each in member.targets}
    judged = {each.indicator: Fraction(each.points) for each in member.manager_ratings}
    total = Fraction(0)
    for section in content.sections:
        for indicator in section.indicators:
            achieved = actuals.get((member.employment.number, indicator.code), Fraction(0))
            match indicator.rule:
                case Manual():
                    points = judged[indicator.code]
                case Ratio() as rule:
                    points = achieved * POINTS / targets[indicator.code]
                    points = max(Fraction(rule.floor), min(Fraction(rule.cap), points))
                case Tiered() as rule:
                    reached = achieved * POINTS / targets[indicator.code]
                    earned = [
                        Fraction(each.points) for each in rule.levels if each.threshold <= reached
                    ]
                    points = max(earned, default=Fraction(0))
                case other:
                    raise NotImplementedError(f"no demo has {type(other).__name__} indicators")
            total += points * section.weight_bp * indicator.weight_bp / 10**8
    score = Fraction(_half_up(total * POINTS), POINTS)
    if member.calibration is not None:
        score += Fraction(member.calibration.adjustment)
    coefficient = _coefficient(content, score)
    return Expected(
        score=_decimal(score),
        coefficient=_decimal(coefficient),
        payout_minor=_payout(company, member, coefficient),
    )


def _scheme_of(company: Company, member: Member) -> SchemeContent:
    """The one scheme whose judged indicators are the ones that were judged."""
    judged = {each.indicator for each in member.manager_ratings}
    (found,) = [
        draft.content
        for draft in company.schemes
        if judged
        == {
            indicator.code
            for section in draft.content.sections
            for indicator in section.indicators
            if isinstance(indicator.rule, Manual)
        }
    ]
    return found


def _coefficient(content: SchemeContent, score: Fraction) -> Fraction:
    if isinstance(content.coefficient, Banded):
        bands = sorted(content.coefficient.bands, key=lambda band: -band.from_score)
        return next(Fraction(band.coefficient) for band in bands if band.from_score <= score)
    return min(score / POINTS, Fraction(6, 5))


def _payout(company: Company, member: Member, coefficient: Fraction) -> int:
    monthly = Fraction(member.pay.monthly_total.amount) * POINTS
    performance = _half_up(monthly * Fraction(member.pay.performance_share))
    cycle = company.cycle
    months = cycle.ends_on.month - cycle.starts_on.month + 1
    first = max(cycle.starts_on, member.employment.hired_on)
    last = cycle.ends_on if member.termination is None else member.termination.last_day
    present = Fraction((last - first).days + 1, (cycle.ends_on - cycle.starts_on).days + 1)
    fte = Fraction(member.employment.assignment.fte)
    return _half_up(performance * months * coefficient * present * fte)


def _half_up(exact: Fraction) -> int:
    """Of amounts that are not negative."""
    return (exact + HALF).__floor__()


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)
