"""Around the ratings: stand-ins, waivers, replies, revisions, adjustments, receipts."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.appraisal import LockScore, PublishResult, ScoreLocked
from domain.conduct import (
    AdjustmentApproved,
    AdjustmentProposed,
    AdjustmentRejected,
    ApproveAdjustment,
    ApproveWaiver,
    DeviationReplied,
    ProposeAdjustment,
    RaterReassigned,
    RatingWaived,
    ReassignRater,
    RejectAdjustment,
    ReplyToDeviation,
    RequestWaiver,
    WaiverRequested,
)
from domain.explanation import digest
from domain.ratings import ExplainDeviation, ReviseManagerRating, SubmitManagerRating
from domain.receipt import AcknowledgeResult, ReceiptIssued, ResultAcknowledged
from domain.rules import Band, Banded, Indicator, Linear, Manual, Ratio, SchemeContent, Section

# -- who rates


def test_case_6_a_manager_who_left_is_replaced_by_the_skip_level(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    reassign = ReassignRater(rater_id=company.head, reason="上级离职")
    assert company.world.do(reassign, on=appraisal) == (
        RaterReassigned(
            person_id=company.seller,
            before=company.manager,
            rater_id=company.head,
            reason="上级离职",
        ),
    )
    rating = SubmitManagerRating(ratings=company.ratings(duty="88"))
    company.world.refuses("not-the-manager", rating, on=appraisal, actor=company.manager)
    company.world.do(rating, on=appraisal, actor=company.head)
    company.world.refuses("already-rated", reassign, on=appraisal)
    company.advance("calibration")
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("89.76")


def test_the_head_of_the_company_is_rated_by_whom_the_board_names(company: Any) -> None:
    company.open(company.judged_scheme(a=10000))
    appraisal = company.create_appraisal(company.hire("chief", manager_id=None))
    company.world.do(ReassignRater(rater_id=company.head, reason="董事会"), on=appraisal)
    company.advance("rating")
    company.rate_as_manager(appraisal, a="91")
    company.advance("calibration")
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("91.00")


def test_who_may_not_be_made_a_rater(company: Any) -> None:
    appraisal = company.case_1(until="scored")

    def refused(code: str, rater: UUID, actor: UUID) -> None:
        reassign = ReassignRater(rater_id=rater, reason="x")
        company.world.refuses(code, reassign, on=appraisal, actor=actor)

    refused("rater-is-ratee", company.seller, company.head)
    refused("already-the-rater", company.manager, company.head)
    refused("unknown-person", uuid4(), company.head)
    refused("same-actor", company.head, company.head)
    refused("own-result", company.head, company.seller)


def two_part_scheme() -> SchemeContent:
    """Collection and care in one section, half each; duty alone in another of 20 %."""
    return SchemeContent(
        name="two",
        sections=(
            Section(
                code="work",
                name="work",
                weight_bp=8000,
                indicators=(
                    Indicator(code="collection", name="c", weight_bp=5000, rule=Ratio()),
                    Indicator(code="care", name="care", weight_bp=5000, rule=Manual()),
                ),
            ),
            Section(
                code="duty",
                name="duty",
                weight_bp=2000,
                indicators=(Indicator(code="duty", name="d", weight_bp=10000, rule=Manual()),),
            ),
        ),
        coefficient=Linear(),
    )


def test_case_6_without_a_rating_the_lock_is_refused_unless_it_is_waived(company: Any) -> None:
    company.open(two_part_scheme())
    appraisal = company.create_appraisal()
    company.agree_goals(appraisal, collection="100")
    company.record(collection="77")
    company.advance("rating")
    company.score(appraisal)
    company.advance("calibration")
    company.world.refuses("manager-rating-missing", LockScore(), on=appraisal)
    company.world.refuses("no-waiver-requested", ApproveWaiver(), on=appraisal)
    company.world.refuses("reason-missing", RequestWaiver(reason=""), on=appraisal)
    request = RequestWaiver(reason="上级与隔级均离职")
    company.world.refuses("own-result", request, on=appraisal, actor=company.seller)
    assert company.world.do(request, on=appraisal) == (
        WaiverRequested(person_id=company.seller, reason="上级与隔级均离职"),
    )
    company.world.refuses("waiver-requested", request, on=appraisal)
    company.world.refuses("manager-rating-missing", LockScore(), on=appraisal)
    company.world.refuses("same-actor", ApproveWaiver(), on=appraisal)
    company.world.refuses("own-result", ApproveWaiver(), on=appraisal, actor=company.seller)
    (waived,) = company.world.do(ApproveWaiver(), on=appraisal, actor=company.head)
    assert isinstance(waived, RatingWaived)
    rating = SubmitManagerRating(ratings=company.ratings(care="80", duty="80"))
    company.world.refuses("rating-waived", rating, on=appraisal, actor=company.manager)
    company.world.refuses("rating-waived", request, on=appraisal)
    locked, _ = company.lock(appraisal)
    # What nobody judged leaves its weight to the rest of its section, and a section to the others.
    assert locked.score == Decimal("77.00")


def test_where_nothing_is_judged_nothing_is_waived(company: Any) -> None:
    indicator = Indicator(code="collection", name="c", weight_bp=10000, rule=Ratio())
    section = Section(code="s", name="s", weight_bp=10000, indicators=(indicator,))
    company.open(SchemeContent(name="m", sections=(section,), coefficient=Linear()))
    appraisal = company.create_appraisal()
    company.world.refuses("nothing-to-waive", RequestWaiver(reason="x"), on=appraisal)


# -- deviations


def test_the_person_replies_once_to_what_was_flagged(company: Any) -> None:
    appraisal = company.case_1(own="95", managers="82", until="rated")
    reply = ReplyToDeviation(of="duty", reply="客户反馈良好")
    company.world.refuses("not-the-ratee", reply, on=appraisal, actor=company.manager)
    unflagged = ReplyToDeviation(of="total", reply="x")
    company.world.refuses("not-flagged", unflagged, on=appraisal, actor=company.seller)
    assert company.world.do(reply, on=appraisal, actor=company.seller) == (
        DeviationReplied(person_id=company.seller, of="duty", reply="客户反馈良好"),
    )
    company.world.refuses("already-replied", reply, on=appraisal, actor=company.seller)
    company.advance("calibration")
    company.world.refuses("deviation-unexplained", LockScore(), on=appraisal)


def test_a_revised_rating_is_compared_and_explained_anew(company: Any) -> None:
    appraisal = company.case_1(own="95", managers="82", until="rated")
    explain = ExplainDeviation(of="duty", reason="迟交")
    company.world.do(explain, on=appraisal, actor=company.manager)

    def revision(points: str) -> ReviseManagerRating:
        return ReviseManagerRating(ratings=company.ratings(duty=points), reason="漏看材料")

    company.world.refuses("not-the-manager", revision("84"), on=appraisal, actor=company.head)
    company.world.do(revision("84"), on=appraisal, actor=company.manager)
    company.advance("calibration")
    company.world.refuses("deviation-unexplained", LockScore(), on=appraisal)
    company.world.do(revision("86"), on=appraisal, actor=company.manager)  # 9 apart: not flagged
    assert company.world.states[appraisal].unexplained == ()
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("89.36")


def test_what_is_not_revised(company: Any) -> None:
    appraisal = company.case_1(until="scored")
    revision = ReviseManagerRating(ratings=company.ratings(duty="90"), reason="x")
    company.rate_as_manager(appraisal, duty="88")
    company.world.refuses("not-compared", revision, on=appraisal, actor=company.manager)
    company.rate_self(appraisal, duty="90")
    company.advance("calibration")
    company.world.do(company.calibration(), on=appraisal, actor=company.head)
    company.world.refuses("already-calibrated", revision, on=appraisal, actor=company.manager)


# -- adjustments


def proposal(adjustment: str = "2.50") -> ProposeAdjustment:
    return ProposeAdjustment(
        adjustment=Decimal(adjustment), reason_code="market", reason="市场下滑"
    )


def test_an_adjustment_is_proposed_by_one_and_approved_by_another(company: Any) -> None:
    appraisal = company.case_1(until="rated")
    company.world.refuses("wrong-stage", proposal(), on=appraisal, actor=company.manager)
    company.advance("calibration")
    company.world.refuses("no-adjustment-proposed", ApproveAdjustment(), on=appraisal)
    company.world.refuses("own-result", proposal(), on=appraisal, actor=company.seller)
    assert company.world.do(proposal(), on=appraisal, actor=company.head) == (
        AdjustmentProposed(
            person_id=company.seller,
            adjustment=Decimal("2.50"),
            reason_code="market",
            score_before=Decimal("89.76"),
            score_after=Decimal("92.26"),
            near_edge=None,
            reason="市场下滑",
        ),
    )
    company.world.refuses("adjustment-undecided", proposal("1"), on=appraisal)
    company.world.refuses("adjustment-undecided", LockScore(), on=appraisal)
    for code, actor in (
        ("same-actor", company.head),
        ("own-result", company.seller),
        ("calibrator-is-rater", company.manager),
    ):
        company.world.refuses(code, ApproveAdjustment(), on=appraisal, actor=actor)
    assert company.world.do(ApproveAdjustment(), on=appraisal, actor=company.authoriser) == (
        AdjustmentApproved(
            adjustment=Decimal("2.50"), reason_code="market", proposed_by=company.head
        ),
    )
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("92.26")


def test_a_rejected_adjustment_changes_nothing(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    company.world.do(proposal(), on=appraisal, actor=company.manager)
    reject = RejectAdjustment(reason="证据不足")
    assert company.world.do(reject, on=appraisal, actor=company.head) == (
        AdjustmentRejected(person_id=company.seller, reason="证据不足"),
    )
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("89.76")


def test_a_proposal_warns_of_an_edge(company: Any) -> None:
    """Within 1.00 of an edge between two coefficients."""
    content = company.judged_scheme(a=10000)
    company.open(with_bands(content))
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.rate_as_manager(appraisal, a="80")
    company.advance("calibration")
    for adjustment, edge in (("4.00", "85"), ("3.99", None), ("6.00", "85"), ("6.01", None)):
        (proposed,) = company.world.do(proposal(adjustment), on=appraisal)
        assert proposed.near_edge == (None if edge is None else Decimal(edge)), adjustment
        company.world.do(RejectAdjustment(reason="x"), on=appraisal, actor=company.head)


def with_bands(content: SchemeContent) -> SchemeContent:
    bands = tuple(
        Band(from_score=Decimal(edge), coefficient=Decimal(coefficient))
        for edge, coefficient in ((0, "0.8"), (85, "1.0"))
    )
    return msgspec.structs.replace(content, coefficient=Banded(bands=bands))


# -- receipts


def test_a_lock_issues_its_receipt(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    locked, receipt = company.lock(appraisal)
    assert receipt == ReceiptIssued(
        lock_version=1,
        score=Decimal("89.76"),
        coefficient=Decimal("0.8976"),
        explanation_digest=digest(locked.explanation),
    )


def test_a_result_is_acknowledged_once_by_the_person_it_is_about(company: Any) -> None:
    appraisal = company.case_1()
    acknowledge = AcknowledgeResult()
    for actor, code in (
        (company.manager, "not-the-ratee"),
        (company.seller, "result-not-published"),
    ):
        company.world.refuses(code, acknowledge, on=appraisal, actor=actor)
    company.world.do(PublishResult(), on=appraisal)
    assert company.world.do(acknowledge, on=appraisal, actor=company.seller) == (
        ResultAcknowledged(lock_version=1),
    )
    company.world.refuses("already-acknowledged", acknowledge, on=appraisal, actor=company.seller)


@settings(max_examples=40)
@given(
    steps=st.lists(st.sampled_from(["-100", "-0.01", "0", "2.5", "12.34", "100"]), max_size=6),
    decisions=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_a_score_is_what_its_approved_adjustments_make_it(
    found_company: Callable[[], Any],
    evaluate: Callable[..., Fraction],
    steps: list[str],
    decisions: list[bool],
) -> None:
    """Proposed and rejected ones leave no trace in it; the receipt says the same."""
    company = found_company()
    appraisal = company.case_1(until="calibration")
    expected = Decimal("89.76")
    total = Decimal(0)
    for adjustment, approved in zip(steps, decisions, strict=False):
        company.world.do(proposal(adjustment), on=appraisal)
        decision = ApproveAdjustment() if approved else RejectAdjustment(reason="x")
        company.world.do(decision, on=appraisal, actor=company.head)
        total += Decimal(adjustment) if approved else 0
    expected = max(Decimal(0), min(Decimal(120), expected + total))
    locked, receipt = company.lock(appraisal)
    assert isinstance(locked, ScoreLocked)
    assert locked.score == receipt.score == expected
    assert evaluate(locked.explanation) == Fraction(locked.coefficient)
