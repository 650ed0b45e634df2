"""Money is an integer of minor units and a currency; it is never rounded on the quiet."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self, TypeVar

import msgspec

from domain.currencies import digits_of
from domain.exact import decimal_of, exact
from domain.kernel import Refused

M = TypeVar("M", bound="Money")

MINOR_MAX = 2**63 - 1
"""Amounts are kept in 64 bits, everywhere and for ever: a larger one is refused."""


class Amount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money at the edges: a decimal string and an ISO 4217 code."""

    amount: Decimal
    currency: str


class Money(msgspec.Struct, frozen=True, gc=False):
    """Money inside: integer minor units and an ISO 4217 code."""

    minor: int
    currency: str

    def __add__(self, other: Self) -> Self:
        self._same_currency(other)
        return checked(type(self)(self.minor + other.minor, self.currency))

    def __sub__(self, other: Self) -> Self:
        self._same_currency(other)
        return checked(type(self)(self.minor - other.minor, self.currency))

    def __neg__(self) -> Self:
        return checked(type(self)(-self.minor, self.currency))

    def _same_currency(self, other: Self) -> None:
        if self.currency != other.currency:
            raise Refused(
                "currency-mismatch", f"{self.currency} and {other.currency} do not add up."
            )

    def split(
        self, weights: Sequence[int | Fraction], precedence: Sequence[Any] | None = None
    ) -> list[Self]:
        """Share out by weight, by largest remainder; the parts always add up to the whole.

        Where remainders tie, the part with the smaller `precedence` gets the unit first; without
        any, the earlier part.

        >>> [part.minor for part in Money(100, "EUR").split([1, 1, 1])]
        [34, 33, 33]
        >>> [part.minor for part in Money(-100, "EUR").split([1, 1, 1], precedence=[3, 2, 1])]
        [-33, -33, -34]
        """
        parts = largest_remainder(self.minor, weights, precedence)
        return [type(self)(part, self.currency) for part in parts]


def checked(money: M) -> M:
    """`money`, unless it does not fit 64 bits: `Refused("amount-too-large")`."""
    if abs(money.minor) > MINOR_MAX:
        raise Refused("amount-too-large", "The amount does not fit 64 bits of minor units.")
    return money


def zero(currency: str) -> Money:
    """No money at all."""
    return Money(0, currency)


def add_up(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts, all in `currency`."""
    return sum(amounts, start=zero(currency))


def money_of(amount: Amount, what: str = "amount") -> Money:
    """An amount that came in, in minor units.

    Raises:
        Refused: `unknown-currency`, `too-precise` for more digits than the currency has,
            `not-a-number`, `too-large`, `amount-too-large`.

    >>> money_of(Amount(amount=Decimal("1234.567"), currency="KWD"))
    Money(minor=1234567, currency='KWD')
    """
    digits = digits_of(amount.currency)
    units = exact(amount.amount, what, decimals=digits) * 10**digits
    return checked(Money(units.numerator, amount.currency))


def amount_of(money: Money) -> Amount:
    """Money as it goes out, with all the digits of its currency."""
    digits = digits_of(money.currency)
    return Amount(amount=decimal_of(money.minor, digits), currency=money.currency)


def text_of(money: Money) -> str:
    """The number as text, with all the digits of its currency.

    >>> text_of(Money(2692800, "CNY")), text_of(Money(-299200, "JPY")), text_of(Money(5, "KWD"))
    ('26928.00', '-299200', '0.005')
    """
    return format(amount_of(money).amount, "f")


def largest_remainder(
    whole: int, weights: Sequence[int | Fraction], precedence: Sequence[Any] | None = None
) -> list[int]:
    """R5: whole units by weight. Everyone gets their floor, the rest goes by largest remainder.

    Args:
        whole: Units to share out; a negative whole gives the exact negation.
        weights: None below 0; at least one above.
        precedence: One sortable key per weight; among equal remainders the smallest goes first.

    Raises:
        Refused: `nothing-to-split-by`, when no weight is above 0; `negative-weight`.
    """
    everything = sum(weights)
    if any(weight < 0 for weight in weights):
        raise Refused("negative-weight", "A weight must not be negative.")
    if not everything:
        raise Refused("nothing-to-split-by", "At least one weight must be above zero.")
    # Cross-multiplied: floor and remainder are those of whole x weight by the sum of weights.
    shares = [divmod(abs(whole) * weight, everything) for weight in weights]
    parts = [int(floor) for floor, _ in shares]

    def turn(index: int) -> tuple[int | Fraction, Any]:
        return (-shares[index][1], index if precedence is None else precedence[index])

    for index in sorted(range(len(parts)), key=turn)[: abs(whole) - sum(parts)]:
        parts[index] += 1
    return parts if whole >= 0 else [-part for part in parts]
