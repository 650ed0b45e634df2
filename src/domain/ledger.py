"""The pay ledger: which accounts an event moves money between; double entry by construction.

A posting names one amount, the account debited and the account credited, so every posting sums to
zero and so does every set of postings, per currency, at every position of the log.

Chart of accounts (the part after the last colon is an id or a code of the tenant's own):

* ``expense:performance_pay:{costCentre}`` 绩效工资费用
* ``liability:payroll_payable:{employment}`` 应付职工薪酬
* ``clearing:bank:{account}`` 银行清算
"""

from uuid import UUID

import msgspec

from domain.kernel import Event
from domain.money import Money
from domain.payout import PaymentSettled, PayoutApproved


class Posting(msgspec.Struct, frozen=True, gc=False):
    """Move `amount` (more than zero) from the credited to the debited account. 分录"""

    debit_account: str
    credit_account: str
    amount: Money


def performance_pay(cost_centre: str) -> str:
    """The expense account of a cost centre's performance pay."""
    return f"expense:performance_pay:{cost_centre}"


def payroll_payable(employment_id: UUID) -> str:
    """What the company owes an employment."""
    return f"liability:payroll_payable:{employment_id}"


def bank_clearing(bank_account: str) -> str:
    """Money on its way out of a bank account."""
    return f"clearing:bank:{bank_account}"


def postings(event: Event) -> tuple[Posting, ...]:
    """What `event` posts; nothing for events that move no money, and nothing for zero."""
    match event:
        case PayoutApproved(amount=amount):
            debit, credit = performance_pay(event.cost_centre), payroll_payable(event.employment_id)
        case PaymentSettled(amount=amount):
            debit, credit = payroll_payable(event.employment_id), bank_clearing(event.bank_account)
        case _:
            return ()
    return _moved(debit, credit, amount)


def _moved(debit: str, credit: str, amount: Money) -> tuple[Posting, ...]:
    # Amounts of postings are positive: a negative one is the same move the other way round, so
    # a reversal is the exact mirror of what it reverses.
    if amount.minor == 0:
        return ()
    if amount.minor > 0:
        return (Posting(debit, credit, amount),)
    return (Posting(credit, debit, Money(-amount.minor, amount.currency)),)
