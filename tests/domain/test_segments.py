"""Segments of an employment in a cycle: they cover every employed day once, come what may."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ids
from domain.appraisal import AppraisalCreated, CreateAppraisal
from domain.calendar import Span, months, quarter
from domain.facts import RecordActual
from domain.kernel import Refused
from domain.organisation import ChangeAssignment, RehireEmployee, TerminateEmployment
from domain.segments import days_of, segments_of, uncovered

DAY = timedelta(days=1)
Q1 = quarter(2025, 1)
FEB_10, FEB_20 = date(2025, 2, 10), date(2025, 2, 20)


def transfer(company: Any, job: str, day: date, **work: Any) -> None:
    assignment = company.assignment(job=job, manager_id=company.manager, **work)
    company.world.do(
        ChangeAssignment(effective_from=day, assignment=assignment), on=company.employment
    )


def spans(company: Any, period: Span = Q1) -> list[tuple[date, date]]:
    employment = company.world.states[company.employment]
    return [(each.span.starts_on, each.span.ends_on) for each in segments_of(employment, period)]


def create(company: Any, segment: int) -> AppraisalCreated:
    command = CreateAppraisal(
        cycle_id=company.cycle, employment_id=company.employment, segment=segment
    )
    (created,) = company.world.do(command)
    assert isinstance(created, AppraisalCreated)
    return created


@pytest.fixture
def selling(company: Any) -> Any:
    """An open quarter, with a second job that the scheme appraises too."""
    company.define_job("key-account", "marketing")
    company.open()
    return company


def test_a_transfer_makes_a_second_segment(company: Any) -> None:
    company.define_job("key-account", "marketing")
    transfer(company, "key-account", FEB_10)
    assert spans(company) == [
        (date(2025, 1, 1), date(2025, 2, 9)),
        (FEB_10, date(2025, 3, 31)),
    ]


def test_other_changes_of_an_assignment_do_not(company: Any) -> None:
    transfer(company, "seller", FEB_10, fte="0.5", cost_centre="CC-2")
    assert spans(company) == [(date(2025, 1, 1), date(2025, 3, 31))]


def test_segments_end_with_the_employment(company: Any) -> None:
    leaving = TerminateEmployment(last_day=FEB_10, leaver="good-leaver", reason="x")
    company.world.do(leaving, on=company.employment)
    assert spans(company) == [(date(2025, 1, 1), FEB_10)]
    assert spans(company, quarter(2025, 2)) == []
    assert spans(company, quarter(2023, 4)) == []


def test_every_segment_has_its_appraisal(selling: Any) -> None:
    transfer(selling, "key-account", FEB_10)
    first, second = create(selling, 1), create(selling, 2)
    assert (first.starts_on, first.ends_on) == (date(2025, 1, 1), date(2025, 2, 9))
    assert (second.starts_on, second.ends_on) == (FEB_10, date(2025, 3, 31))
    assert second.job_id == ids.job_id("key-account")
    for segment, code in (
        (2, "already-exists"),
        (3, "no-such-segment"),
        (5, "segment-out-of-order"),
    ):
        command = CreateAppraisal(
            cycle_id=selling.cycle, employment_id=selling.employment, segment=segment
        )
        selling.world.refuses(code, command)


@pytest.mark.parametrize("segment", [0, -1, 101])
def test_segments_are_counted(selling: Any, segment: int) -> None:
    command = CreateAppraisal(
        cycle_id=selling.cycle, employment_id=selling.employment, segment=segment
    )
    selling.world.refuses("bad-segment", command)


def test_a_transfer_known_late_leaves_the_first_appraisal_the_days_before(selling: Any) -> None:
    appraisal = selling.create_appraisal()
    transfer(selling, "key-account", FEB_10)
    state = selling.world.states[appraisal]
    days = days_of(state, selling.world.states[selling.employment])
    assert days is not None
    assert (days.span.starts_on, days.span.ends_on) == (date(2025, 1, 1), date(2025, 2, 9))
    assert days.source == selling.world.states[selling.employment].assignments[-1].event_id
    assert (create(selling, 2).starts_on, selling.world.states[appraisal].segment) == (FEB_10, 1)


def test_an_earlier_transfer_known_last_gets_the_next_number(selling: Any) -> None:
    transfer(selling, "key-account", FEB_20)
    create(selling, 1)
    create(selling, 2)
    selling.define_job("trainer", "marketing")
    transfer(selling, "trainer", FEB_10)
    third = create(selling, 3)
    assert (third.starts_on, third.ends_on) == (FEB_10, date(2025, 2, 19))
    assert third.job_id == ids.job_id("trainer")


def test_what_occurs_counts_for_the_segment_of_its_day(selling: Any) -> None:
    transfer(selling, "key-account", FEB_10)
    first, second = (
        ids.appraisal_id(selling.cycle, selling.employment, segment) for segment in (1, 2)
    )
    create(selling, 1)
    record = RecordActual(
        cycle_id=selling.cycle,
        employment_id=selling.employment,
        indicator="contract",
        value=Decimal(600000),
        occurred_on=FEB_10,
    )
    # Its segment has no appraisal, and the other one is not about that day.
    selling.world.refuses("unknown-appraisal", record)
    create(selling, 2)
    for day, value in ((date(2025, 2, 9), 500000), (FEB_10, 600000)):
        selling.world.do(msgspec.structs.replace(record, value=Decimal(value), occurred_on=day))
    for appraisal in (first, second):
        selling.agree_goals(appraisal, contract="1000000", collection="1", output="1")
    for day in (date(2025, 1, 2), date(2025, 3, 31)):
        for indicator in ("collection", "output"):
            selling.world.do(
                msgspec.structs.replace(
                    record, indicator=indicator, value=Decimal(1), occurred_on=day
                )
            )
    selling.advance("rating")
    for appraisal, points in ((first, "50"), (second, "60")):
        selling.score(appraisal)
        stated = selling.world.states[appraisal].initial_score.points
        assert {each.indicator: each.points for each in stated}["contract"] == points


def test_data_from_outside_of_the_employment_count_for_the_segment_beside(company: Any) -> None:
    joiner = company.hire("joiner", hired_on=FEB_10, manager_id=company.manager)
    company.open()
    company.world.do(CreateAppraisal(cycle_id=company.cycle, employment_id=joiner))
    company.world.do(
        RecordActual(
            cycle_id=company.cycle,
            employment_id=joiner,
            indicator="contract",
            value=Decimal(1),
            occurred_on=date(2025, 1, 31),
        )
    )


def test_a_rehire_is_a_second_employment(company: Any) -> None:
    leaving = TerminateEmployment(last_day=date(2025, 2, 28), leaver="good-leaver", reason="x")
    rehire = RehireEmployee(
        number="seller-2",
        person_id=company.seller,
        hired_on=date(2025, 3, 17),
        assignment=company.assignment(manager_id=company.manager),
        previous_employment_id=company.employment,
    )
    company.world.refuses("still-employed", rehire)
    company.world.do(leaving, on=company.employment)
    company.world.refuses(
        "still-employed", msgspec.structs.replace(rehire, hired_on=date(2025, 2, 28))
    )
    company.world.refuses(
        "not-the-same-person", msgspec.structs.replace(rehire, person_id=company.head)
    )
    company.world.refuses(
        "unknown-employment",
        msgspec.structs.replace(rehire, previous_employment_id=ids.employment_id("none")),
    )
    company.world.do(rehire)
    again = company.world.states[ids.employment_id("seller-2")]
    assert again.previous_employment_id == company.employment
    assert company.world.states[company.seller].employments == (
        company.employment,
        ids.employment_id("seller-2"),
    )
    company.world.refuses("already-exists", rehire)


JOBS = ("seller", "job-1", "job-2")
CHANGES = st.lists(
    st.tuples(st.integers(-20, 380), st.sampled_from(JOBS)),
    max_size=8,
    unique_by=lambda row: row[0],
)
PERIODS = st.tuples(
    st.sampled_from([2023, 2024, 2025]), st.integers(1, 12), st.sampled_from([1, 3, 6, 12])
).map(lambda drawn: months(*drawn))


@settings(max_examples=100)
@given(changes=CHANGES, period=PERIODS, worked=st.one_of(st.none(), st.integers(0, 400)))
def test_segments_cover_every_employed_day_once(
    found_company: Any, changes: list[tuple[int, str]], period: Span, worked: int | None
) -> None:
    """Whatever the order of changes, in leap years and in months of any length."""
    company = found_company()
    for job in JOBS[1:]:
        company.define_job(job, "marketing")
    hired_on = date(2024, 1, 1)
    for after, job in changes:
        try:
            transfer(company, job, hired_on + after * DAY)
        except Refused as refused:
            assert refused.code in {"before-hire", "assignment-date-taken"}  # noqa: PT017  both lead on
    if worked is not None:
        leaving = TerminateEmployment(
            last_day=hired_on + worked * DAY, leaver="good-leaver", reason="x"
        )
        company.world.do(leaving, on=company.employment)
    employment = company.world.states[company.employment]
    found = segments_of(employment, period)
    days = [day for segment in found for day in segment.span.each_day()]
    assert days == sorted(set(days))
    employed = employment.days_within(period.starts_on, period.ends_on)
    assert days == ([] if employed is None else list(Span(*employed).each_day()))
    for one, next_one in pairwise(found):
        assert (one.org_unit_id, one.job_id) != (next_one.org_unit_id, next_one.job_id)
    assert uncovered(employment, period, ()) == found


@settings(max_examples=60)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 89), st.sampled_from(JOBS), st.booleans()),
        max_size=8,
        unique_by=lambda row: row[0],
    )
)
def test_appraisals_never_share_a_day(
    found_company: Any, changes: list[tuple[int, str, bool]]
) -> None:
    """In whatever order transfers and appraisals come: no day is appraised, or paid, twice."""
    company = found_company()
    for job in JOBS[1:]:
        company.define_job(job, "marketing")
    company.open()
    number = 1
    for after, job, appraise in [*changes, *((0, "", True) for _ in range(10))]:
        try:
            if appraise:
                create(company, number)
                number += 1
            if job:
                transfer(company, job, date(2025, 1, 1) + after * DAY)
        except Refused as refused:
            assert refused.code == "no-such-segment"  # noqa: PT017  the others are found below
    employment = company.world.states[company.employment]
    appraisals = [
        company.world.states[ids.appraisal_id(company.cycle, company.employment, each)]
        for each in range(1, number)
    ]
    about = [days_of(each, employment) for each in appraisals]
    days = [day for each in about if each for day in each.span.each_day()]
    assert len(days) == len(set(days))
    assert not uncovered(employment, Q1, appraisals)
