"""Objectives of a cycle, from the company down to its departments; people's goals serve them."""

from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import absent, begun, checked_code, checked_name, checked_reason, known
from domain.cycle import CYCLE
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.org_units import ORG_UNIT

DEPTH_MAX = 8


class SetObjective(Command, frozen=True, kw_only=True):
    """Set an objective: the company's, or a department's that serves another one."""

    cycle_id: UUID
    code: str
    name: str
    org_unit_id: UUID | None = None
    """The department; None for the company as a whole."""
    serves: UUID | None = None
    """The objective above; a department's objective has one."""


class ObjectiveSet(Event, frozen=True, kw_only=True):
    TOPIC = "objective.set"
    cycle_id: UUID
    code: str
    name: str
    org_unit_id: UUID | None = None
    serves: UUID | None = None


class DropObjective(Command, frozen=True, kw_only=True):
    """Nobody has to serve it any more."""

    reason: str


class ObjectiveDropped(Event, frozen=True, kw_only=True):
    TOPIC = "objective.dropped"
    reason: str


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """A strategic goal. 战略目标"""

    cycle_id: UUID
    org_unit_id: UUID | None
    serves: UUID | None
    dropped: bool = False


ObjectiveCommand = SetObjective | DropObjective


def _decide(
    state: Objective | None, command: ObjectiveCommand, context: Context
) -> tuple[Event, ...]:
    match command:
        case SetObjective():
            return _set(state, command, context)
        case DropObjective():
            if known(state, "unknown-objective", "such objective").dropped:
                raise Refused("objective-dropped", "The objective has been dropped.")
            return (ObjectiveDropped(reason=checked_reason(command.reason)),)
        case _:
            assert_never(command)


def _set(state: Objective | None, command: SetObjective, context: Context) -> tuple[Event, ...]:
    absent(state, "an objective")
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    cycle.require("draft", "goal-setting", "data-intake")
    if command.org_unit_id is not None:
        known(context.look(ORG_UNIT, command.org_unit_id), "unknown-org-unit", "such unit")
    if (command.org_unit_id is None) is not (command.serves is None):
        raise Refused(
            "objective-unaligned",
            "The company's objectives serve nothing above, a department's objective serves one.",
        )
    if command.serves is not None:
        _check_above(command.serves, command.cycle_id, context)
    return (
        ObjectiveSet(
            cycle_id=command.cycle_id,
            code=checked_code(command.code),
            name=checked_name(command.name),
            org_unit_id=command.org_unit_id,
            serves=command.serves,
        ),
    )


def _check_above(above_id: UUID, cycle_id: UUID, context: Context) -> None:
    # An objective serves one that was there before it, so there is never a circle.
    above = known(context.look(OBJECTIVE, above_id), "unknown-objective", "such objective above")
    depth = 1
    if above.cycle_id != cycle_id:
        raise Refused("wrong-cycle", "The objective above belongs to another cycle.")
    if above.dropped:
        raise Refused("objective-dropped", "The objective above has been dropped.")
    while above.serves is not None:
        depth += 1
        above = begun(context.look(OBJECTIVE, above.serves))
    if depth >= DEPTH_MAX:
        raise Refused("objective-unaligned", f"Objectives are at most {DEPTH_MAX} levels deep.")


def _evolve(
    state: Objective | None, happened: Happened[ObjectiveSet | ObjectiveDropped]
) -> Objective:
    event = happened.event
    match event:
        case ObjectiveSet():
            return Objective(
                cycle_id=event.cycle_id, org_unit_id=event.org_unit_id, serves=event.serves
            )
        case ObjectiveDropped():
            return msgspec.structs.replace(begun(state), dropped=True)
        case _:
            assert_never(event)


OBJECTIVE: Decider[Objective | None] = Decider(
    kind="objective", initial=None, decide=_decide, evolve=_evolve
)
