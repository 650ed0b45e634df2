"""Payout batches: all lines or none, prepared by one actor, approved by another, settled once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import assert_never
from uuid import UUID

import msgspec

from domain.appraisal import Appraisal, Locked
from domain.appraisal_decisions import APPRAISAL
from domain.checks import absent, begun, checked_code, checked_text, known
from domain.cycle import CYCLE, Cycle
from domain.employment import EMPLOYMENT, Employment
from domain.entitlements import Earned, earned_by_part, entitlements
from domain.explanation import Given
from domain.ids import batch_id, payout_id
from domain.kernel import Context, Decider, Elsewhere, Event, Happened, Refused
from domain.money import Money, checked
from domain.pay import payout
from domain.payout import (
    PAYOUT,
    ApproveBatch,
    BatchApproved,
    BatchLine,
    BatchPrepared,
    BatchSettled,
    PaymentSettled,
    Payout,
    PayoutApproved,
    PayoutCalculated,
    PrepareBatch,
    SettleBatch,
)
from domain.segments import days_of


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it is now. 发放批次"""

    batch_id: UUID
    cycle_id: UUID
    lines: tuple[UUID, ...]
    totals: tuple[Money, ...]
    prepared_by: UUID
    """The actor who prepared: somebody else approves."""
    approved: bool = False
    settled: bool = False


BatchCommand = PrepareBatch | ApproveBatch | SettleBatch
BatchEvent = BatchPrepared | BatchApproved | BatchSettled


def _decide(
    state: Batch | None, command: BatchCommand, context: Context
) -> Iterable[Event | Elsewhere]:
    if isinstance(command, PrepareBatch):
        return _prepare(state, command, context)
    batch = known(state, "unknown-batch", "such payout batch")
    match command:
        case ApproveBatch():
            return _approve(batch, command, context)
        case SettleBatch():
            return _settle(batch, command, context)
        case _:
            assert_never(command)


# -- preparing


class _Due(msgspec.Struct, frozen=True, kw_only=True):
    """A locked appraisal that is to be paid."""

    appraisal_id: UUID
    appraisal: Appraisal
    locked: Locked
    payout_id: UUID


def _prepare(
    state: Batch | None, command: PrepareBatch, context: Context
) -> tuple[Event | Elsewhere, ...]:
    absent(state, "a payout batch")
    checked_code(command.code)
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    if cycle.stage == "closed":
        raise Refused("cycle-closed", f"Cycle {cycle.code} is closed.")
    due = _due(command, context)
    employments = context.look.all(EMPLOYMENT, [each.appraisal.employment_id for each in due])
    calculated = [
        _calculated(batch_id(command.code), each, begun(employment), cycle)
        for each, employment in zip(due, employments, strict=True)
    ]
    lines = tuple(
        BatchLine(payout_id=each.payout_id, amount=event.amount)
        for each, event in zip(due, calculated, strict=True)
    )
    prepared = BatchPrepared(
        code=command.code,
        cycle_id=command.cycle_id,
        lines=lines,
        totals=_totals(line.amount for line in lines),
    )
    return (
        prepared,
        *(Elsewhere(each.payout_id, event) for each, event in zip(due, calculated, strict=True)),
    )


def _due(command: PrepareBatch, context: Context) -> list[_Due]:
    if not command.appraisal_ids:
        raise Refused("nothing-to-pay", "Name at least one appraisal.")
    twice = [each for each, times in Counter(command.appraisal_ids).items() if times > 1]
    if twice:
        raise Refused("duplicate-appraisal", f"Appraisal {twice[0]} is named more than once.")
    due = []
    appraisals = context.look.all(APPRAISAL, command.appraisal_ids)
    for appraisal_id, found in zip(command.appraisal_ids, appraisals, strict=True):
        appraisal = known(found, "unknown-appraisal", f"appraisal {appraisal_id}")
        if appraisal.cycle_id != command.cycle_id:
            raise Refused("wrong-cycle", f"Appraisal {appraisal_id} belongs to another cycle.")
        if appraisal.locked is None:
            raise Refused("not-locked", f"The score of appraisal {appraisal_id} is not locked.")
        due.append(
            _Due(
                appraisal_id=appraisal_id,
                appraisal=appraisal,
                locked=appraisal.locked,
                payout_id=payout_id(appraisal_id, appraisal.locked.version),
            )
        )
    # A line's stream is named by what it pays: that it has not begun is what makes it the only one.
    lines = context.look.all(PAYOUT, [each.payout_id for each in due])
    for each, line in zip(due, lines, strict=True):
        if line is not None:
            raise Refused(
                "already-paid",
                f"Version {each.locked.version} of appraisal {each.appraisal_id} is in a batch.",
            )
    return due


def _calculated(batch: UUID, due: _Due, employment: Employment, cycle: Cycle) -> PayoutCalculated:
    appraisal, locked = due.appraisal, due.locked
    # The employment may have changed after the appraisal was created: only days worked are paid.
    days = days_of(appraisal, employment)
    if days is None:
        raise Refused(
            "not-employed-in-cycle", f"No day of appraisal {due.appraisal_id} was worked."
        )
    earned = Earned(
        days=days,
        family=appraisal.family,
        score=locked.score,
        coefficient=Given(locked.coefficient, locked.event_id),
        forfeited_by=appraisal.forfeited_by,
    )
    parts = [
        part
        for each in earned_by_part(earned, locked.parts)
        for part in entitlements(each, employment, cycle)
    ]
    paid = payout([part.entitlement for part in parts])
    return PayoutCalculated(
        batch_id=batch,
        cycle_id=appraisal.cycle_id,
        appraisal_id=due.appraisal_id,
        lock_version=locked.version,
        employment_id=appraisal.employment_id,
        person_id=appraisal.person_id,
        cost_centre=parts[-1].cost_centre,
        base=paid.base,
        coefficient=locked.coefficient,
        amount=paid.amount,
        explanation=paid.explanation,
    )


def _totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums[amount.currency] += amount.minor
    return tuple(checked(Money(sums[currency], currency)) for currency in sorted(sums))


# -- approving and settling


def _approve(batch: Batch, command: ApproveBatch, context: Context) -> Iterator[Event | Elsewhere]:
    if batch.approved:
        raise Refused("already-approved", "The batch has been approved.")
    if context.actor == batch.prepared_by:
        raise Refused("same-actor", "A batch is approved by another than who prepared it.")
    checked_text(command.comment, "comment")
    yield BatchApproved(totals=batch.totals)
    for line_id, line in _lines(batch, context):
        approved = PayoutApproved(
            batch_id=batch.batch_id,
            employment_id=line.employment_id,
            cost_centre=line.cost_centre,
            amount=line.amount,
        )
        yield Elsewhere(line_id, approved)


def _settle(batch: Batch, command: SettleBatch, context: Context) -> Iterator[Event | Elsewhere]:
    if not batch.approved:
        raise Refused("not-approved", "A batch is paid after it was approved.")
    if batch.settled:
        raise Refused("already-settled", "The batch has been paid.")
    bank_account = checked_code(command.bank_account, "bank account")
    yield BatchSettled(
        bank_account=bank_account,
        bank_reference=checked_code(command.bank_reference, "bank reference"),
    )
    for line_id, line in _lines(batch, context):
        settled = PaymentSettled(
            batch_id=batch.batch_id,
            employment_id=line.employment_id,
            amount=line.amount,
            bank_account=bank_account,
        )
        yield Elsewhere(line_id, settled)


def _lines(batch: Batch, context: Context) -> Iterator[tuple[UUID, Payout]]:
    lines = context.look.all(PAYOUT, batch.lines)
    return zip(batch.lines, map(begun, lines), strict=True)


def _evolve(state: Batch | None, happened: Happened[BatchEvent]) -> Batch:
    event = happened.event
    match event:
        case BatchPrepared():
            return Batch(
                batch_id=batch_id(event.code),
                cycle_id=event.cycle_id,
                lines=tuple(line.payout_id for line in event.lines),
                totals=event.totals,
                prepared_by=happened.actor,
            )
        case BatchApproved():
            return msgspec.structs.replace(begun(state), approved=True)
        case BatchSettled():
            return msgspec.structs.replace(begun(state), settled=True)
        case _:
            assert_never(event)


PAYOUT_BATCH: Decider[Batch | None] = Decider(
    kind="payout-batch", initial=None, decide=_decide, evolve=_evolve
)
