"""Restore drills: that a backup was really restored, to which second, and whether it was right."""

from datetime import datetime
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_name
from domain.kernel import Command, Context, Decider, Event, Happened, Refused


class RecordRestoreDrill(Command, frozen=True, kw_only=True):
    """What a drill found for this tenant."""

    label: str
    """Of the backup that was restored."""
    target_at: datetime
    """The second that was restored to."""
    seconds: int
    """From the order to the last check."""
    size_bytes: int
    events: int
    """Of this tenant in the restored copy."""
    compared_size: int
    """Events that a checkpoint covered that was signed before and kept outside of the database."""
    ok: bool
    findings: tuple[str, ...] = ()
    tools: str = ""


class RestoreDrilled(Event, frozen=True, kw_only=True):
    """恢复演练"""

    TOPIC = "restore-drill.recorded"
    label: str
    target_at: datetime
    seconds: int
    size_bytes: int
    events: int
    compared_size: int
    ok: bool
    findings: tuple[str, ...] = ()
    tools: str = ""


class RestoreDrills(msgspec.Struct, frozen=True, kw_only=True):
    """How the last drill went."""

    last_ok: bool | None = None
    last_event: UUID | None = None


def _decide(_: RestoreDrills, command: RecordRestoreDrill, context: Context) -> tuple[Event, ...]:
    if command.target_at.tzinfo is None or command.target_at > context.now:
        raise Refused("bad-date", "A drill restores to a time with a zone that is past.")
    if min(command.seconds, command.size_bytes, command.events, command.compared_size) < 0:
        raise Refused("bad-number", "Seconds, bytes and events are not negative.")
    if command.ok is bool(command.findings):
        raise Refused("bad-drill", "A drill has findings, or it is in order.")
    return (
        RestoreDrilled(
            label=checked_name(command.label, "label"),
            target_at=command.target_at,
            seconds=command.seconds,
            size_bytes=command.size_bytes,
            events=command.events,
            compared_size=command.compared_size,
            ok=command.ok,
            findings=command.findings,
            tools=command.tools,
        ),
    )


def _evolve(_: RestoreDrills, happened: Happened[RestoreDrilled]) -> RestoreDrills:
    event = happened.event
    match event:
        case RestoreDrilled():
            return RestoreDrills(last_ok=event.ok, last_event=happened.event_id)
        case _:
            assert_never(event)


RESTORE_DRILL: Decider[RestoreDrills] = Decider(
    kind="restore-drill", initial=RestoreDrills(), decide=_decide, evolve=_evolve
)
