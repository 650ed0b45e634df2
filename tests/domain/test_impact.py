"""What is shown before a fact is accepted is what comes true after; projections bind nobody."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain import ids
from domain.appeal import Adjusting
from domain.facts import CorrectActual
from domain.impact import Impact, Scored, impact_of_correction, impact_of_facts
from domain.kernel import Context, Refused
from domain.money import Money
from domain.payout import ApproveBatch, PayoutCalculated, PrepareBatch
from domain.projecting import Projected, projected
from domain.reopening import AcceptCorrection, RelockScore

LATE = Adjusting(
    kind="actual",
    indicator="collection",
    value=Decimal(45000),
    occurred_on=date(2025, 3, 31),
)


def asking(company: Any) -> Context:
    return Context(now=company.world.now, actor=company.head, look=company.world)


def paid(company: Any) -> UUID:
    """Worked case 1, paid: 26,928.00."""
    company.pay()
    appraisal: UUID = company.case_1()
    pay(company, appraisal, "B1")
    return appraisal


def pay(company: Any, appraisal: UUID, code: str) -> Any:
    prepare = PrepareBatch(code=code, cycle_id=company.cycle, appraisal_ids=(appraisal,))
    done = company.world.do(prepare)
    company.world.do(ApproveBatch(), on=ids.batch_id(code), actor=company.head)
    (line,) = (each for each in done if isinstance(each, PayoutCalculated))
    return line


def correct(company: Any, indicator: str, value: str, **changes: Any) -> UUID:
    command = CorrectActual(
        cycle_id=company.cycle,
        employment_id=company.employment,
        indicator=indicator,
        value=Decimal(value),
        occurred_on=date(2025, 3, 15),
        reason="合同取消",
    )
    company.world.do(msgspec.structs.replace(command, **changes))
    event_id: UUID = company.world.log[-1].event_id
    return event_id


@pytest.mark.parametrize(
    ("indicator", "value", "score", "difference"),
    [
        ("collection", "45000", "91.36", 48_000),
        ("contract", "-180000", "84.96", -144_000),
        ("output", "0", "89.76", 0),
    ],
)
def test_what_is_shown_is_what_comes_true(
    company: Any, indicator: str, value: str, score: str, difference: int
) -> None:
    appraisal = paid(company)
    waiting = correct(company, indicator, value)
    before = dict(company.world.states)
    shown = impact_of_correction(appraisal, waiting, asking(company))
    assert company.world.states == before
    assert shown.before == Scored(
        lock_version=1, score=Decimal("89.76"), coefficient=Decimal("0.8976")
    )
    assert shown.after.score == Decimal(score)
    company.world.do(
        AcceptCorrection(correction=waiting, reason="x"), on=appraisal, actor=company.head
    )
    company.world.do(RelockScore(), on=appraisal)
    locked = company.world.states[appraisal].locked
    assert (shown.after.lock_version, shown.after.score, shown.after.coefficient) == (
        locked.version,
        locked.score,
        locked.coefficient,
    )
    if not difference:
        assert (shown.payouts, shown.unpayable) == ((), "already-paid")
        return
    (change,) = shown.payouts
    assert change.amount == Money(difference, "CNY")
    assert sum(each.amount.minor for each in change.postings) == abs(difference)
    line = pay(company, appraisal, "B2")
    assert line.amount == change.amount
    assert change.payout_id in company.world.states


def test_case_10_by_the_facts_of_an_appeal(company: Any) -> None:
    appraisal = paid(company)
    shown = impact_of_facts(appraisal, (LATE,), asking(company))
    assert shown.after == Scored(
        lock_version=2, score=Decimal("91.36"), coefficient=Decimal("0.9136")
    )
    (change,) = shown.payouts
    assert change.amount == Money(48_000, "CNY")
    assert {each.debit_account for each in change.postings} == {"expense:performance_pay:CC-SALES"}


def test_points_have_an_impact_too(company: Any) -> None:
    appraisal = company.case_1()
    points = Adjusting(kind="points", indicator="duty", value=Decimal(93))
    shown: Impact = impact_of_facts(appraisal, (points,), asking(company))
    assert shown.after.score == Decimal("90.76")
    assert shown.unpayable == "pay-structure-missing"


def test_what_cannot_be_accepted_has_no_impact(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    refuses("not-locked", impact_of_facts, appraisal, (LATE,), asking(company))
    refuses("unknown-appraisal", impact_of_correction, uuid4(), uuid4(), asking(company))
    company.lock(appraisal)
    refuses("bad-adjustment", impact_of_facts, appraisal, (), asking(company))
    refuses("unknown-correction", impact_of_correction, appraisal, uuid4(), asking(company))


def refuses(code: str, question: Callable[..., Impact], *arguments: Any) -> None:
    with pytest.raises(Refused) as refused:
        question(*arguments)
    assert refused.value.code == code


# -- live projection


def told(company: Any, appraisal: UUID, *, data_only: bool = False) -> Projected:
    return projected(appraisal, asking(company), data_only=data_only)


def test_the_projection_follows_every_record(company: Any) -> None:
    """What is missing is left out: nothing counts as zero on the quiet."""
    company.pay()
    appraisal = company.case_1(until="agreed")
    assert told(company, appraisal).obstacle == "nothing-to-score"
    company.record(contract="1140000")
    first = told(company, appraisal)
    assert first == Projected(
        appraisal_id=appraisal,
        score=Decimal("95.00"),
        coefficient=Decimal("0.9500"),
        amount=Money(2_850_000, "CNY"),
        missing=("collection", "output", "duty"),
    )
    company.record(collection="702000")
    assert told(company, appraisal).score == Decimal("86.50")
    company.record(output="1050000")
    assert told(company, appraisal).score == Decimal("90.20")
    company.advance("rating")
    company.rate_as_manager(appraisal, duty="88")
    full = told(company, appraisal)
    assert (full.score, full.missing) == (Decimal("89.76"), ())
    assert full.amount == Money(2_692_800, "CNY")
    sealed = told(company, appraisal, data_only=True)
    assert (sealed.score, sealed.missing) == (Decimal("90.20"), ("duty",))


def test_a_projection_says_why_there_is_none(company: Any) -> None:
    appraisal = company.case_1(until="opened")
    assert told(company, appraisal).obstacle == "goals-not-agreed"
    with pytest.raises(Refused) as refused:
        told(company, uuid4())
    assert refused.value.code == "unknown-appraisal"


def test_without_a_pay_structure_there_is_no_amount(company: Any) -> None:
    appraisal = company.case_1(until="recorded")
    projection = told(company, appraisal)
    assert (projection.score, projection.amount) == (Decimal("90.20"), None)
