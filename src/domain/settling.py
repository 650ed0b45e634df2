"""From locked scores to payout lines: per employment what the facts give, less what was posted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from domain import explanation as why
from domain.appraisal import Appraisal, Locked
from domain.bonus_pool import Pool
from domain.checks import begun, known
from domain.cycle import Cycle
from domain.employment import Employment
from domain.entitlements import Earned, Part, earned_by_part, entitlements
from domain.explanation import Explained, Given, Node
from domain.ids import payout_id, settlement_id
from domain.kernel import Event, Refused
from domain.money import Money, checked, zero
from domain.pay import payout
from domain.payout import PayoutCalculated, PayoutPart
from domain.segments import days_of
from domain.settlement import (
    DeltaPayoutPosted,
    FixedExchange,
    PartKey,
    PostedPart,
    Settlement,
    SettlementPosted,
)


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A locked appraisal of an employment."""

    appraisal_id: UUID
    appraisal: Appraisal
    locked: Locked


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What the facts give an employment now, and why."""

    amount: Money
    parts: Mapping[PartKey, Money]
    base: Money
    explanation: Node


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Whose line it is, and what it is a line of."""

    batch_id: UUID
    cycle_id: UUID
    employment_id: UUID
    person_id: UUID
    pool_id: UUID | None = None


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A line with the events that begin it."""

    payout_id: UUID
    calculated: PayoutCalculated
    settlement_id: UUID
    posted: Event


def claimed(
    cycle_id: UUID, appraisals: Iterable[tuple[UUID, Appraisal | None]]
) -> Iterator[Claimed]:
    """Appraisals of a cycle that can be paid.

    Raises:
        Refused: `unknown-appraisal`, `wrong-cycle`, `not-locked`.
    """
    for appraisal_id, found in appraisals:
        appraisal = known(found, "unknown-appraisal", f"appraisal {appraisal_id}")
        if appraisal.cycle_id != cycle_id:
            raise Refused("wrong-cycle", f"Appraisal {appraisal_id} belongs to another cycle.")
        if appraisal.locked is None:
            raise Refused("not-locked", f"The score of appraisal {appraisal_id} is not locked.")
        yield Claimed(appraisal_id=appraisal_id, appraisal=appraisal, locked=appraisal.locked)


def pooled(pool: Pool, employment_id: UUID) -> Due:
    """What a pool gives an employment, as the event says that shared it out."""
    share, nothing = pool.share_of(employment_id), zero(pool.amount.currency)
    stated = why.given_exact("share of the pool", share.minor, begun(pool.shared_by))
    rounded = why.round_payout(stated, share.currency, "payout")
    return Due(
        amount=share,
        parts={(None, pool.cost_centre): share},
        base=nothing,
        explanation=why.sealed(rounded),
    )


def parts_of(one: Claimed, employment: Employment, cycle: Cycle) -> tuple[Part, ...]:
    """The entitlements of one locked appraisal; none where no day of it is left."""
    appraisal, locked = one.appraisal, one.locked
    days = days_of(appraisal, employment)
    if days is None:
        return ()
    earned = Earned(
        days=days,
        family=appraisal.family,
        score=locked.score,
        coefficient=Given(locked.coefficient, locked.event_id),
        proration=appraisal.proration,
        forfeited_by=appraisal.forfeited_by,
    )
    return tuple(
        part
        for each in earned_by_part(earned, locked.parts)
        for part in entitlements(each, employment, cycle)
    )


def due(
    claims: Sequence[Claimed],
    employment: Employment,
    cycle: Cycle,
    exchange: FixedExchange | None,
    currency: str | None,
) -> Due:
    """What an employment's locked appraisals give together: R4 once, then R5 over their parts.

    Args:
        claims: In any order.
        employment: Whose they are.
        cycle: Theirs.
        exchange: The rate, where it is paid in another currency than its pay structure's.
        currency: What an amount of nothing is in, where no day is left.
    """
    ordered = sorted(claims, key=lambda each: each.appraisal.segment)
    found = [(each, part) for each in ordered for part in parts_of(each, employment, cycle)]
    if not found:
        if currency is None:
            raise Refused("not-employed-in-cycle", "No day of these appraisals was worked.")
        return _nothing(employment, currency)
    paid = payout(
        [part.entitlement for _, part in found], None if exchange is None else exchange.exchange
    )
    sums: dict[PartKey, Money] = {}
    for (each, part), amount in zip(found, paid.parts, strict=True):
        key = (each.appraisal_id, part.cost_centre)
        sums[key] = sums.get(key, zero(amount.currency)) + amount
    return Due(amount=paid.amount, parts=sums, base=paid.base, explanation=paid.explanation)


def _nothing(employment: Employment, currency: str) -> Due:
    source = employment.terminated_by or employment.hired_by
    none = why.round_payout(why.given_exact("days", 0, source), currency, "payout")
    return Due(amount=zero(currency), parts={}, base=zero(currency), explanation=why.sealed(none))


def line(
    of: Lines,
    found: Due,
    claims: Sequence[Claimed],
    settlement: Settlement | None,
    exchange: FixedExchange | None,
) -> Settled | None:
    """The line that posts what is still missing, or takes back what is too much; None for none.

    Raises:
        Refused: `currency-mismatch`, where the lines before were in another currency.
    """
    before = settlement or Settlement()
    currency = before.currency or found.amount.currency
    if currency != found.amount.currency:
        raise Refused("currency-mismatch", f"What was posted before was in {currency}.")
    posted = before.posted
    keys = list(dict.fromkeys((*found.parts, *posted)))
    changes = {key: found.parts.get(key, zero(currency)).minor - posted.get(key, 0) for key in keys}
    if before.lines and not any(changes.values()):
        return None
    versions: dict[UUID | None, int] = {each.appraisal_id: each.locked.version for each in claims}
    parts = tuple(
        PayoutPart(
            appraisal_id=key[0],
            lock_version=versions.get(key[0], 0),
            cost_centre=key[1],
            amount=Money(changes[key], currency),
            entitled=found.parts.get(key, zero(currency)),
        )
        for key in keys
        if changes[key]
        or not before.lines
        or (key[0], versions.get(key[0], 0)) not in before.versions
    )
    lead = _lead(claims, before)
    amount = checked(Money(sum(changes.values()), currency))
    first = before.lines[0].payout_id if before.lines else None
    line_id, again = _line_id(of, lead, before)
    calculated = PayoutCalculated(
        batch_id=of.batch_id,
        cycle_id=of.cycle_id,
        appraisal_id=lead.appraisal_id,
        lock_version=lead.locked.version,
        employment_id=of.employment_id,
        person_id=of.person_id,
        cost_centre=parts[-1].cost_centre if parts else lead.appraisal.cost_centre,
        base=found.base,
        coefficient=lead.locked.coefficient,
        amount=amount,
        explanation=_difference(found, before) if before.lines else found.explanation,
        parts=parts if len(parts) > 1 or before.lines else (),
        entitled=found.amount if before.lines else None,
        corrects=first,
        again=again,
        pool_id=of.pool_id,
    )
    return Settled(
        payout_id=line_id,
        calculated=calculated,
        settlement_id=settlement_id(of.pool_id or of.cycle_id, of.employment_id),
        posted=_posted(of, line_id, amount, parts, first, exchange),
    )


def _lead(claims: Sequence[Claimed], before: Settlement) -> Claimed:
    """Whom the line is named by: the first whose version was not settled before, else the first."""
    ordered = sorted(claims, key=lambda each: each.appraisal.segment)
    fresh = (
        each for each in ordered if (each.appraisal_id, each.locked.version) not in before.versions
    )
    return next(fresh, ordered[0])


def _line_id(of: Lines, lead: Claimed, before: Settlement) -> tuple[UUID, int]:
    named: tuple[UUID, int] = (lead.appraisal_id, lead.locked.version)
    if of.pool_id is not None:
        named = (settlement_id(of.pool_id, of.employment_id), 0)
    again = len(before.ever) if payout_id(*named) in before.ever else 0
    return payout_id(*named, again), again


def _posted(  # noqa: PLR0917  each is another part of one event
    of: Lines,
    line_id: UUID,
    amount: Money,
    parts: Sequence[PayoutPart],
    first: UUID | None,
    exchange: FixedExchange | None,
) -> Event:
    of_id = of.pool_id or of.cycle_id
    told = tuple(
        PostedPart(
            appraisal_id=part.appraisal_id,
            lock_version=part.lock_version,
            cost_centre=part.cost_centre,
            amount=part.amount,
        )
        for part in parts
    )
    if first is None:
        return SettlementPosted(
            of=of_id,
            employment_id=of.employment_id,
            payout_id=line_id,
            amount=amount,
            parts=told,
            exchange=exchange,
        )
    return DeltaPayoutPosted(
        of=of_id,
        employment_id=of.employment_id,
        payout_id=line_id,
        amount=amount,
        parts=told,
        corrects=first,
    )


def _difference(found: Due, before: Settlement) -> Node:
    now = Explained(Fraction(found.amount.minor), found.explanation)
    posted = [
        why.given_exact("posted before", -each.amount.minor, each.event_id) for each in before.lines
    ]
    return why.sealed(why.total([now, *posted], "difference"))


def explained_weight(claims: Sequence[Claimed], employment: Employment, cycle: Cycle) -> Explained:
    """What an employment may ask of a pool: its payout, exactly, before any rounding."""
    found = [part for each in claims for part in parts_of(each, employment, cycle)]
    if not found:
        source = employment.terminated_by or employment.hired_by
        return why.given_exact("days", 0, source)
    return payout([part.entitlement for part in found]).weight


def score_of(claims: Sequence[Claimed]) -> Decimal:
    """Its best score, by which ties go."""
    return max(each.locked.score for each in claims)
