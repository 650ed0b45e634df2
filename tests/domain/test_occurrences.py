"""Deductions, bonuses and vetoes: recorded with evidence, capped, vetoed by two. Case 8."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain import ids
from domain.money import Money
from domain.occurrences import (
    ApplyVeto,
    OccurrenceRecorded,
    OccurrenceWithdrawn,
    ProposeVeto,
    RecordOccurrence,
    VetoApplied,
    VetoProposed,
    WithdrawOccurrence,
)
from domain.payout import PayoutCalculated, PrepareBatch
from domain.rules import Bonus, Deduction, SchemeContent, Veto


def with_items(content: SchemeContent) -> SchemeContent:
    """Case 8: late reports at 1.5, incidents at 5, together at most 10; a bonus of 6, at most 5."""
    return msgspec.structs.replace(
        content,
        deductions=(
            Deduction(code="late", name="报告迟交", points=Decimal("1.5")),
            Deduction(code="incident", name="责任事故", points=Decimal(5)),
        ),
        deduction_cap=Decimal(10),
        bonuses=(Bonus(code="praise", name="表彰", points=Decimal(6)),),
        bonus_cap=Decimal(5),
        vetoes=(Veto(code="breach", name="重大违规"),),
    )


class Quarter:
    """Case 1 with items, up to both ratings; then whatever happened beside it."""

    def __init__(self, company: Any, **actuals: str) -> None:
        self.company, self.world = company, company.world
        company.pay()
        company.open(with_items(company.marketing_scheme()))
        self.appraisal = company.create_appraisal()
        company.agree_goals(
            self.appraisal, contract="1200000", collection="900000", output="1000000"
        )
        company.advance("data-intake")
        figures = {"contract": "1140000", "collection": "702000", "output": "1050000", **actuals}
        company.record(**figures)

    def happened(self, item: str, times: int = 1, **changes: Any) -> UUID:
        command = self.record(item, times=times, **changes)
        self.world.do(command)
        return UUID(int=len(self.world.log), version=4)

    def record(self, item: str, /, **changes: Any) -> RecordOccurrence:
        command = RecordOccurrence(
            cycle_id=self.company.cycle,
            employment_id=self.company.employment,
            item=item,
            occurred_on=date(2025, 2, 3),
            reason="月报",
            evidence="OA-1",
        )
        return msgspec.structs.replace(command, **changes)

    @property
    def sheet(self) -> UUID:
        sheet: UUID = ids.occurrence_sheet_id(self.company.cycle, self.company.employment)
        return sheet

    def veto(self, **changes: Any) -> ProposeVeto:
        command = ProposeVeto(
            cycle_id=self.company.cycle,
            employment_id=self.company.employment,
            item="breach",
            occurred_on=date(2025, 2, 3),
            reason="虚报",
        )
        return msgspec.structs.replace(command, **changes)

    def rated(self, duty: str = "88") -> "Quarter":
        self.company.advance("rating")
        self.company.score(self.appraisal)
        self.company.rate_self(self.appraisal, duty=duty)
        self.company.rate_as_manager(self.appraisal, duty=duty)
        self.company.advance("calibration")
        return self

    def locked(self) -> Any:
        (event, *_) = self.company.lock(self.appraisal)
        return event

    def paid(self) -> Money:
        prepare = PrepareBatch(
            code="B", cycle_id=self.company.cycle, appraisal_ids=(self.appraisal,)
        )
        (line,) = (each for each in self.world.do(prepare) if isinstance(each, PayoutCalculated))
        amount: Money = line.amount
        return amount


@pytest.mark.parametrize(
    ("occurred", "score", "cents"),
    [
        ({"late": 2, "incident": 1, "praise": 1}, "86.76", 2_602_800),
        ({"late": 5, "incident": 1, "praise": 1}, "84.76", 2_542_800),
        ({}, "89.76", 2_692_800),
        ({"praise": 3}, "94.76", 2_842_800),
    ],
)
def test_case_8_deductions_and_bonuses_are_capped(
    company: Any, occurred: dict[str, int], score: str, cents: int
) -> None:
    quarter = Quarter(company)
    for item, times in occurred.items():
        quarter.happened(item, times)
    assert quarter.rated().locked().score == Decimal(score)
    assert quarter.paid() == Money(cents, "CNY")


def test_case_8_a_ratio_is_capped(company: Any) -> None:
    """Contract at 180 % earns 38.40 of the total instead of 57.60."""
    assert Quarter(company, contract="2160000").rated().locked().score == Decimal("97.76")


def test_case_8_a_score_does_not_fall_below_zero(company: Any) -> None:
    """6.00 less 10 is 0.00, and nothing is paid."""
    quarter = Quarter(company, contract="0", collection="0", output="0")
    quarter.happened("late", 5)
    quarter.happened("incident")
    assert quarter.rated(duty="30").locked().score == Decimal("0.00")
    assert quarter.paid() == Money(0, "CNY")


def test_case_8_a_veto_makes_zero_and_keeps_what_it_would_have_been(
    company: Any, evaluate: Any
) -> None:
    quarter = Quarter(company)
    (proposed,) = quarter.world.do(quarter.veto())
    assert isinstance(proposed, VetoProposed)
    proposal = UUID(int=len(quarter.world.log), version=4)
    (applied,) = quarter.world.do(
        ApplyVeto(proposal=proposal), on=quarter.sheet, actor=company.authoriser
    )
    assert applied == VetoApplied(proposal=proposal, item="breach", occurred_on=date(2025, 2, 3))
    locked = quarter.rated().locked()
    assert (locked.score, locked.coefficient) == (Decimal("0.00"), Decimal("0.0000"))
    assert evaluate(locked.explanation) == 0
    assert "2244/25" in values(locked.explanation)  # 89.76
    assert quarter.paid() == Money(0, "CNY")


def values(node: Any) -> set[str]:
    return {node.value} | {each for part in node.inputs for each in values(part)}


def test_a_veto_that_is_only_proposed_does_not_count(company: Any) -> None:
    quarter = Quarter(company)
    quarter.world.do(quarter.veto())
    assert quarter.rated().locked().score == Decimal("89.76")


def test_vetoes_take_two(company: Any) -> None:
    quarter = Quarter(company)
    world = quarter.world
    world.refuses("own-result", quarter.veto(), actor=company.seller)
    world.do(quarter.veto())
    proposal = UUID(int=len(world.log), version=4)
    apply = ApplyVeto(proposal=proposal)
    world.refuses("same-actor", apply, on=quarter.sheet)
    world.refuses("own-result", apply, on=quarter.sheet, actor=company.seller)
    world.refuses("unknown-occurrence", ApplyVeto(proposal=UUID(int=9)), on=quarter.sheet)
    world.do(apply, on=quarter.sheet, actor=company.authoriser)
    world.refuses("unknown-occurrence", apply, on=quarter.sheet, actor=company.authoriser)


def test_what_was_recorded_is_told_with_its_evidence(company: Any) -> None:
    quarter = Quarter(company)
    (recorded,) = quarter.world.do(quarter.record("late", times=2))
    assert recorded == OccurrenceRecorded(
        cycle_id=company.cycle,
        employment_id=company.employment,
        person_id=company.seller,
        item="late",
        kind="deduction",
        times=2,
        occurred_on=date(2025, 2, 3),
        evidence="OA-1",
        reason="月报",
    )


def test_what_was_withdrawn_does_not_count(company: Any) -> None:
    quarter = Quarter(company)
    happened = quarter.happened("incident")
    withdraw = WithdrawOccurrence(occurrence=happened, reason="查无此事")
    quarter.world.refuses("own-result", withdraw, on=quarter.sheet, actor=company.seller)
    (withdrawn,) = quarter.world.do(withdraw, on=quarter.sheet)
    assert withdrawn == OccurrenceWithdrawn(
        person_id=company.seller, occurrence=happened, reason="查无此事"
    )
    quarter.world.refuses("unknown-occurrence", withdraw, on=quarter.sheet)
    assert quarter.rated().locked().score == Decimal("89.76")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("unknown-item", {"item": "breach"}),
        ("unknown-item", {"item": "nothing"}),
        ("bad-count", {"times": 0}),
        ("bad-count", {"times": 1001}),
        ("reason-missing", {"reason": " "}),
        ("bad-code", {"evidence": " x"}),
        ("outside-cycle", {"occurred_on": date(2025, 4, 1)}),
        ("unknown-cycle", {"cycle_id": UUID(int=9)}),
        ("unknown-appraisal", {"employment_id": UUID(int=9)}),
    ],
)
def test_what_cannot_be_recorded(company: Any, code: str, changes: Any) -> None:
    quarter = Quarter(company)
    quarter.world.refuses(code, quarter.record("late", **changes))


def test_who_cannot_record_and_when(company: Any) -> None:
    quarter = Quarter(company)
    quarter.world.refuses("own-result", quarter.record("praise"), actor=company.seller)
    quarter.rated().locked()
    quarter.world.refuses("already-locked", quarter.record("late"))
    company.advance("locked")
    quarter.world.refuses("wrong-stage", quarter.record("late"))


def test_occurrences_have_an_end(company: Any) -> None:
    quarter = Quarter(company)
    event = quarter.world.do(quarter.record("late"))[0]
    for _ in range(999):
        quarter.world.append(quarter.sheet, event)
    quarter.world.refuses("too-many-occurrences", quarter.record("late"))
    quarter.world.refuses("too-many-occurrences", quarter.veto())
