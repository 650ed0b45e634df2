"""The pay ledger: which accounts an event moves money between; double entry by construction.

A posting names one amount, the account debited and the account credited, so every posting sums to
zero and so does every set of postings, per currency, at every position of the log.

Chart of accounts (the part after the last colon is an id or a code of the tenant's own):

* ``expense:performance_pay:{costCentre}`` 绩效工资费用
* ``expense:instant_reward:{costCentre}`` 即时奖励费用
* ``liability:payroll_payable:{employment}`` 应付职工薪酬
* ``asset:clawback_receivable:{employment}`` 应收追回款
* ``clearing:instructed:{account}`` 付款在途
* ``clearing:bank:{account}`` 银行清算
* ``budget:pool:{pool}``, ``budget:spent:{pool}``, ``budget:funds:{costCentre}`` 奖金池: the
  commitment side
* ``budget:reward:{orgUnit}``, ``budget:granted:{orgUnit}`` 即时奖励预算: likewise
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from domain.bonus_pool import PoolFunded, PoolResettled, PoolSpent, PoolWithdrawn
from domain.kernel import Event, Refused
from domain.money import Money
from domain.payout import (
    CostShare,
    PaymentInstructed,
    PaymentReturned,
    PaymentSettled,
    PayoutApproved,
    PayoutVoided,
)
from domain.reward_budget import (
    RewardBudgetCommitted,
    RewardBudgetReleased,
    RewardBudgetSet,
)


class Posting(msgspec.Struct, frozen=True, gc=False):
    """Move `amount` (more than zero) from the credited to the debited account. 分录"""

    debit_account: str
    credit_account: str
    amount: Money


def performance_pay(cost_centre: str) -> str:
    """The expense account of a cost centre's performance pay."""
    return f"expense:performance_pay:{cost_centre}"


def instant_reward(cost_centre: str) -> str:
    """The expense account of a cost centre's instant rewards."""
    return f"expense:instant_reward:{cost_centre}"


def payroll_payable(employment_id: UUID) -> str:
    """What the company owes an employment."""
    return f"liability:payroll_payable:{employment_id}"


def bank_clearing(bank_account: str) -> str:
    """Money on its way out of a bank account."""
    return f"clearing:bank:{bank_account}"


def clawback_receivable(employment_id: UUID) -> str:
    """What an employment was paid too much and is to give back."""
    return f"asset:clawback_receivable:{employment_id}"


def instructed_clearing(bank_account: str) -> str:
    """Money that the bank was told to pay and has not said that it paid."""
    return f"clearing:instructed:{bank_account}"


def pool_budget(pool_id: UUID) -> str:
    """What is left of a pool."""
    return f"budget:pool:{pool_id}"


def pool_spent(pool_id: UUID) -> str:
    """What was paid out of a pool."""
    return f"budget:spent:{pool_id}"


def pool_funds(cost_centre: str) -> str:
    """Where a cost centre's pools and budgets come from: their funding is on its credit side."""
    return f"budget:funds:{cost_centre}"


def reward_budget(org_unit_id: UUID) -> str:
    """What is left of a unit's budgets of instant rewards."""
    return f"budget:reward:{org_unit_id}"


def rewards_granted(org_unit_id: UUID) -> str:
    """What was granted out of a unit's budgets of instant rewards."""
    return f"budget:granted:{org_unit_id}"


DEBIT_BALANCES = ("asset:", "budget:pool:", "budget:reward:")
"""Accounts that never have a credit balance: nobody owes less than nothing, no pool gives more
than it has."""


def may_be_below_zero(account: str) -> bool:
    """Whether an account may have a credit balance."""
    return not account.startswith(DEBIT_BALANCES)


def postings(event: Event) -> tuple[Posting, ...]:
    """What `event` posts; nothing for events that move no money, and nothing for zero."""
    match event:
        case PayoutApproved():
            return _approved(event)
        case PayoutVoided():
            back = _approved(event) if event.approved else ()
            return tuple(_reversed(each) for each in reversed(back))
        case PaymentInstructed(amount=amount):
            debit = payroll_payable(event.employment_id)
            credit = instructed_clearing(event.bank_account)
        case PaymentSettled(amount=amount):
            debit = payroll_payable(event.employment_id)
            if event.instructed:
                debit = instructed_clearing(event.bank_account)
            credit = bank_clearing(event.bank_account)
        case PaymentReturned(amount=amount):
            clearing = bank_clearing if event.settled else instructed_clearing
            debit, credit = clearing(event.bank_account), payroll_payable(event.employment_id)
        case PoolFunded(amount=amount) | PoolResettled(drawn=amount):
            debit, credit = pool_budget(event.pool_id), pool_funds(event.cost_centre)
        case PoolSpent(amount=amount):
            debit, credit = pool_spent(event.pool_id), pool_budget(event.pool_id)
        case PoolWithdrawn(amount=amount):
            debit, credit = pool_funds(event.cost_centre), pool_budget(event.pool_id)
        case RewardBudgetSet(change=amount):
            debit, credit = reward_budget(event.org_unit_id), pool_funds(event.cost_centre)
        case RewardBudgetCommitted(amount=amount):
            debit, credit = rewards_granted(event.org_unit_id), reward_budget(event.org_unit_id)
        case RewardBudgetReleased(amount=amount):
            debit, credit = reward_budget(event.org_unit_id), rewards_granted(event.org_unit_id)
        case _:
            return ()
    return _moved(debit, credit, amount)


def _approved(event: PayoutApproved | PayoutVoided) -> tuple[Posting, ...]:
    owed = payroll_payable(event.employment_id)
    receivable = clawback_receivable(event.employment_id)
    against = receivable if event.amount.minor < 0 else owed
    shares = event.shares or (CostShare(cost_centre=event.cost_centre, amount=event.amount),)
    expense = performance_pay if event.reward_id is None else instant_reward
    moves = [_moved(expense(each.cost_centre), against, each.amount) for each in shares]
    if event.kept is not None:
        moves.append(_moved(owed, receivable, event.kept))
    return tuple(posting for move in moves for posting in move)


def _reversed(posting: Posting) -> Posting:
    return Posting(posting.credit_account, posting.debit_account, posting.amount)


class Book:
    """Balances by account and currency, debits positive, folded from postings in their order."""

    def __init__(self) -> None:
        self.balances: dict[tuple[str, str], int] = {}

    def post(self, posted: Iterable[Posting]) -> None:
        """All of these postings, or none.

        Raises:
            Refused: `balance-below-zero`, for an account that may not have a credit balance.
        """
        after = dict(self.balances)
        for each in posted:
            for account, minor in (
                (each.debit_account, each.amount.minor),
                (each.credit_account, -each.amount.minor),
            ):
                key = (account, each.amount.currency)
                after[key] = after.get(key, 0) + minor
        for (account, currency), minor in after.items():
            if minor < 0 and not may_be_below_zero(account):
                raise Refused("balance-below-zero", f"{account} would be below zero {currency}.")
        self.balances = after


def _moved(debit: str, credit: str, amount: Money) -> tuple[Posting, ...]:
    # Amounts of postings are positive: a negative one is the same move the other way round, so
    # a reversal is the exact mirror of what it reverses.
    if amount.minor == 0:
        return ()
    if amount.minor > 0:
        return (Posting(debit, credit, amount),)
    return (Posting(credit, debit, Money(-amount.minor, amount.currency)),)
