"""The life of a payout line: instructed, settled, returned, tried again; the bank told twice."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain import ids
from domain.kernel import Command
from domain.money import Money
from domain.payout import (
    ApproveBatch,
    InstructBatch,
    InstructPayment,
    PaymentInstructed,
    PaymentReturned,
    PaymentSettled,
    ReturnPayment,
    SettleBatch,
    SettlePayment,
    VoidBatch,
    VoidPayout,
)
from domain.settlement import SettlementPosted

FINANCE = ids.person_id("finance")
RETURN = ReturnPayment(bank_reference="RT-1", reason="账号有误")
RETRY = InstructPayment(bank_account="ICBC-1")
# (name, pay a month, score) whose quarters are the amounts of case 15.
CASE_15 = (("A", "20000.00", "89.76"), ("B", "31648.36", "100"), ("C", "5725.62", "100"))


@pytest.fixture
def batch(payroll: Any) -> UUID:
    """Case 15: 26,928.00 + 15,824.18 + 2,862.81, approved."""
    appraisals = payroll.judged(CASE_15, joiners=("B", "C"))
    found: UUID = payroll.approve(payroll.prepare(*appraisals))
    return found


def payable(payroll: Any, name: str) -> int:
    found: int = payroll.balance(f"liability:payroll_payable:{ids.employment_id(name)}")
    return found


def test_case_15_returned_and_tried_again(payroll: Any, batch: UUID) -> None:
    world = payroll.world
    amounts = [line.amount.minor for line in payroll.lines(batch)]
    assert amounts == [2_692_800, 1_582_418, 286_281]
    whole = 4_561_499
    assert payroll.totals(batch) == (Money(whole, "CNY"),)
    _, second, _ = payroll.line_ids(batch)
    world.do(InstructBatch(bank_account="ICBC-1"), on=batch, actor=FINANCE)
    assert payroll.balance("clearing:instructed:ICBC-1") == -whole
    assert payable(payroll, "B") == 0
    payroll.settle(batch)
    assert payroll.balance("clearing:instructed:ICBC-1") == 0
    assert payroll.balance("clearing:bank:ICBC-1") == -whole

    (returned,) = world.do(RETURN, on=second)
    assert returned == PaymentReturned(
        batch_id=batch,
        employment_id=ids.employment_id("B"),
        amount=Money(amounts[1], "CNY"),
        bank_account="ICBC-1",
        settled=True,
        bank_reference="RT-1",
        reason="账号有误",
    )
    assert payable(payroll, "B") == -amounts[1]
    assert payroll.balance("clearing:bank:ICBC-1") == amounts[1] - whole

    (again,) = world.do(RETRY, on=second)
    assert isinstance(again, PaymentInstructed)
    assert again.attempt == 2
    assert payable(payroll, "B") == 0
    before = len(world.log)
    # The bank tells of the first return once more: the second attempt is not hit by it.
    world.refuses("duplicate-bank-message", RETURN, on=second)
    world.do(SettlePayment(bank_reference="R2", value_date=date(2025, 4, 20)), on=second)
    world.refuses("duplicate-bank-message", SettlePayment(bank_reference="R2"), on=second)
    world.refuses("wrong-payout-state", SettlePayment(bank_reference="R3"), on=second)
    assert len(world.log) == before + 1
    assert payroll.balance("clearing:bank:ICBC-1") == -whole
    assert world.states[second].state == "settled"
    assert world.replayed().states == world.states


def test_a_return_before_the_settlement_reverses_the_instruction(payroll: Any, batch: UUID) -> None:
    first, *_ = payroll.line_ids(batch)
    payroll.world.do(RETRY, on=first)
    payroll.world.do(RETURN, on=first)
    assert payable(payroll, "A") == -2_692_800
    assert payroll.balance("clearing:instructed:ICBC-1") == 0
    assert payroll.balance("clearing:bank:ICBC-1") == 0
    # The batch pays the others; the returned line is paid by a message of its own.
    payroll.settle(batch)
    assert payroll.world.states[first].state == "returned"
    assert payable(payroll, "A") == -2_692_800


def test_a_batch_may_be_paid_without_an_instruction_of_ours(payroll: Any, batch: UUID) -> None:
    payroll.settle(batch)
    assert {payroll.world.states[each].state for each in payroll.line_ids(batch)} == {"settled"}
    assert payroll.balance("clearing:instructed:ICBC-1") == 0


def test_a_batch_is_instructed_once_and_paid_from_that_account(payroll: Any, batch: UUID) -> None:
    world = payroll.world
    world.refuses("bad-code", InstructBatch(bank_account=""), on=batch)
    world.do(InstructBatch(bank_account="ICBC-1"), on=batch)
    world.refuses("already-instructed", InstructBatch(bank_account="ICBC-1"), on=batch)
    world.refuses("already-instructed", VoidBatch(reason="x"), on=batch)
    other = SettleBatch(bank_account="BOC-9", bank_reference="x")
    world.refuses("wrong-bank-account", other, on=batch)
    for line in payroll.line_ids(batch):
        world.refuses("wrong-payout-state", VoidPayout(reason="x"), on=line)


@pytest.mark.parametrize(
    ("state", "command", "code"),
    [
        ("calculated", RETRY, "wrong-payout-state"),
        ("calculated", SettlePayment(bank_reference="R"), "wrong-payout-state"),
        ("calculated", RETURN, "wrong-payout-state"),
        ("approved", SettlePayment(bank_reference="R"), "wrong-payout-state"),
        ("approved", RETURN, "wrong-payout-state"),
        ("approved", InstructPayment(bank_account=""), "bad-code"),
        ("instructed", RETRY, "wrong-payout-state"),
        ("instructed", SettlePayment(bank_reference=""), "bad-code"),
        ("instructed", ReturnPayment(bank_reference="R", reason=""), "reason-missing"),
        ("settled", RETRY, "wrong-payout-state"),
    ],
)
def test_each_step_has_its_state(payroll: Any, state: str, command: Command, code: str) -> None:
    (appraisal,) = payroll.judged(CASE_15[:1])
    batch = payroll.prepare(appraisal)
    (line,) = payroll.line_ids(batch)
    steps: dict[str, tuple[Command, UUID]] = {
        "approved": (ApproveBatch(), batch),
        "instructed": (RETRY, line),
        "settled": (SettlePayment(bank_reference="R1"), line),
    }
    for reached, (step, on) in steps.items():
        if payroll.world.states[line].state == state:
            break
        payroll.world.do(step, on=on, actor=FINANCE)
        assert payroll.world.states[line].state == reached
    payroll.world.refuses(code, command, on=line)
    payroll.world.refuses("unknown-payout", command, on=UUID(int=77))


def test_nothing_is_instructed_where_nothing_is_due(payroll: Any) -> None:
    (appraisal,) = payroll.judged([("A", "20000.00", "0")])
    batch = payroll.approve(payroll.prepare(appraisal))
    (line,) = payroll.line_ids(batch)
    payroll.world.refuses("nothing-to-pay", RETRY, on=line)
    done = payroll.world.do(InstructBatch(bank_account="ICBC-1"), on=batch)
    assert not any(isinstance(each, PaymentInstructed) for each in done)
    done = payroll.world.do(SettleBatch(bank_account="ICBC-1", bank_reference="R"), on=batch)
    (settled,) = (each for each in done if isinstance(each, PaymentSettled))
    assert settled.amount.minor == 0


def test_of_two_batches_for_the_same_line_one_finds_nothing(payroll: Any) -> None:
    """Decided at the same time, both would begin the same streams: only one can be written."""
    (appraisal,) = payroll.judged(CASE_15[:1])
    one, other = payroll.command(appraisal), payroll.command(appraisal)
    first = dict(payroll.world.decide(one))
    second = dict(payroll.world.decide(other))
    shared = first.keys() & second.keys()
    assert shared == {
        ids.payout_id(appraisal, 1),
        ids.settlement_id(payroll.company.cycle, ids.employment_id("A")),
    }
    assert any(isinstance(first[each], SettlementPosted) for each in shared)
    payroll.world.do(one)
    payroll.world.refuses("already-paid", other)
