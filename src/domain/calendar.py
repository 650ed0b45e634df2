"""Days and months: every span includes both of its ends, and no month is assumed to have 30."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import msgspec

from domain.kernel import Refused

_DAY = timedelta(days=1)
_SATURDAY = 5
MONTHS_PER_QUARTER = 3

ProrationBasis = Literal["calendar-days", "working-days"]
"""What a part of a cycle is counted in. 折算口径"""


class Span(msgspec.Struct, frozen=True, gc=False):
    """Days from `starts_on` to `ends_on`, both included.

    >>> Span(date(2024, 1, 1), date(2024, 3, 31)).days
    91
    """

    starts_on: date
    ends_on: date

    def __post_init__(self) -> None:
        if self.ends_on < self.starts_on:
            raise Refused("bad-date", f"{self.ends_on} is before {self.starts_on}.")

    @property
    def days(self) -> int:
        """How many days; at least 1."""
        return (self.ends_on - self.starts_on).days + 1

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on

    def within(self, other: "Span") -> "Span | None":
        """The days that are in both, or None."""
        first, last = max(self.starts_on, other.starts_on), min(self.ends_on, other.ends_on)
        return Span(first, last) if first <= last else None

    def each_day(self) -> Iterable[date]:
        """Its days, in order."""
        return (self.starts_on + _DAY * index for index in range(self.days))


def days_inclusive(starts_on: date, ends_on: date) -> int:
    """How many days, both ends included."""
    return Span(starts_on, ends_on).days


def month(year: int, number: int) -> Span:
    """A calendar month, 1 to 12."""
    return Span(date(year, number, 1), date(year, number, monthrange(year, number)[1]))


def months(year: int, first: int, count: int) -> Span:
    """`count` calendar months from month `first` of `year` on."""
    last_year, last = divmod(year * 12 + first - 1 + count - 1, 12)
    return Span(date(year, first, 1), month(last_year, last + 1).ends_on)


def quarter(year: int, number: int) -> Span:
    """A calendar quarter, 1 to 4.

    >>> [quarter(2025, number).days for number in (1, 2, 3, 4)]
    [90, 91, 92, 92]
    """
    return months(year, (number - 1) * MONTHS_PER_QUARTER + 1, MONTHS_PER_QUARTER)


def months_of(span: Span) -> int | None:
    """How many calendar months a span covers, or None unless it covers them wholly."""
    first, last = span.starts_on, span.ends_on
    whole = first.day == 1 and last == month(last.year, last.month).ends_on
    return (last.year - first.year) * 12 + last.month - first.month + 1 if whole else None


def days_covered(spans: Iterable[Span], within: Span, *, absences: Iterable[Span] = ()) -> int:
    """Days of `within` that are in any of `spans` and in none of `absences`, each counted once.

    Spans may overlap and come in any order: no day is ever added, or taken away, twice.
    """
    present = _days(spans, within) - _days(absences, within)
    return len(present)


def _days(spans: Iterable[Span], within: Span) -> set[date]:
    inside = (span.within(within) for span in spans)
    return {day for span in inside if span is not None for day in span.each_day()}


def proration(days: int, of: int) -> Fraction:
    """`days` of a cycle of `of` days, exactly.

    Raises:
        Refused: `bad-proration`, unless 0 <= days <= of and of > 0.

    >>> proration(44, 90)
    Fraction(22, 45)
    """
    if not 0 <= days <= of or not of:
        raise Refused("bad-proration", f"{days} days of {of} are not a part of a cycle.")
    return Fraction(days, of)


def working_days(
    span: Span, *, holidays: frozenset[date] = frozenset(), made_up: frozenset[date] = frozenset()
) -> int:
    """Days of `span` that are worked: no weekends, no `holidays`, but `made_up` days (调休)."""
    return sum(
        day in made_up or (day.weekday() < _SATURDAY and day not in holidays)
        for day in span.each_day()
    )


def after_working_days(
    day: date,
    count: int,
    *,
    holidays: frozenset[date] = frozenset(),
    made_up: frozenset[date] = frozenset(),
) -> date:
    """The last day of a window of `count` working days, the first of them after `day`.

    >>> after_working_days(date(2025, 4, 18), 10)
    datetime.date(2025, 5, 2)
    """
    left = count
    while left > 0:
        day += _DAY
        left -= working_days(Span(day, day), holidays=holidays, made_up=made_up)
    return day


def segments(span: Span, changes: Iterable[date]) -> tuple[Span, ...]:
    """`span` cut so that a new segment begins on each of `changes`; days outside cut nothing.

    >>> [part.days for part in segments(quarter(2025, 2), [date(2025, 5, 16)])]
    [45, 46]
    """
    begins = sorted({span.starts_on, *(day for day in changes if day in span)})
    ends = [day - _DAY for day in begins[1:]]
    return tuple(
        Span(first, last) for first, last in zip(begins, [*ends, span.ends_on], strict=True)
    )


def check_segments(cycle: Span, parts: Sequence[Span]) -> None:
    """Segments of one employment lie inside the cycle and do not overlap.

    Raises:
        Refused: `outside-cycle`, `segments-overlap`.
    """
    for part in parts:
        if part.within(cycle) != part:
            raise Refused("outside-cycle", f"{part.starts_on} to {part.ends_on} is not inside.")
    ordered = sorted(parts, key=lambda part: part.starts_on)
    for earlier, later in pairwise(ordered):
        if earlier.ends_on >= later.starts_on:
            raise Refused("segments-overlap", f"{later.starts_on} is in two segments.")
