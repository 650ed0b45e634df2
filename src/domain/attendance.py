"""Attendance: when somebody came and went, a sheet for each employment and month.

It is what people and departments look at for duty indicators. Pay follows from leave alone, which
somebody records and answers for: a forgotten card takes nobody's money.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_code, checked_reason, known
from domain.employment import EMPLOYMENT
from domain.fence import Whereabouts, require_told_freely
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused

Direction = Literal["in", "out"]
RECORDS_MAX = 2_000
"""Of an employment in a month."""


class RecordAttendance(Command, frozen=True, kw_only=True):
    """Somebody came, or went."""

    employment_id: UUID
    on: date
    """The working day that it belongs to, which a night shift ends on the next one."""
    at: datetime | None = None
    """With its offset from UTC; None is now."""
    direction: Direction
    device: str
    """The terminal or application that says so."""
    place: Whereabouts | None = None
    """As the phone reckons it, where there is a fence and the person consents; never needed."""


class AttendanceRecorded(Event, frozen=True, kw_only=True):
    """打卡"""

    TOPIC = "attendance-sheet.recorded"
    employment_id: UUID
    on: date
    at: datetime
    direction: Direction
    device: str
    place: Whereabouts | None = None


class WithdrawAttendance(Command, frozen=True, kw_only=True):
    """A record was wrong: it does not count any more."""

    record: UUID
    """The event that recorded it."""
    reason: str


class AttendanceWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "attendance-sheet.withdrawn"
    SUBJECT = "person_id"
    person_id: UUID
    record: UUID
    reason: Personal[str | None] = None


class Clocked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record, with the event that says so."""

    on: date
    at: datetime
    direction: Direction
    device: str
    record: UUID
    place: Whereabouts | None = None


class AttendanceSheet(msgspec.Struct, frozen=True, kw_only=True):
    """All records of an employment in a month that count, in the order in which they came."""

    employment_id: UUID | None = None
    records: tuple[Clocked, ...] = ()


class AttendedDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day with its first coming and its last going."""

    on: date
    came_at: datetime | None
    went_at: datetime | None
    minutes: int | None
    """From coming to going; None where either is missing."""


def attended(records: Sequence[Clocked]) -> tuple[AttendedDay, ...]:
    """The days of these records, ascending."""
    days: Mapping[date, list[Clocked]] = {each.on: [] for each in records}
    for each in records:
        days[each.on].append(each)
    return tuple(_day(on, days[on]) for on in sorted(days))


def _day(on: date, records: Sequence[Clocked]) -> AttendedDay:
    came = min((each.at for each in records if each.direction == "in"), default=None)
    went = max((each.at for each in records if each.direction == "out"), default=None)
    minutes = None
    if came is not None and went is not None and came <= went:
        minutes = (went - came).days * 24 * 60 + (went - came).seconds // 60
    return AttendedDay(on=on, came_at=came, went_at=went, minutes=minutes)


AttendanceCommand = RecordAttendance | WithdrawAttendance
AttendanceEvent = AttendanceRecorded | AttendanceWithdrawn


def _decide(
    state: AttendanceSheet, command: AttendanceCommand, context: Context
) -> tuple[Event, ...]:
    match command:
        case RecordAttendance():
            return (_record(state, command, context),)
        case WithdrawAttendance():
            return (_withdraw(state, command, context),)
        case _:
            assert_never(command)


def _record(
    sheet: AttendanceSheet, command: RecordAttendance, context: Context
) -> AttendanceRecorded:
    employment = known(
        context.look(EMPLOYMENT, command.employment_id), "unknown-employment", "such employment"
    )
    if employment.days_within(command.on, command.on) is None:
        raise Refused("not-employed-then", f"The person was not employed on {command.on}.")
    if command.place is not None:
        require_told_freely(command.employment_id, command.on, context)
    at = checked_moment(sheet, command.on, command.at or context.now, command.direction)
    return AttendanceRecorded(
        employment_id=command.employment_id,
        on=command.on,
        at=at,
        direction=command.direction,
        device=checked_code(command.device, "device"),
        place=command.place,
    )


def checked_moment(
    sheet: AttendanceSheet, on: date, at: datetime, direction: Direction
) -> datetime:
    """`at` in UTC, if it can be a coming or going of the working day `on`.

    Raises:
        Refused: `bad-date`, `too-many-records`, `already-exists`.
    """
    if at.tzinfo is None or abs((at.astimezone(UTC).date() - on).days) > 1:
        raise Refused("bad-date", "A time has its offset from UTC, and is of that working day.")
    if len(sheet.records) >= RECORDS_MAX:
        raise Refused("too-many-records", f"At most {RECORDS_MAX} records a month.")
    if any((each.at, each.direction) == (at, direction) for each in sheet.records):
        raise Refused("already-exists", "There is a record of that moment already.")
    return at.astimezone(UTC)


def _withdraw(
    sheet: AttendanceSheet, command: WithdrawAttendance, context: Context
) -> AttendanceWithdrawn:
    if all(each.record != command.record for each in sheet.records):
        raise Refused("unknown-attendance", "There is no such record that counts.")
    employment = known(
        context.look(EMPLOYMENT, known(sheet.employment_id, "unknown-employment", "employment")),
        "unknown-employment",
        "such employment",
    )
    if context.actor == employment.person_id:
        raise Refused("own-attendance", "Nobody withdraws their own attendance.")
    return AttendanceWithdrawn(
        person_id=employment.person_id,
        record=command.record,
        reason=checked_reason(command.reason),
    )


def _evolve(state: AttendanceSheet, happened: Happened[AttendanceEvent]) -> AttendanceSheet:
    event = happened.event
    match event:
        case AttendanceRecorded():
            clocked = Clocked(
                on=event.on,
                at=event.at,
                direction=event.direction,
                device=event.device,
                record=happened.event_id,
                place=event.place,
            )
            return AttendanceSheet(
                employment_id=event.employment_id, records=(*state.records, clocked)
            )
        case AttendanceWithdrawn():
            kept = tuple(each for each in state.records if each.record != event.record)
            return msgspec.structs.replace(state, records=kept)
        case _:
            assert_never(event)


ATTENDANCE_SHEET: Decider[AttendanceSheet] = Decider(
    kind="attendance-sheet", initial=AttendanceSheet(), decide=_decide, evolve=_evolve
)
