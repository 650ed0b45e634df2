"""What was promised for incidents, and whether it was kept: computed, never typed. R125-R129"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.calendar import after_working_days
from domain.incident import Incident

RESPOND = timedelta(minutes=15)
"""Every incident, every hour of every day."""
SOLVE_ORDINARY = timedelta(hours=2)
"""普通问题: solved."""
RESTORE_MAJOR = timedelta(hours=8)
"""重大故障: service restored; solving the cause may take longer."""

ClockName = Literal["respond", "solve", "restore"]
Verdict = Literal["running", "met", "missed"]


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """One promise about one incident."""

    name: ClockName
    starts_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    verdict: Verdict
    """`missed` as soon as it is too late, whether or not it was stopped since."""

    @property
    def seconds(self) -> int | None:
        """Whole seconds from start to stop, rounded down; None while it runs."""
        return None if self.stopped_at is None else _seconds(self.stopped_at - self.starts_at)


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Business days of who answers questions: the only promise that knows weekends."""

    zone: str = "Asia/Shanghai"
    holidays: frozenset[date] = frozenset()
    made_up: frozenset[date] = frozenset()


WORKING: Calendar = Calendar()


def clocks(incident: Incident, now: datetime, calendar: Calendar = WORKING) -> tuple[Clock, ...]:
    """The clocks of an incident as they stand at `now`.

    The gravest severity that it ever had decides which promise it is held to.
    """
    start = incident.began_at
    promised: list[tuple[ClockName, datetime, datetime | None]] = [
        ("respond", start + RESPOND, incident.acknowledged_at)
    ]
    match incident.worst:
        case "major":
            promised.append(("restore", start + RESTORE_MAJOR, incident.restored_at))
        case "ordinary":
            promised.append(("solve", start + SOLVE_ORDINARY, incident.resolved_at))
        case "question":
            promised.append(("solve", next_business_day(start, calendar), incident.resolved_at))
    return tuple(_clock(name, start, due, stopped, now) for name, due, stopped in promised)


def next_business_day(moment: datetime, calendar: Calendar) -> datetime:
    """The end of the first business day after the day of `moment`, where the business is."""
    zone = ZoneInfo(calendar.zone)
    day = after_working_days(
        moment.astimezone(zone).date(), 1, holidays=calendar.holidays, made_up=calendar.made_up
    )
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return midnight.astimezone(UTC)


def _clock(
    name: ClockName, start: datetime, due: datetime, stopped: datetime | None, now: datetime
) -> Clock:
    late = (stopped or now) > due
    verdict: Verdict = "missed" if late else "running" if stopped is None else "met"
    return Clock(name=name, starts_at=start, due_at=due, stopped_at=stopped, verdict=verdict)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """How often a promise was kept, of the clocks that have come to an end."""

    name: ClockName
    met: int
    missed: int
    running: int
    median_s: int | None
    slowest_s: int | None


def kept(found: Sequence[Clock]) -> tuple[Kept, ...]:
    """The account of many clocks, by promise."""
    accounts = []
    names: tuple[ClockName, ...] = ("respond", "restore", "solve")
    for name in names:
        mine = [clock for clock in found if clock.name == name]
        seconds = sorted(clock.seconds for clock in mine if clock.seconds is not None)
        accounts.append(
            Kept(
                name=name,
                met=sum(clock.verdict == "met" for clock in mine),
                missed=sum(clock.verdict == "missed" for clock in mine),
                running=sum(clock.verdict == "running" for clock in mine),
                median_s=seconds[(len(seconds) - 1) // 2] if seconds else None,
                slowest_s=seconds[-1] if seconds else None,
            )
        )
    return tuple(accounts)


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)
