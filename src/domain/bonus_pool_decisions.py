"""What may happen to a bonus pool: funded, allocated, resettled after a correction."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import assert_never
from uuid import UUID

from domain import explanation as why
from domain.appraisal import LOOK_AT_APPRAISAL
from domain.bonus_pool import (
    AllocatePool,
    FundPool,
    Pool,
    PoolAllocated,
    PoolFunded,
    PoolResettled,
    PoolShare,
    PoolUnallocated,
    PoolWithdrawn,
    ResettlePool,
    WithdrawFromPool,
    evolve,
    total_of,
)
from domain.checks import absent, begun, checked_code, checked_reason, known
from domain.cycle import CYCLE, Cycle
from domain.employment import EMPLOYMENT
from domain.exact import exact
from domain.explanation import Explained, Node
from domain.ids import pool_id, settlement_id
from domain.kernel import Context, Decider, Event, Refused
from domain.money import Money, money_of
from domain.pool import Claim, allocate
from domain.settlement import SETTLEMENT
from domain.settling import Claimed, claimed, explained_weight, score_of

PoolCommand = FundPool | WithdrawFromPool | AllocatePool | ResettlePool


def _decide(state: Pool | None, command: PoolCommand, context: Context) -> tuple[Event, ...]:
    if isinstance(command, FundPool):
        return _fund(state, command, context)
    pool = known(state, "unknown-pool", "such pool")
    match command:
        case WithdrawFromPool():
            return _withdraw(pool, command)
        case AllocatePool():
            return _allocate(pool, command, context)
        case ResettlePool():
            return _resettle(pool, command, context)
        case _:
            assert_never(command)


def _fund(state: Pool | None, command: FundPool, context: Context) -> tuple[Event, ...]:
    absent(state, "a pool")
    code = checked_code(command.code)
    known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    amount = money_of(command.amount)
    if amount.minor <= 0:
        raise Refused("bad-pool", "A pool has more than nothing.")
    if command.cap is not None and not 0 < exact(command.cap, "cap") <= 1:
        raise Refused("bad-cap", "A cap is more than 0 and at most the whole pool.")
    return (
        PoolFunded(
            code=code,
            pool_id=pool_id(code),
            cycle_id=command.cycle_id,
            amount=amount,
            cost_centre=checked_code(command.cost_centre, "cost centre"),
            cap=command.cap,
        ),
    )


def _withdraw(pool: Pool, command: WithdrawFromPool) -> tuple[Event, ...]:
    amount = money_of(command.amount)
    if amount.minor <= 0:
        raise Refused("bad-pool", "What is withdrawn is more than nothing.")
    left = pool.amount - amount
    if pool.shares or left.minor < 0:
        raise Refused("balance-below-zero", "The pool has not so much that is free.")
    return (
        PoolWithdrawn(
            pool_id=pool.pool_id,
            cost_centre=pool.cost_centre,
            amount=amount,
            reason=checked_reason(command.reason),
        ),
    )


def _allocate(pool: Pool, command: AllocatePool, context: Context) -> tuple[Event, ...]:
    named = command.appraisal_ids
    if not named:
        raise Refused("nothing-to-pay", "Name at least one appraisal.")
    if len(set(named)) < len(named):
        raise Refused("duplicate-appraisal", "An appraisal is named more than once.")
    claims, weights = _claims(pool, named, context)
    _require_unpaid(pool, claims, context)
    if not any(each.weight for each in claims):
        return (PoolUnallocated(appraisal_ids=named),)
    found = allocate(pool.amount, claims, pool.cap)
    return (
        PoolAllocated(
            appraisal_ids=named,
            shares=_shares(claims, found.parts),
            capped=found.capped,
            explanation=why.sealed(_split(pool, claims, weights, found.parts)),
        ),
    )


def _split(
    pool: Pool, claims: Sequence[Claim], weights: Sequence[Explained], parts: Sequence[Money]
) -> Explained:
    """How the pool is shared out."""
    return why.split(
        _funded(pool),
        weights,
        [claim.precedence for claim in claims],
        [part.minor for part in parts],
        None if pool.cap is None else exact(pool.cap),
        "shares of the pool",
    )


def _funded(pool: Pool) -> Explained:
    put = [why.given_exact("funded", minor, event_id) for minor, event_id in pool.funding]
    return why.total(put, "pool")


def _claims(
    pool: Pool, named: Sequence[UUID], context: Context
) -> tuple[list[Claim], list[Explained]]:
    """What employments may ask of the pool, and why so much."""
    cycle: Cycle = begun(context.look(CYCLE, pool.cycle_id))
    by_employment: dict[UUID, list[Claimed]] = {}
    found = context.look.all(LOOK_AT_APPRAISAL, named)
    for each in claimed(pool.cycle_id, zip(named, found, strict=True)):
        by_employment.setdefault(each.appraisal.employment_id, []).append(each)
    employments = context.look.all(EMPLOYMENT, list(by_employment))
    claims, weights = [], []
    for (employment_id, theirs), employment in zip(by_employment.items(), employments, strict=True):
        whole = begun(employment)
        if any(each.total.currency != pool.amount.currency for each in whole.pay):
            raise Refused("currency-mismatch", f"The pool is in {pool.amount.currency}.")
        weight = explained_weight(theirs, whole, cycle)
        weights.append(weight)
        claims.append(
            Claim(employment_id=employment_id, weight=weight.value, score=score_of(theirs))
        )
    return claims, weights


def _require_unpaid(pool: Pool, claims: Iterable[Claim], context: Context) -> None:
    ids = {each.employment_id for each in pool.shares} | {each.employment_id for each in claims}
    streams = [settlement_id(pool.pool_id, each) for each in sorted(ids)]
    if any(each is not None and each.lines for each in context.look.all(SETTLEMENT, streams)):
        raise Refused("pool-in-payment", "The pool is in a batch: it can be resettled.")


def _shares(claims: Sequence[Claim], amounts: Sequence[Money]) -> tuple[PoolShare, ...]:
    return tuple(
        PoolShare(
            employment_id=claim.employment_id,
            weight=str(claim.weight),
            score=claim.score,
            amount=amount,
        )
        for claim, amount in zip(claims, amounts, strict=True)
    )


def _resettle(pool: Pool, command: ResettlePool, context: Context) -> tuple[Event, ...]:
    if not pool.shares:
        raise Refused("pool-not-allocated", "The pool was not allocated.")
    reason = checked_reason(command.reason)
    claims, weights = _claims(pool, pool.appraisals, context)
    before = {each.employment_id: each for each in pool.shares}
    affected = tuple(
        each.employment_id
        for each in claims
        if Fraction(before[each.employment_id].weight) != each.weight
    )
    if not affected:
        raise Refused("nothing-to-resettle", "No weight has changed since the shares were set.")
    amounts, because = _resettled(pool, command, claims, weights, frozenset(affected))
    shares = _shares(claims, amounts)
    currency = pool.amount.currency
    return (
        PoolResettled(
            pool_id=pool.pool_id,
            cost_centre=pool.cost_centre,
            policy=command.policy,
            shares=shares,
            affected=affected,
            drawn=total_of(shares, currency) - total_of(pool.shares, currency),
            reason=reason,
            explanation=because,
        ),
    )


def _resettled(
    pool: Pool,
    command: ResettlePool,
    claims: Sequence[Claim],
    weights: Sequence[Explained],
    affected: frozenset[UUID],
) -> tuple[list[Money], Node]:
    """The shares by a policy, and why."""
    kept = {each.employment_id: each.amount for each in pool.shares}
    if command.policy == "affected":
        found = _at_the_old_rate(pool, claims, weights, affected)
        amounts = [Money(each.value.numerator, pool.amount.currency) for each in found]
        return amounts, why.sealed(why.total(found, "shares of the pool"))
    anew = allocate(pool.amount, claims, pool.cap).parts
    because = why.sealed(_split(pool, claims, weights, anew))
    match command.policy:
        case "all":
            return list(anew), because
        case "reserve":
            mixed = [
                new if claim.employment_id in affected else kept[claim.employment_id]
                for claim, new in zip(claims, anew, strict=True)
            ]
            return mixed, because
        case _:
            assert_never(command.policy)


def _at_the_old_rate(
    pool: Pool,
    claims: Sequence[Claim],
    weights: Sequence[Explained],
    affected: frozenset[UUID],
) -> list[Explained]:
    """Everybody's share: of those affected by the rate that the first sharing had."""
    shared_by = begun(pool.shared_by)
    kept = {each.employment_id: each.amount.minor for each in pool.shares}
    before = sum((Fraction(each.weight) for each in pool.shares), Fraction(0))
    whole = why.given_exact("all weights before", before, shared_by)
    most = None
    if pool.cap is not None:
        share = exact(pool.cap)
        most = pool.amount.minor * share.numerator // share.denominator
    # Rounded down, as floors are before remainders are given away; never above the cap.
    return [
        why.floor(
            why.product([_funded(pool), why.quotient(weight, whole)]), most, "at the old rate"
        )
        if claim.employment_id in affected
        else why.given_exact("kept", kept[claim.employment_id], shared_by)
        for claim, weight in zip(claims, weights, strict=True)
    ]


POOL: Decider[Pool | None] = Decider(kind="pool", initial=None, decide=_decide, evolve=evolve)
