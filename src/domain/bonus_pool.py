"""Bonus pools: a fixed sum that locked scores share by weight, to the last minor unit. 奖金池"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.explanation import Node
from domain.kernel import Command, Decider, Event, Happened, Refused, looking
from domain.money import Amount, Money, zero

PoolPolicy = Literal["all", "reserve", "affected"]
"""After a correction: everybody's share anew, within the pool; those affected get their new
share, the others keep theirs, a reserve bears the difference; or those affected move at the old
rate a unit of weight, and the reserve bears that."""


class FundPool(Command, frozen=True, kw_only=True):
    """Set a sum aside for a cycle."""

    code: str
    cycle_id: UUID
    amount: Amount
    cost_centre: str
    """Bears what is paid out of it."""
    cap: Decimal | None = None
    """The most that one employment gets, as a share of the pool: 0.3 is 30 %."""


class PoolFunded(Event, frozen=True, kw_only=True):
    """Posts: Dr budget:pool, Cr budget:funds. 奖金池注入"""

    TOPIC = "pool.funded"
    code: str
    pool_id: UUID
    cycle_id: UUID
    amount: Money
    cost_centre: str
    cap: Decimal | None = None


class WithdrawFromPool(Command, frozen=True, kw_only=True):
    """Give a part of the pool back before it is allocated; never more than it has."""

    amount: Amount
    reason: str


class PoolWithdrawn(Event, frozen=True, kw_only=True):
    """Posts: Dr budget:funds, Cr budget:pool."""

    TOPIC = "pool.withdrawn"
    pool_id: UUID
    cost_centre: str
    amount: Money
    reason: str


class AllocatePool(Command, frozen=True, kw_only=True):
    """Share the pool out over these locked appraisals; again until it is prepared for payment."""

    appraisal_ids: tuple[UUID, ...]


class PoolShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one employment gets."""

    employment_id: UUID
    weight: str
    """Base x coefficient x working time, exactly, in minor units: a fraction or a whole number."""
    score: Decimal
    amount: Money


class PoolAllocated(Event, frozen=True, kw_only=True):
    """The shares are the pool, exactly. 奖金池分配"""

    TOPIC = "pool.allocated"
    appraisal_ids: tuple[UUID, ...]
    shares: tuple[PoolShare, ...]
    capped: tuple[UUID, ...] = ()
    """Employments that would have got more than the cap."""
    explanation: Node | None = None
    """Its root is a split: its parts are the shares, in their order."""


class PoolUnallocated(Event, frozen=True, kw_only=True):
    """No appraisal has any weight: nothing is shared out."""

    TOPIC = "pool.unallocated"
    appraisal_ids: tuple[UUID, ...]


class ResettlePool(Command, frozen=True, kw_only=True):
    """Scores of the pool were locked anew: change the shares by a policy."""

    policy: PoolPolicy
    reason: str


class PoolResettled(Event, frozen=True, kw_only=True):
    """Posts what the reserve bears: Dr budget:pool, Cr budget:funds."""

    TOPIC = "pool.resettled"
    pool_id: UUID
    cost_centre: str
    policy: PoolPolicy
    shares: tuple[PoolShare, ...]
    affected: tuple[UUID, ...]
    """Employments whose weight is another one."""
    drawn: Money
    """From the reserve into the pool; below zero, back."""
    reason: str
    explanation: Node | None = None
    """Of the policies "all" and "reserve" a split, whose parts those affected get; of "affected"
    the sum of all shares, in their order."""


class PoolSpent(Event, frozen=True, kw_only=True):
    """A batch of the pool was approved, or some of it voided: below zero gives back.

    Posts: Dr budget:spent, Cr budget:pool.
    """

    TOPIC = "pool.spent"
    pool_id: UUID
    batch_id: UUID
    amount: Money


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as it is now."""

    code: str
    pool_id: UUID
    cycle_id: UUID
    amount: Money
    """What was funded, without what was withdrawn."""
    cost_centre: str
    cap: Decimal | None
    appraisals: tuple[UUID, ...] = ()
    shares: tuple[PoolShare, ...] = ()
    shared_by: UUID | None = None
    """The event that holds the shares."""
    drawn: Money
    """From the reserve."""
    spent: Money
    funding: tuple[tuple[int, UUID], ...] = ()
    """Minor units that were put in, or below zero taken out, and the events that say so."""

    def spending(self, batch_id: UUID, amount: Money) -> PoolSpent:
        """So much of the pool is paid out by a batch.

        Raises:
            Refused: `balance-below-zero`: a pool never gives more than it has.
        """
        if (self.amount + self.drawn - self.spent - amount).minor < 0:
            raise Refused("balance-below-zero", f"Pool {self.code} has not so much left.")
        return PoolSpent(pool_id=self.pool_id, batch_id=batch_id, amount=amount)

    def share_of(self, employment_id: UUID) -> Money:
        """What an employment gets; nothing where it has no share."""
        found = (each.amount for each in self.shares if each.employment_id == employment_id)
        return next(found, zero(self.amount.currency))


PoolEvent = PoolFunded | PoolWithdrawn | PoolAllocated | PoolUnallocated | PoolResettled | PoolSpent


def evolve(state: Pool | None, happened: Happened[PoolEvent]) -> Pool:
    """The pool after one more event."""
    event = happened.event
    match event:
        case PoolFunded():
            return Pool(
                code=event.code,
                pool_id=event.pool_id,
                cycle_id=event.cycle_id,
                amount=event.amount,
                cost_centre=event.cost_centre,
                cap=event.cap,
                drawn=zero(event.amount.currency),
                spent=zero(event.amount.currency),
                funding=((event.amount.minor, happened.event_id),),
            )
        case PoolWithdrawn():
            pool = begun(state)
            taken = (-event.amount.minor, happened.event_id)
            return msgspec.structs.replace(
                pool, amount=pool.amount - event.amount, funding=(*pool.funding, taken)
            )
        case PoolSpent():
            pool = begun(state)
            return msgspec.structs.replace(pool, spent=pool.spent + event.amount)
        case PoolAllocated():
            return msgspec.structs.replace(
                begun(state),
                appraisals=event.appraisal_ids,
                shares=event.shares,
                shared_by=happened.event_id,
            )
        case PoolUnallocated():
            return msgspec.structs.replace(begun(state), appraisals=(), shares=(), shared_by=None)
        case PoolResettled():
            pool = begun(state)
            return msgspec.structs.replace(
                pool,
                shares=event.shares,
                shared_by=happened.event_id,
                drawn=pool.drawn + event.drawn,
            )
        case _:
            assert_never(event)


def total_of(shares: Iterable[PoolShare], currency: str) -> Money:
    """The sum of shares."""
    return sum((each.amount for each in shares), start=zero(currency))


LOOK_AT_POOL: Decider[Pool | None] = looking("pool", None, evolve)
"""For batches, which the pool's own decisions know of through their settlements."""
