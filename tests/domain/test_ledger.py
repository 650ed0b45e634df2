"""The ledger: what each event posts, and that it always adds up."""

from decimal import Decimal
from uuid import UUID

import pytest

from domain.explanation import Node
from domain.kernel import Event
from domain.ledger import Posting, postings
from domain.money import Money
from domain.payout import BatchApproved, PaymentSettled, PayoutApproved, PayoutCalculated

BATCH, CYCLE, APPRAISAL, EMPLOYMENT, PERSON = (UUID(int=number) for number in range(1, 6))
EXPENSE = "expense:performance_pay:CC-SALES"
PAYABLE = f"liability:payroll_payable:{EMPLOYMENT}"
BANK = "clearing:bank:ICBC-1"


def approved(minor: int) -> PayoutApproved:
    return PayoutApproved(
        batch_id=BATCH,
        employment_id=EMPLOYMENT,
        cost_centre="CC-SALES",
        amount=Money(minor, "CNY"),
    )


def settled(minor: int) -> PaymentSettled:
    return PaymentSettled(
        batch_id=BATCH,
        employment_id=EMPLOYMENT,
        amount=Money(minor, "CNY"),
        bank_account="ICBC-1",
    )


def test_approval_is_expense_against_payable() -> None:
    assert postings(approved(2_692_800)) == (Posting(EXPENSE, PAYABLE, Money(2_692_800, "CNY")),)


def test_settlement_is_payable_against_bank() -> None:
    assert postings(settled(2_692_800)) == (Posting(PAYABLE, BANK, Money(2_692_800, "CNY")),)


def test_a_claim_is_a_receivable_against_expense() -> None:
    receivable = f"asset:clawback_receivable:{EMPLOYMENT}"
    assert postings(approved(-144_000)) == (Posting(receivable, EXPENSE, Money(144_000, "CNY")),)


def test_a_negative_amount_is_the_mirror_image() -> None:
    assert postings(settled(-144_000)) == (Posting(BANK, PAYABLE, Money(144_000, "CNY")),)


def test_zero_posts_nothing() -> None:
    assert postings(approved(0)) == postings(settled(0)) == ()


@pytest.mark.parametrize(
    "event",
    [
        BatchApproved(totals=(Money(1, "CNY"),)),
        PayoutCalculated(
            batch_id=BATCH,
            cycle_id=CYCLE,
            appraisal_id=APPRAISAL,
            lock_version=1,
            employment_id=EMPLOYMENT,
            person_id=PERSON,
            cost_centre="CC-SALES",
            base=Money(1, "CNY"),
            coefficient=Decimal(1),
            amount=Money(1, "CNY"),
            explanation=Node(rule="given", value="1"),
        ),
    ],
    ids=lambda event: event.TOPIC,
)
def test_what_moves_no_money_posts_nothing(event: Event) -> None:
    assert postings(event) == ()
