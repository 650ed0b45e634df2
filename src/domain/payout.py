"""Payout batches and their lines: calculated, approved by someone else, posted once."""

from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.explanation import Node
from domain.kernel import Command, Decider, Event, Happened, looking
from domain.money import Money


class BatchLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a batch."""

    payout_id: UUID
    amount: Money


class PrepareBatch(Command, frozen=True, kw_only=True):
    """Calculate what locked appraisals pay; every line refers to one locked score version."""

    code: str
    cycle_id: UUID
    appraisal_ids: tuple[UUID, ...]


class BatchPrepared(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.prepared"
    code: str
    cycle_id: UUID
    lines: tuple[BatchLine, ...]
    totals: tuple[Money, ...]
    """One per currency, by currency code."""


class PayoutCalculated(Event, frozen=True, kw_only=True):
    TOPIC = "payout.calculated"
    batch_id: UUID
    cycle_id: UUID
    appraisal_id: UUID
    lock_version: int
    employment_id: UUID
    person_id: UUID
    cost_centre: str
    base: Money
    coefficient: Decimal
    amount: Money
    explanation: Node


class ApproveBatch(Command, frozen=True, kw_only=True):
    """By another person than the preparer."""

    comment: str = ""


class BatchApproved(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.approved"
    totals: tuple[Money, ...]


class PayoutApproved(Event, frozen=True, kw_only=True):
    """Posts the line: Dr expense:performance_pay, Cr liability:payroll_payable."""

    TOPIC = "payout.approved"
    batch_id: UUID
    employment_id: UUID
    cost_centre: str
    amount: Money


class SettleBatch(Command, frozen=True, kw_only=True):
    """The bank has paid the batch."""

    bank_account: str
    bank_reference: str


class BatchSettled(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.settled"
    bank_account: str
    bank_reference: str


class PaymentSettled(Event, frozen=True, kw_only=True):
    """Posts: Dr liability:payroll_payable, Cr clearing:bank. 到账"""

    TOPIC = "payout.settled"
    batch_id: UUID
    employment_id: UUID
    amount: Money
    bank_account: str


# -- a payout line: its events are written by its batch (domain.payout_batch)


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a locked score version of one appraisal, in money. 发放明细"""

    batch_id: UUID
    appraisal_id: UUID
    lock_version: int
    employment_id: UUID
    cost_centre: str
    amount: Money
    approved: bool = False
    settled: bool = False


def _evolve(
    state: Payout | None, happened: Happened[PayoutCalculated | PayoutApproved | PaymentSettled]
) -> Payout:
    event = happened.event
    match event:
        case PayoutCalculated():
            return Payout(
                batch_id=event.batch_id,
                appraisal_id=event.appraisal_id,
                lock_version=event.lock_version,
                employment_id=event.employment_id,
                cost_centre=event.cost_centre,
                amount=event.amount,
            )
        case PayoutApproved():
            return msgspec.structs.replace(begun(state), approved=True)
        case PaymentSettled():
            return msgspec.structs.replace(begun(state), settled=True)
        case _:
            assert_never(event)


PAYOUT: Decider[Payout | None] = looking("payout", None, _evolve)
"""Takes no commands of its own: a line is calculated, approved and settled with its batch."""
