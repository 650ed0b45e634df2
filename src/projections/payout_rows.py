"""Rows of payout batches and their lines, and the pure steps from one state to the next."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from domain.money import Money
from domain.payout import (
    BatchApproved,
    BatchInstructed,
    BatchPrepared,
    BatchSettled,
    BatchVoided,
    LineState,
    PaymentInstructed,
    PaymentReturned,
    PaymentSettled,
    PayoutApproved,
    PayoutCalculated,
    PayoutPart,
    PayoutVoided,
)
from projections.questions import View
from projections.tables import Row, begun
from tenancy.records import Recorded

PayoutState = LineState
BatchState = Literal["prepared", "approved", "instructed", "settled", "voided"]


class Payout(Row, kw_only=True):
    """发放行; amounts in minor units of `currency`."""

    payout_id: UUID
    batch_id: UUID
    cycle_id: UUID | None
    appraisal_id: UUID | None
    """None of an instant reward, and so the cycle."""
    lock_version: int
    employment_id: UUID
    person_id: UUID
    cost_centre: str
    parts: tuple[PayoutPart, ...] = ()
    """By appraisal and cost centre; empty where the line has one."""
    base_minor: int
    coefficient: Decimal
    minor: int
    kept_minor: int = 0
    """Netted against what is owed."""
    entitled_minor: int
    """What the facts gave in all, at the time of the line."""
    currency: str
    corrects: UUID | None = None
    """Of a difference: the first line."""
    pool_id: UUID | None = None
    reward_id: UUID | None = None
    attempts: int = 0
    bank_account: str | None = None
    bank_reference: str | None = None
    """Of the bank's last message."""
    returned_at: int | None = None
    """The log position of the bank's last return, which holds its reason."""
    state: PayoutState
    event_id: UUID
    """Of its calculation, whose explanation it is."""
    created_position: int
    version: int


class Batch(Row, kw_only=True):
    """发放批次"""

    batch_id: UUID
    code: str
    cycle_id: UUID | None
    """None of a batch of instant rewards."""
    state: BatchState
    lines: int
    totals: tuple[Money, ...]
    prepared_by: UUID
    prepared_at: datetime
    approved_by: UUID | None = None
    approved_at: datetime | None = None
    instructed_at: datetime | None = None
    settled_at: datetime | None = None
    voided_at: datetime | None = None
    pool_id: UUID | None = None
    after_close: str | None = None
    """Why a closed cycle was settled once more."""
    bank_account: str | None = None
    bank_reference: str | None = None
    created_position: int
    version: int


def batch_step(row: Batch | None, recorded: Recorded) -> Batch:
    """The batch's next state; pure."""
    event = recorded.event
    if isinstance(event, BatchPrepared):
        return Batch(
            batch_id=recorded.stream_id,
            code=event.code,
            cycle_id=event.cycle_id,
            state="prepared",
            lines=len(event.lines),
            totals=event.totals,
            prepared_by=recorded.actor,
            prepared_at=recorded.recorded_at,
            pool_id=event.pool_id,
            after_close=event.after_close,
            created_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case BatchApproved():
            row.state = "approved"
            row.approved_by, row.approved_at = recorded.actor, recorded.recorded_at
        case BatchInstructed():
            row.state, row.instructed_at = "instructed", recorded.recorded_at
            row.bank_account = event.bank_account
        case BatchVoided():
            row.state, row.voided_at = "voided", recorded.recorded_at
        case BatchSettled():
            row.state = "settled"
            row.settled_at = recorded.recorded_at
            row.bank_account, row.bank_reference = event.bank_account, event.bank_reference
    return row


def payout_step(row: Payout | None, recorded: Recorded) -> Payout:
    """The line's next state; pure."""
    event = recorded.event
    if isinstance(event, PayoutCalculated):
        return Payout(
            payout_id=recorded.stream_id,
            batch_id=event.batch_id,
            cycle_id=event.cycle_id,
            appraisal_id=event.appraisal_id,
            lock_version=event.lock_version,
            employment_id=event.employment_id,
            person_id=event.person_id,
            cost_centre=event.cost_centre,
            parts=event.parts,
            base_minor=event.base.minor,
            coefficient=event.coefficient,
            minor=event.amount.minor,
            entitled_minor=(event.entitled or event.amount).minor,
            currency=event.amount.currency,
            corrects=event.corrects,
            pool_id=event.pool_id,
            reward_id=event.reward_id,
            state="calculated",
            event_id=recorded.event_id,
            created_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case PayoutApproved():
            row.state = "approved"
            row.kept_minor = event.kept.minor if event.kept is not None else 0
        case PaymentInstructed():
            row.state, row.attempts = "instructed", event.attempt
            row.bank_account, row.bank_reference = event.bank_account, None
        case PaymentSettled():
            row.state = "settled"
            row.bank_account, row.bank_reference = event.bank_account, event.bank_reference
        case PaymentReturned():
            row.state, row.bank_reference = "returned", event.bank_reference
            row.returned_at = recorded.position
        case PayoutVoided():
            row.state = "voided"
    return row


async def return_reasons(view: View, rows: Sequence[Payout]) -> dict[UUID, str | None]:
    """Why the bank sent money of these lines back, opened from the log; None once erased."""
    returned = {row.payout_id: row.returned_at for row in rows if row.returned_at is not None}
    opened = await view.reopen(list(returned.values()))
    return {payout_id: opened[at].event.reason for payout_id, at in returned.items()}
