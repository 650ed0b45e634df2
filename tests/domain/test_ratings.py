"""Ratings: sealed until both are in, compared exactly, explained, calibrated by others."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from domain import ids
from domain.appraisal import CalibrationApplied, LockScore
from domain.organisation import ChangeAssignment
from domain.ratings import (
    Deviation,
    DeviationExplained,
    DeviationFlagged,
    ExplainDeviation,
    ManagerRatingSubmitted,
    SelfRatingSubmitted,
    SubmitManagerRating,
    SubmitSelfRating,
    TwoWayCompared,
)

# -- ratings


def test_each_rates_for_themselves_and_once(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    own = SubmitSelfRating(ratings=company.ratings(duty="90"), comment="尽力了")
    company.world.refuses("not-the-ratee", own, on=appraisal, actor=company.manager)
    assert company.world.do(own, on=appraisal, actor=company.seller) == (
        SelfRatingSubmitted(person_id=company.seller, ratings=own.ratings, comment="尽力了"),
    )
    company.world.refuses("already-rated", own, on=appraisal, actor=company.seller)
    managers = SubmitManagerRating(ratings=company.ratings(duty="88"))
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
    company.open(company.judged_scheme(a=10000))
    appraisal = company.create_appraisal(company.hire("chief", manager_id=None))
    company.advance("rating")
    rating = SubmitManagerRating(ratings=company.ratings(a="80"))
    for actor in (company.head, ids.person_id("chief")):
        company.world.refuses("not-the-manager", rating, on=appraisal, actor=actor)


@pytest.mark.parametrize("ratings", [{}, {"duty": "80", "contract": "80"}, {"care": "80"}])
def test_ratings_are_for_exactly_what_is_judged(company: Any, ratings: dict[str, str]) -> None:
    appraisal = company.case_1(until="scored")
    own, managers = (
        SubmitSelfRating(ratings=company.ratings(**ratings)),
        SubmitManagerRating(ratings=company.ratings(**ratings)),
    )
    company.world.refuses("indicators-mismatch", own, on=appraisal, actor=company.seller)
    company.world.refuses("indicators-mismatch", managers, on=appraisal, actor=company.manager)


@pytest.mark.parametrize("points", ["-0.01", "100.01", "NaN", "1e9", "0.0000001"])
def test_points_are_from_0_to_100(company: Any, points: str) -> None:
    appraisal = company.case_1(until="scored")
    rating = SubmitSelfRating(ratings=company.ratings(duty=points))
    company.world.refuses("points-out-of-range", rating, on=appraisal, actor=company.seller)


def test_comments_are_text(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    rating = SubmitSelfRating(ratings=company.ratings(duty="80"), comment="a\x00b")
    company.world.refuses("bad-text", rating, on=appraisal, actor=company.seller)


def test_rating_has_its_stages(company: Any) -> None:
    appraisal = company.case_1(until="recorded")
    own, managers = (
        SubmitSelfRating(ratings=company.ratings(duty="9")),
        SubmitManagerRating(ratings=company.ratings(duty="8")),
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
    company.open(company.judged_scheme(innovation=2500, support=7500))
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.rate_self(appraisal, innovation="90", support="80")
    _, compared, flagged = company.rate_as_manager(appraisal, innovation="70", support="80")
    assert compared.compared[-1] == Deviation(
        of="total", self_points=Decimal("82.500000"), manager_points=Decimal("77.500000")
    )
    assert [deviation.of for deviation in flagged.flagged] == ["innovation"]


def test_the_total_may_be_flagged_where_no_indicator_is(company: Any) -> None:
    company.open(company.judged_scheme(threshold="9.99", a=3333, b=3333, c=3334))
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


def test_a_calibration_is_part_of_the_score(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    command = company.calibration("-1.26")
    assert company.world.do(command, on=appraisal, actor=company.head) == (
        CalibrationApplied(
            person_id=company.seller,
            adjustment=Decimal("-1.26"),
            reason_code="market",
            authorised_by=company.authoriser,
            reason="区域市场下滑",
        ),
    )
    company.world.do(company.calibration("0.50"), on=appraisal, actor=company.head)
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("89.00")
    assert locked.coefficient == Decimal("0.8900")


def test_nobody_calibrates_their_own_circle(company: Any) -> None:
    company.hire("subordinate", manager_id=company.seller)
    appraisal = company.case_1(until="calibration")
    command = company.calibration()
    for code, actor in (
        ("own-result", company.seller),
        ("calibrator-is-rater", company.manager),
        ("own-managers-result", ids.person_id("subordinate")),
        ("same-actor", company.authoriser),
    ):
        company.world.refuses(code, command, on=appraisal, actor=actor)
    own = company.calibration(authorised_by=company.seller)
    company.world.refuses("own-result", own, on=appraisal, actor=company.head)
    nobody = company.calibration(authorised_by=uuid4())
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
    company.world.do(company.calibration(), on=appraisal, actor=ids.person_id("former"))


@pytest.mark.parametrize("adjustment", ["0.001", "100.01", "-101", "NaN"])
def test_an_adjustment_has_two_decimals(company: Any, adjustment: str) -> None:
    appraisal = company.case_1(until="calibration")
    command = company.calibration(adjustment)
    company.world.refuses("bad-number", command, on=appraisal, actor=company.head)


def test_a_calibration_has_reasons(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    silent = company.calibration(reason="")
    company.world.refuses("reason-missing", silent, on=appraisal, actor=company.head)
    codeless = company.calibration(reason_code="")
    company.world.refuses("bad-code", codeless, on=appraisal, actor=company.head)


def test_calibration_has_its_stage(company: Any) -> None:
    appraisal = company.case_1(until="rated")
    company.world.refuses("wrong-stage", company.calibration(), on=appraisal, actor=company.head)
    company.advance("locked")
    company.world.refuses("wrong-stage", company.calibration(), on=appraisal, actor=company.head)


def test_what_has_no_score_is_not_calibrated(company: Any) -> None:
    appraisal = company.case_1(until="rating")
    company.advance("calibration")
    command = company.calibration()
    company.world.refuses("initial-score-missing", command, on=appraisal, actor=company.head)
    company.score(appraisal)
    company.world.refuses("manager-rating-missing", command, on=appraisal, actor=company.head)
