"""Appeals among people and days: who may review, and how long a window is."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain import ids
from domain.appeal import (
    AcceptAppeal,
    AppealAccepted,
    AppealFiled,
    AssignReviewer,
    DecideAppeal,
    EscalateAppeal,
    FileAppeal,
)
from domain.appraisal import PublishResult
from domain.calibration import (
    CloseCalibrationSession,
    DecideRatingChange,
    OpenCalibrationSession,
    ProposeRatingChange,
)
from domain.work_calendar import SetWorkCalendar

SESSION = ids.calibration_session_id("CAL-1")
PUBLISHED = datetime(2025, 4, 18, 9, tzinfo=UTC)
"""A Friday."""
MAY = SetWorkCalendar(
    year=2025,
    holidays=(date(2025, 5, 1), date(2025, 5, 2), date(2025, 5, 5)),
    made_up=(date(2025, 4, 27),),
)


def filed(company: Any, appraisal: Any) -> Any:
    filing = FileAppeal(appraisal_id=appraisal, lock_version=1, indicator="total", statement="x")
    (event,) = company.world.do(filing, actor=company.seller)
    assert isinstance(event, AppealFiled)
    return event


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "refused"])
def test_whoever_moved_a_calibration_session_does_not_review(company: Any, accepted: bool) -> None:
    """Also where the change came to nothing: they have said what they think of the score."""
    world = company.world
    appraisal = company.case_1(until="calibration")
    other = ids.person_id("finance")
    named = OpenCalibrationSession(
        code="CAL-1", name="校准会", cycle_id=company.cycle, appraisal_ids=(appraisal,)
    )
    world.do(named)
    change = ProposeRatingChange(
        appraisal_id=appraisal, adjustment=Decimal("-1.00"), reason_code="peer", reason="同级对比"
    )
    world.do(change, on=SESSION, actor=company.head)
    decide = DecideRatingChange(proposal=1, accepted=accepted, reason_code="x", reason="x")
    world.do(decide, on=SESSION, actor=company.authoriser)
    world.do(CloseCalibrationSession(reason="x"), on=SESSION)
    company.lock(appraisal)
    world.do(PublishResult(), on=appraisal)
    filed(company, appraisal)
    appeal = ids.appeal_id(appraisal, 1, "total")
    world.do(AcceptAppeal(), on=appeal)
    for hand in (company.head, company.authoriser):
        world.refuses("reviewer-not-independent", AssignReviewer(reviewer_id=hand), on=appeal)
    world.do(AssignReviewer(reviewer_id=other), on=appeal)


def test_windows_are_reckoned_by_the_calendar_of_the_tenant(company: Any) -> None:
    world = company.world
    world.do(MAY)
    appraisal = company.case_1()
    world.now = PUBLISHED
    world.do(PublishResult(), on=appraisal)
    # Without a calendar it would be 2 May: three holidays, and one Sunday that is worked.
    assert filed(company, appraisal).file_by == date(2025, 5, 6)
    appeal = ids.appeal_id(appraisal, 1, "total")
    (accepted,) = world.do(AcceptAppeal(), on=appeal, actor=company.head)
    assert accepted == AppealAccepted(decide_by=date(2025, 5, 13))
    reviewer = company.authoriser
    world.do(AssignReviewer(reviewer_id=reviewer), on=appeal, actor=company.head)
    rejected = DecideAppeal(outcome="rejected", reason="x")
    (decided,) = world.do(rejected, on=appeal, actor=reviewer)
    assert decided.escalate_by == date(2025, 5, 6)
    (escalated,) = world.do(EscalateAppeal(reason="x"), on=appeal, actor=company.seller)
    assert escalated.decide_by == date(2025, 5, 13)
    # What was told stays told: a calendar that changes later moves no window.
    world.do(SetWorkCalendar(year=2025, holidays=()))
    assert world.states[appeal].decide_by == date(2025, 5, 13)
