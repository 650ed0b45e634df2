"""Settlement: one per employment and cycle, only differences, exactly once, to the cent."""

from collections.abc import Callable
from contextlib import suppress
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
from domain.appraisal import CreateAppraisal
from domain.clawback import ClawbackApplied, ClawbackReversed, SetClawbackLimit
from domain.cycle import CloseCycle, OpenCycle, PlanCycle
from domain.exchange_rate import FixExchangeRate
from domain.kernel import Refused
from domain.leave import RecordLeave
from domain.money import Money
from domain.organisation import ChangeAssignment, RehireEmployee, TerminateEmployment
from domain.payout import (
    ApproveBatch,
    InstructBatch,
    PayoutApproved,
    PayoutCalculated,
    SettleBatch,
    VoidBatch,
    VoidPayout,
)
from domain.rules import Band, Banded, SchemeContent
from domain.settlement import DeltaPayoutPosted, SettlementPosted

FINANCE = ids.person_id("finance")
RMB = "CNY"


def amounts(payroll: Any, batch: UUID) -> list[int]:
    return [line.amount.minor for line in payroll.lines(batch)]


def fun() -> Banded:
    rows = (("0", "0"), ("60", "0.6"), ("70", "0.8"), ("85", "1.0"), ("95", "1.2"))
    return Banded(
        bands=tuple(
            Band(from_score=Decimal(score), coefficient=Decimal(each)) for score, each in rows
        )
    )


def transferred(company: Any) -> tuple[UUID, UUID]:
    """Case 4: 45 days in marketing at 76.00, then 46 in a function at 92.00; both locked."""
    company.pay(share="0.5")
    company.define_job("analyst", "function")
    judged: SchemeContent = company.judged_scheme(duty=10000)
    marketing = company.publish(judged)
    function = company.publish(
        SchemeContent(name="FUN", sections=judged.sections, coefficient=fun()), code="FUN"
    )
    company.world.do(
        PlanCycle(code="2025Q1", name="周期", starts_on=date(2025, 4, 1), ends_on=date(2025, 6, 30))
    )
    company.bind(marketing, "marketing")
    company.bind(function, "function")
    company.world.do(OpenCycle(), on=company.cycle)
    moved = company.assignment(job="analyst", manager_id=company.head, cost_centre="CC-FIN")
    company.world.do(
        ChangeAssignment(effective_from=date(2025, 5, 16), assignment=moved),
        on=company.employment,
    )
    company.pay(share="0.15", effective_from=date(2025, 5, 16))
    for segment in (1, 2):
        company.world.do(
            CreateAppraisal(
                cycle_id=company.cycle, employment_id=company.employment, segment=segment
            )
        )
    first, second = (
        ids.appraisal_id(company.cycle, company.employment, segment) for segment in (1, 2)
    )
    company.advance("rating")
    company.rate_as_manager(first, duty="76")
    company.rate_as_manager(second, duty="92")
    company.advance("calibration")
    return first, second


def test_case_4_one_line_over_two_segments_split_to_their_cost_centres(
    company: Any, payroll: Any, evaluate: Any
) -> None:
    first, second = transferred(company)
    company.lock(first)
    company.lock(second)
    batch = payroll.approve(payroll.prepare(second, first))
    (line,) = payroll.lines(batch)
    assert line.amount == Money(1_582_418, RMB)
    assert [(part.cost_centre, part.lock_version, part.amount.minor) for part in line.parts] == [
        ("CC-SALES", 1, 1_127_473),
        ("CC-FIN", 1, 454_945),
    ]
    assert [part.appraisal_id for part in line.parts] == [first, second]
    assert evaluate(line.explanation) == 1_582_418
    assert payroll.balance("expense:performance_pay:CC-SALES") == 1_127_473
    assert payroll.balance("expense:performance_pay:CC-FIN") == 454_945
    assert payroll.balance(f"liability:payroll_payable:{company.employment}") == -1_582_418


def test_segments_may_be_paid_one_after_the_other(company: Any, payroll: Any) -> None:
    """Rounded on their own, 11,274.73 and 4,549.45; the second line makes the whole right."""
    first, second = transferred(company)
    company.lock(first)
    earlier = payroll.prepare(first)
    assert amounts(payroll, earlier) == [1_127_473]
    company.lock(second)
    # Only the second is named: what was posted for the first counts all the same.
    (line,) = payroll.lines(payroll.prepare(second))
    assert line.amount == Money(454_945, RMB)
    assert line.entitled == Money(1_582_418, RMB)
    assert line.corrects == payroll.line_ids(earlier)[0]
    payroll.world.refuses("already-paid", payroll.command(first, second))


def test_case_10_an_appeal_after_payout_pays_the_difference_once(
    company: Any, payroll: Any, evaluate: Any
) -> None:
    company.pay()
    appraisal = company.case_1()
    first = payroll.pay(appraisal)
    payroll.relock(appraisal, "collection", "45000")
    assert company.world.states[appraisal].locked.score == Decimal("91.36")
    second = payroll.approve(payroll.prepare(appraisal))
    (line,) = payroll.lines(second)
    assert (line.amount, line.entitled) == (Money(48_000, RMB), Money(2_740_800, RMB))
    assert (line.lock_version, line.corrects) == (2, payroll.line_ids(first)[0])
    assert payroll.line_ids(second) == [ids.payout_id(appraisal, 2)]
    assert evaluate(line.explanation) == 48_000
    settlement = company.world.events(ids.settlement_id(company.cycle, company.employment))
    assert [type(event) for event in settlement] == [SettlementPosted, DeltaPayoutPosted]
    assert payroll.balance("expense:performance_pay:CC-SALES") == 2_740_800
    assert payroll.balance(f"liability:payroll_payable:{company.employment}") == -48_000
    payroll.world.refuses("already-paid", payroll.command(appraisal))
    assert payroll.lines(first)[0].amount == Money(2_692_800, RMB)  # it stays what it was


def owing(company: Any, payroll: Any) -> UUID:
    """Case 11: paid 27,408.00 in two lines, and 1,440.00 of it is to come back."""
    company.pay()
    appraisal = company.case_1()
    payroll.pay(appraisal)
    payroll.relock(appraisal, "collection", "45000")
    payroll.pay(appraisal)
    payroll.relock(appraisal, "contract", "-180000")
    assert company.world.states[appraisal].locked.score == Decimal("86.56")
    return UUID(str(appraisal))


def receivable(company: Any) -> str:
    return f"asset:clawback_receivable:{company.employment}"


def test_a_closed_cycle_is_settled_again_with_a_reason(company: Any, payroll: Any) -> None:
    """A late appeal or correction pays its difference, in the books of its own day."""
    company.pay()
    appraisal = company.case_1()
    payroll.pay(appraisal)
    company.advance("paying")
    payroll.world.refuses("cycle-not-closed", payroll.command(appraisal, after_close="复核"))
    payroll.world.do(CloseCycle(), on=company.cycle)
    payroll.relock(appraisal, "collection", "45000")
    payroll.world.refuses("cycle-closed", payroll.command(appraisal))
    payroll.world.refuses("reason-missing", payroll.command(appraisal, after_close=" "))
    batch = payroll.approve(payroll.prepare(appraisal, after_close="异议复核成立"))
    assert amounts(payroll, batch) == [48_000]
    prepared = payroll.world.events(batch)[0]
    assert (prepared.after_close, prepared.effective_on) == ("异议复核成立", None)
    payroll.settle(batch)
    payroll.world.refuses("already-paid", payroll.command(appraisal, after_close="又一次"))
    payroll.relock(appraisal, "contract", "-180000")
    down = payroll.approve(payroll.prepare(appraisal, after_close="合同取消"))
    assert amounts(payroll, down) == [-144_000]
    assert payroll.world.states[company.cycle].stage == "closed"


def test_case_11_a_correction_downwards_is_a_receivable(
    company: Any, payroll: Any, evaluate: Any
) -> None:
    appraisal = owing(company, payroll)
    batch = payroll.approve(payroll.prepare(appraisal))
    (line,) = payroll.lines(batch)
    assert (line.amount, line.entitled) == (Money(-144_000, RMB), Money(2_596_800, RMB))
    assert evaluate(line.explanation) == -144_000
    payroll.settle(batch)  # the bank is told nothing of it
    assert payroll.balance(receivable(company)) == 144_000
    assert payroll.balance("clearing:bank:ICBC-1") == -2_740_800
    payroll.world.refuses("already-paid", payroll.command(appraisal))

    later = payroll.second_cycle("2000.00", "100")
    batch = payroll.pay(later)
    (line,) = payroll.lines(batch)
    assert line.amount == Money(300_000, RMB)
    (line_id,) = payroll.line_ids(batch)
    paid = company.world.states[line_id]
    assert (paid.kept, paid.due, paid.state) == (
        Money(60_000, RMB),
        Money(240_000, RMB),
        "settled",
    )
    assert payroll.balance(receivable(company)) == 84_000
    assert payroll.balance(f"liability:payroll_payable:{company.employment}") == 0
    owed = company.world.states[ids.clawback_id(company.employment)]
    assert owed.owed == (Money(84_000, RMB),)


def test_the_limit_of_a_clawback_is_set_for_an_employment(company: Any, payroll: Any) -> None:
    appraisal = owing(company, payroll)
    limit = SetClawbackLimit(
        employment_id=company.employment, limit=Decimal("0.5"), reason="双方约定"
    )
    for command, code in (
        (msgspec.structs.replace(limit, employment_id=UUID(int=5)), "unknown-employment"),
        (msgspec.structs.replace(limit, limit=Decimal("1.01")), "bad-number"),
        (msgspec.structs.replace(limit, reason=" "), "reason-missing"),
    ):
        company.world.refuses(code, command)
    company.world.refuses("own-result", limit, actor=company.seller)
    company.world.do(limit)
    payroll.approve(payroll.prepare(appraisal))
    payroll.approve(payroll.prepare(payroll.second_cycle("2000.00", "100")))
    # Half of 3,000.00 would be more than is owed.
    assert company.world.states[ids.clawback_id(company.employment)].owed == (Money(0, RMB),)
    assert payroll.balance(receivable(company)) == 0


def test_a_claim_is_voided_until_some_of_it_was_given_back(company: Any, payroll: Any) -> None:
    claim = payroll.approve(payroll.prepare(owing(company, payroll)))
    (claim_line,) = payroll.line_ids(claim)
    payout = payroll.approve(payroll.prepare(payroll.second_cycle("2000.00", "100")))
    (payout_line,) = payroll.line_ids(payout)
    refused = payroll.world.refuses("clawback-begun", VoidPayout(reason="x"), on=claim_line)
    assert refused
    done = payroll.world.do(VoidPayout(reason="x"), on=payout_line)
    assert [each.amount.minor for each in done if isinstance(each, ClawbackReversed)] == [60_000]
    assert payroll.balance(receivable(company)) == 144_000
    payroll.world.do(VoidBatch(reason="x"), on=claim)
    assert payroll.balance(receivable(company)) == 0
    assert payroll.balance("expense:performance_pay:CC-SALES") == 2_740_800


def test_case_13_two_employments_of_a_person_are_two_settlements(
    company: Any, payroll: Any
) -> None:
    company.pay()
    company.open(company.judged_scheme(duty=10000))
    first = company.create_appraisal()
    company.world.do(
        TerminateEmployment(last_day=date(2025, 2, 28), leaver="good-leaver", reason="x"),
        on=company.employment,
    )
    company.world.do(
        RehireEmployee(
            number="seller-2",
            person_id=company.seller,
            hired_on=date(2025, 3, 17),
            assignment=company.assignment(manager_id=company.manager),
            previous_employment_id=company.employment,
        )
    )
    again = ids.employment_id("seller-2")
    company.pay(again, effective_from=date(2025, 3, 17))
    second = company.create_appraisal(again)
    company.advance("rating")
    company.rate_as_manager(first, duty="80")
    company.rate_as_manager(second, duty="90")
    company.advance("calibration")
    company.lock(first)
    company.lock(second)
    batch = payroll.prepare(first, second)
    assert amounts(payroll, batch) == [1_573_333, 450_000]
    assert payroll.totals(batch) == (Money(2_023_333, RMB),)


def test_what_becomes_known_later_changes_what_is_due(company: Any, payroll: Any) -> None:
    """Leave told after the payout: no other score, and yet a difference, under an id of its own."""
    company.pay()
    appraisal = company.case_1()
    payroll.pay(appraisal)
    company.world.do(
        RecordLeave(
            starts_on=date(2025, 3, 3), ends_on=date(2025, 3, 5), kind="personal", unpaid=True
        ),
        on=company.employment,
    )
    batch = payroll.prepare(appraisal)
    (line,) = payroll.lines(batch)
    assert line.amount == Money(-89_760, RMB)  # 3 of 90 days of 26,928.00
    assert payroll.line_ids(batch) == [ids.payout_id(appraisal, 1, 1)]
    payroll.world.refuses("already-paid", payroll.command(appraisal))


def test_an_employment_that_turns_out_to_have_had_no_day_gives_all_back(
    company: Any, payroll: Any, evaluate: Any
) -> None:
    company.pay()
    appraisal = company.case_1()
    payroll.pay(appraisal)
    left = TerminateEmployment(last_day=date(2024, 12, 31), leaver="good-leaver", reason="x")
    company.world.do(left, on=company.employment)
    (line,) = payroll.lines(payroll.prepare(appraisal))
    assert (line.amount, line.entitled) == (Money(-2_692_800, RMB), Money(0, RMB))
    assert evaluate(line.explanation) == -2_692_800


def test_a_voided_line_is_posted_anew_under_another_id(company: Any, payroll: Any) -> None:
    company.pay()
    appraisal = company.case_1()
    batch = payroll.approve(payroll.prepare(appraisal))
    (line,) = payroll.line_ids(batch)
    payroll.world.refuses("reason-missing", VoidPayout(reason=""), on=line)
    payroll.world.do(VoidPayout(reason="算错"), on=line)
    payroll.world.refuses("wrong-payout-state", VoidPayout(reason="x"), on=line)
    assert set(payroll.book().balances.values()) == {0}
    again = payroll.prepare(appraisal)
    assert amounts(payroll, again) == [2_692_800]
    assert payroll.line_ids(again) == [ids.payout_id(appraisal, 1, 1)]


def test_only_the_last_line_is_voided(company: Any, payroll: Any) -> None:
    company.pay()
    appraisal = company.case_1()
    first = payroll.prepare(appraisal)
    payroll.relock(appraisal, "collection", "45000")
    payroll.prepare(appraisal)
    payroll.world.refuses("not-the-last-line", VoidBatch(reason="x"), on=first)


def test_a_batch_is_voided_as_a_whole(company: Any, payroll: Any) -> None:
    company.pay()
    appraisal = company.case_1()
    batch = payroll.prepare(appraisal)
    payroll.world.do(VoidBatch(reason="x"), on=batch)
    settle = SettleBatch(bank_account="A", bank_reference="B")
    for command in (ApproveBatch(), VoidBatch(reason="y"), InstructBatch(bank_account="A"), settle):
        payroll.world.refuses("batch-voided", command, on=batch, actor=FINANCE)
    with_nothing_left = payroll.prepare(appraisal)
    (line,) = payroll.line_ids(with_nothing_left)
    payroll.world.do(VoidPayout(reason="x"), on=line)
    payroll.world.refuses("nothing-to-pay", ApproveBatch(), on=with_nothing_left, actor=FINANCE)


def test_lines_from_before_there_were_settlements_count(company: Any, payroll: Any) -> None:
    """An old history has the lines alone: a later difference is reckoned from them."""
    company.pay()
    appraisal = company.case_1()
    command = payroll.command(appraisal)
    for stream_id, event in company.world.decide(command):
        if not isinstance(event, SettlementPosted):
            company.world.append(stream_id, event)
    assert ids.settlement_id(company.cycle, company.employment) not in company.world.streams
    payroll.world.refuses("already-paid", payroll.command(appraisal))
    payroll.relock(appraisal, "collection", "45000")
    assert amounts(payroll, payroll.prepare(appraisal)) == [48_000]
    payroll.relock(appraisal, "collection", "45000")
    assert amounts(payroll, payroll.prepare(appraisal)) == [48_000]


def test_a_difference_between_cost_centres_alone_is_a_line_of_nothing(
    company: Any, payroll: Any
) -> None:
    company.pay()
    appraisal = company.case_1()
    payroll.approve(payroll.prepare(appraisal))
    moved = company.assignment(manager_id=company.manager, cost_centre="CC-EAST")
    company.world.do(
        ChangeAssignment(effective_from=date(2025, 3, 1), assignment=moved), on=company.employment
    )
    batch = payroll.approve(payroll.prepare(appraisal))
    (line,) = payroll.lines(batch)
    assert line.amount.minor == 0
    assert sorted(part.amount.minor for part in line.parts) == [-927_520, 927_520]
    assert payroll.balance("expense:performance_pay:CC-EAST") == 927_520
    assert payroll.balance("expense:performance_pay:CC-SALES") == 1_765_280


# -- the law of settlement


STEPS = st.lists(
    st.sampled_from(
        ["collect", "cancel", "leave", "prepare", "approve", "settle", "void", "raise", "again"]
    ),
    max_size=14,
)


@settings(max_examples=60, derandomize=True)
@given(steps=STEPS)
def test_any_interleaving_ends_at_the_total_of_one_calculation(
    found_company: Callable[[], Any], payroll_of: Any, steps: list[str]
) -> None:
    """Corrections, reruns, voids and payments in any order: at the end what the facts give."""
    company = found_company()
    payroll = payroll_of(company)
    company.pay()
    appraisal = company.case_1()
    batches: list[UUID] = []
    for number, step in enumerate(steps):
        try:
            take(payroll, appraisal, step, number, batches)
        except Refused:
            continue
    with suppress(Refused):  # nothing is missing already
        payroll.prepare(appraisal)
    posted = company.world.states[ids.settlement_id(company.cycle, company.employment)]
    payroll.world.refuses("already-paid", payroll.command(appraisal))
    assert sum(line.amount.minor for line in posted.lines) == at_once(company, payroll, appraisal)
    assert sum(posted.posted.values()) == sum(line.amount.minor for line in posted.lines)
    payroll.book()
    assert company.world.replayed().states == company.world.states


def take(payroll: Any, appraisal: UUID, step: str, number: int, batches: list[UUID]) -> None:
    company = payroll.company
    latest = batches[-1] if batches else UUID(int=0)
    day = date(2025, 1, 2 + number)
    match step:
        case "collect":
            payroll.relock(appraisal, "collection", "45000")
        case "cancel":
            payroll.relock(appraisal, "contract", "-180000")
        case "leave":
            leave = RecordLeave(starts_on=day, ends_on=day, kind="sick", unpaid=True)
            company.world.do(leave, on=company.employment)
        case "raise":
            company.pay(monthly="21000.00", effective_from=day)
        case "prepare" | "again":
            batches.append(payroll.prepare(appraisal))
        case "approve":
            payroll.approve(latest)
        case "settle":
            payroll.settle(latest)
        case "void":
            company.world.do(VoidBatch(reason="x"), on=latest)


def at_once(company: Any, payroll: Any, appraisal: UUID) -> int:
    """What one batch over the same facts pays where nothing was ever posted."""
    fresh = company.world.replayed()
    fresh.now = company.world.now
    settlement = ids.settlement_id(company.cycle, company.employment)
    lines = [each for each, history in fresh.streams.items() if is_line(history)]
    for stream in (settlement, *lines):
        fresh.streams.pop(stream, None)
        fresh.states.pop(stream, None)
    (calculated,) = (
        event
        for _, event in fresh.decide(payroll.command(appraisal))
        if isinstance(event, PayoutCalculated)
    )
    return int(calculated.amount.minor)


def is_line(history: list[Any]) -> bool:
    return isinstance(history[0].event, PayoutCalculated)


# -- currencies


CASES_14 = [
    # pay a month, its currency, score, paid in, rate, days of 90, amount
    ("222222", "JPY", "89.76", None, None, 90, 299_200),
    ("2469.134", "KWD", "89.76", None, None, 30, 1_108_147),
    ("17953.10", "CNY", "100", "JPY", "20.4851", 30, 183_886),
    ("17953.10", "CNY", "100", "KWD", "0.042517", 30, 381_656),
]


@pytest.mark.parametrize(
    ("monthly", "currency", "score", "paid_in", "rate", "days", "expected"), CASES_14
)
def test_case_14_currencies_with_none_and_with_three_minor_digits(
    payroll: Any,
    evaluate: Any,
    *,
    monthly: str,
    currency: str,
    score: str,
    paid_in: str | None,
    rate: str | None,
    days: int,
    expected: int,
) -> None:
    hired_on = date(2025, 1, 1) if days == 90 else date(2025, 3, 2)
    (appraisal,) = payroll.judged([("payee", monthly, score)], currency=currency, hired_on=hired_on)
    cycle = payroll.company.cycle
    if paid_in is not None:
        named = {"currency": paid_in}
        payroll.world.refuses("unknown-exchange-rate", payroll.command(appraisal, **named))
        fixed = FixExchangeRate(
            cycle_id=cycle,
            from_currency=currency,
            to_currency=paid_in,
            rate=Decimal(str(rate)),
            source="央行",
        )
        payroll.world.do(fixed)
        payroll.world.refuses("already-exists", fixed)
    batch = payroll.prepare(appraisal, currency=paid_in)
    (line,) = payroll.lines(batch)
    assert line.amount == Money(expected, paid_in or currency)
    assert evaluate(line.explanation) == Fraction(expected)
    if paid_in is not None:
        # A later difference uses the rate of the first line without being told.
        leave = RecordLeave(
            starts_on=date(2025, 3, 3), ends_on=date(2025, 3, 17), kind="sick", unpaid=True
        )
        payroll.world.do(leave, on=ids.employment_id("payee"))
        other = payroll.command(appraisal, currency="USD")
        payroll.world.refuses("currency-mismatch", other)
        (delta,) = payroll.lines(payroll.prepare(appraisal))
        assert delta.amount.currency == paid_in
        assert delta.entitled.minor == {"JPY": 91_943, "KWD": 190_828}[paid_in]
        assert delta.amount.minor == delta.entitled.minor - expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rate": Decimal(0)}, "bad-rate"),
        ({"rate": Decimal("1E-7")}, "bad-number"),
        ({"to_currency": "CNY"}, "currency-mismatch"),
        ({"to_currency": "XXX"}, "unknown-currency"),
        ({"cycle_id": UUID(int=1)}, "unknown-cycle"),
        ({"source": ""}, "reason-missing"),
    ],
)
def test_a_rate_is_above_zero_between_two_currencies_of_a_cycle(
    company: Any, changes: dict[str, Any], code: str
) -> None:
    company.open()
    fixed = FixExchangeRate(
        cycle_id=company.cycle,
        from_currency="CNY",
        to_currency="JPY",
        rate=Decimal("20.4851"),
        source="央行",
    )
    company.world.refuses(code, msgspec.structs.replace(fixed, **changes))


def test_what_is_kept_is_never_more_than_the_limit(company: Any, payroll: Any) -> None:
    payroll.approve(payroll.prepare(owing(company, payroll)))
    later = payroll.second_cycle("2000.06", "100")
    batch = payroll.approve(payroll.prepare(later))
    (line_id,) = payroll.line_ids(batch)
    applied = company.world.events(ids.clawback_id(company.employment))[-1]
    assert isinstance(applied, ClawbackApplied)
    approved = company.world.events(line_id)[-1]
    assert isinstance(approved, PayoutApproved)
    assert approved.amount.minor == 300_009
    assert applied.amount == approved.kept == Money(60_001, RMB)  # a fifth is 600.018
