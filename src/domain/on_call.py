"""Who is on call: a rota of shifts that is set as a whole for a span of time. R110"""

from datetime import datetime
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_name
from domain.kernel import Command, Context, Decider, Event, Happened, Refused

SHIFTS_MAX = 1000


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """From `starts_at` until just before `ends_at`."""

    starts_at: datetime
    ends_at: datetime
    who: str
    """Name of the person or the team, as the telephone list has it."""
    contact: str
    person_id: UUID | None = None


class SetOnCallRota(Command, frozen=True, kw_only=True):
    """Set the shifts of a span of time; later rotas replace earlier ones where they overlap."""

    shifts: tuple[Shift, ...]


class OnCallRotaSet(Event, frozen=True, kw_only=True):
    """值班表"""

    TOPIC = "on-call-rota.set"
    shifts: tuple[Shift, ...]


class OnCallRota(msgspec.Struct, frozen=True, kw_only=True):
    """All shifts, the latest set first."""

    shifts: tuple[Shift, ...] = ()

    def at(self, moment: datetime) -> Shift | None:
        """Who is on call at a moment; None is a hole in the rota."""
        return next((each for each in self.shifts if each.starts_at <= moment < each.ends_at), None)


def _decide(_: OnCallRota, command: SetOnCallRota, _context: Context) -> tuple[Event, ...]:
    if not 0 < len(command.shifts) <= SHIFTS_MAX:
        raise Refused("bad-rota", f"A rota has 1 to {SHIFTS_MAX} shifts.")
    if any(each.starts_at.tzinfo is None or each.ends_at.tzinfo is None for each in command.shifts):
        raise Refused("bad-rota", "The times of shifts have a zone.")
    ordered = sorted(command.shifts, key=lambda shift: shift.starts_at)
    for index, shift in enumerate(ordered):
        checked_name(shift.who, "who")
        checked_name(shift.contact, "contact")
        if shift.ends_at <= shift.starts_at:
            raise Refused("bad-rota", "A shift ends after it starts.")
        if index and shift.starts_at != ordered[index - 1].ends_at:
            raise Refused("bad-rota", "Shifts follow each other without hole and overlap.")
    return (OnCallRotaSet(shifts=tuple(ordered)),)


def _evolve(state: OnCallRota, happened: Happened[OnCallRotaSet]) -> OnCallRota:
    event = happened.event
    match event:
        case OnCallRotaSet():
            return OnCallRota(shifts=(*event.shifts, *state.shifts)[: 4 * SHIFTS_MAX])
        case _:
            assert_never(event)


ON_CALL_ROTA: Decider[OnCallRota] = Decider(
    kind="on-call-rota", initial=OnCallRota(), decide=_decide, evolve=_evolve
)
