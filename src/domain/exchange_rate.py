"""Exchange rates: fixed once per cycle and pair of currencies, so every delta uses the same."""

from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import absent, checked_number, checked_reason, known
from domain.currencies import digits_of
from domain.cycle import CYCLE
from domain.kernel import Command, Context, Decider, Event, Happened, Refused


class FixExchangeRate(Command, frozen=True, kw_only=True):
    """Units of `to_currency` for one of `from_currency`, for everything paid in this cycle."""

    cycle_id: UUID
    from_currency: str
    to_currency: str
    rate: Decimal
    source: str
    """Who published it."""


class ExchangeRateFixed(Event, frozen=True, kw_only=True):
    """汇率确定"""

    TOPIC = "exchange-rate.fixed"
    cycle_id: UUID
    from_currency: str
    to_currency: str
    rate: Decimal
    source: str


class ExchangeRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate that never changes again."""

    rate: Decimal
    event_id: UUID


def _decide(
    state: ExchangeRate | None, command: FixExchangeRate, context: Context
) -> tuple[Event, ...]:
    absent(state, "a rate")
    known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    digits_of(command.from_currency)
    digits_of(command.to_currency)
    if command.from_currency == command.to_currency:
        raise Refused("currency-mismatch", "A rate is between two currencies.")
    rate = checked_number(command.rate, "rate")
    if rate <= 0:
        raise Refused("bad-rate", "An exchange rate is above zero.")
    return (
        ExchangeRateFixed(
            cycle_id=command.cycle_id,
            from_currency=command.from_currency,
            to_currency=command.to_currency,
            rate=rate,
            source=checked_reason(command.source, "source"),
        ),
    )


def _evolve(_: ExchangeRate | None, happened: Happened[ExchangeRateFixed]) -> ExchangeRate:
    event = happened.event
    match event:
        case ExchangeRateFixed():
            return ExchangeRate(rate=event.rate, event_id=happened.event_id)
        case _:
            assert_never(event)


EXCHANGE_RATE: Decider[ExchangeRate | None] = Decider(
    kind="exchange-rate", initial=None, decide=_decide, evolve=_evolve
)
