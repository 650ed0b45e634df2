"""Payout batches: all lines or none, prepared by one actor, approved by another, settled once."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import assert_never
from uuid import UUID

import msgspec

from domain.bonus_pool import LOOK_AT_POOL
from domain.checks import begun, checked_code, checked_reason, checked_text, known
from domain.clawback import CLAWBACK
from domain.go_live import require_live
from domain.ids import batch_id, clawback_id
from domain.kernel import Context, Decider, Elsewhere, Event, Happened, Refused
from domain.money import Money
from domain.origin import require_own_history
from domain.payout import (
    LOOK_AT_PAYOUT,
    ApproveBatch,
    BatchApproved,
    BatchInstructed,
    BatchPrepared,
    BatchSettled,
    BatchVoided,
    InstructBatch,
    Payout,
    PrepareBatch,
    SettleBatch,
    VoidBatch,
)
from domain.payout_line import approved, instructed, pool_given_back, settled, voided
from domain.payout_preparing import prepared, totals
from domain.reward_paying import PrepareRewardBatch, rewards_prepared
from domain.settlement import SETTLEMENT


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it is now. 发放批次"""

    batch_id: UUID
    cycle_id: UUID | None
    lines: tuple[UUID, ...]
    totals: tuple[Money, ...]
    prepared_by: UUID
    """The actor who prepared: somebody else approves."""
    effective_on: date | None = None
    pool_id: UUID | None = None
    approved: bool = False
    instructed: bool = False
    bank_account: str | None = None
    """Which the bank was told to pay from."""
    settled: bool = False
    voided: bool = False


BatchCommand = (
    PrepareBatch | PrepareRewardBatch | ApproveBatch | InstructBatch | SettleBatch | VoidBatch
)
BatchEvent = BatchPrepared | BatchApproved | BatchInstructed | BatchSettled | BatchVoided


def _decide(
    state: Batch | None, command: BatchCommand, context: Context
) -> Iterable[Event | Elsewhere]:
    if isinstance(command, PrepareBatch):
        return prepared(state, command, context)
    if isinstance(command, PrepareRewardBatch):
        return rewards_prepared(state, command, context)
    batch = known(state, "unknown-batch", "such payout batch")
    match command:
        case ApproveBatch():
            return _approve(batch, command, context)
        case InstructBatch():
            require_own_history(context)
            return _instruct(batch, command, context)
        case SettleBatch():
            require_own_history(context)
            return _settle(batch, command, context)
        case VoidBatch():
            return _void(batch, command, context)
        case _:
            assert_never(command)


# -- approving, instructing, settling, voiding


def _approve(batch: Batch, command: ApproveBatch, context: Context) -> Iterator[Event | Elsewhere]:
    _require_standing(batch)
    if batch.approved:
        raise Refused("already-approved", "The batch has been approved.")
    if context.actor == batch.prepared_by:
        raise Refused("same-actor", "A batch is approved by another than who prepared it.")
    checked_text(command.comment, "comment")
    lines = [each for each in _lines(batch, context) if each[1].state == "calculated"]
    if not lines:
        raise Refused("nothing-to-pay", "Every line was voided.")
    sums = totals(line.amount for _, line in lines)
    yield BatchApproved(totals=sums)
    if batch.pool_id is not None:
        pool = begun(context.look(LOOK_AT_POOL, batch.pool_id))
        (amount,) = sums  # a pool has one currency
        yield Elsewhere(batch.pool_id, pool.spending(batch.batch_id, amount))
    clawbacks = context.look.all(CLAWBACK, [clawback_id(each.employment_id) for _, each in lines])
    for (line_id, line), owed in zip(lines, clawbacks, strict=True):
        yield from _addressed(line_id, approved(line, owed, batch.effective_on))


def _instruct(
    batch: Batch, command: InstructBatch, context: Context
) -> Iterator[Event | Elsewhere]:
    _require_approved(batch)
    _require_live(batch, context)
    if batch.instructed or batch.settled:
        raise Refused("already-instructed", "The bank has been told to pay the batch.")
    bank_account = checked_code(command.bank_account, "bank account")
    yield BatchInstructed(bank_account=bank_account)
    for line_id, line in _lines(batch, context):
        if line.state == "approved" and line.due.minor:
            yield Elsewhere(line_id, instructed(line, bank_account))


def _settle(batch: Batch, command: SettleBatch, context: Context) -> Iterator[Event | Elsewhere]:
    _require_approved(batch)
    if batch.settled:
        raise Refused("already-settled", "The batch has been paid.")
    if not batch.instructed:  # what the bank was told to pay is told as well when it has
        _require_live(batch, context)
    bank_account = checked_code(command.bank_account, "bank account")
    if batch.bank_account not in {None, bank_account}:
        raise Refused("wrong-bank-account", f"The bank was told to pay from {batch.bank_account}.")
    reference = checked_code(command.bank_reference, "bank reference")
    yield BatchSettled(bank_account=bank_account, bank_reference=reference)
    for line_id, line in _lines(batch, context):
        # A claim is given back by later payouts; what came back is paid by a line of its own.
        if line.state in {"approved", "instructed"} and line.amount.minor >= 0:
            account = line.bank_account or bank_account
            yield Elsewhere(line_id, settled(line, account, reference, command.value_date))


def _void(batch: Batch, command: VoidBatch, context: Context) -> Iterator[Event | Elsewhere]:
    _require_standing(batch)
    reason = checked_reason(command.reason)
    if batch.instructed or batch.settled:
        raise Refused("already-instructed", "The bank has been told to pay the batch.")
    lines = [each for each in _lines(batch, context) if each[1].state != "voided"]
    clawbacks = context.look.all(CLAWBACK, [clawback_id(each.employment_id) for _, each in lines])
    settlements = context.look.all(
        SETTLEMENT,
        [each.settlement_id for _, each in lines],
    )
    yield BatchVoided(reason=reason)
    yield from pool_given_back([line for _, line in lines], batch.batch_id, context)
    for (line_id, line), owed, posted in zip(lines, clawbacks, settlements, strict=True):
        yield from _addressed(line_id, voided(line, owed, posted, reason))


def _require_standing(batch: Batch) -> None:
    if batch.voided:
        raise Refused("batch-voided", "The batch was voided.")


def _require_approved(batch: Batch) -> None:
    _require_standing(batch)
    if not batch.approved:
        raise Refused("not-approved", "A batch is paid after it was approved.")


def _require_live(batch: Batch, context: Context) -> None:
    require_live("rewards" if batch.cycle_id is None else "pay", context)


def _addressed(line_id: UUID, events: Iterable[Event | Elsewhere]) -> Iterator[Event | Elsewhere]:
    """Events of a line as its batch writes them."""
    for each in events:
        yield each if isinstance(each, Elsewhere) else Elsewhere(line_id, each)


def _lines(batch: Batch, context: Context) -> Iterator[tuple[UUID, Payout]]:
    lines = context.look.all(LOOK_AT_PAYOUT, batch.lines)
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
                effective_on=event.effective_on,
                pool_id=event.pool_id,
            )
        case BatchApproved():
            return msgspec.structs.replace(begun(state), approved=True)
        case BatchInstructed():
            return msgspec.structs.replace(
                begun(state), instructed=True, bank_account=event.bank_account
            )
        case BatchVoided():
            return msgspec.structs.replace(begun(state), voided=True)
        case BatchSettled():
            return msgspec.structs.replace(begun(state), settled=True)
        case _:
            assert_never(event)


PAYOUT_BATCH: Decider[Batch | None] = Decider(
    kind="payout-batch", initial=None, decide=_decide, evolve=_evolve
)
