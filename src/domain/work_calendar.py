"""Work calendars: which days of a year are not worked, and which days of weekends are.

Windows in working days, as of appeals, are reckoned by them. A window that was told to somebody is
kept in its own event: a calendar that changes later moves none.
"""

from datetime import date, timedelta
from typing import assert_never

import msgspec

from domain.calendar import after_working_days
from domain.cycle import Cycle
from domain.ids import work_calendar_id
from domain.kernel import Command, Context, Decider, Event, Happened, Refused

DAYS_MAX = 366
YEAR_MIN, YEAR_MAX = 1970, 2999


class SetWorkCalendar(Command, frozen=True, kw_only=True):
    """Say which days of a year are holidays, and which weekend days are worked for them.

    The last one of a year counts.
    """

    year: int
    holidays: tuple[date, ...]
    """Days that are not worked though they are no weekend. 节假日"""
    made_up: tuple[date, ...] = ()
    """Days of a weekend that are worked. 调休"""


class WorkCalendarSet(Event, frozen=True, kw_only=True):
    """工作日历"""

    TOPIC = "work-calendar.set"
    year: int
    holidays: tuple[date, ...]
    made_up: tuple[date, ...] = ()


class WorkCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """A year's calendar as it is now."""

    holidays: frozenset[date] = frozenset()
    made_up: frozenset[date] = frozenset()


def _decide(
    state: WorkCalendar, command: SetWorkCalendar, _context: Context
) -> tuple[WorkCalendarSet, ...]:
    if not YEAR_MIN <= command.year <= YEAR_MAX:
        raise Refused("bad-date", f"Years are from {YEAR_MIN} to {YEAR_MAX}.")
    named = (*command.holidays, *command.made_up)
    if len(named) > DAYS_MAX or any(day.year != command.year for day in named):
        raise Refused("bad-date", f"The days of the calendar of {command.year} are in that year.")
    if len(set(named)) < len(named):
        raise Refused("bad-date", "A day is a holiday or a made-up day, and is named once.")
    wanted = WorkCalendar(holidays=frozenset(command.holidays), made_up=frozenset(command.made_up))
    if state == wanted:
        raise Refused("calendar-unchanged", f"The calendar of {command.year} says so already.")
    return (
        WorkCalendarSet(
            year=command.year,
            holidays=tuple(sorted(command.holidays)),
            made_up=tuple(sorted(command.made_up)),
        ),
    )


def _evolve(_state: WorkCalendar, happened: Happened[WorkCalendarSet]) -> WorkCalendar:
    event = happened.event
    match event:
        case WorkCalendarSet():
            return WorkCalendar(
                holidays=frozenset(event.holidays), made_up=frozenset(event.made_up)
            )
        case _:
            assert_never(event)


WORK_CALENDAR: Decider[WorkCalendar] = Decider(
    kind="work-calendar", initial=WorkCalendar(), decide=_decide, evolve=_evolve
)


def window(day: date, count: int, cycle: Cycle, context: Context) -> date:
    """The last day of `count` working days after `day`, by the calendars and the cycle's own days.

    Args:
        day: before the first day of the window.
        count: working days.
        cycle: whose holidays count as well.
        context: what looks.
    """
    # No window is so long that it does not end within these; a later year has no holidays yet.
    years = range(day.year, (day + timedelta(days=366)).year + 1)
    calendars = context.look.all(WORK_CALENDAR, [work_calendar_id(year) for year in years])
    made_up = frozenset[date]().union(cycle.made_up, *(each.made_up for each in calendars))
    holidays = frozenset[date]().union(cycle.holidays, *(each.holidays for each in calendars))
    return after_working_days(day, count, holidays=holidays - made_up, made_up=made_up)
