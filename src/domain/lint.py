"""The check-up of a scheme 方案体检: what is allowed, and yet likely to be unfair or to mislead.

Limits are the tenant's (`domain.scheme_policy`). A fault has to be accepted by name, with a
reason, by whoever approves the scheme; a warning is told and stands in nobody's way.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import msgspec

from domain.rules import (
    Banded,
    Indicator,
    MeasuredRule,
    Ratio,
    SchemeContent,
    Section,
    Tiered,
    TieredLinear,
)

Severity = Literal["fault", "warning"]


class LintLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a check-up draws its lines. Weights are basis points of the whole scheme."""

    economic_weight_min_bp: int = 5000
    """Marketing: what economic sections weigh at least."""
    quantitative_weight_min_bp: int = 3000
    """Functions: what indicators decided by data weigh at least, against inflated scores."""
    judged_weight_max_bp: int = 7000
    """Anyone: what indicators decided by people weigh at most."""
    indicator_weight_max_bp: int = 6000
    """Anyone: what one indicator weighs at most."""
    cliff_points_max: Decimal = Decimal(10)
    """Anyone: points of the total that one cent more or less may decide on."""
    first_level_max: Decimal = Decimal(60)
    """Anyone: percent of the target that earns something at the latest."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that a check-up found."""

    code: str
    severity: Severity
    where: str
    """Code of a section or indicator; empty for the whole scheme."""
    detail: str


class Lint(msgspec.Struct, frozen=True, kw_only=True):
    """The findings on a version of a scheme, faults first."""

    findings: tuple[Finding, ...]

    @property
    def faults(self) -> frozenset[str]:
        """The codes that have to be accepted."""
        return frozenset(each.code for each in self.findings if each.severity == "fault")


def lint(content: SchemeContent, limits: LintLimits | None = None) -> Lint:
    """What is to be said about a scheme that `check_content` let pass."""
    limits = limits or LintLimits()
    found = [
        *_by_family(content, limits),
        *_weights(content, limits),
        *_slopes(content, limits),
        *_items(content),
    ]
    return Lint(findings=tuple(sorted(found, key=lambda each: each.severity != "fault")))


Placed = tuple[Section, Indicator, Fraction]
"""An indicator, where it stands, and its basis points of the whole scheme, exact."""


def _placed(content: SchemeContent) -> Iterator[Placed]:
    for section in content.sections:
        for indicator in section.indicators:
            weight = Fraction(section.weight_bp * indicator.weight_bp, 10_000)
            yield section, indicator, weight


def _of_nature(content: SchemeContent, nature: str) -> int:
    return sum(each.weight_bp for each in content.sections if each.nature == nature)


def _measured_weight(content: SchemeContent) -> Fraction:
    return sum(
        (weight for _, each, weight in _placed(content) if isinstance(each.rule, MeasuredRule)),
        start=Fraction(0),
    )


def _percent(weight_bp: Fraction | int) -> str:
    return f"{shown(Fraction(weight_bp) / 100)} %"


def shown(value: Fraction) -> str:
    """A fraction as a decimal text of at most two decimals, cut.

    >>> shown(Fraction(6667, 100))
    '66.67'
    """
    hundredths = value.numerator * 100 // value.denominator
    return f"{Decimal(hundredths).scaleb(-2).normalize():f}"


def _by_family(content: SchemeContent, limits: LintLimits) -> Iterator[Finding]:
    if "marketing" in content.families:
        economic = _of_nature(content, "economic")
        if economic < limits.economic_weight_min_bp:
            yield _fault(
                "economic-weight-low",
                f"Economic sections weigh {_percent(economic)}; marketing needs "
                f"{_percent(limits.economic_weight_min_bp)}.",
            )
    if "function" in content.families:
        quantitative = _measured_weight(content)
        if quantitative < limits.quantitative_weight_min_bp:
            yield _fault(
                "quantitative-weight-low",
                f"Indicators decided by data weigh {_percent(quantitative)}; functions need "
                f"{_percent(limits.quantitative_weight_min_bp)}, or scores drift upwards.",
            )
        if not _of_nature(content, "kci"):
            yield _fault("kci-missing", "Functions are appraised for KPI and KCI; there is no KCI.")


def _weights(content: SchemeContent, limits: LintLimits) -> Iterator[Finding]:
    judged = 10_000 - _measured_weight(content)
    if judged > limits.judged_weight_max_bp:
        yield _warning(
            "inflation-risk",
            f"People decide {_percent(judged)} of the score; more than "
            f"{_percent(limits.judged_weight_max_bp)} invites inflated scores.",
        )
    for _, indicator, weight in _placed(content):
        if weight == 0:
            yield _warning("zero-weight", "It is shown and never counts.", indicator.code)
        elif weight > limits.indicator_weight_max_bp:
            yield _warning(
                "dominant-indicator",
                f"It weighs {_percent(weight)} and decides nearly alone.",
                indicator.code,
            )


def _slopes(content: SchemeContent, limits: LintLimits) -> Iterator[Finding]:
    for _, indicator, weight in _placed(content):
        rule = indicator.rule
        if isinstance(rule, Tiered | TieredLinear):
            yield from _levels(indicator.code, rule, weight, limits)
        if isinstance(rule, Ratio) and rule.floor > 0:
            yield _warning(
                "points-for-nothing", f"Nothing achieved earns {rule.floor:f}.", indicator.code
            )
    if isinstance(content.coefficient, Banded):
        bands = sorted(content.coefficient.bands, key=lambda band: band.from_score)
        for low, high in pairwise(bands):
            if high.coefficient < low.coefficient:
                yield _fault(
                    "perverse-slope",
                    f"From a score of {high.from_score:f} on, pay falls from {low.coefficient:f} "
                    f"to {high.coefficient:f}: better results earn less.",
                )


def _levels(
    code: str, rule: Tiered | TieredLinear, weight: Fraction, limits: LintLimits
) -> Iterator[Finding]:
    first = rule.levels[0]
    if first.threshold > limits.first_level_max:
        yield _warning(
            "wipe-out-risk",
            f"Below {first.threshold:f} % of the target nobody earns anything.",
            code,
        )
    # Inside a linear level nothing jumps: only its first step is one.
    steps = [Fraction(0), *(Fraction(level.points) for level in rule.levels)]
    jumps = [high - low for low, high in pairwise(steps)]
    highest = max(jumps if isinstance(rule, Tiered) else jumps[:1]) * weight / 10_000
    if highest > Fraction(limits.cliff_points_max):
        yield _warning(
            "cliff",
            f"A cent more or less decides on {shown(highest)} points of the total.",
            code,
        )


def _items(content: SchemeContent) -> Iterator[Finding]:
    if content.deductions and content.deduction_cap is None:
        yield _warning("deductions-uncapped", "All deductions together have no limit.")
    if content.bonuses and content.bonus_cap is None:
        yield _warning("bonuses-uncapped", "All bonuses together have no limit.")


def _fault(code: str, detail: str, where: str = "") -> Finding:
    return Finding(code=code, severity="fault", where=where, detail=detail)


def _warning(code: str, detail: str, where: str = "") -> Finding:
    return Finding(code=code, severity="warning", where=where, detail=detail)
