"""Leave and overtime are asked for by one and decided by another; approved leave is leave."""

from datetime import date
from typing import Any

import msgspec
import pytest

from domain import ids
from domain.calendar import Span
from domain.leave import CancelLeave, LeaveRecorded
from domain.time_request import (
    ApproveTimeRequest,
    LeaveRequested,
    OvertimeRequested,
    RejectTimeRequest,
    RequestLeave,
    RequestOvertime,
    TimeRequestApproved,
    TimeRequestRejected,
    TimeRequestWithdrawn,
    WithdrawTimeRequest,
)

FIRST, LAST = date(2025, 3, 10), date(2025, 3, 12)


@pytest.fixture
def leave(company: Any) -> RequestLeave:
    return RequestLeave(
        employment_id=company.employment,
        starts_on=FIRST,
        ends_on=LAST,
        kind="personal",
        unpaid=True,
        reason="家中有事",
    )


def own_id(company: Any, what: str, day: date = FIRST) -> Any:
    return ids.time_request_id(company.employment, what, day)


def test_leave_is_asked_for_and_recorded_once_it_is_approved(
    company: Any, leave: RequestLeave
) -> None:
    world, stream = company.world, own_id(company, "leave")
    (asked,) = world.do(leave, on=stream, actor=company.seller)
    assert asked == LeaveRequested(
        employment_id=company.employment,
        person_id=company.seller,
        manager_id=company.manager,
        starts_on=FIRST,
        ends_on=LAST,
        unpaid=True,
        kind="personal",
        reason="家中有事",
    )
    assert world.states[company.employment].leaves == ()
    world.refuses("already-exists", leave, on=stream, actor=company.seller)
    world.refuses("own-time-request", ApproveTimeRequest(), on=stream, actor=company.seller)
    approved = world.do(ApproveTimeRequest(comment="同意"), on=stream, actor=company.manager)
    assert approved[0] == TimeRequestApproved(person_id=company.seller, comment="同意")
    assert world.log[-1].event == LeaveRecorded(
        person_id=company.seller,
        starts_on=FIRST,
        ends_on=LAST,
        unpaid=True,
        kind="personal",
        reason="家中有事",
    )
    (away,) = world.states[company.employment].leaves
    assert (away.span, away.unpaid) == (Span(FIRST, LAST), True)
    world.refuses("time-request-decided", WithdrawTimeRequest(), on=stream, actor=company.seller)
    overlapping = msgspec.structs.replace(leave, starts_on=LAST, ends_on=LAST)
    later = own_id(company, "leave", LAST)
    world.refuses("leave-overlaps", overlapping, on=later, actor=company.seller)


def test_leave_that_was_cancelled_is_asked_for_again(company: Any, leave: RequestLeave) -> None:
    world, stream = company.world, own_id(company, "leave")
    world.do(leave, on=stream, actor=company.seller)
    world.do(ApproveTimeRequest(), on=stream, actor=company.manager)
    world.refuses("already-exists", leave, on=stream, actor=company.seller)
    world.do(CancelLeave(starts_on=FIRST, reason="未休"), on=company.employment)
    world.do(leave, on=stream, actor=company.seller)
    assert world.states[stream].state == "waiting"


def test_who_asked_for_somebody_else_does_not_decide(company: Any, leave: RequestLeave) -> None:
    world, stream = company.world, own_id(company, "leave")
    world.do(leave, on=stream, actor=company.manager)
    reject = RejectTimeRequest(reason="人手不足")
    world.refuses("own-time-request", reject, on=stream, actor=company.manager)
    (rejected,) = world.do(reject, on=stream)
    assert rejected == TimeRequestRejected(person_id=company.seller, reason="人手不足")
    assert world.states[company.employment].leaves == ()


def test_overtime_is_acknowledged_and_withdrawn_before_that(company: Any) -> None:
    world, stream = company.world, own_id(company, "overtime")
    overtime = RequestOvertime(
        employment_id=company.employment, on=FIRST, minutes=180, reason="上线值守"
    )
    (asked,) = world.do(overtime, on=stream, actor=company.seller)
    assert asked == OvertimeRequested(
        employment_id=company.employment,
        person_id=company.seller,
        manager_id=company.manager,
        on=FIRST,
        minutes=180,
        reason="上线值守",
    )
    world.refuses("not-own-time-request", WithdrawTimeRequest(), on=stream, actor=company.manager)
    assert world.do(WithdrawTimeRequest(), on=stream, actor=company.seller) == (
        TimeRequestWithdrawn(),
    )
    world.do(overtime, on=stream, actor=company.seller)
    done = world.do(ApproveTimeRequest(), on=stream, actor=company.manager)
    assert done == (TimeRequestApproved(person_id=company.seller, comment=""),)
    world.refuses("already-exists", overtime, on=stream, actor=company.seller)


def test_what_is_no_request(company: Any, leave: RequestLeave) -> None:
    world, stream = company.world, own_id(company, "overtime")
    overtime = RequestOvertime(
        employment_id=company.employment, on=FIRST, minutes=180, reason="上线值守"
    )
    for code, changes in (
        ("bad-overtime", {"minutes": 0}),
        ("bad-overtime", {"minutes": 1441}),
        ("reason-missing", {"reason": " "}),
        ("not-employed-then", {"on": date(2001, 1, 1)}),
        ("unknown-employment", {"employment_id": ids.employment_id("nobody")}),
    ):
        wrong = msgspec.structs.replace(overtime, **changes)
        world.refuses(code, wrong, on=stream, actor=company.seller)
    backwards = msgspec.structs.replace(leave, ends_on=date(2025, 3, 1))
    world.refuses("bad-date", backwards, on=own_id(company, "leave"), actor=company.seller)
    world.refuses("unknown-time-request", ApproveTimeRequest(), on=stream)
