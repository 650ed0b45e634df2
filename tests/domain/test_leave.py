"""Leave: no day is away twice, and only unpaid days cost anything."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel import Refused
from domain.leave import CancelLeave, LeaveKind, LeaveRecorded, RecordLeave
from domain.organisation import TerminateEmployment

DAY = timedelta(days=1)
START = date(2025, 3, 3)


def away(
    starts_on: date = START, days: int = 5, *, unpaid: bool = True, kind: LeaveKind = "personal"
) -> RecordLeave:
    return RecordLeave(
        starts_on=starts_on,
        ends_on=starts_on + (days - 1) * DAY,
        kind=kind,
        unpaid=unpaid,
        reason="家事",
    )


def test_leave_is_recorded_with_its_reason_sealed(company: Any) -> None:
    (event,) = company.world.do(away(), on=company.employment)
    assert event == LeaveRecorded(
        person_id=company.seller,
        starts_on=START,
        ends_on=date(2025, 3, 7),
        unpaid=True,
        kind="personal",
        reason="家事",
    )


@pytest.mark.parametrize(
    "other", [away(days=1), away(START + 4 * DAY), away(START - 9 * DAY, 10), away(unpaid=False)]
)
def test_no_day_is_away_twice(company: Any, other: RecordLeave) -> None:
    company.world.do(away(), on=company.employment)
    company.world.refuses("leave-overlaps", other, on=company.employment)
    company.world.do(away(START + 5 * DAY), on=company.employment)


def test_leave_lies_within_the_employment(company: Any) -> None:
    on = company.employment
    company.world.refuses("leave-outside-employment", away(date(2023, 12, 31), 1), on=on)
    company.world.refuses("bad-date", away(days=0), on=on)
    leaving = TerminateEmployment(
        last_day=date(2025, 3, 4), leaver="good-leaver", reason="个人发展"
    )
    company.world.do(leaving, on=on)
    company.world.refuses("leave-outside-employment", away(), on=on)
    # It is often told after the end of the employment.
    company.world.do(away(days=2), on=on)


def test_leave_is_cancelled_by_its_first_day(company: Any) -> None:
    on = company.employment
    company.world.do(away(), on=on)
    cancel = CancelLeave(starts_on=START, reason="未休")
    company.world.refuses("unknown-leave", CancelLeave(starts_on=START + DAY, reason="x"), on=on)
    company.world.refuses("reason-missing", CancelLeave(starts_on=START, reason=""), on=on)
    company.world.do(cancel, on=on)
    company.world.refuses("unknown-leave", cancel, on=on)
    company.world.do(away(days=3), on=on)
    (leave,) = company.world.states[on].leaves
    assert leave.span.days == 3


@given(
    leaves=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.booleans()), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_the_order_in_which_leave_becomes_known_changes_nothing(
    found_company: Any, leaves: list[tuple[int, int, bool]], order: Any
) -> None:
    company = found_company()
    on = company.employment
    kept = []
    for begins, days, unpaid in leaves:
        command = away(START + begins * DAY, days, unpaid=unpaid)
        try:
            company.world.do(command, on=on)
        except Refused:
            continue
        kept.append(command)
    again = found_company()
    order.shuffle(kept)
    for command in kept:
        again.world.do(command, on=on)
    there, here = (
        [(leave.span, leave.unpaid) for leave in each.world.states[on].leaves]
        for each in (company, again)
    )
    assert here == there
    taken = [day for span, _ in here for day in span.each_day()]
    assert len(taken) == len(set(taken))
