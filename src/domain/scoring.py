"""From a scheme and what was recorded to a score: exact, in the order of the domain, explained.

Indicator -> section -> weighted total -> deductions and bonuses, each capped -> clamp to 0..cap
-> veto -> R1 -> calibration -> coefficient (R2). Nothing is rounded before R1.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from uuid import UUID

import msgspec

from domain import explanation as why
from domain.coefficient import COEFFICIENT_DIGITS, JobBand, explained_coefficient
from domain.evidence import Evidence, check_evidence, is_measured
from domain.exact import as_decimal, decimal_of, exact
from domain.explanation import SCORE_DIGITS, Explained, Given, Node
from domain.indicators import Points, indicator_points
from domain.kernel import Refused
from domain.money import largest_remainder
from domain.rules import Bonus, Deduction, Indicator, SchemeContent, Section

__all__ = [
    "Evidence",
    "IndicatorScore",
    "InitialScore",
    "JobBand",
    "Result",
    "Score",
    "initial_score",
    "result",
    "score",
]


class IndicatorScore(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator's part of a score."""

    code: str
    section: str
    points: Fraction | None
    """None where excused or without weight and figures."""
    weight: Fraction
    """Of the total, 0..1, after renormalisation; those of a score sum to 1."""
    shown: Decimal
    """Its part of the weighted total, two decimals; they add up to the rounded total (R5)."""


class SectionScore(msgspec.Struct, frozen=True):
    """A section on the way to a score."""

    code: str
    weight: int
    """Basis points of the total; 0 where nothing in it counts."""
    mean: Explained | Node
    indicators: tuple[Points, ...]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A final score with everything on the way to it."""

    value: Decimal
    """R1 and calibration done, two decimals: what is shown, locked and looked up in bands."""
    uncalibrated: Decimal
    """R1 of `exact`."""
    exact: Fraction
    """After deductions, bonuses, clamp and veto."""
    vetoed: bool
    sections: tuple[SectionScore, ...]
    weighted: Explained
    """The weighted total, before deductions and bonuses."""
    explained: Explained

    @property
    def indicators(self) -> tuple[IndicatorScore, ...]:
        """Every indicator's part, in the scheme's order."""
        return _parts(self.sections, self.weighted)

    @property
    def explanation(self) -> Node:
        """The sealed tree."""
        return why.sealed(self.explained)


class InitialScore(msgspec.Struct, frozen=True, kw_only=True):
    """A score from data alone. 考核初分"""

    value: Decimal
    exact: Fraction
    points: tuple[tuple[str, Fraction | None], ...]
    """By measured indicator, in the scheme's order; None where excused or without weight."""
    explanation: Node


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What is locked: a score, its coefficient, and one tree for both."""

    score: Score
    coefficient: Decimal
    """Four decimals, exact."""
    explanation: Node
    """Sealed; its root is the coefficient, the score is below it (labelled "score")."""


def score(content: SchemeContent, evidence: Evidence) -> Score:
    """The final score of one appraisal.

    Raises:
        Refused: `target-missing`, `actual-missing`, `points-missing`, `responses-missing` (each
            naming the indicators), `target-zero`, `unknown-indicator`, `nothing-to-score`,
            `bad-grade`, `points-out-of-range`, and those of `domain.exact.exact`.
    """
    check_evidence(content, evidence)
    sections = tuple(_section(section, evidence) for section in content.sections)
    weighted = _mean([(each.weight, each.mean) for each in sections], "weighted total", evidence)
    adjusted = why.total([weighted, *_adjustments(content, evidence)], "with adjustments")
    cap = exact(content.score_cap)
    clamped = why.clamp(adjusted, Fraction(0), cap, source=evidence.scheme)
    vetoes = list(_vetoes(content, evidence))
    before = why.nullified("veto", clamped, vetoes) if vetoes else clamped
    # A veto stands whatever the rest, so a vetoed score is not calibrated.
    calibrations = () if vetoes else evidence.calibrations
    rounded = why.round_score(before, "score before calibration" if calibrations else "score")
    final = _calibrated(rounded, calibrations, cap, evidence.scheme) if calibrations else rounded
    return Score(
        value=as_decimal(final.value, SCORE_DIGITS),
        uncalibrated=as_decimal(rounded.value, SCORE_DIGITS),
        exact=before.value,
        vetoed=bool(vetoes),
        sections=sections,
        weighted=weighted,
        explained=final,
    )


def initial_score(content: SchemeContent, evidence: Evidence) -> InitialScore | None:
    """The weighted mean over the measured indicators alone, renormalised over them.

    None where the scheme measures nothing (that has weight and is not excused).

    Raises:
        Refused: as `score`, for the measured indicators.
    """
    check_evidence(content, evidence, measured_only=True)
    # Weights as in the final score, in whole numbers: an excused indicator leaves its own to the
    # rest of its section, whether data or people decide that.
    wholes = [_counted(section, evidence) for section in content.sections]
    scale = lcm(*(whole for whole in wholes if whole))
    points, parts = [], []
    for section, whole in zip(content.sections, wholes, strict=True):
        for indicator in filter(is_measured, section.indicators):
            each = indicator_points(indicator, evidence, _weight(section, indicator))
            points.append(each)
            part = section.weight_bp * each.weight * scale // whole if each.weight else 0
            parts.append((part, each.points))
    if not any(weight for weight, _ in parts):
        return None
    mean = why.weighted_mean(parts, "initial total", evidence.scheme)
    clamped = why.clamp(mean, Fraction(0), exact(content.score_cap), source=evidence.scheme)
    rounded = why.round_score(clamped, "initial score")
    return InitialScore(
        value=as_decimal(rounded.value, SCORE_DIGITS),
        exact=clamped.value,
        points=tuple((each.code, each.value) for each in points),
        explanation=why.sealed(rounded),
    )


def result(content: SchemeContent, evidence: Evidence, job: JobBand) -> Result:
    """Score and coefficient of one appraisal: what `ScoreLocked` holds.

    Raises:
        Refused: as `score`.
    """
    scored, factor = scored_coefficient(content, evidence, job)
    return Result(
        score=scored,
        coefficient=as_decimal(factor.value, COEFFICIENT_DIGITS),
        explanation=why.sealed(factor),
    )


def scored_coefficient(
    content: SchemeContent, evidence: Evidence, job: JobBand
) -> tuple[Score, Explained]:
    """As `result`, the coefficient with its reasons not yet sealed: for those who go on with it.

    Raises:
        Refused: as `score`.
    """
    scored = score(content, evidence)
    return scored, explained_coefficient(
        scored.explained, content.coefficient, job, evidence.scheme
    )


# -- sections


def _counted(section: Section, evidence: Evidence) -> int:
    return sum(each.weight_bp for each in section.indicators if each.code not in evidence.excused)


def _weight(section: Section, indicator: Indicator) -> int:
    return section.weight_bp * indicator.weight_bp


def _section(section: Section, evidence: Evidence) -> SectionScore:
    points = tuple(
        indicator_points(indicator, evidence, _weight(section, indicator))
        for indicator in section.indicators
    )
    if not any(each.weight for each in points):
        blank = why.blank("not-applicable", section.code)
        return SectionScore(section.code, 0, blank, points)
    parts = [(each.weight, each.points) for each in points]
    mean = why.weighted_mean(parts, section.code, evidence.scheme)
    return SectionScore(section.code, section.weight_bp, mean, points)


def _mean(
    parts: Sequence[tuple[int, Explained | Node]], label: str, evidence: Evidence
) -> Explained:
    if not any(weight for weight, _ in parts):
        raise Refused("nothing-to-score", "Every indicator that has weight is excused.")
    return why.weighted_mean(parts, label, evidence.scheme)


def _parts(sections: Sequence[SectionScore], weighted: Explained) -> tuple[IndicatorScore, ...]:
    whole = sum(section.weight for section in sections)
    found = []
    for section in sections:
        within = sum(each.weight for each in section.indicators)
        for each in section.indicators:
            weight = (
                Fraction(section.weight * each.weight, whole * within) if within else Fraction(0)
            )
            found.append((section.code, each, weight))
    earned = [weight * (each.value or 0) for _, each, weight in found]
    hundredths = why.round_score(weighted).value * 10**SCORE_DIGITS
    # Where ties matter, the higher points come first, then the smaller code.
    order = [(-(each.value or 0), each.code) for _, each, _ in found]
    shown = (
        largest_remainder(hundredths.numerator, earned, order) if any(earned) else [0] * len(found)
    )
    return tuple(
        IndicatorScore(
            code=each.code,
            section=section,
            points=each.value,
            weight=weight,
            shown=decimal_of(part, SCORE_DIGITS),
        )
        for (section, each, weight), part in zip(found, shown, strict=True)
    )


# -- deductions, bonuses, vetoes, calibration


def _adjustments(content: SchemeContent, evidence: Evidence) -> Iterator[Explained]:
    taken = list(_occurred(content.deductions, -1, evidence))
    if taken:
        most = None if content.deduction_cap is None else -exact(content.deduction_cap)
        yield why.clamp(
            why.total(taken), most, Fraction(0), label="deductions", source=evidence.scheme
        )
    added = list(_occurred(content.bonuses, 1, evidence))
    if added:
        most = None if content.bonus_cap is None else exact(content.bonus_cap)
        yield why.clamp(
            why.total(added), Fraction(0), most, label="bonuses", source=evidence.scheme
        )


def _occurred(
    items: Iterable[Deduction | Bonus], sign: int, evidence: Evidence
) -> Iterator[Explained]:
    for item in items:
        stated = evidence.occurrences.get(item.code, ())
        if not stated:
            continue
        times = why.total([why.given(item.code, each) for each in stated], item.code)
        each = why.given_exact("points each", sign * exact(item.points), evidence.scheme)
        points = why.product([each, times], item.name)
        if item.cap is None:
            yield points
        else:
            bounds = sorted((Fraction(0), sign * exact(item.cap)))
            yield why.clamp(points, *bounds, label=item.name, source=evidence.scheme)


def _vetoes(content: SchemeContent, evidence: Evidence) -> Iterator[Explained]:
    for veto in content.vetoes:
        stated = [why.given(veto.code, each) for each in evidence.occurrences.get(veto.code, ())]
        if sum(each.value for each in stated) > 0:
            yield from stated


def _calibrated(
    rounded: Explained, calibrations: Sequence[Given], cap: Fraction, scheme: UUID
) -> Explained:
    for each in calibrations:
        exact(each.value, "calibration", decimals=SCORE_DIGITS)
    added = [why.given("calibration", each) for each in calibrations]
    return why.clamp(why.total([rounded, *added]), Fraction(0), cap, label="score", source=scheme)
