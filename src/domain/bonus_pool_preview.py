"""What each policy would do to a pool after a correction, before anyone chooses one."""

from typing import get_args
from uuid import UUID

import msgspec

from domain.bonus_pool import PoolPolicy, PoolResettled, ResettlePool
from domain.bonus_pool_decisions import POOL
from domain.checks import known
from domain.kernel import Context, Refused
from domain.money import Money


class ShareChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an employment has of the pool, and would have."""

    employment_id: UUID
    before: Money
    after: Money
    difference: Money
    """What the next batch of the pool would pay, or claim back."""


class PolicyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One policy, carried out in thought."""

    policy: PoolPolicy
    drawn: Money
    """From the reserve; below zero, back to it."""
    changes: tuple[ShareChange, ...]
    """Those whose share would be another one."""


class PoolPreview(msgspec.Struct, frozen=True, kw_only=True):
    """All policies beside each other; none where no weight has changed since the sharing."""

    pool_id: UUID
    affected: tuple[UUID, ...] = ()
    outcomes: tuple[PolicyOutcome, ...] = ()


def pool_preview(pool_id: UUID, context: Context) -> PoolPreview:
    """Asks the very decision that will be taken, once for each policy; nothing is written.

    Raises:
        Refused: `unknown-pool`; whatever keeps the weights from being known.
    """
    pool = known(context.look(POOL, pool_id), "unknown-pool", "such pool")
    affected: tuple[UUID, ...] = ()
    outcomes: list[PolicyOutcome] = []
    for policy in get_args(PoolPolicy):
        try:
            (event,) = POOL.decide(pool, ResettlePool(policy=policy, reason="preview"), context)
        except Refused as refused:
            if refused.code in {"pool-not-allocated", "nothing-to-resettle"}:
                break
            raise
        if not isinstance(event, PoolResettled):
            raise TypeError("a pool is resettled by one event")
        affected = event.affected
        changes = tuple(
            ShareChange(
                employment_id=share.employment_id,
                before=before,
                after=share.amount,
                difference=share.amount - before,
            )
            for share in event.shares
            if (before := pool.share_of(share.employment_id)) != share.amount
        )
        outcomes.append(PolicyOutcome(policy=policy, drawn=event.drawn, changes=changes))
    return PoolPreview(pool_id=pool_id, affected=affected, outcomes=tuple(outcomes))
