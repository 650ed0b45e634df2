"""How much room there is: measured once a day, and told in the month's report. R131"""

import itertools
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.kernel import Command, Context, Decider, Event, Happened, Refused

FULL_PERCENT = 70
"""A disk is to be enlarged before it is fuller than this."""
MONTH_DAYS = 30
_P90 = 90

Filling = Literal["no-data", "not-in-sight", "in-sight", "reached"]


class RecordCapacity(Command, frozen=True, kw_only=True):
    """What was measured when a day was over; each day is told once."""

    day: date
    """Where the customer is."""
    database_bytes: int
    """Of the whole installation."""
    disk_bytes: int | None = None
    """Of the disk below the data folder; None where there is none to look at."""
    disk_free_bytes: int | None = None
    connections: int
    """To the database."""
    connections_max: int
    processor_p95: int | None = None
    """In thousandths: in 95 of 100 spans of ten minutes it was no busier."""


class CapacityMeasured(Event, frozen=True, kw_only=True):
    """容量"""

    TOPIC = "capacity.measured"
    day: date
    database_bytes: int
    disk_bytes: int | None = None
    disk_free_bytes: int | None = None
    connections: int
    connections_max: int
    processor_p95: int | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """How far it was told."""

    last_day: date | None = None
    last_event: UUID | None = None


def _decide(state: Measured, command: RecordCapacity, context: Context) -> tuple[Event, ...]:
    if command.day > context.today:
        raise Refused("bad-date", "A day is told when it is over.")
    figures = (
        command.database_bytes,
        command.disk_bytes,
        command.disk_free_bytes,
        command.connections,
        command.connections_max,
        command.processor_p95,
    )
    if any(figure is not None and figure < 0 for figure in figures):
        raise Refused("bad-number", "Bytes, connections and shares are not negative.")
    if state.last_day is not None and command.day <= state.last_day:
        return ()
    return (
        CapacityMeasured(
            day=command.day,
            database_bytes=command.database_bytes,
            disk_bytes=command.disk_bytes,
            disk_free_bytes=command.disk_free_bytes,
            connections=command.connections,
            connections_max=command.connections_max,
            processor_p95=command.processor_p95,
        ),
    )


def _evolve(_: Measured, happened: Happened[CapacityMeasured]) -> Measured:
    event = happened.event
    match event:
        case CapacityMeasured():
            return Measured(last_day=event.day, last_event=happened.event_id)
        case _:
            assert_never(event)


CAPACITY: Decider[Measured] = Decider(
    kind="capacity", initial=Measured(), decide=_decide, evolve=_evolve
)


# -- in the month's report


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """A month's capacity; None is what was not measured."""

    days: int
    """Of the month."""
    measured: int
    """Of them with a measurement."""
    events_mean: Decimal
    """Events a day, rounded down to one place."""
    events_most: int
    database_bytes: int | None
    """At the last measurement."""
    database_grown_bytes: int | None
    """Since the first one of the month."""
    disk_used_most: int | None
    """In thousandths."""
    filling: Filling
    """Whether 70 % of the disk are in sight, as it grew from the first to the last measurement."""
    months_left: Decimal | None
    """Until then; months of 30 days, rounded down to one place."""
    months_left_p90: Decimal | None
    """The same as it grew on a day of which 90 of 100 grew less."""
    connections_most: int | None
    connections_max: int | None
    processor_p95_most: int | None
    """In thousandths."""
    database_by_day: tuple[tuple[str, int], ...]


def capacity_of(measured: Sequence[CapacityMeasured], events: Sequence[int]) -> Capacity:
    """The capacity of a month.

    Args:
        measured: its measurements, in any order; of a day that was told twice the last counts.
        events: how many were written on each day of it.
    """
    ordered = sorted({each.day: each for each in measured}.values(), key=lambda each: each.day)
    last = ordered[-1] if ordered else None
    used = [
        (each.day.toordinal(), each.disk_bytes - each.disk_free_bytes, each.disk_bytes)
        for each in ordered
        if each.disk_bytes and each.disk_free_bytes is not None
    ]
    filling, left, left_p90 = _filling(used)
    return Capacity(
        days=len(events),
        measured=len(ordered),
        events_mean=_tenths(sum(events), max(1, len(events))),
        events_most=max(events, default=0),
        database_bytes=None if last is None else last.database_bytes,
        database_grown_bytes=(
            None if last is None else last.database_bytes - ordered[0].database_bytes
        ),
        disk_used_most=max((1000 * taken // size for _, taken, size in used), default=None),
        filling=filling,
        months_left=left,
        months_left_p90=left_p90,
        connections_most=max((each.connections for each in ordered), default=None),
        connections_max=None if last is None else last.connections_max,
        processor_p95_most=max(
            (each.processor_p95 for each in ordered if each.processor_p95 is not None),
            default=None,
        ),
        database_by_day=tuple((each.day.isoformat(), each.database_bytes) for each in ordered),
    )


def _filling(
    used: Sequence[tuple[int, int, int]],
) -> tuple[Filling, Decimal | None, Decimal | None]:
    """From (day, bytes used, bytes in all), ascending."""
    if not used:
        return "no-data", None, None
    first_day, first, _ = used[0]
    last_day, last, size = used[-1]
    room = size * FULL_PERCENT - last * 100
    """In hundredths of bytes."""
    if room <= 0:
        return "reached", Decimal(0), Decimal(0)
    if last_day == first_day:
        return "no-data", None, None
    days, grown = last_day - first_day, last - first
    # A day that was not measured counts with the one before it.
    pairs = itertools.pairwise(used)
    daily = sorted((after[1] - before[1]) // (after[0] - before[0]) for before, after in pairs)
    worst = daily[-(-len(daily) * _P90 // 100) - 1]
    left_p90 = _tenths(room, worst * 100 * MONTH_DAYS) if worst > 0 else None
    if grown <= 0:
        return "not-in-sight", None, left_p90
    return "in-sight", _tenths(room * days, grown * 100 * MONTH_DAYS), left_p90


def _tenths(numerator: int, denominator: int) -> Decimal:
    return Decimal(numerator * 10 // denominator).scaleb(-1)
