"""Days and months: both ends count, leap years are leap years, no day counts twice."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import (
    Span,
    check_segments,
    days_covered,
    days_inclusive,
    month,
    months,
    months_of,
    proration,
    quarter,
    segments,
    working_days,
)
from domain.kernel import Refused

DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))
YEAR_2025 = Span(date(2025, 1, 1), date(2025, 12, 31))
IN_2025 = st.dates(YEAR_2025.starts_on, YEAR_2025.ends_on)
SPANS = st.tuples(IN_2025, IN_2025).map(lambda ends: Span(min(ends), max(ends)))


@pytest.mark.parametrize(
    ("year", "february"),
    [
        (1900, 28),
        (1996, 29),
        (2000, 29),
        (2023, 28),
        (2024, 29),
        (2025, 28),
        (2028, 29),
        (2100, 28),
        (2400, 29),
    ],
)
def test_month_lengths(year: int, february: int) -> None:
    lengths = [month(year, number).days for number in range(1, 13)]
    assert lengths == [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    quarters = [quarter(year, number).days for number in range(1, 5)]
    assert quarters == [62 + february, 91, 92, 92]
    assert sum(quarters) == 337 + february
    assert months(year, 1, 12).days == sum(lengths)


def test_both_ends_count() -> None:
    assert days_inclusive(date(2024, 2, 29), date(2024, 2, 29)) == 1
    assert days_inclusive(date(2025, 2, 11), date(2025, 3, 31)) == 49
    with pytest.raises(Refused, match="bad-date"):
        Span(date(2025, 1, 2), date(2025, 1, 1))


@given(DAYS, DAYS)
def test_days_are_counted_one_by_one(one: date, other: date) -> None:
    span = Span(min(one, other), max(one, other))
    assert span.days == span.ends_on.toordinal() - span.starts_on.toordinal() + 1
    assert span.ends_on in span
    assert span.ends_on + timedelta(days=1) not in span


@pytest.mark.parametrize("count", [1, 2, 3, 6, 12, 25])
@pytest.mark.parametrize("first", range(1, 13))
def test_whole_months(first: int, count: int) -> None:
    span = months(2023, first, count)
    assert months_of(span) == count
    assert months_of(Span(span.starts_on, span.ends_on + timedelta(days=1))) is None
    assert months_of(Span(span.starts_on + timedelta(days=1), span.ends_on)) is None


def test_parts_of_months_are_no_months() -> None:
    assert months_of(Span(date(2024, 2, 1), date(2024, 2, 28))) is None
    assert months_of(Span(date(2023, 2, 1), date(2023, 2, 28))) == 1


@given(st.lists(SPANS, max_size=6), st.lists(SPANS, max_size=6), SPANS)
def test_no_day_counts_twice(spans: list[Span], absences: list[Span], within: Span) -> None:
    present = {
        day
        for day in within.each_day()
        if any(day in span for span in spans) and not any(day in span for span in absences)
    }
    assert days_covered(spans, within, absences=absences) == len(present)
    assert days_covered(spans[::-1] * 2, within, absences=absences[::-1] * 2) == len(present)


@given(SPANS, st.lists(IN_2025, max_size=8))
def test_segments_cover_the_span_without_overlap(span: Span, changes: list[date]) -> None:
    parts = segments(span, changes)
    assert sum(part.days for part in parts) == span.days
    assert (parts[0].starts_on, parts[-1].ends_on) == (span.starts_on, span.ends_on)
    for earlier, later in pairwise(parts):
        assert earlier.ends_on + timedelta(days=1) == later.starts_on
        assert later.starts_on in changes
    check_segments(span, parts[::-1])


def test_segments_that_overlap_or_leave_the_cycle() -> None:
    cycle = quarter(2025, 2)
    first, second = segments(cycle, [date(2025, 5, 16)])
    with pytest.raises(Refused, match="segments-overlap"):
        check_segments(cycle, [second, Span(first.starts_on, second.starts_on)])
    with pytest.raises(Refused, match="outside-cycle"):
        check_segments(cycle, [Span(date(2025, 3, 31), date(2025, 4, 30))])
    with pytest.raises(Refused, match="outside-cycle"):
        check_segments(cycle, [quarter(2025, 3)])


def test_prorations_are_exact_parts_of_the_cycle() -> None:
    assert proration(44, 90) == Fraction(22, 45)
    assert proration(91, quarter(2024, 1).days) == 1
    assert sum((proration(days, 91) for days in (45, 46)), Fraction(0)) == 1
    for days, of in ((-1, 90), (91, 90), (0, 0)):
        with pytest.raises(Refused, match="bad-proration"):
            proration(days, of)


def test_working_days() -> None:
    # The week of May Day 2025 in China: 1 to 5 May off, the Sunday before worked instead.
    span = Span(date(2025, 4, 27), date(2025, 5, 11))
    off = frozenset(Span(date(2025, 5, 1), date(2025, 5, 5)).each_day())
    made_up = frozenset({date(2025, 4, 27)})
    assert working_days(span) == 10
    assert working_days(span, holidays=off) == 7
    assert working_days(span, holidays=off, made_up=made_up) == 8
