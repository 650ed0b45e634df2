"""One final score over several scheme versions: each counts for its days of the appraisal.

Pay takes every part with its own coefficient. The score and coefficient of the whole are weighted
by days: they are what is shown, and never what is paid by.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec

from domain import explanation as why
from domain.coefficient import COEFFICIENT_DIGITS
from domain.exact import as_decimal, decimal_of, round_half_away
from domain.explanation import SCORE_DIGITS, Explained, Node
from domain.scheme_change import LockedPart, Stretch
from domain.scoring import Score


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """What is locked: a score, its coefficient, one tree for both, and parts where there are."""

    score: Score
    """By the version that counts last; `value` below is that of the whole."""
    value: Decimal
    coefficient: Decimal
    explanation: Node
    parts: tuple[LockedPart, ...] = ()


def together(found: Sequence[tuple[Stretch, Score, Explained]]) -> Final:
    """The whole of at least one stretch with its score and its coefficient."""
    _, last, factor = found[-1]
    if len(found) == 1:
        return Final(
            score=last,
            value=last.value,
            coefficient=as_decimal(factor.value, COEFFICIENT_DIGITS),
            explanation=why.sealed(factor),
        )
    # The change that made the last stretch is what the numbers of days follow from.
    source = found[-1][0].source
    days = [stretch.days for stretch, _, _ in found]
    factors = [(each, part) for each, (_, _, part) in zip(days, found, strict=True)]
    exactly = why.weighted_mean(factors, "coefficient by days", source)
    whole = why.shown(exactly, COEFFICIENT_DIGITS, "coefficient")
    score = sum(
        (each * Fraction(scored.value) for each, (_, scored, _) in zip(days, found, strict=True)),
        start=Fraction(0),
    ) / sum(days)
    return Final(
        score=last,
        value=decimal_of(round_half_away(score * 10**SCORE_DIGITS), SCORE_DIGITS),
        coefficient=as_decimal(whole.value, COEFFICIENT_DIGITS),
        explanation=why.sealed(whole),
        parts=tuple(
            LockedPart(
                scheme_version=stretch.scheme_version,
                starts_on=stretch.starts_on,
                ends_on=stretch.ends_on,
                score=scored.value,
                coefficient=as_decimal(part.value, COEFFICIENT_DIGITS),
            )
            for stretch, scored, part in found
        ),
    )
