"""The life of one payout line: what its batch, the bank, and whoever takes it back do with it."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import assert_never
from uuid import UUID

from domain.bonus_pool import LOOK_AT_POOL
from domain.checks import begun, checked_code, checked_reason, known
from domain.clawback import CLAWBACK, Clawback, ClawbackApplied, ClawbackReversed, ClawbackScheduled
from domain.go_live import require_live
from domain.ids import clawback_id
from domain.kernel import Context, Decider, Elsewhere, Event, Refused
from domain.money import Money, zero
from domain.origin import require_own_history
from domain.payout import (
    InstructPayment,
    PaymentInstructed,
    PaymentReturned,
    PaymentSettled,
    Payout,
    PayoutApproved,
    PayoutVoided,
    ReturnPayment,
    SettlePayment,
    VoidPayout,
    evolve,
)
from domain.settlement import SETTLEMENT, Settlement, SettlementReleased

LineCommand = InstructPayment | SettlePayment | ReturnPayment | VoidPayout


def approved(
    line: Payout, owed: Clawback | None, effective_on: date | None
) -> Iterator[Event | Elsewhere]:
    """The events of a line's approval, its own first: it is posted, and netted or scheduled."""
    # Claims are netted from performance pay alone: a reward reaches its person whole.
    kept = zero(line.amount.currency)
    if line.reward_id is None:
        kept = (owed or Clawback()).kept_of(line.amount)
    yield PayoutApproved(
        batch_id=line.batch_id,
        employment_id=line.employment_id,
        cost_centre=line.cost_centre,
        amount=line.amount,
        shares=line.shares if len(line.shares) > 1 else (),
        kept=kept if kept.minor else None,
        pool_id=line.pool_id,
        reward_id=line.reward_id,
        effective_on=effective_on,
    )
    stream = clawback_id(line.employment_id)
    if line.amount.minor < 0:
        claim = ClawbackScheduled(
            employment_id=line.employment_id, payout_id=line.line_id, amount=-line.amount
        )
        yield Elsewhere(stream, claim)
    if kept.minor:
        applied = ClawbackApplied(
            employment_id=line.employment_id, payout_id=line.line_id, amount=kept
        )
        yield Elsewhere(stream, applied)


def instructed(line: Payout, bank_account: str) -> PaymentInstructed:
    """The bank is told to pay what is due of a line."""
    return PaymentInstructed(
        batch_id=line.batch_id,
        employment_id=line.employment_id,
        amount=line.due,
        bank_account=bank_account,
        attempt=line.attempts + 1,
    )


def settled(
    line: Payout, bank_account: str, bank_reference: str, value_date: date | None
) -> PaymentSettled:
    """The bank has paid what was due of a line, instructed by us or not."""
    return PaymentSettled(
        batch_id=line.batch_id,
        employment_id=line.employment_id,
        amount=line.due,
        bank_account=bank_account,
        instructed=line.state == "instructed",
        bank_reference=bank_reference,
        effective_on=value_date,
    )


def voided(
    line: Payout, owed: Clawback | None, settlement: Settlement | None, reason: str
) -> Iterator[Event | Elsewhere]:
    """The events by which a line is taken back, its own first.

    Raises:
        Refused: `wrong-payout-state`, once it was instructed; `clawback-begun`, where a claim was
            paid back in part already; `not-the-last-line`, where a later difference leans on it.
    """
    if line.state not in {"calculated", "approved"}:
        raise Refused("wrong-payout-state", f"The line is {line.state}: it cannot be voided.")
    if (
        settlement is not None
        and settlement.lines
        and settlement.lines[-1].payout_id != line.line_id
    ):
        raise Refused("not-the-last-line", "A later difference was reckoned from this line.")
    yield PayoutVoided(
        batch_id=line.batch_id,
        employment_id=line.employment_id,
        cost_centre=line.cost_centre,
        amount=line.amount,
        approved=line.approved,
        shares=line.shares if len(line.shares) > 1 else (),
        kept=line.kept,
        pool_id=line.pool_id,
        reward_id=line.reward_id,
        reason=reason,
    )
    if settlement is not None:
        yield Elsewhere(line.settlement_id, SettlementReleased(payout_id=line.line_id))
    change = _owed_again(line, owed or Clawback())
    if change.minor:
        reversed_ = ClawbackReversed(
            employment_id=line.employment_id, payout_id=line.line_id, amount=change
        )
        yield Elsewhere(clawback_id(line.employment_id), reversed_)


def pool_given_back(lines: Iterable[Payout], batch_id: UUID, context: Context) -> list[Elsewhere]:
    """What voided lines give back to the pool that they were paid out of.

    Raises:
        Refused: `balance-below-zero`, where what they took back has been paid to others.
    """
    found: dict[UUID, Money] = {}
    for line in lines:
        if line.pool_id is not None and line.approved:
            before = found.get(line.pool_id, zero(line.amount.currency))
            found[line.pool_id] = before - line.amount
    return [
        Elsewhere(pool_id, begun(context.look(LOOK_AT_POOL, pool_id)).spending(batch_id, amount))
        for pool_id, amount in found.items()
    ]


def _owed_again(line: Payout, owed: Clawback) -> Money:
    nothing = Money(0, line.amount.currency)
    if not line.approved:
        return nothing
    if line.amount.minor < 0:
        if owed.owes(line.amount.currency) + line.amount.minor < 0:
            raise Refused("clawback-begun", "Some of the claim has been given back already.")
        return line.amount
    return line.kept or nothing


def _decide(
    state: Payout | None, command: LineCommand, context: Context
) -> Iterable[Event | Elsewhere]:
    line = known(state, "unknown-payout", "such payout line")
    match command:
        case InstructPayment():
            require_own_history(context)
            _require(line, "approved", "returned")
            require_live("pay" if line.reward_id is None else "rewards", context)
            if not line.due.minor:
                raise Refused("nothing-to-pay", "Nothing of the line is due.")
            return (instructed(line, checked_code(command.bank_account, "bank account")),)
        case SettlePayment():
            require_own_history(context)
            return (_settle(line, command),)
        case ReturnPayment():
            require_own_history(context)
            return (_return(line, command),)
        case VoidPayout():
            return _void(line, command, context)
        case _:
            assert_never(command)


def _require(line: Payout, *states: str) -> None:
    if line.state not in states:
        wanted = " or ".join(states)
        raise Refused("wrong-payout-state", f"The line is {line.state}, this is for {wanted}.")


def _settle(line: Payout, command: SettlePayment) -> Event:
    reference = checked_code(command.bank_reference, "bank reference")
    _require_new(reference, line.settled_by)
    _require(line, "instructed")
    return settled(line, line.bank_account, reference, command.value_date)


def _return(line: Payout, command: ReturnPayment) -> Event:
    reference = checked_code(command.bank_reference, "bank reference")
    # Asked before the state: a message told twice must not hit the second attempt.
    _require_new(reference, line.returned_by)
    _require(line, "instructed", "settled")
    return PaymentReturned(
        batch_id=line.batch_id,
        employment_id=line.employment_id,
        amount=line.due,
        bank_account=line.bank_account,
        settled=line.settled,
        bank_reference=reference,
        reason=checked_reason(command.reason),
        effective_on=command.value_date,
    )


def _require_new(reference: str, before: tuple[str, ...]) -> None:
    if reference in before:
        raise Refused("duplicate-bank-message", f"The message {reference} was taken in already.")


def _void(line: Payout, command: VoidPayout, context: Context) -> Iterable[Event | Elsewhere]:
    reason = checked_reason(command.reason)
    owed = context.look(CLAWBACK, clawback_id(line.employment_id))
    settlement = context.look(SETTLEMENT, line.settlement_id)
    return (
        *voided(line, owed, settlement, reason),
        *pool_given_back([line], line.batch_id, context),
    )


PAYOUT: Decider[Payout | None] = Decider(kind="payout", initial=None, decide=_decide, evolve=evolve)
