"""Payout batches and their lines: calculated, approved by someone else, instructed, paid once.

A line: calculated -> approved -> instructed -> settled | returned -> instructed again; voided only
before it was first instructed.
"""

from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.explanation import Node
from domain.ids import payout_id, settlement_id
from domain.kernel import Command, Decider, Event, Happened, Personal, looking
from domain.money import Money


class BatchLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a batch."""

    payout_id: UUID
    amount: Money


class CostShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one cost centre bears of a line."""

    cost_centre: str
    amount: Money


class PayoutPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One locked version of one appraisal on one cost centre: its part of a line (R5)."""

    appraisal_id: UUID | None = None
    """None where a pool pays."""
    lock_version: int = 0
    cost_centre: str
    amount: Money
    """What this line posts."""
    entitled: Money
    """What the facts give for it in all."""


class PrepareBatch(Command, frozen=True, kw_only=True):
    """Calculate what locked appraisals pay that was not posted yet: the differences alone.

    One line per employment, over all its appraisals in the cycle: those named, and those that
    something was posted for. Naming everybody again posts nothing.
    """

    code: str
    cycle_id: UUID
    appraisal_ids: tuple[UUID, ...] = ()
    currency: str | None = None
    """Pay in this currency, at the cycle's fixed rate; None: in that of each pay structure."""
    pool_id: UUID | None = None
    """Pay what this allocated pool gives, instead of appraisals."""
    after_close: str | None = None
    """Why a closed cycle is settled once more, as after a late appeal; it stays closed."""


class BatchPrepared(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.prepared"
    code: str
    cycle_id: UUID | None = None
    """None of a batch of instant rewards, which are outside every cycle."""
    lines: tuple[BatchLine, ...]
    totals: tuple[Money, ...]
    """One per currency, by currency code."""
    appraisal_ids: tuple[UUID, ...] = ()
    """As they were named."""
    currency: str | None = None
    pool_id: UUID | None = None
    effective_on: date | None = None
    """The day whose books the lines belong to: the last of the cycle."""
    reward_ids: tuple[UUID, ...] = ()
    """The instant rewards that it pays, instead of appraisals."""
    after_close: str | None = None
    """Why the closed cycle is settled once more. 结账后调整"""


class PayoutCalculated(Event, frozen=True, kw_only=True):
    TOPIC = "payout.calculated"
    batch_id: UUID
    cycle_id: UUID | None = None
    appraisal_id: UUID | None = None
    """It pays a locked version of this appraisal, or `reward_id`."""
    lock_version: int = 0
    employment_id: UUID
    person_id: UUID
    cost_centre: str
    base: Money
    coefficient: Decimal
    amount: Money
    explanation: Node
    parts: tuple[PayoutPart, ...] = ()
    """By appraisal and cost centre, adding up to `amount`; one that is all of it may be absent."""
    entitled: Money | None = None
    """What the facts give in all; None where nothing was posted before, so that `amount` is it."""
    corrects: UUID | None = None
    """Of a difference: the line that was posted first."""
    again: int = 0
    """Part of the line's id: lines before it, where a version is settled once more."""
    pool_id: UUID | None = None
    reward_id: UUID | None = None
    """The instant reward of which it pays one person's share."""


class ApproveBatch(Command, frozen=True, kw_only=True):
    """By another person than the preparer."""

    comment: str = ""


class BatchApproved(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.approved"
    totals: tuple[Money, ...]


class PayoutApproved(Event, frozen=True, kw_only=True):
    """Posts the line: Dr expense:performance_pay, Cr liability:payroll_payable.

    A line below zero is a claim: Dr asset:clawback_receivable, Cr expense:performance_pay.
    """

    TOPIC = "payout.approved"
    batch_id: UUID
    employment_id: UUID
    cost_centre: str
    amount: Money
    shares: tuple[CostShare, ...] = ()
    """By cost centre, adding up to `amount`; empty: `cost_centre` bears all of it."""
    kept: Money | None = None
    """Netted against what is owed: Dr liability:payroll_payable, Cr asset:clawback_receivable."""
    pool_id: UUID | None = None
    reward_id: UUID | None = None
    """It pays an instant reward: the expense is expense:instant_reward."""
    effective_on: date | None = None


class InstructBatch(Command, frozen=True, kw_only=True):
    """Tell the bank to pay every approved line that anything is due of."""

    bank_account: str


class BatchInstructed(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.instructed"
    bank_account: str


class PaymentInstructed(Event, frozen=True, kw_only=True):
    """Posts: Dr liability:payroll_payable, Cr clearing:instructed. 付款指令"""

    TOPIC = "payout.instructed"
    batch_id: UUID
    employment_id: UUID
    amount: Money
    bank_account: str
    attempt: int
    """1, and one more after every return."""


class SettleBatch(Command, frozen=True, kw_only=True):
    """The bank has paid the batch: every line that is still to be paid."""

    bank_account: str
    bank_reference: str
    value_date: date | None = None
    """The bank's day; None: the day on which it is told."""


class BatchSettled(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.settled"
    bank_account: str
    bank_reference: str


class PaymentSettled(Event, frozen=True, kw_only=True):
    """Posts: Dr liability:payroll_payable, Cr clearing:bank. 到账

    Of an instructed line: Dr clearing:instructed, Cr clearing:bank.
    """

    TOPIC = "payout.settled"
    batch_id: UUID
    employment_id: UUID
    amount: Money
    bank_account: str
    instructed: bool = False
    bank_reference: str = ""
    effective_on: date | None = None


class VoidBatch(Command, frozen=True, kw_only=True):
    """Take back every line; none of them was instructed."""

    reason: str


class BatchVoided(Event, frozen=True, kw_only=True):
    TOPIC = "payout-batch.voided"
    reason: str


class InstructPayment(Command, frozen=True, kw_only=True):
    """Tell the bank to pay one approved line, or to try again where it was returned."""

    bank_account: str


class SettlePayment(Command, frozen=True, kw_only=True):
    """The bank has paid one instructed line."""

    bank_reference: str
    value_date: date | None = None


class ReturnPayment(Command, frozen=True, kw_only=True):
    """The bank sent the money of one line back."""

    bank_reference: str
    """Of the bank's message: told twice, it has no effect."""
    reason: str
    value_date: date | None = None


class PaymentReturned(Event, frozen=True, kw_only=True):
    """Reverses what the instruction, or the settlement, posted: it is payable again. 退票"""

    TOPIC = "payout.returned"
    batch_id: UUID
    employment_id: UUID
    amount: Money
    bank_account: str
    settled: bool
    """Whether the bank had said before that it was paid."""
    bank_reference: str
    reason: Personal[str | None] = None
    effective_on: date | None = None


class VoidPayout(Command, frozen=True, kw_only=True):
    """Take back one line before it is instructed; what it posted can be posted anew."""

    reason: str


class PayoutVoided(Event, frozen=True, kw_only=True):
    """Posts the exact reversal of the approval, where there was one. 作废"""

    TOPIC = "payout.voided"
    batch_id: UUID
    employment_id: UUID
    cost_centre: str
    amount: Money
    approved: bool
    shares: tuple[CostShare, ...] = ()
    kept: Money | None = None
    pool_id: UUID | None = None
    reward_id: UUID | None = None
    reason: Personal[str | None] = None


# -- a payout line (its commands are decided in domain.payout_line)

LineState = Literal["calculated", "approved", "instructed", "settled", "returned", "voided"]


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """One line: locked score versions of one employment in money, or an instant reward. 发放明细"""

    batch_id: UUID
    cycle_id: UUID | None
    appraisal_id: UUID | None
    lock_version: int
    employment_id: UUID
    person_id: UUID
    cost_centre: str
    amount: Money
    calculated_by: UUID
    """The event that calculated it."""
    again: int = 0
    shares: tuple[CostShare, ...] = ()
    kept: Money | None = None
    pool_id: UUID | None = None
    reward_id: UUID | None = None
    state: LineState = "calculated"
    attempts: int = 0
    bank_account: str = ""
    settled_by: tuple[str, ...] = ()
    """References of the bank's messages that it was paid."""
    returned_by: tuple[str, ...] = ()
    """References of the bank's messages that it came back."""

    @property
    def line_id(self) -> UUID:
        """Its own id."""
        if self.pool_id is None and self.reward_id is None:
            return payout_id(begun(self.appraisal_id), self.lock_version, self.again)
        return payout_id(self.settlement_id, 0, self.again)

    @property
    def settled_of(self) -> UUID:
        """What it pays of: an instant reward, a pool or a cycle."""
        return begun(self.reward_id or self.pool_id or self.cycle_id)

    @property
    def settlement_id(self) -> UUID:
        """Where it is told what was posted of that."""
        return settlement_id(self.settled_of, self.employment_id)

    @property
    def approved(self) -> bool:
        """Whether its approval stands."""
        return self.state not in {"calculated", "voided"}

    @property
    def settled(self) -> bool:
        """Whether the money has arrived."""
        return self.state == "settled"

    @property
    def due(self) -> Money:
        """What is to be paid: the amount without what is kept; nothing of a claim."""
        kept = 0 if self.kept is None else self.kept.minor
        return Money(max(0, self.amount.minor - kept), self.amount.currency)


PayoutEvent = (
    PayoutCalculated
    | PayoutApproved
    | PaymentInstructed
    | PaymentSettled
    | PaymentReturned
    | PayoutVoided
)


def evolve(state: Payout | None, happened: Happened[PayoutEvent]) -> Payout:
    """The line after one more event."""
    event = happened.event
    if isinstance(event, PayoutCalculated):
        return Payout(
            batch_id=event.batch_id,
            cycle_id=event.cycle_id,
            appraisal_id=event.appraisal_id,
            lock_version=event.lock_version,
            employment_id=event.employment_id,
            person_id=event.person_id,
            cost_centre=event.cost_centre,
            amount=event.amount,
            calculated_by=happened.event_id,
            again=event.again,
            shares=_by_cost_centre(event.parts),
            pool_id=event.pool_id,
            reward_id=event.reward_id,
        )
    return msgspec.structs.replace(begun(state), **_changed(begun(state), event))


def _changed(
    line: Payout,
    event: PayoutApproved | PaymentInstructed | PaymentSettled | PaymentReturned | PayoutVoided,
) -> dict[str, object]:
    match event:
        case PayoutApproved():
            return {"state": "approved", "kept": event.kept}
        case PaymentInstructed():
            return {
                "state": "instructed",
                "attempts": event.attempt,
                "bank_account": event.bank_account,
            }
        case PaymentSettled():
            return {
                "state": "settled",
                "bank_account": event.bank_account,
                "settled_by": (*line.settled_by, event.bank_reference),
            }
        case PaymentReturned():
            return {"state": "returned", "returned_by": (*line.returned_by, event.bank_reference)}
        case PayoutVoided():
            return {"state": "voided"}
        case _:
            assert_never(event)


def _by_cost_centre(parts: tuple[PayoutPart, ...]) -> tuple[CostShare, ...]:
    sums: dict[str, Money] = {}
    for part in parts:
        before = sums.get(part.cost_centre)
        sums[part.cost_centre] = part.amount if before is None else before + part.amount
    return tuple(CostShare(cost_centre=each, amount=sums[each]) for each in sums)


LOOK_AT_PAYOUT: Decider[Payout | None] = looking("payout", None, evolve)
"""For batches and for whoever only wants to know."""
