"""From a pay structure and a coefficient to a payout: exact until R4, split by R5, explained."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from domain import explanation as why
from domain.calendar import proration
from domain.currencies import digits_of
from domain.exact import exact, round_half_away
from domain.explanation import Explained, Given, Node
from domain.kernel import Refused
from domain.money import Money, checked, largest_remainder
from domain.organisation import JobFamily

SHARE_BANDS: dict[JobFamily, tuple[Decimal, Decimal]] = {
    "marketing": (Decimal("0.40"), Decimal("0.60")),
    "function": (Decimal("0.10"), Decimal("0.20")),
    "general": (Decimal(0), Decimal(1)),
}
"""The performance share of total pay, both bounds included. 绩效占比"""


class PayStructure(msgspec.Struct, frozen=True, kw_only=True):
    """What a month pays in total, and which share of it depends on performance."""

    total: Money
    share: Decimal
    source: UUID
    """The event that set them."""


class Entitlement(msgspec.Struct, frozen=True, kw_only=True):
    """Days of a cycle with one pay structure, one full-time equivalent and one coefficient."""

    pay: PayStructure
    months: int
    """Of the whole cycle."""
    cycle_days: int
    """Of the whole cycle: 90, 91 or 92 for a quarter, never 365 or 30 of anything."""
    calendar: UUID
    """The event that fixed the cycle's months and days."""
    days: int
    """Employed, 0..cycle_days."""
    days_source: UUID
    """The event that says which."""
    fte: Given
    coefficient: Given
    """As locked."""
    absences: tuple[Given, ...] = ()
    """Days of these on unpaid leave, each with the event that says so."""
    forfeited_by: UUID | None = None
    """The event by which nothing is paid for these days (a bad leaver's), if there is one."""
    rank: tuple[Decimal, str] = (Decimal(0), "")
    """(score, id): where remainders of the split tie, higher score first, then smaller id."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """Into which currency, at which rate as fixed by event: units of `currency` for one of ours."""

    currency: str
    rate: Given


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """What one employment is paid for one cycle."""

    amount: Money
    """R4."""
    weight: Explained
    """In minor units, before R4, exactly: what a pool weighs it by."""
    base: Money
    """Performance pay of the whole cycle at coefficient 1, full time, of the first entitlement."""
    parts: tuple[Money, ...]
    """One per entitlement, adding up to `amount` exactly (R5)."""
    explanation: Node
    """Sealed; its root is `amount` in minor units."""

    @property
    def exact(self) -> Fraction:
        """In minor units, before R4."""
        return self.weight.value


def check_share(family: JobFamily, share: Decimal) -> None:
    """Refuse `share-out-of-band` unless the family's band holds `share`, bounds included.

    >>> check_share("marketing", Decimal("0.60"))
    """
    least, most = SHARE_BANDS[family]
    if not exact(least) <= exact(share, "performance share") <= exact(most):
        raise Refused(
            "share-out-of-band",
            f"The performance share of {family} jobs is from {least} to {most} of total pay.",
        )


def split_pay(total: Money, share: Decimal) -> tuple[Money, Money]:
    """(performance, fixed) of a month's `total`; they add up to it exactly (R3).

    Raises:
        Refused: `bad-pay` for a total below 0; `bad-share` for a share outside 0..1.

    >>> split_pay(Money(1500001, "CNY"), Decimal("0.45"))
    (Money(minor=675000, currency='CNY'), Money(minor=825001, currency='CNY'))
    """
    _check_pay(total, share)
    performance = Money(round_half_away(total.minor * exact(share)), total.currency)
    return performance, total - performance


def base(total: Money, share: Decimal, months: int) -> Money:
    """Performance pay of a cycle of `months` at coefficient 1: months added before proration.

    >>> base(Money(1777700, "CNY"), Decimal("0.15"), 3)
    Money(minor=799965, currency='CNY')
    """
    performance, _ = split_pay(total, share)
    return checked(Money(performance.minor * months, total.currency))


def payout(entitlements: Sequence[Entitlement], exchange: Exchange | None = None) -> Payout:
    """What an employment is paid for a cycle: the sum of its entitlements, rounded once.

    Args:
        entitlements: At least one, of one currency. A transfer, a change of pay, of the full-time
            equivalent or of the scheme within the cycle makes one more.
        exchange: Convert once, at the end. A later delta uses the same rate.

    Raises:
        Refused: `nothing-to-pay`, `currency-mismatch`, `bad-pay`, `bad-share`, `bad-fte`,
            `bad-coefficient`, `bad-proration`, `bad-rate`, `amount-too-large`.
    """
    if not entitlements:
        raise Refused("nothing-to-pay", "There is nothing that entitles to pay.")
    currency = entitlements[0].pay.total.currency
    if any(each.pay.total.currency != currency for each in entitlements):
        raise Refused("currency-mismatch", "A payout has one currency.")
    parts = [_explained(each) for each in entitlements]
    whole = why.total(parts, "payout, exact")
    if exchange is not None:
        whole = _exchanged(whole, currency, exchange)
        currency = exchange.currency
    rounded = why.round_payout(whole, currency, "payout")
    amount = checked(Money(rounded.value.numerator, currency))
    first = entitlements[0]
    return Payout(
        amount=amount,
        weight=whole,
        base=base(first.pay.total, first.pay.share, first.months),
        parts=_split(amount, parts, entitlements),
        explanation=why.sealed(rounded),
    )


def converted(amount: Money, exchange: Exchange, source: UUID) -> tuple[Money, Node]:
    """An amount in another currency, rounded by R4; `source` is the event that states `amount`.

    Raises:
        Refused: `unknown-currency`, `bad-rate`, `amount-too-large`.
    """
    stated = why.given_exact("amount", amount.minor, source)
    whole = _exchanged(stated, amount.currency, exchange)
    rounded = why.round_payout(whole, exchange.currency, "converted")
    return checked(Money(rounded.value.numerator, exchange.currency)), why.sealed(rounded)


def _explained(of: Entitlement) -> Explained:
    _check_pay(of.pay.total, of.pay.share)
    proration(of.days, of.cycle_days)
    monthly = why.product(
        [
            why.given_exact("monthly total", of.pay.total.minor, of.pay.source),
            why.given_exact("performance share", exact(of.pay.share), of.pay.source),
        ]
    )
    performance = why.round_base(monthly, "performance pay a month")
    months = why.given_exact("months", of.months, of.calendar)
    present = why.quotient(
        _days(of),
        why.given_exact("days of the cycle", of.cycle_days, of.calendar),
    )
    fte = why.given("full-time equivalent", of.fte)
    if not 0 < fte.value <= 1:
        raise Refused("bad-fte", "A full-time equivalent is more than 0 and at most 1.")
    factor = why.given("coefficient", of.coefficient)
    if factor.value < 0:
        raise Refused("bad-coefficient", "A coefficient is not negative.")
    earned = why.product(
        [
            why.product([performance, months], "base"),
            factor,
            why.product([present, fte], "working time"),
        ],
        "earned",
    )
    if of.forfeited_by is None:
        return earned
    return why.nullified(
        "forfeit", earned, [why.given_exact("forfeited", 1, of.forfeited_by)], "forfeited"
    )


def _days(of: Entitlement) -> Explained:
    employed = why.given_exact("days", of.days, of.days_source)
    away = [
        why.given_exact("unpaid leave", -exact(each.value), each.source) for each in of.absences
    ]
    present = why.total([employed, *away], "days that count")
    if present.value < 0 or any(each.value > 0 for each in away):
        raise Refused("bad-proration", f"Absences take 0 to {of.days} days of {of.days}.")
    return present


def _exchanged(whole: Explained, currency: str, exchange: Exchange) -> Explained:
    rate = why.given("exchange rate", exchange.rate)
    if rate.value <= 0:
        raise Refused("bad-rate", "An exchange rate is above zero.")
    return why.exchange(whole, rate, digits_of(currency), digits_of(exchange.currency))


def _split(
    amount: Money, parts: Sequence[Explained], entitlements: Sequence[Entitlement]
) -> tuple[Money, ...]:
    weights = [part.value for part in parts]
    if not any(weights):
        return tuple(Money(0, amount.currency) for _ in parts)
    order = [(-exact(score), name) for score, name in (each.rank for each in entitlements)]
    shares = largest_remainder(amount.minor, weights, order)
    return tuple(Money(share, amount.currency) for share in shares)


def _check_pay(total: Money, share: Decimal) -> None:
    if total.minor < 0:
        raise Refused("bad-pay", "Pay is not negative.")
    if not 0 <= exact(share, "performance share") <= 1:
        raise Refused("bad-share", "A performance share is from 0 to 1.")
