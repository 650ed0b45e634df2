"""Organisational units: a tree that is effective-dated, so that every day keeps its own shape."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import absent, begun, checked_code, checked_name, checked_reason, known
from domain.ids import org_unit_id
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.withdrawal import OrgUnitWithdrawn, WithdrawOrgUnit, check_taking_back

_DAY = timedelta(days=1)


class CreateOrgUnit(Command, frozen=True, kw_only=True):
    code: str
    name: str
    valid_from: date
    parent_id: UUID | None = None


class OrgUnitCreated(Event, frozen=True, kw_only=True):
    TOPIC = "org-unit.created"
    code: str
    name: str
    valid_from: date
    parent_id: UUID | None = None


class MoveOrgUnit(Command, frozen=True, kw_only=True):
    """From a day on the unit, with all below it, belongs to another; None makes it a root."""

    effective_from: date
    parent_id: UUID | None
    reason: str


class OrgUnitMoved(Event, frozen=True, kw_only=True):
    """组织调整"""

    TOPIC = "org-unit.moved"
    effective_from: date
    parent_id: UUID | None
    reason: str


class RenameOrgUnit(Command, frozen=True, kw_only=True):
    """From a day on the unit has another name; its code stays."""

    effective_from: date
    name: str


class OrgUnitRenamed(Event, frozen=True, kw_only=True):
    TOPIC = "org-unit.renamed"
    effective_from: date
    name: str


class CloseOrgUnit(Command, frozen=True, kw_only=True):
    """After its last day nobody is assigned to the unit and nothing is moved below it."""

    last_day: date
    reason: str


class OrgUnitClosed(Event, frozen=True, kw_only=True):
    TOPIC = "org-unit.closed"
    last_day: date
    reason: str


class Under(msgspec.Struct, frozen=True, kw_only=True):
    """A parent and the day from which it is one."""

    effective_from: date
    parent_id: UUID | None


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A name and its first day."""

    effective_from: date
    name: str


class OrgUnit(msgspec.Struct, frozen=True, kw_only=True):
    """An organisational unit with all its dated rows, each list in the order of its days. 部门"""

    code: str
    valid_from: date
    names: tuple[Named, ...]
    parents: tuple[Under, ...]
    last_day: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether the unit exists on `day`."""
        return self.valid_from <= day and (self.last_day is None or day <= self.last_day)

    def parent_on(self, day: date) -> UUID | None:
        """The unit above it on `day`; None at the root, and before its first day."""
        rows = [row for row in self.parents if row.effective_from <= day]
        return rows[-1].parent_id if rows else None

    def name_on(self, day: date) -> str | None:
        """What it is called on `day`; None before its first day."""
        rows = [row for row in self.names if row.effective_from <= day]
        return rows[-1].name if rows else None


OrgUnitCommand = CreateOrgUnit | MoveOrgUnit | RenameOrgUnit | CloseOrgUnit | WithdrawOrgUnit
OrgUnitEvent = OrgUnitCreated | OrgUnitMoved | OrgUnitRenamed | OrgUnitClosed | OrgUnitWithdrawn


def check_in_force(unit: OrgUnit, day: date) -> None:
    """Refuse `org-unit-not-in-force` unless the unit exists on `day`."""
    if not unit.in_force(day):
        raise Refused("org-unit-not-in-force", f"Unit {unit.code} does not exist on {day}.")


def _decide(state: OrgUnit | None, command: OrgUnitCommand, context: Context) -> tuple[Event, ...]:
    if isinstance(command, CreateOrgUnit):
        return _create(state, command, context)
    unit = known(state, "unknown-org-unit", "such unit")
    if isinstance(command, WithdrawOrgUnit):
        check_taking_back(command.import_id, context)
        return (OrgUnitWithdrawn(import_id=command.import_id),)
    if unit.last_day is not None:
        raise Refused("org-unit-closed", f"Unit {unit.code} was closed on {unit.last_day}.")
    match command:
        case MoveOrgUnit():
            return _move(unit, command, context)
        case RenameOrgUnit():
            check_in_force(unit, command.effective_from)
            if any(row.effective_from == command.effective_from for row in unit.names):
                raise _taken(command.effective_from)
            name = checked_name(command.name)
            return (OrgUnitRenamed(effective_from=command.effective_from, name=name),)
        case CloseOrgUnit():
            check_in_force(unit, command.last_day)
            reason = checked_reason(command.reason)
            return (OrgUnitClosed(last_day=command.last_day, reason=reason),)
        case _:
            assert_never(command)


def _create(state: OrgUnit | None, command: CreateOrgUnit, context: Context) -> tuple[Event, ...]:
    absent(state, "an organisational unit")
    if command.parent_id is not None:
        check_in_force(_parent(command.parent_id, context), command.valid_from)
    return (
        OrgUnitCreated(
            code=checked_code(command.code),
            name=checked_name(command.name),
            valid_from=command.valid_from,
            parent_id=command.parent_id,
        ),
    )


def _parent(parent_id: UUID, context: Context) -> OrgUnit:
    return known(context.look(ORG_UNIT, parent_id), "unknown-org-unit", "such parent unit")


def _move(unit: OrgUnit, command: MoveOrgUnit, context: Context) -> tuple[Event, ...]:
    first = command.effective_from
    check_in_force(unit, first)
    if any(row.effective_from == first for row in unit.parents):
        raise _taken(first)
    if command.parent_id is not None:
        check_in_force(_parent(command.parent_id, context), first)
        later = [row.effective_from for row in unit.parents if row.effective_from > first]
        last = min(later) - _DAY if later else date.max
        if _leads_to(org_unit_id(unit.code), command.parent_id, first, last, context):
            raise Refused("org-unit-loop", f"Unit {unit.code} would come to be below itself.")
    return (
        OrgUnitMoved(
            effective_from=first,
            parent_id=command.parent_id,
            reason=checked_reason(command.reason),
        ),
    )


def _leads_to(target: UUID, unit_id: UUID, first: date, last: date, context: Context) -> bool:
    """Whether the way up from a unit passes `target` on any day from `first` to `last`."""
    if unit_id == target:
        return True
    unit = context.look(ORG_UNIT, unit_id)
    return unit is not None and any(
        _leads_to(target, parent_id, begins, ends, context)
        for parent_id, begins, ends in _parents_between(unit, first, last)
    )


def _parents_between(unit: OrgUnit, first: date, last: date) -> Iterator[tuple[UUID, date, date]]:
    following = [row.effective_from - _DAY for row in unit.parents[1:]]
    for row, ends in zip(unit.parents, [*following, date.max], strict=True):
        begins, until = max(row.effective_from, first), min(ends, last)
        if row.parent_id is not None and begins <= until:
            yield row.parent_id, begins, until


def _taken(day: date) -> Refused:
    return Refused("org-unit-date-taken", f"The unit changes in that way on {day} already.")


def _evolve(state: OrgUnit | None, happened: Happened[OrgUnitEvent]) -> OrgUnit | None:
    event = happened.event
    match event:
        case OrgUnitCreated():
            return OrgUnit(
                code=event.code,
                valid_from=event.valid_from,
                names=(Named(effective_from=event.valid_from, name=event.name),),
                parents=(Under(effective_from=event.valid_from, parent_id=event.parent_id),),
            )
        case OrgUnitMoved():
            unit = begun(state)
            under = Under(effective_from=event.effective_from, parent_id=event.parent_id)
            rows = sorted((*unit.parents, under), key=lambda row: row.effective_from)
            return msgspec.structs.replace(unit, parents=tuple(rows))
        case OrgUnitRenamed():
            unit = begun(state)
            named = Named(effective_from=event.effective_from, name=event.name)
            names = sorted((*unit.names, named), key=lambda row: row.effective_from)
            return msgspec.structs.replace(unit, names=tuple(names))
        case OrgUnitClosed():
            return msgspec.structs.replace(begun(state), last_day=event.last_day)
        case OrgUnitWithdrawn():
            return None
        case _:
            assert_never(event)


ORG_UNIT: Decider[OrgUnit | None] = Decider(
    kind="org-unit", initial=None, decide=_decide, evolve=_evolve
)
