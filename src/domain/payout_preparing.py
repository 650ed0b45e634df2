"""Preparing a batch: who is named, what was posted for them before, and the lines still missing.

Each stream is read once and every look is for all people together, so a batch costs as much as
it has lines.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.bonus_pool import LOOK_AT_POOL, Pool
from domain.checks import absent, begun, checked_code, checked_reason, known
from domain.currencies import digits_of
from domain.cycle import CYCLE, Cycle
from domain.employment import EMPLOYMENT, Employment
from domain.exchange_rate import EXCHANGE_RATE
from domain.explanation import Given
from domain.ids import batch_id, exchange_rate_id, payout_id, settlement_id
from domain.kernel import Context, Elsewhere, Event, Refused
from domain.money import Money, checked
from domain.payout import LOOK_AT_PAYOUT, BatchLine, BatchPrepared, Payout, PrepareBatch
from domain.settlement import (
    SETTLEMENT,
    FixedExchange,
    PostedLine,
    PostedPart,
    Settlement,
    SettlementPosted,
)
from domain.settling import Claimed, Lines, Settled, claimed, due, line, pooled


class _Person(msgspec.Struct, frozen=True, kw_only=True):
    """An employment with its locked appraisals, and what was posted for it."""

    employment_id: UUID
    employment: Employment
    claims: tuple[Claimed, ...]
    settlement: Settlement | None
    adopted: tuple[Payout, ...] = ()
    """Lines from before there were settlements: the first new line tells of them too."""


def prepared(
    state: object | None, command: PrepareBatch, context: Context
) -> Iterator[Event | Elsewhere]:
    """The batch and its lines.

    Raises:
        Refused: `already-paid`, where nothing is missing; where nothing can be paid, why.
    """
    absent(state, "a payout batch")
    checked_code(command.code)
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    reason = _after_close(command, cycle)
    if command.currency is not None:
        digits_of(command.currency)
    people = _people(command, context)
    found = _pool_lines(command, people, context) if command.pool_id else None
    if found is None:
        found = list(_cycle_lines(command, people, cycle, context))
    if not found:
        raise Refused("already-paid", "All that these appraisals entitle to is posted already.")
    yield BatchPrepared(
        code=command.code,
        cycle_id=command.cycle_id,
        lines=tuple(
            BatchLine(payout_id=each.payout_id, amount=each.calculated.amount) for _, each in found
        ),
        totals=totals(each.calculated.amount for _, each in found),
        appraisal_ids=command.appraisal_ids,
        currency=command.currency,
        pool_id=command.pool_id,
        # The books of a closed cycle are closed: what comes later is in those of its own day.
        effective_on=cycle.ends_on if reason is None else None,
        after_close=reason,
    )
    for person, each in found:
        yield Elsewhere(each.payout_id, each.calculated)
        for before in person.adopted:
            yield Elsewhere(each.settlement_id, _adopted(before))
        yield Elsewhere(each.settlement_id, each.posted)


def _after_close(command: PrepareBatch, cycle: Cycle) -> str | None:
    if cycle.stage != "closed":
        if command.after_close is not None:
            raise Refused("cycle-not-closed", f"Cycle {cycle.code} is not closed.")
        return None
    if command.after_close is None:
        raise Refused("cycle-closed", f"Cycle {cycle.code} is closed: say why it is settled again.")
    return checked_reason(command.after_close)


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """The sums by currency, by currency code."""
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums[amount.currency] += amount.minor
    return tuple(checked(Money(sums[currency], currency)) for currency in sorted(sums))


# -- who is paid


def _people(command: PrepareBatch, context: Context) -> list[_Person]:
    named = command.appraisal_ids
    pool = None
    if command.pool_id is not None:
        pool = known(context.look(LOOK_AT_POOL, command.pool_id), "unknown-pool", "such pool")
        if pool.cycle_id != command.cycle_id:
            raise Refused("wrong-cycle", "The pool belongs to another cycle.")
        if named:
            raise Refused("pool-names-its-own", "A pool says itself which appraisals it pays.")
        named = pool.appraisals
    claims = claimed(command.cycle_id, _named(named, pool, context))
    of = command.pool_id or command.cycle_id
    by_employment: dict[UUID, list[Claimed]] = {}
    for each in claims:
        by_employment.setdefault(each.appraisal.employment_id, []).append(each)
    ids = list(by_employment)
    employments = context.look.all(EMPLOYMENT, ids)
    settlements = context.look.all(SETTLEMENT, [settlement_id(of, each) for each in ids])
    posted = dict(zip(ids, settlements, strict=True))
    if command.pool_id is None:
        _add_posted(by_employment, posted, context)
        adopted = _before_settlements(by_employment, posted, context)
    else:
        adopted = {}
    return [
        _Person(
            employment_id=each,
            employment=begun(employment),
            claims=tuple(by_employment[each]),
            settlement=_settlement(posted[each], adopted.get(each, ())),
            adopted=adopted.get(each, ()),
        )
        for each, employment in zip(ids, employments, strict=True)
    ]


def _named(
    appraisal_ids: Sequence[UUID], pool: Pool | None, context: Context
) -> list[tuple[UUID, Appraisal | None]]:
    if not appraisal_ids:
        raise Refused(
            "nothing-to-pay" if pool is None else "pool-not-allocated",
            "Name at least one appraisal." if pool is None else "The pool was not allocated.",
        )
    twice = [each for each, times in Counter(appraisal_ids).items() if times > 1]
    if twice:
        raise Refused("duplicate-appraisal", f"Appraisal {twice[0]} is named more than once.")
    found = context.look.all(LOOK_AT_APPRAISAL, appraisal_ids)
    return list(zip(appraisal_ids, found, strict=True))


def _add_posted(
    by_employment: Mapping[UUID, list[Claimed]],
    posted: Mapping[UUID, Settlement | None],
    context: Context,
) -> None:
    """What was posted for before counts as well, named or not: the whole is rounded once."""
    missing: list[tuple[UUID, UUID]] = []
    for employment_id, claims in by_employment.items():
        settlement = posted[employment_id]
        named = {each.appraisal_id for each in claims}
        before = settlement.appraisals if settlement is not None else ()
        missing.extend((employment_id, each) for each in before if each not in named)
    if not missing:
        return
    found = context.look.all(LOOK_AT_APPRAISAL, [each for _, each in missing])
    for (employment_id, appraisal_id), appraisal in zip(missing, found, strict=True):
        whole = begun(appraisal)
        by_employment[employment_id].append(
            Claimed(appraisal_id=appraisal_id, appraisal=whole, locked=begun(whole.locked))
        )


def _before_settlements(
    by_employment: Mapping[UUID, list[Claimed]],
    posted: Mapping[UUID, Settlement | None],
    context: Context,
) -> dict[UUID, tuple[Payout, ...]]:
    """Lines that were written when a line was all there was."""
    asked = [
        (employment_id, payout_id(each.appraisal_id, version))
        for employment_id, claims in by_employment.items()
        if posted[employment_id] is None
        for each in claims
        for version in range(1, each.locked.version + 1)
    ]
    found: dict[UUID, tuple[Payout, ...]] = {}
    lines = context.look.all(LOOK_AT_PAYOUT, [each for _, each in asked]) if asked else []
    for (employment_id, _), each in zip(asked, lines, strict=True):
        if each is not None and each.state != "voided":
            found[employment_id] = (*found.get(employment_id, ()), each)
    return found


def _settlement(settlement: Settlement | None, adopted: Sequence[Payout]) -> Settlement | None:
    if not adopted:
        return settlement
    lines = tuple(
        PostedLine(
            payout_id=each.line_id,
            amount=each.amount,
            parts=_adopted(each).parts,
            event_id=each.calculated_by,
        )
        for each in adopted
    )
    return Settlement(lines=lines, ever=tuple(each.payout_id for each in lines))


def _adopted(before: Payout) -> SettlementPosted:
    part = PostedPart(
        appraisal_id=before.appraisal_id,
        lock_version=before.lock_version,
        cost_centre=before.cost_centre,
        amount=before.amount,
    )
    return SettlementPosted(
        of=before.settled_of,
        employment_id=before.employment_id,
        payout_id=before.line_id,
        amount=before.amount,
        parts=(part,),
    )


# -- what they are paid


def _of(command: PrepareBatch, person: _Person) -> Lines:
    return Lines(
        batch_id=batch_id(command.code),
        cycle_id=command.cycle_id,
        employment_id=person.employment_id,
        person_id=person.employment.person_id,
        pool_id=command.pool_id,
    )


def _cycle_lines(
    command: PrepareBatch, people: Sequence[_Person], cycle: Cycle, context: Context
) -> Iterator[tuple[_Person, Settled]]:
    for person in people:
        exchange = _exchange(command, person, context)
        posted = person.settlement.currency if person.settlement is not None else None
        found = due(person.claims, person.employment, cycle, exchange, posted)
        settled = line(_of(command, person), found, person.claims, person.settlement, exchange)
        if settled is not None:
            yield person, settled


def _exchange(command: PrepareBatch, person: _Person, context: Context) -> FixedExchange | None:
    """The rate of the first line for ever after; for a first line, the one fixed for the cycle."""
    if person.settlement is not None and person.settlement.lines:
        if command.currency not in {None, person.settlement.currency}:
            raise Refused(
                "currency-mismatch", f"What was posted before was in {person.settlement.currency}."
            )
        return person.settlement.exchange
    paid_in = {each.total.currency for each in person.employment.pay}
    wanted = command.currency
    if wanted is None or paid_in <= {wanted}:
        return None
    if len(paid_in) > 1:
        raise Refused("currency-mismatch", "The pay structures are in several currencies.")
    (of,) = paid_in
    fixed = known(
        context.look(EXCHANGE_RATE, exchange_rate_id(command.cycle_id, of, wanted)),
        "unknown-exchange-rate",
        f"rate from {of} to {wanted} in this cycle",
    )
    return FixedExchange(currency=wanted, rate=Given(fixed.rate, fixed.event_id))


def _pool_lines(
    command: PrepareBatch, people: Sequence[_Person], context: Context
) -> list[tuple[_Person, Settled]]:
    pool = begun(context.look(LOOK_AT_POOL, begun(command.pool_id)))
    if command.currency not in {None, pool.amount.currency}:
        raise Refused("currency-mismatch", f"The pool is in {pool.amount.currency}.")
    found: list[tuple[_Person, Settled]] = []
    for person in people:
        share = pooled(pool, person.employment_id)
        settled = line(_of(command, person), share, person.claims, person.settlement, None)
        if settled is not None:
            found.append((person, settled))
    return found
