"""Payouts: what a locked score pays, approved by somebody else, paid once, to the cent."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from domain import ids
from domain.appraisal import CreateAppraisal
from domain.cycle import CloseCycle, PlanCycle
from domain.explanation import Node
from domain.kernel import Event
from domain.ledger import postings
from domain.money import Money
from domain.organisation import ChangeAssignment, EmploymentTerminated, TerminateEmployment
from domain.payout import (
    ApproveBatch,
    BatchApproved,
    BatchLine,
    BatchPrepared,
    BatchSettled,
    PaymentSettled,
    PayoutApproved,
    PayoutCalculated,
    PrepareBatch,
    SettleBatch,
)
from domain.rules import Indicator, Linear, Manual, SchemeContent, Section
from domain.settlement import PostedPart, SettlementPosted

FINANCE = ids.person_id("finance")
SETTLE = SettleBatch(bank_account="ICBC-1", bank_reference="2025-04-30/17")


def prepare(company: Any, *appraisals: UUID, code: str = "2025Q1-1") -> PrepareBatch:
    return PrepareBatch(code=code, cycle_id=company.cycle, appraisal_ids=appraisals)


def line_of(events: tuple[Event, ...]) -> PayoutCalculated:
    (line,) = (event for event in events if isinstance(event, PayoutCalculated))
    return line


def leaves(node: Node) -> list[Node]:
    return [leaf for part in node.inputs for leaf in leaves(part)] if node.inputs else [node]


def test_case_1_from_the_score_to_the_ledger(company: Any) -> None:
    """30,000.00 x 0.8976 = 26,928.00, approved by another, paid once; the ledger adds up."""
    company.pay()
    appraisal = company.case_1()
    batch, line = ids.batch_id("2025Q1-1"), ids.payout_id(appraisal, 1)
    amount = Money(2_692_800, "CNY")
    prepared, calculated, posted = company.world.do(prepare(company, appraisal))
    assert posted == SettlementPosted(
        of=company.cycle,
        employment_id=company.employment,
        payout_id=line,
        amount=amount,
        parts=(
            PostedPart(
                appraisal_id=appraisal, lock_version=1, cost_centre="CC-SALES", amount=amount
            ),
        ),
    )
    assert prepared == BatchPrepared(
        code="2025Q1-1",
        cycle_id=company.cycle,
        lines=(BatchLine(payout_id=line, amount=amount),),
        totals=(amount,),
        appraisal_ids=(appraisal,),
        effective_on=company.ends_on,
    )
    assert calculated == PayoutCalculated(
        batch_id=batch,
        cycle_id=company.cycle,
        appraisal_id=appraisal,
        lock_version=1,
        employment_id=company.employment,
        person_id=company.seller,
        cost_centre="CC-SALES",
        base=Money(3_000_000, "CNY"),
        coefficient=Decimal("0.8976"),
        amount=amount,
        explanation=calculated.explanation,
    )
    assert calculated.explanation.value == "2692800"
    company.world.refuses("same-actor", ApproveBatch(), on=batch)
    assert company.world.do(ApproveBatch(comment="ok"), on=batch, actor=FINANCE) == (
        BatchApproved(totals=(amount,)),
        PayoutApproved(
            batch_id=batch,
            employment_id=company.employment,
            cost_centre="CC-SALES",
            amount=amount,
            effective_on=company.ends_on,
        ),
    )
    assert company.world.do(SETTLE, on=batch, actor=FINANCE) == (
        BatchSettled(bank_account="ICBC-1", bank_reference="2025-04-30/17"),
        PaymentSettled(
            batch_id=batch,
            employment_id=company.employment,
            amount=amount,
            bank_account="ICBC-1",
            bank_reference="2025-04-30/17",
        ),
    )
    assert balances(company.world) == {
        "expense:performance_pay:CC-SALES": 2_692_800,
        f"liability:payroll_payable:{company.employment}": 0,
        "clearing:bank:ICBC-1": -2_692_800,
    }


def balances(world: Any) -> dict[str, int]:
    """Debits less credits per account, having checked that they sum to 0 at every position."""
    totals: dict[str, int] = {}
    for happening in world.log:
        for posting in postings(happening.event):
            assert posting.amount.minor > 0
            for account, minor in (
                (posting.debit_account, posting.amount.minor),
                (posting.credit_account, -posting.amount.minor),
            ):
                totals[account] = totals.get(account, 0) + minor
        assert sum(totals.values()) == 0
    return totals


def test_every_leaf_of_a_payout_is_an_event(company: Any) -> None:
    company.pay()
    appraisal = company.case_1()
    line = line_of(company.world.do(prepare(company, appraisal)))
    happened = {happening.event_id for happening in company.world.log}
    told = leaves(line.explanation)
    assert {leaf.source for leaf in told} <= happened
    assert len({leaf.source for leaf in told}) >= 4


def test_a_line_is_paid_once(company: Any) -> None:
    company.pay()
    appraisal = company.case_1()
    company.world.do(prepare(company, appraisal))
    company.world.refuses("already-exists", prepare(company, appraisal))
    company.world.refuses("already-paid", prepare(company, appraisal, code="again"))


def test_a_batch_is_approved_once_then_settled_once(company: Any) -> None:
    company.pay()
    batch = ids.batch_id("2025Q1-1")
    for command in (ApproveBatch(), SETTLE):
        company.world.refuses("unknown-batch", command, on=batch)
    company.world.do(prepare(company, company.case_1()))
    company.world.refuses("not-approved", SETTLE, on=batch)
    company.world.do(ApproveBatch(), on=batch, actor=FINANCE)
    company.world.refuses("already-approved", ApproveBatch(), on=batch, actor=FINANCE)
    bad = SettleBatch(bank_account="", bank_reference="x")
    company.world.refuses("bad-code", bad, on=batch)
    company.world.do(SETTLE, on=batch)
    company.world.refuses("already-settled", SETTLE, on=batch)


def test_a_batch_is_of_locked_appraisals_of_its_cycle(company: Any) -> None:
    company.pay()
    appraisal = company.case_1(until="calibration")
    company.world.refuses("nothing-to-pay", prepare(company))
    company.world.refuses("unknown-appraisal", prepare(company, uuid4()))
    company.world.refuses("not-locked", prepare(company, appraisal))
    company.lock(appraisal)
    company.world.refuses("duplicate-appraisal", prepare(company, appraisal, appraisal))
    company.world.refuses("bad-code", prepare(company, appraisal, code=""))
    unknown = PrepareBatch(code="x", cycle_id=uuid4(), appraisal_ids=(appraisal,))
    company.world.refuses("unknown-cycle", unknown)
    company.advance("locked")
    company.world.do(CloseCycle(), on=company.cycle)
    company.world.refuses("cycle-closed", prepare(company, appraisal))


def test_a_batch_does_not_mix_cycles(company: Any) -> None:
    company.pay()
    appraisal = company.case_1()
    plan = PlanCycle(
        code="2025Q2", name="二季度", starts_on=date(2025, 4, 1), ends_on=date(2025, 6, 30)
    )
    company.world.do(plan)
    other = PrepareBatch(code="x", cycle_id=ids.cycle_id("2025Q2"), appraisal_ids=(appraisal,))
    company.world.refuses("wrong-cycle", other)


def test_without_pay_there_is_nothing_to_multiply(company: Any) -> None:
    company.pay(effective_from=date(2025, 4, 1))
    company.world.refuses("pay-structure-missing", prepare(company, company.case_1()))


def test_pay_is_that_of_each_day_of_the_appraisal(company: Any) -> None:
    """89 days at 20,000.00 and one at 24,000.00 a month; what comes later does not count."""
    company.pay()
    company.pay(monthly="24000.00", effective_from=date(2025, 3, 31))
    company.pay(monthly="99000.00", effective_from=date(2025, 4, 1))
    line = line_of(company.world.do(prepare(company, company.case_1())))
    assert line.base == Money(3_000_000, "CNY")
    assert line.amount == Money(2_698_784, "CNY")


def test_part_of_the_cycle_and_part_time(company: Any) -> None:
    """Joined 1 February (59 of 90 days), FTE 0.8: 30,000 x 0.8976 x 59/90 x 0.8 = 14,122.24."""
    company.open()
    joiner = company.hire(
        "joiner", hired_on=date(2025, 2, 1), manager_id=company.manager, fte="0.8"
    )
    company.pay(joiner, effective_from=date(2025, 2, 1))
    appraisal = company.create_appraisal(joiner)
    company.agree_goals(appraisal, contract="1200000", collection="900000", output="1000000")
    company.record(joiner, contract="1140000", collection="702000", output="1050000")
    company.advance("rating")
    company.score(appraisal)
    company.rate_self(appraisal, duty="90")
    company.rate_as_manager(appraisal, duty="88")
    company.advance("calibration")
    company.lock(appraisal)
    line = line_of(company.world.do(prepare(company, appraisal)))
    assert line.base == Money(3_000_000, "CNY")
    assert line.amount == Money(1_412_224, "CNY")


def test_who_left_after_the_appraisal_began_is_paid_to_the_last_day(company: Any) -> None:
    """59 of 90 days of 26,928.00 are 17,652.80."""
    company.pay()
    appraisal = company.case_1()
    left = TerminateEmployment(last_day=date(2025, 2, 28), leaver="good-leaver", reason="moved")
    company.world.do(left, on=company.employment)
    line = line_of(company.world.do(prepare(company, appraisal)))
    assert line.amount == Money(1_765_280, "CNY")
    (termination,) = (
        happening
        for happening in company.world.log
        if isinstance(happening.event, EmploymentTerminated)
    )
    assert termination.event_id in {leaf.source for leaf in leaves(line.explanation)}


def test_who_left_before_is_not_paid(company: Any) -> None:
    company.pay()
    appraisal = company.case_1()
    left = TerminateEmployment(last_day=date(2024, 12, 31), leaver="good-leaver", reason="moved")
    company.world.do(left, on=company.employment)
    company.world.refuses("not-employed-in-cycle", prepare(company, appraisal))


def test_the_cost_is_where_the_work_was(company: Any) -> None:
    company.pay()
    moved = ChangeAssignment(
        effective_from=date(2025, 3, 1),
        assignment=company.assignment(manager_id=company.manager, cost_centre="CC-EAST"),
    )
    company.world.do(moved, on=company.employment)
    line = line_of(company.world.do(prepare(company, company.case_1())))
    assert line.cost_centre == "CC-EAST"


def many(company: Any, count: int) -> list[UUID]:
    """That many locked appraisals, in two currencies, by a scheme of one judged indicator."""
    only = Indicator(code="care", name="care", weight_bp=10000, rule=Manual())
    section = Section(code="s", name="s", weight_bp=10000, indicators=(only,))
    company.open(SchemeContent(name="care", sections=(section,), coefficient=Linear()))
    appraisals: list[UUID] = []
    for number in range(count):
        employment = company.hire(f"P{number}", manager_id=company.manager)
        currency = "JPY" if number % 5 == 0 else "CNY"
        company.pay(employment, monthly=str(10_000 + number), currency=currency)
        company.world.do(CreateAppraisal(cycle_id=company.cycle, employment_id=employment))
        appraisals.append(ids.appraisal_id(company.cycle, employment))
    company.advance("rating")
    for number, appraisal in enumerate(appraisals):
        company.rate_as_manager(appraisal, care=str(60 + number % 40))
    company.advance("calibration")
    for appraisal in appraisals:
        company.lock(appraisal)
    return appraisals


def test_lines_do_not_depend_on_their_company_or_order(company: Any) -> None:
    appraisals = many(company, 20)
    forwards = company.world.decide(prepare(company, *appraisals))
    backwards = company.world.decide(prepare(company, *reversed(appraisals)))
    singly = [
        decided
        for appraisal in appraisals
        for decided in company.world.decide(prepare(company, appraisal))[1:]
    ]
    assert of_lines(forwards) == of_lines(backwards)
    assert of_lines(forwards) == sorted(singly, key=by_stream)
    (_, prepared), (_, reversed_batch) = forwards[0], backwards[0]
    assert prepared.totals == reversed_batch.totals
    assert [total.currency for total in prepared.totals] == ["CNY", "JPY"]
    for total in prepared.totals:
        assert total.minor == sum(
            event.amount.minor
            for _, event in forwards[1:]
            if isinstance(event, PayoutCalculated) and event.amount.currency == total.currency
        )


def of_lines(decided: Any) -> list[tuple[UUID, Event]]:
    """The lines and what their settlements hold, without the batch, by stream."""
    return sorted(decided[1:], key=by_stream)


def by_stream(decided: tuple[UUID, Event]) -> UUID:
    return decided[0]


def test_a_batch_of_a_thousand_lines_reads_each_stream_once(company: Any) -> None:
    appraisals = many(company, 1000)
    asked = CountingLook(company.world)
    company.world.look = asked
    decided = company.world.decide(prepare(company, *appraisals))
    # The batch; and for every line its calculation, and that its settlement holds it.
    assert len(decided) == 1 + 2 * 1000
    # Appraisals, employments, settlements, lines of old; and the cycle, once.
    assert asked.streams == 4 * 1000 + 1
    assert asked.questions == 5


class CountingLook:
    """Passes on what is asked, and counts it."""

    def __init__(self, world: Any) -> None:
        self.world, self.questions, self.streams = world, 0, 0

    def __call__(self, decider: Any, stream_id: UUID) -> Any:
        self.questions, self.streams = self.questions + 1, self.streams + 1
        return self.world(decider, stream_id)

    def all(self, decider: Any, stream_ids: Any) -> list[Any]:
        self.questions, self.streams = self.questions + 1, self.streams + len(stream_ids)
        return [self.world(decider, stream_id) for stream_id in stream_ids]
