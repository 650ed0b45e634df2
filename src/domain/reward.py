"""Instant rewards: nominated, approved by another, granted out of a budget, outside every score.

Nothing here reads an appraisal or a scheme, and nothing that reckons a score or a base reads this.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain import explanation as why
from domain.checks import (
    absent,
    begun,
    checked_code,
    checked_name,
    checked_number,
    checked_reason,
    checked_text,
    known,
)
from domain.employment import EMPLOYMENT
from domain.exact import exact
from domain.explanation import Node
from domain.ids import reward_id
from domain.kernel import Command, Context, Decider, Elsewhere, Event, Happened, Personal, Refused
from domain.money import Amount, Money, money_of
from domain.reward_budget import (
    REWARD_BUDGET,
    PersonsShare,
    RewardBudget,
    RewardBudgetCommitted,
    RewardBudgetReleased,
)

RewardKind = Literal["breakthrough", "milestone", "innovation"]
"""重大突破, 重要节点, 创新."""

RewardState = Literal["nominated", "approved", "rejected", "granted", "revoked"]


class Contributor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody of the team, and their part in it: parts count against each other alone."""

    employment_id: UUID
    part: Decimal = Decimal(1)


class NominateReward(Command, frozen=True, kw_only=True):
    """Propose a reward for one person or a team; nobody proposes one for themselves."""

    code: str
    budget_id: UUID
    kind: RewardKind
    title: str
    reason: str
    amount: Amount
    """Of the whole team."""
    achieved_on: date
    contributors: tuple[Contributor, ...]
    on_the_wall: bool = False
    """Whether, once it is granted, everybody may read what it is for and whose it is; never how
    much."""


class RewardShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one of the team gets."""

    employment_id: UUID
    person_id: UUID
    part: Decimal
    amount: Money


class InstantRewardNominated(Event, frozen=True, kw_only=True):
    """The shares are the amount, exactly. 提名"""

    TOPIC = "reward.nominated"
    code: str
    budget_id: UUID
    kind: RewardKind
    title: Personal[str | None] = None
    reason: Personal[str | None] = None
    amount: Money
    achieved_on: date
    shares: tuple[RewardShare, ...]
    on_the_wall: bool = False


class ApproveReward(Command, frozen=True, kw_only=True):
    """By another than who nominated, and by nobody whom it is for."""

    comment: str = ""


class InstantRewardApproved(Event, frozen=True, kw_only=True):
    TOPIC = "reward.approved"
    comment: Personal[str | None] = None


class RejectReward(Command, frozen=True, kw_only=True):
    """Until it is granted."""

    reason: str


class InstantRewardRejected(Event, frozen=True, kw_only=True):
    TOPIC = "reward.rejected"
    reason: Personal[str | None] = None


class GrantReward(Command, frozen=True, kw_only=True):
    """Take it out of its budget, as far as the budget and its personal cap go."""


class InstantRewardGranted(Event, frozen=True, kw_only=True):
    """授予"""

    TOPIC = "reward.granted"
    cost_centre: str
    """Of the budget, which bears it."""
    explanation: Node | None = None
    """Its root is a split: its parts are the shares of the team, in their order."""


class RevokeReward(Command, frozen=True, kw_only=True):
    """Take a granted reward back; what was paid of it is claimed by the next batch of rewards."""

    reason: str


class InstantRewardRevoked(Event, frozen=True, kw_only=True):
    TOPIC = "reward.revoked"
    reason: Personal[str | None] = None


class Reward(msgspec.Struct, frozen=True, kw_only=True):
    """A reward as it is now. 即时奖励"""

    reward_id: UUID
    budget_id: UUID
    amount: Money
    achieved_on: date
    shares: tuple[RewardShare, ...]
    nominated_by: UUID
    """The actor who nominated: somebody else approves."""
    state: RewardState = "nominated"
    cost_centre: str | None = None
    """Once it was granted."""
    nominated_in: UUID | None = None
    """The event that proposed it."""
    decided_by: UUID | None = None
    """The event that granted it, or took it back."""

    @property
    def by_person(self) -> tuple[PersonsShare, ...]:
        """Shares of people, each of whom may have several employments."""
        sums: dict[UUID, Money] = {}
        for each in self.shares:
            before = sums.get(each.person_id)
            sums[each.person_id] = each.amount if before is None else before + each.amount
        return tuple(PersonsShare(person_id=each, amount=sums[each]) for each in sums)


RewardCommand = NominateReward | ApproveReward | RejectReward | GrantReward | RevokeReward
RewardEvent = (
    InstantRewardNominated
    | InstantRewardApproved
    | InstantRewardRejected
    | InstantRewardGranted
    | InstantRewardRevoked
)


def _decide(
    state: Reward | None, command: RewardCommand, context: Context
) -> Iterable[Event | Elsewhere]:
    if isinstance(command, NominateReward):
        absent(state, "a reward")
        return (_nominated(command, context),)
    reward = known(state, "unknown-reward", "such reward")
    match command:
        case ApproveReward():
            _require(reward, "nominated")
            _require_apart(reward, context.actor)
            if context.actor == reward.nominated_by:
                raise Refused("same-actor", "A reward is approved by another than who proposed it.")
            return (
                InstantRewardApproved(comment=checked_text(command.comment, "comment") or None),
            )
        case RejectReward():
            _require(reward, "nominated", "approved")
            return (InstantRewardRejected(reason=checked_reason(command.reason)),)
        case GrantReward():
            _require(reward, "approved")
            _require_apart(reward, context.actor)
            return _granted(reward, context)
        case RevokeReward():
            _require(reward, "granted")
            _require_apart(reward, context.actor)
            return _revoked(reward, checked_reason(command.reason), context)
        case _:
            assert_never(command)


def _nominated(command: NominateReward, context: Context) -> InstantRewardNominated:
    code = checked_code(command.code)
    budget = _budget(command.budget_id, context)
    if not budget.starts_on <= command.achieved_on <= budget.ends_on:
        raise Refused(
            "outside-budget-days",
            f"The budget is for {budget.starts_on} to {budget.ends_on}.",
        )
    amount = money_of(command.amount)
    if amount.minor <= 0:
        raise Refused("bad-reward", "A reward is more than nothing.")
    if amount.currency != budget.amount.currency:
        raise Refused("currency-mismatch", f"The budget is in {budget.amount.currency}.")
    shares = _shares(command, amount, context)
    if any(each.person_id == context.actor for each in shares):
        raise Refused("own-reward", "Nobody proposes a reward for themselves.")
    return InstantRewardNominated(
        code=code,
        budget_id=command.budget_id,
        kind=command.kind,
        title=checked_name(command.title, "title"),
        reason=checked_reason(command.reason),
        amount=amount,
        achieved_on=command.achieved_on,
        shares=shares,
        on_the_wall=command.on_the_wall,
    )


def _shares(command: NominateReward, amount: Money, context: Context) -> tuple[RewardShare, ...]:
    named = [each.employment_id for each in command.contributors]
    if not named:
        raise Refused("bad-reward", "Name at least one person.")
    if len(set(named)) < len(named):
        raise Refused("duplicate-contributor", "An employment is named more than once.")
    persons = []
    for each, found in zip(named, context.look.all(EMPLOYMENT, named), strict=True):
        employment = known(found, "unknown-employment", f"employment {each}")
        if employment.days_within(command.achieved_on, command.achieved_on) is None:
            raise Refused("not-employed-then", f"{each} was not employed on that day.")
        persons.append(employment.person_id)
    parts = [checked_number(each.part, "part", least=Decimal(0)) for each in command.contributors]
    if not all(parts):
        raise Refused("bad-reward", "Everybody's part is more than nothing.")
    # Where remainders tie, the smaller employment id goes first: scores are none of its business.
    amounts = amount.split([exact(part) for part in parts], precedence=named)
    return tuple(
        RewardShare(employment_id=employment_id, person_id=person, part=part, amount=share)
        for employment_id, person, part, share in zip(named, persons, parts, amounts, strict=True)
    )


def _budget(budget_id: UUID, context: Context) -> RewardBudget:
    found = context.look(REWARD_BUDGET, budget_id)
    return known(found, "unknown-reward-budget", "such reward budget")


def _require(reward: Reward, *states: RewardState) -> None:
    if reward.state not in states:
        wanted = " or ".join(states)
        raise Refused("wrong-reward-state", f"The reward is {reward.state}, not {wanted}.")


def _require_apart(reward: Reward, actor: UUID) -> None:
    if any(each.person_id == actor for each in reward.shares):
        raise Refused("own-reward", "Nobody decides on their own reward.")


def _granted(reward: Reward, context: Context) -> Iterable[Event | Elsewhere]:
    budget = _budget(reward.budget_id, context)
    budget.require_room(reward.amount, reward.by_person)
    committed = RewardBudgetCommitted(
        reward_id=reward.reward_id,
        org_unit_id=budget.org_unit_id,
        amount=reward.amount,
        shares=reward.by_person,
    )
    return (
        InstantRewardGranted(cost_centre=budget.cost_centre, explanation=_why(reward)),
        Elsewhere(reward.budget_id, committed),
    )


def _why(reward: Reward) -> Node:
    """How the team shares the amount."""
    source = begun(reward.nominated_in)
    shared = why.split(
        why.given_exact("reward", reward.amount.minor, source),
        [why.given_exact("part", exact(each.part), source) for each in reward.shares],
        [each.employment_id for each in reward.shares],
        [each.amount.minor for each in reward.shares],
        label="shares of the reward",
    )
    return why.sealed(shared)


def _revoked(reward: Reward, reason: str, context: Context) -> Iterable[Event | Elsewhere]:
    released = RewardBudgetReleased(
        reward_id=reward.reward_id,
        org_unit_id=_budget(reward.budget_id, context).org_unit_id,
        amount=reward.amount,
    )
    return (InstantRewardRevoked(reason=reason), Elsewhere(reward.budget_id, released))


def _evolve(state: Reward | None, happened: Happened[RewardEvent]) -> Reward:
    event = happened.event
    match event:
        case InstantRewardNominated():
            return Reward(
                reward_id=reward_id(event.code),
                budget_id=event.budget_id,
                amount=event.amount,
                achieved_on=event.achieved_on,
                shares=event.shares,
                nominated_by=happened.actor,
                nominated_in=happened.event_id,
            )
        case InstantRewardApproved():
            return msgspec.structs.replace(begun(state), state="approved")
        case InstantRewardRejected():
            return msgspec.structs.replace(begun(state), state="rejected")
        case InstantRewardGranted():
            return msgspec.structs.replace(
                begun(state),
                state="granted",
                cost_centre=event.cost_centre,
                decided_by=happened.event_id,
            )
        case InstantRewardRevoked():
            return msgspec.structs.replace(
                begun(state), state="revoked", decided_by=happened.event_id
            )
        case _:
            assert_never(event)


REWARD: Decider[Reward | None] = Decider(
    kind="reward", initial=None, decide=_decide, evolve=_evolve
)
