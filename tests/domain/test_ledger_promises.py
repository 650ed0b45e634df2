"""The promises of the pay ledger, one test each, over a history with everything that moves money.

That keys are idempotent and that the log is a Merkle tree is promised by the store for every
stream; those tests say so here for pay (tests/api/test_pay.py, tests/tenancy).
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ids
from domain.kernel import Refused
from domain.ledger import Book, Posting, may_be_below_zero, postings
from domain.money import Amount, Money
from domain.payout import (
    ApproveBatch,
    BatchApproved,
    InstructPayment,
    PaymentReturned,
    PayoutApproved,
    PayoutCalculated,
    PayoutVoided,
    ReturnPayment,
    SettlePayment,
    VoidPayout,
)
from domain.reconciliation import AssertBalance, ExportJournal, JournalExported

FINANCE = ids.person_id("finance")


@pytest.fixture
def lived(company: Any, payroll: Any) -> Any:
    """Paid, returned, tried again; a difference up, one down, one voided; a payout that nets."""
    world = payroll.world
    company.pay()
    appraisal = company.case_1()
    (line,) = payroll.line_ids(payroll.pay(appraisal))
    world.do(ReturnPayment(bank_reference="RT-1", reason="账号有误"), on=line)
    world.do(InstructPayment(bank_account="ICBC-2"), on=line)
    world.do(SettlePayment(bank_reference="R-2", value_date=date(2025, 5, 2)), on=line)
    payroll.relock(appraisal, "collection", "45000")
    (voided,) = payroll.line_ids(payroll.approve(payroll.prepare(appraisal)))
    world.do(VoidPayout(reason="试算"), on=voided)
    payroll.pay(appraisal)
    payroll.relock(appraisal, "contract", "-180000")
    payroll.approve(payroll.prepare(appraisal))
    payroll.pay(payroll.second_cycle("2000.00", "100"))
    return payroll


def posted(payroll: Any) -> list[Posting]:
    return [posting for happening in payroll.world.log for posting in postings(happening.event)]


def test_1_double_entry_adds_up_to_nothing_at_every_position(lived: Any) -> None:
    book = lived.book()  # asks at every position
    assert sum(book.balances.values()) == 0
    assert len(posted(lived)) >= 12
    assert all(posting.amount.minor > 0 for posting in posted(lived))
    assert all(posting.debit_account != posting.credit_account for posting in posted(lived))


def test_2_what_is_posted_never_changes(lived: Any) -> None:
    before = posted(lived)
    log = [msgspec.json.encode(happening.event) for happening in lived.world.log]
    lived.relock(lived.world.events(lived.lines_of_all()[0])[0].appraisal_id, "output", "50000")
    assert posted(lived)[: len(before)] == before
    assert [msgspec.json.encode(each.event) for each in lived.world.log[: len(log)]] == log


def test_3_a_correction_is_an_entry_with_a_link_to_what_it_corrects(lived: Any) -> None:
    lines = [each.event for each in lived.world.log if isinstance(each.event, PayoutCalculated)]
    first, *deltas = (line for line in lines if line.cycle_id == ids.cycle_id("2025Q1"))
    assert first.corrects is None
    assert first.appraisal_id is not None
    line_id = ids.payout_id(first.appraisal_id, 1)
    assert {line.corrects for line in deltas} == {line_id}
    assert [line.amount.minor for line in deltas] == [48_000, 48_000, -144_000]
    for happening in lived.world.log:
        if isinstance(happening.event, PayoutVoided):
            approval = next(
                each
                for each in lived.world.events(happening.stream_id)
                if isinstance(each, PayoutApproved)
            )
            mirrored = [
                Posting(each.credit_account, each.debit_account, each.amount)
                for each in postings(happening.event)
            ]
            assert mirrored[::-1] == list(postings(approval))


def test_4_a_pending_entry_is_resolved_once(lived: Any) -> None:
    """After every instruction exactly one of settled and returned, before the next one."""
    for stream in lived.lines_of_all():
        open_ = False
        for event in lived.world.events(stream):
            if event.TOPIC == "payout.instructed":
                assert not open_
                open_ = True
            elif event.TOPIC in {"payout.settled", "payout.returned"}:
                assert open_ or (isinstance(event, PaymentReturned) and event.settled)
                open_ = False
        assert not open_
    assert {
        minor
        for (account, _), minor in lived.book().balances.items()
        if account.startswith("clearing:instructed:")
    } == {0}


def test_5_a_batch_again_is_the_same_batch_or_refused(lived: Any) -> None:
    before = len(lived.world.log)
    again = lived.command(lived.lines(ids.batch_id("B1"))[0].appraisal_id, code="B1")
    again = msgspec.structs.replace(again, cycle_id=ids.cycle_id("2025Q1"))
    lived.world.refuses("already-exists", again)
    lived.world.refuses("already-paid", msgspec.structs.replace(again, code="B99"))
    assert len(lived.world.log) == before


def test_6_every_entry_is_of_an_event_and_follows_from_it_alone(lived: Any) -> None:
    """So the proof that an event is in the log is the proof of its entries."""
    for happening in lived.world.log:
        told = msgspec.json.encode(happening.event)
        read = msgspec.json.decode(told, type=type(happening.event))
        assert postings(read) == postings(happening.event)


def test_7_entries_know_when_they_take_effect_and_when_they_were_recorded(lived: Any) -> None:
    first = lived.world.events(ids.payout_id(lived.lines(ids.batch_id("B1"))[0].appraisal_id, 1))
    days = [
        event.effective_on for event in first if getattr(event, "effective_on", None) is not None
    ]
    assert days == [date(2025, 3, 31), date(2025, 5, 2)]
    recorded = {each.recorded_at.date() for each in lived.world.log}
    assert recorded == {date(2025, 4, 1)}


def test_8_any_earlier_state_is_the_fold_of_a_prefix(lived: Any) -> None:
    whole = Book()
    for happening in lived.world.log:
        whole.post(postings(happening.event))
        prefix = Book()
        for earlier in lived.world.log[: happening.position]:
            prefix.post(postings(earlier.event))
        assert prefix.balances == whole.balances
    assert lived.world.replayed().states == lived.world.states


def test_9_amounts_are_whole_minor_units(lived: Any) -> None:
    for posting in posted(lived):
        assert type(posting.amount.minor) is int
    for happening in lived.world.log:
        assert b"." not in b"".join(
            msgspec.json.encode(each.amount) for each in postings(happening.event)
        )


def test_10_a_batch_posts_all_its_lines_or_none(payroll: Any) -> None:
    appraisals = payroll.judged([("A", "8000.00", "100"), ("B", "6000.00", "100")])
    batch = payroll.prepare(*appraisals)
    decided = payroll.world.decide(ApproveBatch(), on=batch, actor=FINANCE)
    # One decision, so one append: both lines' entries are in it, with the batch's approval.
    assert [type(event) for _, event in decided].count(PayoutApproved) == 2
    assert isinstance(decided[0][1], BatchApproved)
    unlocked = payroll.company.hire("C", manager_id=payroll.company.manager)
    payroll.world.refuses(
        "unknown-appraisal",
        payroll.command(*appraisals, ids.appraisal_id(payroll.company.cycle, unlocked)),
    )


def test_11_a_statement_is_recorded_beside_the_entries(lived: Any) -> None:
    account = "clearing:bank:ICBC-1"
    statement = AssertBalance(
        account=account,
        balance=Amount(amount=Decimal("-1.00"), currency="CNY"),
        as_of=date(2025, 4, 30),
        source="对账单",
    )
    (asserted,) = lived.world.do(statement)
    assert asserted.balance == Money(-100, "CNY")
    stream = ids.ledger_account_id(account)
    assert lived.world.states[stream].balance == Money(-100, "CNY")
    for changes, code in (
        ({"account": ""}, "bad-code"),
        ({"source": " "}, "reason-missing"),
        ({"balance": Amount(amount=Decimal("0.001"), currency="CNY")}, "too-precise"),
    ):
        lived.world.refuses(code, msgspec.structs.replace(statement, **changes))


def test_12_an_account_with_a_limit_refuses(lived: Any) -> None:
    book = lived.book()
    receivable = f"asset:clawback_receivable:{lived.company.employment}"
    owed = book.balances[receivable, "CNY"]
    assert owed == 84_000
    before = dict(book.balances)
    assert not may_be_below_zero(receivable)
    payable = f"liability:payroll_payable:{lived.company.employment}"
    with pytest.raises(Refused, match="balance-below-zero"):
        book.post(
            [
                Posting(payable, "clearing:bank:ICBC-1", Money(1, "CNY")),
                Posting(payable, receivable, Money(owed + 1, "CNY")),
            ]
        )
    assert book.balances == before  # all legs or none
    book.post([Posting(payable, receivable, Money(owed, "CNY"))])
    assert book.balances[receivable, "CNY"] == 0


def test_journals_hand_each_position_to_a_system_once(company: Any) -> None:
    exported: list[JournalExported] = []
    for through in (5, 9, 20):
        (event,) = company.world.do(ExportJournal(system="kingdee", through=through))
        assert isinstance(event, JournalExported)
        exported.append(event)
    assert [(each.number, each.first_position, each.last_position) for each in exported] == [
        (1, 1, 5),
        (2, 6, 9),
        (3, 10, 20),
    ]
    for through in (20, 3, 0, -1, 2**63):
        refused = ExportJournal(system="kingdee", through=through)
        company.world.refuses("nothing-to-export", refused)
    company.world.refuses("bad-code", ExportJournal(system="", through=1))
    company.world.do(ExportJournal(system="sap", through=4))


ACCOUNTS = st.sampled_from(["expense:a", "liability:b", "asset:c", "budget:pool:d", "clearing:e"])


@settings(max_examples=100)
@given(
    moves=st.lists(
        st.tuples(ACCOUNTS, ACCOUNTS, st.integers(1, 10**6), st.sampled_from(["CNY", "JPY"])),
        max_size=30,
    )
)
def test_a_book_never_has_a_limited_account_below_zero(
    moves: list[tuple[str, str, int, str]],
) -> None:
    book = Book()
    for debit, credit, minor, currency in moves:
        before = dict(book.balances)
        try:
            book.post([Posting(debit, credit, Money(minor, currency))])
        except Refused:
            assert book.balances == before
            assert not may_be_below_zero(credit)
        assert all(
            minor >= 0 or may_be_below_zero(account)
            for (account, _), minor in book.balances.items()
        )
        for each in ("CNY", "JPY"):
            whole = sum(minor for (_, of), minor in book.balances.items() if of == each)
            assert whole == 0


def test_every_amount_of_a_life_is_explained(lived: Any, evaluate: Any) -> None:
    known: set[UUID] = {happening.event_id for happening in lived.world.log}
    for happening in lived.world.log:
        if isinstance(happening.event, PayoutCalculated):
            assert evaluate(happening.event.explanation) == Fraction(happening.event.amount.minor)
            assert leaves(happening.event.explanation) <= known


def leaves(node: Any) -> set[UUID]:
    found = {node.source} if node.source is not None else set()
    for each in node.inputs:
        found |= leaves(each)
    return found
