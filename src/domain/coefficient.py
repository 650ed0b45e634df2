"""From a score to a performance coefficient (R2): banded or linear, within the job's band."""

from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from domain import explanation as why
from domain.exact import as_decimal, exact
from domain.explanation import SCORE_DIGITS, Explained
from domain.kernel import Refused
from domain.rules import Banded, Linear

COEFFICIENT_DIGITS = 4


class JobBand(msgspec.Struct, frozen=True, kw_only=True):
    """The least and the most coefficient that a job can have. 绩效系数区间"""

    least: Decimal
    most: Decimal
    source: UUID
    """The event that set them."""


def coefficient(of: Decimal, mapping: Banded | Linear, *, least: Decimal, most: Decimal) -> Decimal:
    """The coefficient of an R1 score, four decimals, exact.

    Raises:
        Refused: `too-precise` for a score of more than 2 decimals; `bad-bands` where none holds it.

    >>> coefficient(Decimal("89.76"), Linear(), least=Decimal(0), most=Decimal("1.2"))
    Decimal('0.8976')
    """
    found = _mapped(exact(of, "score", decimals=SCORE_DIGITS), mapping)
    return as_decimal(max(exact(least), min(exact(most), found)), COEFFICIENT_DIGITS)


def explained_coefficient(
    score: Explained, mapping: Banded | Linear, job: JobBand, scheme: UUID
) -> Explained:
    """As `coefficient`, with its reasons; `scheme` is the event that holds the mapping."""
    if isinstance(mapping, Linear):
        found = why.score_percent(score)
    else:
        bands = [(exact(band.from_score), exact(band.coefficient)) for band in mapping.bands]
        found = why.band(score, bands, _mapped(score.value, mapping), scheme)
    least, most = exact(job.least), exact(job.most)
    return why.clamp(found, least, most, label="coefficient", source=job.source)


def near_edge(
    score: Decimal, mapping: Banded | Linear, within: Decimal = Decimal(1)
) -> Decimal | None:
    """The nearest edge between two bands, if it is no more than `within` points away.

    Whoever calibrates or explains near an edge should know what a small change does.
    """
    if isinstance(mapping, Linear):
        return None
    # The lowest band has no edge: nothing is below it.
    edges = sorted(band.from_score for band in mapping.bands)[1:]

    def away(edge: Decimal) -> Fraction:
        return abs(exact(edge) - exact(score))

    near = [edge for edge in edges if away(edge) <= exact(within)]
    return min(near, key=away, default=None)


def _mapped(of: Fraction, mapping: Banded | Linear) -> Fraction:
    if isinstance(mapping, Linear):
        return of / 100
    reached = [band for band in mapping.bands if exact(band.from_score) <= of]
    if not reached:
        raise Refused("bad-bands", f"No band holds a score of {of}.")
    return exact(max(reached, key=lambda band: band.from_score).coefficient)
