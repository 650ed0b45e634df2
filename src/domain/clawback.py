"""What an employment was paid too much: a receivable, netted from later performance pay. 追回

Each payout gives back at most a share of itself, the rest is carried on to the next one.
"""

from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_number, checked_reason, known
from domain.employment import EMPLOYMENT
from domain.exact import exact
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.money import Money

LIMIT_DEFAULT = Decimal("0.20")
"""Of every later performance payout, unless set otherwise for the employment."""
LIMIT_DECIMALS = 4


class SetClawbackLimit(Command, frozen=True, kw_only=True):
    """The largest share of each later performance payout that is kept back."""

    employment_id: UUID
    limit: Decimal
    """0 to 1; 0 suspends the clawback."""
    reason: str


class ClawbackLimitSet(Event, frozen=True, kw_only=True):
    TOPIC = "clawback.limit-set"
    employment_id: UUID
    limit: Decimal
    reason: Personal[str | None] = None


class ClawbackScheduled(Event, frozen=True, kw_only=True):
    """A difference downwards was approved: this much is to come back."""

    TOPIC = "clawback.scheduled"
    employment_id: UUID
    payout_id: UUID
    amount: Money


class ClawbackApplied(Event, frozen=True, kw_only=True):
    """So much of a later payout was kept."""

    TOPIC = "clawback.applied"
    employment_id: UUID
    payout_id: UUID
    amount: Money


class ClawbackReversed(Event, frozen=True, kw_only=True):
    """A line was voided: what it scheduled is owed no longer, what it kept is owed again."""

    TOPIC = "clawback.reversed"
    employment_id: UUID
    payout_id: UUID
    amount: Money
    """Change of what is owed: below zero for a voided claim."""


class Clawback(msgspec.Struct, frozen=True, kw_only=True):
    """What an employment owes, by currency, and how fast it gives back."""

    limit: Decimal = LIMIT_DEFAULT
    owed: tuple[Money, ...] = ()
    """Never below zero; one per currency that anything was owed in."""

    def owes(self, currency: str) -> int:
        """Minor units owed in a currency."""
        return next((each.minor for each in self.owed if each.currency == currency), 0)

    def kept_of(self, amount: Money) -> Money:
        """What of a payout is kept: at most the limit's share of it, rounded down."""
        share = exact(self.limit)
        most = amount.minor * share.numerator // share.denominator
        return Money(max(0, min(most, self.owes(amount.currency))), amount.currency)

    def changed(self, by: Money) -> "Clawback":
        """Owing so much more, or less.

        Raises:
            Refused: `balance-below-zero`: nobody owes less than nothing.
        """
        left = self.owes(by.currency) + by.minor
        if left < 0:
            raise Refused("balance-below-zero", "More would be given back than is owed.")
        others = tuple(each for each in self.owed if each.currency != by.currency)
        return msgspec.structs.replace(self, owed=(*others, Money(left, by.currency)))


ClawbackEvent = ClawbackLimitSet | ClawbackScheduled | ClawbackApplied | ClawbackReversed


def _decide(_: Clawback | None, command: SetClawbackLimit, context: Context) -> tuple[Event, ...]:
    employment = known(
        context.look(EMPLOYMENT, command.employment_id), "unknown-employment", "such employment"
    )
    if employment.person_id == context.actor:
        raise Refused("own-result", "Nobody decides on what they give back themselves.")
    limit = checked_number(
        command.limit, "limit", least=Decimal(0), most=Decimal(1), decimals=LIMIT_DECIMALS
    )
    return (
        ClawbackLimitSet(
            employment_id=command.employment_id,
            limit=limit,
            reason=checked_reason(command.reason),
        ),
    )


def _evolve(state: Clawback | None, happened: Happened[ClawbackEvent]) -> Clawback:
    event, before = happened.event, state or Clawback()
    match event:
        case ClawbackLimitSet():
            return msgspec.structs.replace(before, limit=event.limit)
        case ClawbackScheduled() | ClawbackReversed():
            return before.changed(event.amount)
        case ClawbackApplied():
            return before.changed(-event.amount)
        case _:
            assert_never(event)


CLAWBACK: Decider[Clawback | None] = Decider(
    kind="clawback", initial=None, decide=_decide, evolve=_evolve
)
