"""Appraisals: from data and sealed ratings to a score that is locked once and stays."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain import ids
from domain.appraisal import (
    AppraisalCreated,
    CalculateInitialScore,
    CalibrateScore,
    CreateAppraisal,
    InitialScoreCalculated,
    LockScore,
    PublishResult,
    ResultPublished,
    ScoreLocked,
)
from domain.cycle import OpenCycle
from domain.explanation import Node
from domain.organisation import ChangeAssignment, TerminateEmployment
from domain.ratings import ExplainDeviation, SubmitManagerRating, SubmitSelfRating


def leaves(node: Node) -> list[Node]:
    return [leaf for part in node.inputs for leaf in leaves(part)] if node.inputs else [node]


# -- creation


def test_an_appraisal_is_of_the_last_day_of_its_segment(company: Any) -> None:
    company.open()
    company.define_job("clerk", "function")
    move = ChangeAssignment(
        effective_from=date(2024, 12, 1),
        assignment=company.assignment(job="clerk", cost_centre="CC-1", manager_id=company.head),
    )
    company.world.do(move, on=company.employment)
    later = msgspec.structs.replace(
        move,
        effective_from=date(2025, 3, 1),
        assignment=company.assignment(job="clerk", cost_centre="CC-9"),
    )
    company.world.do(later, on=company.employment)
    create = CreateAppraisal(cycle_id=company.cycle, employment_id=company.employment)
    company.world.refuses("no-scheme-for-job", create)
    company.bind(company.scheme, "function", level=3)
    assert company.world.do(create) == (
        AppraisalCreated(
            cycle_id=company.cycle,
            employment_id=company.employment,
            person_id=company.seller,
            segment=1,
            org_unit_id=company.unit,
            job_id=ids.job_id("clerk"),
            family="function",
            cost_centre="CC-9",
            manager_id=None,
            scheme_id=company.scheme,
            scheme_version=1,
            starts_on=date(2025, 1, 1),
            ends_on=date(2025, 3, 31),
            assigned_by=company.world.states[company.employment].assignments[1].event_id,
        ),
    )
    company.world.refuses("already-exists", create)


def test_a_joiner_and_leaver_is_appraised_for_the_days_between(company: Any) -> None:
    company.open()
    employment = company.hire("joiner", hired_on=date(2025, 1, 15))
    company.world.do(
        TerminateEmployment(last_day=date(2025, 2, 28), leaver="good-leaver", reason="moved"),
        on=employment,
    )
    (created,) = company.world.do(CreateAppraisal(cycle_id=company.cycle, employment_id=employment))
    assert (created.starts_on, created.ends_on) == (date(2025, 1, 15), date(2025, 2, 28))


def test_who_was_not_there_is_not_appraised(company: Any) -> None:
    company.open()
    late = company.hire("late", hired_on=date(2025, 4, 1))
    create = CreateAppraisal(cycle_id=company.cycle, employment_id=late)
    company.world.refuses("not-employed-in-cycle", create)


def test_an_appraisal_needs_a_cycle_and_an_employment(company: Any) -> None:
    company.open()
    create = CreateAppraisal(cycle_id=company.cycle, employment_id=company.employment)
    company.world.refuses("unknown-cycle", msgspec.structs.replace(create, cycle_id=uuid4()))
    company.world.refuses(
        "unknown-employment", msgspec.structs.replace(create, employment_id=uuid4())
    )


def test_appraisals_are_created_while_the_cycle_is_open(company: Any) -> None:
    scheme = company.publish(company.judged_scheme(a=10000))
    company.plan()
    company.bind(scheme, "marketing")
    create = CreateAppraisal(cycle_id=company.cycle, employment_id=company.employment)
    company.world.refuses("wrong-stage", create)
    company.world.do(OpenCycle(), on=company.cycle)
    company.advance("calibration")
    company.world.decide(create)  # a late joiner enters at the current stage
    company.advance("locked")
    company.world.refuses("wrong-stage", create)


def test_after_the_cut_off_nobody_enters_who_is_measured_by_data(company: Any) -> None:
    company.open()
    company.advance("rating")
    create = CreateAppraisal(cycle_id=company.cycle, employment_id=company.employment)
    company.world.refuses("data-cut-off-reached", create)


@pytest.mark.parametrize(
    "command",
    [
        CalculateInitialScore(),
        SubmitSelfRating(ratings=()),
        SubmitManagerRating(ratings=()),
        ExplainDeviation(of="duty", reason="x"),
        CalibrateScore(adjustment=Decimal(1), reason_code="x", reason="x", authorised_by=uuid4()),
        LockScore(),
        PublishResult(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_was_not_created_cannot_go_on(world: Any, command: Any) -> None:
    world.refuses("unknown-appraisal", command, on=uuid4())


# -- the initial score


def test_the_initial_score_is_of_data_alone(company: Any) -> None:
    """Case 1 without duty: (40 x 95 + 40 x 78 + 20 x 105) / 100 = 90.20."""
    appraisal = company.case_1(until="rating")
    (calculated,) = company.world.do(CalculateInitialScore(), on=appraisal)
    assert isinstance(calculated, InitialScoreCalculated)
    assert calculated.score == Decimal("90.20")
    assert {each.indicator: each.points for each in calculated.points} == {
        "contract": "95",
        "collection": "78",
        "output": "105",
    }
    company.world.refuses("already-scored", CalculateInitialScore(), on=appraisal)


def test_the_initial_score_waits_for_the_cut_off(company: Any) -> None:
    appraisal = company.case_1(until="recorded")
    company.world.refuses("cut-off-not-reached", CalculateInitialScore(), on=appraisal)


def test_the_initial_score_needs_agreed_goals(company: Any) -> None:
    appraisal = company.case_1(until="opened")
    company.record(contract="1", collection="1", output="1")
    company.advance("rating")
    company.world.refuses("goals-not-agreed", CalculateInitialScore(), on=appraisal)


def test_missing_data_never_counts_as_zero(company: Any) -> None:
    appraisal = company.case_1(until="agreed")
    company.record(contract="1140000", collection="702000")
    company.advance("rating")
    company.world.refuses("actual-missing", CalculateInitialScore(), on=appraisal)


def test_without_measured_indicators_there_is_no_initial_score(company: Any) -> None:
    company.open(company.judged_scheme(a=10000))
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.world.refuses("nothing-to-score", CalculateInitialScore(), on=appraisal)
    company.rate_self(appraisal, a="80")
    company.rate_as_manager(appraisal, a="75")
    company.advance("calibration")
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("75.00")


# -- locking


def test_case_1_score_and_coefficient(company: Any) -> None:
    """30.40 + 24.96 + 16.80 + 17.60 = 89.76; coefficient 0.8976."""
    appraisal = company.case_1()
    locked = company.world.events(appraisal)[-2]
    assert isinstance(locked, ScoreLocked)
    assert locked.lock_version == 1
    assert locked.score == Decimal("89.76")
    assert locked.coefficient == Decimal("0.8976")


def test_every_leaf_of_the_explanation_is_an_event(company: Any) -> None:
    appraisal = company.case_1()
    explanation = company.world.events(appraisal)[-2].explanation
    happened = {happening.event_id for happening in company.world.log}
    told = leaves(explanation)
    assert len(told) >= 7
    assert {leaf.source for leaf in told} <= happened
    assert {leaf.value for leaf in told} >= {"1140000", "1200000", "702000", "900000", "88"}


def test_the_coefficient_stays_in_the_band_of_the_job(company: Any) -> None:
    company.define_job("trainee", "marketing", band=("0.9", "1.0"))
    company.world.do(
        ChangeAssignment(
            effective_from=date(2025, 1, 1),
            assignment=company.assignment(job="trainee", manager_id=company.manager),
        ),
        on=company.employment,
    )
    appraisal = company.case_1()
    locked = company.world.events(appraisal)[-1]
    assert locked.score == Decimal("89.76")
    assert locked.coefficient == Decimal("0.9000")


def test_a_lock_waits_for_everything(company: Any) -> None:
    appraisal = company.case_1(until="recorded")
    company.world.refuses("cut-off-not-reached", LockScore(), on=appraisal)
    company.advance("rating")
    company.world.refuses("initial-score-missing", LockScore(), on=appraisal)
    company.score(appraisal)
    company.world.refuses("manager-rating-missing", LockScore(), on=appraisal)
    company.rate_as_manager(appraisal, duty="88")
    company.world.refuses("self-rating-missing", LockScore(), on=appraisal)
    company.rate_self(appraisal, duty="90")
    company.world.refuses("wrong-stage", LockScore(), on=appraisal)
    company.advance("comparison")
    company.world.refuses("wrong-stage", LockScore(), on=appraisal)
    company.advance("calibration")
    company.lock(appraisal)


def test_after_the_deadline_a_missing_self_rating_does_not_hold_up(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    company.rate_as_manager(appraisal, duty="88")
    company.advance("locked")
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("89.76")


def test_nothing_moves_a_locked_score(company: Any) -> None:
    appraisal = company.case_1()
    before = company.world.states[appraisal]
    attempts: list[tuple[Any, UUID]] = [
        (LockScore(), company.head),
        (CalculateInitialScore(), company.head),
        (SubmitSelfRating(ratings=company.ratings(duty="100")), company.seller),
        (SubmitManagerRating(ratings=company.ratings(duty="100")), company.manager),
        (ExplainDeviation(of="duty", reason="x"), company.manager),
        (company.calibration(), company.head),
    ]
    for command, actor in attempts:
        company.world.refuses("already-locked", command, on=appraisal, actor=actor)
    assert company.world.states[appraisal] == before


def test_a_locked_result_is_published_once(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    company.world.refuses("not-locked", PublishResult(), on=appraisal)
    company.lock(appraisal)
    assert company.world.do(PublishResult(), on=appraisal) == (ResultPublished(lock_version=1),)
    company.world.refuses("already-published", PublishResult(), on=appraisal)
