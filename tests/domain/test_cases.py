"""Worked cases through the deciders, end to end.

Case 1 is in test_payout_batch, 5 in test_appraisal, 18 in test_employment.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain import ids
from domain.appraisal import CalculateInitialScore, InitialScoreCalculated, LockScore, ScoreLocked
from domain.facts import RecordActual
from domain.money import Money
from domain.organisation import ChangeAssignment
from domain.payout import PayoutCalculated, PrepareBatch
from domain.ratings import (
    Deviation,
    DeviationFlagged,
    Rating,
    SubmitManagerRating,
    SubmitSelfRating,
)
from domain.rules import Band, Banded, Indicator, Linear, Manual, SchemeContent, Section, Tiered


def scheme(*indicators: Indicator, **changes: Any) -> SchemeContent:
    content = SchemeContent(
        name="case",
        sections=(Section(code="s", name="s", weight_bp=10000, indicators=indicators),),
        coefficient=Linear(),
    )
    return msgspec.structs.replace(content, **changes)


@pytest.mark.parametrize(
    ("actual", "points"),
    [
        ("539999.99", "0.00"),
        ("540000.00", "60.00"),
        ("719999.99", "60.00"),
        ("720000.00", "80.00"),
        ("899999.99", "80.00"),
        ("900000.00", "100.00"),
        ("1080000.00", "100.00"),
    ],
)
def test_case_2_levels_are_reached_or_not(company: Any, actual: str, points: str) -> None:
    """60/80/100 of a collection target of 900,000.00, to the cent."""
    company.open(scheme(Indicator(code="collection", name="回款", weight_bp=10000, rule=Tiered())))
    appraisal = company.create_appraisal()
    company.agree_goals(appraisal, collection="900000.00")
    company.record(collection=actual)
    company.advance("rating")
    (calculated,) = company.world.do(CalculateInitialScore(), on=appraisal)
    assert isinstance(calculated, InitialScoreCalculated)
    assert calculated.score == Decimal(points)
    company.advance("calibration")
    locked, _ = company.lock(appraisal)
    assert isinstance(locked, ScoreLocked)
    assert locked.score == Decimal(points)


def test_an_actual_is_the_sum_of_its_records(company: Any) -> None:
    """One record more or less than the threshold decides, in whatever parts it came."""
    company.open(scheme(Indicator(code="collection", name="回款", weight_bp=10000, rule=Tiered())))
    appraisal = company.create_appraisal()
    company.agree_goals(appraisal, collection="900000.00")
    for part in ("600000.00", "-60000.01", "0.01"):
        company.record(collection=part)
    company.advance("rating")
    (calculated,) = company.world.do(CalculateInitialScore(), on=appraisal)
    assert calculated.score == Decimal("60.00")
    sources = {
        happening.event_id
        for happening in company.world.streams[ids.fact_sheet_id(company.cycle, company.employment)]
    }
    assert sources <= event_ids(calculated.explanation)


def event_ids(node: Any) -> set[Any]:
    return {node.source} | {each for part in node.inputs for each in event_ids(part)}


BANDS = Banded(
    bands=(
        Band(from_score=Decimal(0), coefficient=Decimal(0)),
        Band(from_score=Decimal(60), coefficient=Decimal("0.6")),
        Band(from_score=Decimal(70), coefficient=Decimal("0.8")),
        Band(from_score=Decimal(85), coefficient=Decimal("1.0")),
        Band(from_score=Decimal(95), coefficient=Decimal("1.2")),
    )
)


@pytest.mark.parametrize(
    ("rated", "score", "coefficient", "amount"),
    [
        ("84.995", "85.00", "1.0000", 900_000),
        ("84.994999", "84.99", "0.8000", 720_000),
        ("84.60", "84.60", "0.8000", 720_000),
        ("85.10", "85.10", "1.0000", 900_000),
        ("59.99", "59.99", "0.0000", 0),
        ("100", "100.00", "1.2000", 1_080_000),
    ],
)
def test_bands_look_up_the_rounded_score(
    company: Any, rated: str, score: str, coefficient: str, amount: int
) -> None:
    """Cases 5c and 19: FUN-v1 bands on a base of 9,000.00, at and beside the edges."""
    company.define_job("clerk", "function")
    company.world.do(
        ChangeAssignment(
            effective_from=date(2024, 6, 1),
            assignment=company.assignment(job="clerk", manager_id=company.manager),
        ),
        on=company.employment,
    )
    company.pay(share="0.15", effective_from=date(2024, 6, 1))
    care = Indicator(code="care", name="care", weight_bp=10000, rule=Manual())
    company.open(scheme(care, coefficient=BANDS))
    company.bind(company.scheme, "function")
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.rate_as_manager(appraisal, care=rated)
    company.advance("calibration")
    locked, _ = company.lock(appraisal)
    assert (locked.score, locked.coefficient) == (Decimal(score), Decimal(coefficient))
    prepared = company.world.do(
        PrepareBatch(code="B", cycle_id=company.cycle, appraisal_ids=(appraisal,))
    )
    line = prepared[1]
    assert isinstance(line, PayoutCalculated)
    assert line.base == Money(900_000, "CNY")
    assert line.amount == Money(amount, "CNY")


def test_grades_earn_their_points_and_are_compared_by_them(company: Any) -> None:
    """Grades 1 to 5 worth 40/60/75/90/100: 5 against 3 is 25 points apart."""
    grades = tuple(Decimal(points) for points in (40, 60, 75, 90, 100))
    graded = Indicator(code="care", name="care", weight_bp=10000, rule=Manual(grades=grades))
    company.open(scheme(graded))
    appraisal = company.create_appraisal()
    company.advance("rating")
    for impossible in ("0", "6", "2.5"):
        rating = (Rating(indicator="care", points=Decimal(impossible)),)
        company.world.refuses(
            "bad-grade", SubmitSelfRating(ratings=rating), on=appraisal, actor=company.seller
        )
        company.world.refuses(
            "bad-grade", SubmitManagerRating(ratings=rating), on=appraisal, actor=company.manager
        )
    company.rate_self(appraisal, care="5")
    *_, flagged = company.rate_as_manager(appraisal, care="3")
    assert flagged == DeviationFlagged(
        flagged=(Deviation(of="care", self_points=Decimal(100), manager_points=Decimal(75)),)
    )
    company.advance("calibration")
    company.world.refuses("deviation-unexplained", LockScore(), on=appraisal)


def test_totals_of_a_batch_fit_64_bits(company: Any) -> None:
    """Each line may fit where their sum does not: the batch is refused, nothing overflows."""
    care = Indicator(code="care", name="care", weight_bp=10000, rule=Manual())
    company.define_job("analyst", "general")
    company.open(scheme(care))
    company.bind(company.scheme, "general")
    appraisals = []
    for number in range(4):
        employment = company.hire(f"R{number}", job="analyst", manager_id=company.manager)
        company.pay(employment, monthly="1000000000000000", share="1", currency="KWD")
        appraisals.append(company.create_appraisal(employment))
    company.advance("rating")
    for appraisal in appraisals:
        company.rate_as_manager(appraisal, care="100")
    company.advance("calibration")
    for appraisal in appraisals:
        company.lock(appraisal)
    prepare = PrepareBatch(code="B", cycle_id=company.cycle, appraisal_ids=tuple(appraisals))
    company.world.refuses("amount-too-large", prepare)
    three = msgspec.structs.replace(prepare, appraisal_ids=tuple(appraisals[:3]))
    company.world.do(three)


def test_an_actual_recorded_twice_counts_twice(company: Any) -> None:
    """Only the idempotency key makes a repeat the same; two commands are two facts."""
    company.case_1(until="agreed")
    record = RecordActual(
        cycle_id=company.cycle,
        employment_id=company.employment,
        indicator="output",
        value=Decimal(1),
        occurred_on=date(2025, 2, 1),
    )
    company.world.do(record)
    company.world.do(record)
    sheet = company.world.states[ids.fact_sheet_id(company.cycle, company.employment)]
    assert len({fact.event_id for fact in sheet.facts}) == len(sheet.facts) == 2
