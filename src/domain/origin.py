"""Where a history comes from: of its own company, or a copy for trying things out.

A copy may be scored, simulated and even have its batches prepared. It never tells a bank to pay,
never takes a payment for made, and never hands entries to an accounting system: every such
decision looks here first. 沙箱
"""

from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import absent
from domain.ids import ORIGIN_ID
from domain.kernel import Command, Context, Decider, Event, Happened, Refused


class MarkAsFork(Command, frozen=True, kw_only=True):
    """This history is a copy; said once, right after it was copied."""

    tenant_id: UUID
    """The tenant that it is a copy of."""
    position: int
    """Of the last event that was copied."""


class Forked(Event, frozen=True, kw_only=True):
    """Everything before is copied, with personal data masked; everything after is make-believe."""

    TOPIC = "origin.forked"
    tenant_id: UUID
    position: int


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork is a copy of."""

    tenant_id: UUID
    position: int


def _decide(state: Origin | None, command: MarkAsFork, _context: Context) -> tuple[Forked, ...]:
    absent(state, "such a mark")
    return (Forked(tenant_id=command.tenant_id, position=command.position),)


def _evolve(_state: Origin | None, happened: Happened[Forked]) -> Origin:
    event = happened.event
    match event:
        case Forked():
            return Origin(tenant_id=event.tenant_id, position=event.position)
        case _:
            assert_never(event)


ORIGIN: Decider[Origin | None] = Decider(
    kind="origin", initial=None, decide=_decide, evolve=_evolve
)


def require_own_history(context: Context) -> None:
    """Refuse `fork-never-pays` where this history is a copy."""
    if context.look(ORIGIN, ORIGIN_ID) is not None:
        raise Refused("fork-never-pays", "This tenant is a fork: no money leaves it.")
