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
    CalibrationApplied,
    CreateAppraisal,
    Deviation,
    DeviationExplained,
    DeviationFlagged,
    ExplainDeviation,
    InitialScoreCalculated,
    LockScore,
    ManagerRatingSubmitted,
    PublishResult,
    Rating,
    ResultPublished,
    ScoreLocked,
    SelfRatingSubmitted,
    SubmitManagerRating,
    SubmitSelfRating,
    TwoWayCompared,
)
from domain.cycle import OpenCycle
from domain.explanation import Node
from domain.organisation import ChangeAssignment, TerminateEmployment
from domain.rules import Indicator, Linear, Manual, SchemeContent, Section


def rated(**points: str) -> tuple[Rating, ...]:
    return tuple(Rating(indicator=code, points=Decimal(each)) for code, each in points.items())


def judged_scheme(*, threshold: str = "10.00", **weights: int) -> SchemeContent:
    """Judged indicators alone, by their weights in basis points."""
    return SchemeContent(
        name="judged",
        sections=(
            Section(
                code="kci",
                name="KCI",
                weight_bp=10000,
                indicators=tuple(
                    Indicator(code=code, name=code, weight_bp=weight, rule=Manual())
                    for code, weight in weights.items()
                ),
            ),
        ),
        coefficient=Linear(),
        deviation_threshold=Decimal(threshold),
    )


def leaves(node: Node) -> list[Node]:
    return [leaf for part in node.inputs for leaf in leaves(part)] if node.inputs else [node]


# -- creation


def test_an_appraisal_is_of_the_last_day_employed(company: Any) -> None:
    company.open()
    company.define_job("clerk", "function")
    move = ChangeAssignment(
        effective_from=date(2025, 3, 1),
        assignment=company.assignment(job="clerk", cost_centre="CC-9"),
    )
    company.world.do(move, on=company.employment)
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
    scheme = company.publish(judged_scheme(a=10000))
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
    company.open(judged_scheme(a=10000))
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.world.refuses("nothing-to-score", CalculateInitialScore(), on=appraisal)
    company.rate_self(appraisal, a="80")
    company.rate_as_manager(appraisal, a="75")
    company.advance("calibration")
    (locked,) = company.lock(appraisal)
    assert locked.score == Decimal("75.00")


# -- ratings


def test_each_rates_for_themselves_and_once(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    own = SubmitSelfRating(ratings=rated(duty="90"), comment="尽力了")
    company.world.refuses("not-the-ratee", own, on=appraisal, actor=company.manager)
    assert company.world.do(own, on=appraisal, actor=company.seller) == (
        SelfRatingSubmitted(person_id=company.seller, ratings=own.ratings, comment="尽力了"),
    )
    company.world.refuses("already-rated", own, on=appraisal, actor=company.seller)
    managers = SubmitManagerRating(ratings=rated(duty="88"))
    for stranger in (company.seller, company.head, company.authoriser):
        company.world.refuses("not-the-manager", managers, on=appraisal, actor=stranger)
    assert company.world.do(managers, on=appraisal, actor=company.manager) == (
        ManagerRatingSubmitted(person_id=company.seller, ratings=managers.ratings, comment=""),
        TwoWayCompared(
            compared=(Deviation(of="duty", self_points=Decimal(90), manager_points=Decimal(88)),)
        ),
    )
    company.world.refuses("already-rated", managers, on=appraisal, actor=company.manager)


def test_the_order_of_the_ratings_does_not_matter(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    assert len(company.rate_as_manager(appraisal, duty="70")) == 1
    own, compared, flagged = company.rate_self(appraisal, duty="95")
    assert isinstance(own, SelfRatingSubmitted)
    assert compared == TwoWayCompared(
        compared=(Deviation(of="duty", self_points=Decimal(95), manager_points=Decimal(70)),)
    )
    assert flagged == DeviationFlagged(flagged=compared.compared)


def test_nobody_rates_whose_manager_is_unknown(company: Any) -> None:
    company.open(judged_scheme(a=10000))
    appraisal = company.create_appraisal(company.hire("chief", manager_id=None))
    company.advance("rating")
    rating = SubmitManagerRating(ratings=rated(a="80"))
    for actor in (company.head, ids.person_id("chief")):
        company.world.refuses("not-the-manager", rating, on=appraisal, actor=actor)


@pytest.mark.parametrize("ratings", [{}, {"duty": "80", "contract": "80"}, {"care": "80"}])
def test_ratings_are_for_exactly_what_is_judged(company: Any, ratings: dict[str, str]) -> None:
    appraisal = company.case_1(until="scored")
    own, managers = (
        SubmitSelfRating(ratings=rated(**ratings)),
        SubmitManagerRating(ratings=rated(**ratings)),
    )
    company.world.refuses("indicators-mismatch", own, on=appraisal, actor=company.seller)
    company.world.refuses("indicators-mismatch", managers, on=appraisal, actor=company.manager)


@pytest.mark.parametrize("points", ["-0.01", "100.01", "NaN", "1e9", "0.0000001"])
def test_points_are_from_0_to_100(company: Any, points: str) -> None:
    appraisal = company.case_1(until="scored")
    rating = SubmitSelfRating(ratings=rated(duty=points))
    company.world.refuses("points-out-of-range", rating, on=appraisal, actor=company.seller)


def test_comments_are_text(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    rating = SubmitSelfRating(ratings=rated(duty="80"), comment="a\x00b")
    company.world.refuses("bad-text", rating, on=appraisal, actor=company.seller)


def test_rating_has_its_stages(company: Any) -> None:
    appraisal = company.case_1(until="recorded")
    own, managers = (
        SubmitSelfRating(ratings=rated(duty="9")),
        SubmitManagerRating(ratings=rated(duty="8")),
    )
    company.world.refuses("wrong-stage", own, on=appraisal, actor=company.seller)
    company.world.refuses("wrong-stage", managers, on=appraisal, actor=company.manager)
    company.advance("locked")
    company.world.refuses("wrong-stage", own, on=appraisal, actor=company.seller)
    company.world.refuses("wrong-stage", managers, on=appraisal, actor=company.manager)


# -- comparison


def test_case_5a_more_than_the_threshold_is_explained_before_locking(company: Any) -> None:
    """Self 95, manager 82: 13 > 10."""
    appraisal = company.case_1(own="95", managers="82", until="calibration")
    company.world.refuses("deviation-unexplained", LockScore(), on=appraisal)
    explain = ExplainDeviation(of="duty", reason="两次迟交报告")
    company.world.refuses("not-the-manager", explain, on=appraisal, actor=company.seller)
    assert company.world.do(explain, on=appraisal, actor=company.manager) == (
        DeviationExplained(person_id=company.seller, of="duty", reason="两次迟交报告"),
    )
    company.world.refuses("already-explained", explain, on=appraisal, actor=company.manager)
    company.lock(appraisal)


def test_case_5b_exactly_the_threshold_is_not_flagged(company: Any) -> None:
    """Self 92, manager 82: 10 is not more than 10."""
    appraisal = company.case_1(own="92", managers="82", until="calibration")
    explain = ExplainDeviation(of="duty", reason="nothing to explain")
    company.world.refuses("not-flagged", explain, on=appraisal, actor=company.manager)
    company.lock(appraisal)


@pytest.mark.parametrize(
    ("own", "managers", "flagged"),
    [
        ("92.000001", "82", True),
        ("82", "92", False),
        ("81.999999", "92", True),
        ("82", "82", False),
    ],
)
def test_the_threshold_is_exact_and_works_both_ways(
    company: Any, own: str, managers: str, flagged: bool
) -> None:
    appraisal = company.case_1(own=own, managers=managers, until="rated")
    events = {type(event) for event in company.world.events(appraisal)}
    assert (DeviationFlagged in events) == flagged


def test_the_total_is_compared_by_weight(company: Any) -> None:
    """Innovation 70 against 90 is flagged; weighed 1:3 with support, the total is 5 apart."""
    company.open(judged_scheme(innovation=2500, support=7500))
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.rate_self(appraisal, innovation="90", support="80")
    _, compared, flagged = company.rate_as_manager(appraisal, innovation="70", support="80")
    assert compared.compared[-1] == Deviation(
        of="total", self_points=Decimal("82.500000"), manager_points=Decimal("77.500000")
    )
    assert [deviation.of for deviation in flagged.flagged] == ["innovation"]


def test_the_total_may_be_flagged_where_no_indicator_is(company: Any) -> None:
    company.open(judged_scheme(threshold="9.99", a=3333, b=3333, c=3334))
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.rate_as_manager(appraisal, a="80", b="80", c="80")
    _, _, flagged = company.rate_self(appraisal, a="90", b="90", c="89.98")
    assert [deviation.of for deviation in flagged.flagged] == ["a", "b", "total"]
    company.advance("calibration")
    for of in ("a", "total"):
        company.world.do(ExplainDeviation(of=of, reason="x"), on=appraisal, actor=company.manager)
    detail = company.world.refuses("deviation-unexplained", LockScore(), on=appraisal)
    assert detail.endswith(": b.")


@pytest.mark.parametrize("reason", ["", " \n"])
def test_an_explanation_says_something(company: Any, reason: str) -> None:
    appraisal = company.case_1(own="95", managers="82", until="rated")
    explain = ExplainDeviation(of="duty", reason=reason)
    company.world.refuses("reason-missing", explain, on=appraisal, actor=company.manager)


# -- calibration


def calibrate(company: Any, adjustment: str = "2.50", **changes: Any) -> CalibrateScore:
    command = CalibrateScore(
        adjustment=Decimal(adjustment),
        reason_code="market",
        reason="区域市场下滑",
        authorised_by=company.authoriser,
    )
    return msgspec.structs.replace(command, **changes)


def test_a_calibration_is_part_of_the_score(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    command = calibrate(company, "-1.26")
    assert company.world.do(command, on=appraisal, actor=company.head) == (
        CalibrationApplied(
            person_id=company.seller,
            adjustment=Decimal("-1.26"),
            reason_code="market",
            authorised_by=company.authoriser,
            reason="区域市场下滑",
        ),
    )
    company.world.do(calibrate(company, "0.50"), on=appraisal, actor=company.head)
    (locked,) = company.lock(appraisal)
    assert locked.score == Decimal("89.00")
    assert locked.coefficient == Decimal("0.8900")


def test_nobody_calibrates_their_own_circle(company: Any) -> None:
    company.hire("subordinate", manager_id=company.seller)
    appraisal = company.case_1(until="calibration")
    command = calibrate(company)
    for code, actor in (
        ("own-result", company.seller),
        ("calibrator-is-rater", company.manager),
        ("own-managers-result", ids.person_id("subordinate")),
        ("same-actor", company.authoriser),
    ):
        company.world.refuses(code, command, on=appraisal, actor=actor)
    own = calibrate(company, authorised_by=company.seller)
    company.world.refuses("own-result", own, on=appraisal, actor=company.head)
    nobody = calibrate(company, authorised_by=uuid4())
    company.world.refuses("unknown-person", nobody, on=appraisal, actor=company.head)


def test_a_former_manager_may_be_calibrated(company: Any) -> None:
    former = company.hire("former", manager_id=company.seller)
    company.world.do(
        ChangeAssignment(
            effective_from=date(2025, 2, 1), assignment=company.assignment(manager_id=company.head)
        ),
        on=former,
    )
    appraisal = company.case_1(until="calibration")
    company.world.do(calibrate(company), on=appraisal, actor=ids.person_id("former"))


@pytest.mark.parametrize("adjustment", ["0.001", "100.01", "-101", "NaN"])
def test_an_adjustment_has_two_decimals(company: Any, adjustment: str) -> None:
    appraisal = company.case_1(until="calibration")
    command = calibrate(company, adjustment)
    company.world.refuses("bad-number", command, on=appraisal, actor=company.head)


def test_a_calibration_has_reasons(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    silent = calibrate(company, reason="")
    company.world.refuses("reason-missing", silent, on=appraisal, actor=company.head)
    codeless = calibrate(company, reason_code="")
    company.world.refuses("bad-code", codeless, on=appraisal, actor=company.head)


def test_calibration_has_its_stage(company: Any) -> None:
    appraisal = company.case_1(until="rated")
    company.world.refuses("wrong-stage", calibrate(company), on=appraisal, actor=company.head)
    company.advance("locked")
    company.world.refuses("wrong-stage", calibrate(company), on=appraisal, actor=company.head)


def test_what_has_no_score_is_not_calibrated(company: Any) -> None:
    appraisal = company.case_1(until="rating")
    company.advance("calibration")
    command = calibrate(company)
    company.world.refuses("initial-score-missing", command, on=appraisal, actor=company.head)
    company.score(appraisal)
    company.world.refuses("manager-rating-missing", command, on=appraisal, actor=company.head)


# -- locking


def test_case_1_score_and_coefficient(company: Any) -> None:
    """30.40 + 24.96 + 16.80 + 17.60 = 89.76; coefficient 0.8976."""
    appraisal = company.case_1()
    locked = company.world.events(appraisal)[-1]
    assert isinstance(locked, ScoreLocked)
    assert locked.lock_version == 1
    assert locked.score == Decimal("89.76")
    assert locked.coefficient == Decimal("0.8976")


def test_every_leaf_of_the_explanation_is_an_event(company: Any) -> None:
    appraisal = company.case_1()
    explanation = company.world.events(appraisal)[-1].explanation
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
    (locked,) = company.lock(appraisal)
    assert locked.score == Decimal("89.76")


def test_nothing_moves_a_locked_score(company: Any) -> None:
    appraisal = company.case_1()
    before = company.world.states[appraisal]
    attempts: list[tuple[Any, UUID]] = [
        (LockScore(), company.head),
        (CalculateInitialScore(), company.head),
        (SubmitSelfRating(ratings=rated(duty="100")), company.seller),
        (SubmitManagerRating(ratings=rated(duty="100")), company.manager),
        (ExplainDeviation(of="duty", reason="x"), company.manager),
        (calibrate(company), company.head),
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
