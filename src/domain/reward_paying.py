"""Paying instant rewards: a batch of lines, one per person and reward, for what is still missing.

A settlement per reward and employment says what was posted, as for cycles and pools, so a reward
is paid once; what was paid of a revoked one comes back as a claim.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from domain import explanation as why
from domain.checks import absent, begun, checked_code, known
from domain.explanation import Explained, Node
from domain.ids import batch_id, payout_id, settlement_id
from domain.kernel import Command, Context, Elsewhere, Event, Refused
from domain.money import Money, add_up, zero
from domain.payout import BatchLine, BatchPrepared, PayoutCalculated, PayoutPart
from domain.payout_preparing import totals
from domain.reward import REWARD, Reward, RewardShare
from domain.settlement import (
    SETTLEMENT,
    DeltaPayoutPosted,
    PostedPart,
    Settlement,
    SettlementPosted,
)


class PrepareRewardBatch(Command, frozen=True, kw_only=True):
    """Make the lines of granted rewards that were not posted yet, and claims of revoked ones."""

    code: str
    reward_ids: tuple[UUID, ...]


def rewards_prepared(
    state: object | None, command: PrepareRewardBatch, context: Context
) -> Iterator[Event | Elsewhere]:
    """The batch and its lines.

    Raises:
        Refused: `reward-not-granted`, `already-paid`, `nothing-to-pay`, `duplicate-reward`.
    """
    absent(state, "a payout batch")
    checked_code(command.code)
    named = command.reward_ids
    if not named:
        raise Refused("nothing-to-pay", "Name at least one reward.")
    if len(set(named)) < len(named):
        raise Refused("duplicate-reward", "A reward is named more than once.")
    rewards = [
        known(found, "unknown-reward", "such reward") for found in context.look.all(REWARD, named)
    ]
    if any(each.state not in {"granted", "revoked"} for each in rewards):
        raise Refused("reward-not-granted", "A reward is paid after it was granted.")
    claims = [(reward, share) for reward in rewards for share in reward.shares]
    streams = [settlement_id(reward.reward_id, share.employment_id) for reward, share in claims]
    posted = context.look.all(SETTLEMENT, streams)
    lines = [
        line
        for (reward, share), before in zip(claims, posted, strict=True)
        if (line := _line(batch_id(command.code), reward, share, before)) is not None
    ]
    if not lines:
        raise Refused("already-paid", "All that these rewards give is posted already.")
    yield BatchPrepared(
        code=command.code,
        lines=tuple(
            BatchLine(payout_id=line_id, amount=calculated.amount)
            for line_id, calculated, _ in lines
        ),
        totals=totals(calculated.amount for _, calculated, _ in lines),
        reward_ids=named,
    )
    for line_id, calculated, settled in lines:
        yield Elsewhere(line_id, calculated)
        yield Elsewhere(settlement_id(settled.of, settled.employment_id), settled)


def _line(
    batch: UUID, reward: Reward, share: RewardShare, settlement: Settlement | None
) -> tuple[UUID, PayoutCalculated, SettlementPosted | DeltaPayoutPosted] | None:
    before, currency = settlement or Settlement(), reward.amount.currency
    entitled = share.amount if reward.state == "granted" else zero(currency)
    amount = entitled - add_up((each.amount for each in before.lines), currency)
    if not amount.minor:
        return None
    of, employment = reward.reward_id, share.employment_id
    line_id = payout_id(settlement_id(of, employment), 0, again := len(before.ever))
    first = before.lines[0].payout_id if before.lines else None
    cost_centre = begun(reward.cost_centre)
    part = PayoutPart(cost_centre=cost_centre, amount=amount, entitled=entitled)
    calculated = PayoutCalculated(
        batch_id=batch,
        employment_id=employment,
        person_id=share.person_id,
        cost_centre=cost_centre,
        base=zero(currency),
        coefficient=Decimal(0),
        amount=amount,
        explanation=_why(entitled, reward, before),
        parts=(part,) if before.lines else (),
        entitled=entitled if before.lines else None,
        corrects=first,
        again=again,
        reward_id=of,
    )
    parts = (PostedPart(cost_centre=cost_centre, amount=amount),)
    if first is None:
        posted = SettlementPosted(
            of=of, employment_id=employment, payout_id=line_id, amount=amount, parts=parts
        )
        return line_id, calculated, posted
    delta = DeltaPayoutPosted(
        of=of,
        employment_id=employment,
        payout_id=line_id,
        amount=amount,
        parts=parts,
        corrects=first,
    )
    return line_id, calculated, delta


def _why(entitled: Money, reward: Reward, before: Settlement) -> Node:
    stated = why.given_exact("share of the reward", entitled.minor, begun(reward.decided_by))
    rounded = why.round_payout(stated, entitled.currency, "payout")
    if not before.lines:
        return why.sealed(rounded)
    now = Explained(Fraction(entitled.minor), why.sealed(rounded))
    posted = [
        why.given_exact("posted before", -each.amount.minor, each.event_id) for each in before.lines
    ]
    return why.sealed(why.total([now, *posted], "difference"))
