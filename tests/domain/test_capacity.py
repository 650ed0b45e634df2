"""Capacity: told once a day, and never better than it was measured."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.capacity import (
    CAPACITY,
    Capacity,
    CapacityMeasured,
    RecordCapacity,
    capacity_of,
)
from domain.health_report import Collecting, month_of

GIB = 1024**3
FIRST = date(2025, 2, 1)


def measured(day: int, **given: Any) -> CapacityMeasured:
    figures: dict[str, Any] = {
        "database_bytes": 10 * GIB + day * GIB,
        "disk_bytes": 100 * GIB,
        "disk_free_bytes": (80 - day) * GIB,
        "connections": 12,
        "connections_max": 100,
        "processor_p95": 250,
    }
    return CapacityMeasured(day=FIRST + timedelta(days=day), **(figures | given))


def command(event: CapacityMeasured, **given: Any) -> RecordCapacity:
    return RecordCapacity(**(msgspec.structs.asdict(event) | given))


def test_each_day_is_told_once(given: Callable[..., Any]) -> None:
    first, second = measured(0), measured(1)
    given(CAPACITY).when(command(first)).then(first)
    given(CAPACITY, first).when(command(first, connections=13)).then()
    given(CAPACITY, first).when(command(second)).then(second)
    given(CAPACITY, second).when(command(first)).then()
    given(CAPACITY).when(command(first, day=date(2999, 1, 1))).refused("bad-date")
    for name in ("database_bytes", "disk_free_bytes", "connections", "processor_p95"):
        given(CAPACITY).when(command(first, **{name: -1})).refused("bad-number")


def test_what_was_not_measured_is_no_figure() -> None:
    assert capacity_of([], [0] * 28) == Capacity(
        days=28,
        measured=0,
        events_mean=Decimal("0.0"),
        events_most=0,
        database_bytes=None,
        database_grown_bytes=None,
        disk_used_most=None,
        filling="no-data",
        months_left=None,
        months_left_p90=None,
        connections_most=None,
        connections_max=None,
        processor_p95_most=None,
        database_by_day=(),
    )
    blind = [measured(day, disk_bytes=None, disk_free_bytes=None) for day in (0, 9)]
    found = capacity_of(blind, [1, 2])
    assert (found.filling, found.disk_used_most, found.months_left) == ("no-data", None, None)
    assert found.database_grown_bytes == 9 * GIB
    assert capacity_of([measured(0, processor_p95=None)], [1]).processor_p95_most is None


def test_a_disk_that_fills_by_a_gibibyte_a_day() -> None:
    # 20 of 100 GiB are used on the first, 30 on the tenth day after it: 40 days to 70.
    days = [measured(day) for day in range(11)]
    found = capacity_of(days, [7, 8, 9])
    assert (found.filling, found.months_left, found.months_left_p90) == (
        "in-sight",
        Decimal("1.3"),
        Decimal("1.3"),
    )
    assert (found.disk_used_most, found.measured, found.events_mean, found.events_most) == (
        300,
        11,
        Decimal("8.0"),
        9,
    )


def test_a_bad_day_is_told_beside_the_line() -> None:
    # Nothing for nine days, then two days of five gibibytes each.
    free = [80] * 9 + [75, 70]
    days = [measured(day, disk_free_bytes=each * GIB) for day, each in enumerate(free)]
    found = capacity_of(days, [1])
    assert found.months_left == Decimal("1.3")  # 40 GiB at one a day
    assert found.months_left_p90 == Decimal("0.2")  # at five a day


def test_days_without_a_measurement_share_what_was_grown() -> None:
    found = capacity_of([measured(0), measured(10)], [1])
    assert found.months_left == found.months_left_p90 == Decimal("1.3")


@pytest.mark.parametrize(
    ("free", "filling", "left"),
    [
        ((50, 50), "not-in-sight", None),
        ((50, 60), "not-in-sight", None),
        ((50, 30), "reached", Decimal(0)),
        ((30,), "reached", Decimal(0)),
        ((50,), "no-data", None),
    ],
)
def test_when_a_disk_is_full_is_told_only_where_it_can_be(
    free: tuple[int, ...], filling: str, left: Decimal | None
) -> None:
    days = [measured(day, disk_free_bytes=each * GIB) for day, each in enumerate(free)]
    found = capacity_of(days, [1])
    assert (found.filling, found.months_left) == (filling, left)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    event: Any
    event_id: UUID = UUID(int=1)
    recorded_at: datetime
    actor: UUID = UUID(int=2)


def test_the_report_takes_the_days_of_its_month_however_late_they_were_told() -> None:
    collecting = Collecting("2025-02")
    _, ends = month_of("2025-02")
    days = [date(2025, 1, 31), date(2025, 2, 1), date(2025, 2, 28), date(2025, 3, 1)]
    for position, day in enumerate(days, start=1):
        event = msgspec.structs.replace(measured(0), day=day)
        at = max(datetime(day.year, day.month, day.day, tzinfo=UTC), ends)
        collecting.take(Told(event=event, recorded_at=at), UUID(int=3), position)
    found = collecting.report()
    assert [day for day, _ in found.capacity.database_by_day] == ["2025-02-01", "2025-02-28"]
    assert (found.capacity.days, found.events) == (28, 0)
