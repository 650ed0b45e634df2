"""Exact numbers: what may come in, the one way to round, and how an exact value is written.

Inside, every quantity is a `Fraction`; decimals exist at the edges only, binary floats nowhere.
"""

from decimal import Decimal
from fractions import Fraction

from domain.checks import DECIMALS_MAX, NUMBER_LIMIT
from domain.kernel import Refused

_MAGNITUDE_MAX = NUMBER_LIMIT.adjusted()


def exact(value: Decimal, what: str = "number", *, decimals: int = DECIMALS_MAX) -> Fraction:
    """The exact value of a decimal that came in.

    Raises:
        Refused: `not-a-number` for NaN and the infinities, `too-precise` for more than `decimals`
            fractional digits as written, `too-large` beyond 10^15 either way.

    >>> exact(Decimal("0.15"))
    Fraction(3, 20)
    """
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise Refused("not-a-number", f"The {what} must be a finite number.")
    if exponent < -decimals:
        raise Refused("too-precise", f"The {what} may have at most {decimals} decimals.")
    if not value:
        # Not `Fraction(value)`: a zero may carry an exponent of any size.
        return Fraction(0)
    # The exponent is asked before the value is expanded, so "1E+999999999" costs nothing.
    if value.adjusted() > _MAGNITUDE_MAX or abs(value) > NUMBER_LIMIT:
        raise Refused("too-large", f"The {what} must be within {NUMBER_LIMIT:f} either way.")
    return Fraction(value)


def round_half_away(value: Fraction) -> int:
    """The nearest whole number, halves away from zero (四舍五入), so it is symmetric in sign.

    Only the five named rounding points of the domain may call this.

    >>> [round_half_away(Fraction(n, 2)) for n in (-3, -1, 1, 3)]
    [-2, -1, 1, 2]
    """
    size = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return size if value >= 0 else -size


def decimal_of(units: int, digits: int) -> Decimal:
    """`units` / 10^`digits` as a decimal with exactly that many fractional digits.

    >>> decimal_of(8976, 4), decimal_of(-5, 2)
    (Decimal('0.8976'), Decimal('-0.05'))
    """
    # From the tuple: the context's precision never gets to round.
    return Decimal((int(units < 0), tuple(map(int, str(abs(units)))), -digits))


def as_decimal(value: Fraction, digits: int) -> Decimal:
    """An exact value that is known to have at most `digits` decimals, with exactly so many.

    Raises:
        ValueError: it has more; the caller forgot to round, or should not have asked.
    """
    units = value * 10**digits
    if units.denominator != 1:
        raise ValueError(f"{value} has more than {digits} decimals")
    return decimal_of(units.numerator, digits)
