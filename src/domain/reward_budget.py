"""Budgets of instant rewards: a sum for a unit and a span of days, with a cap for each person."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun, checked_code, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.money import Amount, Money, add_up, money_of, text_of, zero
from domain.org_units import ORG_UNIT


class SetRewardBudget(Command, frozen=True, kw_only=True):
    """Set a sum aside for instant rewards; again to change its sum, its cap or its days."""

    code: str
    org_unit_id: UUID
    cost_centre: str
    """Bears what is granted."""
    amount: Amount
    personal_cap: Amount | None = None
    """The most that one person gets out of it."""
    starts_on: date
    ends_on: date
    """Rewards are for what was achieved on these days."""


class RewardBudgetSet(Event, frozen=True, kw_only=True):
    """Posts the change: Dr budget:reward, Cr budget:funds. 即时奖励预算"""

    TOPIC = "reward-budget.set"
    code: str
    org_unit_id: UUID
    cost_centre: str
    amount: Money
    change: Money
    """Of the sum; the whole of it the first time."""
    personal_cap: Money | None = None
    starts_on: date
    ends_on: date


class PersonsShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one person gets out of a reward, over all employments."""

    person_id: UUID
    amount: Money


class RewardBudgetCommitted(Event, frozen=True, kw_only=True):
    """A reward was granted. Posts: Dr budget:granted, Cr budget:reward."""

    TOPIC = "reward-budget.committed"
    reward_id: UUID
    org_unit_id: UUID
    amount: Money
    shares: tuple[PersonsShare, ...]


class RewardBudgetReleased(Event, frozen=True, kw_only=True):
    """A reward was revoked. Posts: Dr budget:reward, Cr budget:granted."""

    TOPIC = "reward-budget.released"
    reward_id: UUID
    org_unit_id: UUID
    amount: Money


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """A granted reward, as its budget knows it."""

    reward_id: UUID
    amount: Money
    shares: tuple[PersonsShare, ...]


class RewardBudget(msgspec.Struct, frozen=True, kw_only=True):
    """A budget as it is now."""

    org_unit_id: UUID
    cost_centre: str
    amount: Money
    personal_cap: Money | None
    starts_on: date
    ends_on: date
    commitments: tuple[Commitment, ...] = ()

    @property
    def committed(self) -> Money:
        """The sum of the rewards that are granted."""
        return add_up((each.amount for each in self.commitments), self.amount.currency)

    @property
    def left(self) -> Money:
        """What can still be granted."""
        return self.amount - self.committed

    @property
    def highest(self) -> Money:
        """What the person got who got most."""
        got = self.got_by_person().values()
        return Money(max(got, default=0), self.amount.currency)

    def got_by_person(self) -> Counter[UUID]:
        """Minor units by person."""
        got: Counter[UUID] = Counter()
        for commitment in self.commitments:
            for share in commitment.shares:
                got[share.person_id] += share.amount.minor
        return got

    def require_room(self, amount: Money, shares: Iterable[PersonsShare]) -> None:
        """Refuse what the budget or its personal cap does not allow.

        Raises:
            Refused: `currency-mismatch`, `budget-exceeded`, `personal-cap-exceeded`.
        """
        left = self.left
        if (left - amount).minor < 0:
            raise Refused("budget-exceeded", f"The budget has {told(left)} left.")
        if self.personal_cap is None:
            return
        got = self.got_by_person()
        for share in shares:
            room = Money(self.personal_cap.minor - got[share.person_id], left.currency)
            if share.amount.minor > room.minor:
                raise Refused(
                    "personal-cap-exceeded",
                    f"Person {share.person_id} may get {told(room)} more out of this budget.",
                )


BudgetEvent = RewardBudgetSet | RewardBudgetCommitted | RewardBudgetReleased


def told(money: Money) -> str:
    """Money as a sentence says it."""
    return f"{text_of(money)} {money.currency}"


def _decide(
    state: RewardBudget | None, command: SetRewardBudget, context: Context
) -> tuple[Event, ...]:
    code = checked_code(command.code)
    known(context.look(ORG_UNIT, command.org_unit_id), "unknown-org-unit", "such unit")
    if command.ends_on < command.starts_on:
        raise Refused("bad-date", f"{command.ends_on} is before {command.starts_on}.")
    amount = money_of(command.amount)
    cap = None if command.personal_cap is None else money_of(command.personal_cap, "personal cap")
    if amount.minor <= 0 or (cap is not None and cap.minor <= 0):
        raise Refused("bad-reward-budget", "A budget and its cap are more than nothing.")
    before = zero(amount.currency)
    if state is not None:
        _check_change(state, command, amount)
        before = state.amount
    if cap is not None and cap.currency != amount.currency:
        raise Refused("currency-mismatch", "A budget and its cap are in one currency.")
    if state is not None and cap is not None and cap.minor < state.highest.minor:
        raise Refused("below-granted", f"Somebody got {told(state.highest)} already.")
    return (
        RewardBudgetSet(
            code=code,
            org_unit_id=command.org_unit_id,
            cost_centre=checked_code(command.cost_centre, "cost centre"),
            amount=amount,
            change=amount - before,
            personal_cap=cap,
            starts_on=command.starts_on,
            ends_on=command.ends_on,
        ),
    )


def _check_change(state: RewardBudget, command: SetRewardBudget, amount: Money) -> None:
    # Its accounts are named by them: another unit's or cost centre's budget is another budget.
    if (command.org_unit_id, command.cost_centre) != (state.org_unit_id, state.cost_centre):
        raise Refused("bad-reward-budget", "A budget keeps its unit and its cost centre.")
    if (amount - state.committed).minor < 0:
        raise Refused("below-granted", f"{told(state.committed)} is granted already.")


def _evolve(state: RewardBudget | None, happened: Happened[BudgetEvent]) -> RewardBudget:
    event = happened.event
    match event:
        case RewardBudgetSet():
            return RewardBudget(
                org_unit_id=event.org_unit_id,
                cost_centre=event.cost_centre,
                amount=event.amount,
                personal_cap=event.personal_cap,
                starts_on=event.starts_on,
                ends_on=event.ends_on,
                commitments=() if state is None else state.commitments,
            )
        case RewardBudgetCommitted():
            made = Commitment(reward_id=event.reward_id, amount=event.amount, shares=event.shares)
            before = begun(state)
            return msgspec.structs.replace(before, commitments=(*before.commitments, made))
        case RewardBudgetReleased():
            before = begun(state)
            kept = tuple(c for c in before.commitments if c.reward_id != event.reward_id)
            return msgspec.structs.replace(before, commitments=kept)
        case _:
            assert_never(event)


REWARD_BUDGET: Decider[RewardBudget | None] = Decider(
    kind="reward-budget", initial=None, decide=_decide, evolve=_evolve
)
