"""How a company suspends itself, takes all of its history with it, and has itself erased.

The end takes four steps, so that nobody ends a company alone, by mistake, or before it has what the
law asks it to keep: it suspends itself, exports its history, asks for the end, and another person
confirms it after some days. 租户停用与注销
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_reason
from domain.erasure import months_after
from domain.kernel import Command, Context, Decider, Event, Happened, Refused

ERASURE_WAITS = timedelta(days=3)
"""Between asking for the end and confirming it: time for somebody to notice."""


class SuspendTenant(Command, frozen=True, kw_only=True):
    """Nothing is written any more; everything is still read."""

    reason: str


class TenantSuspended(Event, frozen=True, kw_only=True):
    """停用"""

    TOPIC = "tenant.suspended"
    reason: str


class ResumeTenant(Command, frozen=True, kw_only=True):
    """Writing goes on."""

    reason: str


class TenantResumed(Event, frozen=True, kw_only=True):
    """恢复"""

    TOPIC = "tenant.resumed"
    reason: str


class RequestTenantExport(Command, frozen=True, kw_only=True):
    """The whole history in a bundle, with the keys to its content."""

    export_id: UUID


class TenantExportRequested(Event, frozen=True, kw_only=True):
    """导出申请"""

    TOPIC = "tenant.export-requested"
    export_id: UUID


class FinishTenantExport(Command, frozen=True, kw_only=True):
    """The bundle is whole; said by whoever made it."""

    export_id: UUID
    position: int
    """Of the last event in it."""
    sha256: str


class TenantExportFinished(Event, frozen=True, kw_only=True):
    """导出完成"""

    TOPIC = "tenant.export-finished"
    export_id: UUID
    position: int
    sha256: str


class RequestTenantErasure(Command, frozen=True, kw_only=True):
    """Ask for the end of the company here; somebody else confirms it, some days later."""

    reason: str
    export_id: UUID | None = None
    """The bundle with which the company keeps what the law asks it to keep."""
    kept_until: date | None = None
    """Until when the law asks for something here; None where it asks for nothing."""


class TenantErasureRequested(Event, frozen=True, kw_only=True):
    """注销申请"""

    TOPIC = "tenant.erasure-requested"
    reason: str
    export_id: UUID | None = None
    kept_until: date | None = None


class CancelTenantErasure(Command, frozen=True, kw_only=True):
    """Not to be erased after all."""

    reason: str


class TenantErasureCancelled(Event, frozen=True, kw_only=True):
    TOPIC = "tenant.erasure-cancelled"
    reason: str


class ConfirmTenantErasure(Command, frozen=True, kw_only=True):
    """By another than who asked; it cannot be taken back."""


class TenantErasureConfirmed(Event, frozen=True, kw_only=True):
    """From here on every key of the company is destroyed, wherever this event is found. 注销"""

    TOPIC = "tenant.erasure-confirmed"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The end that was asked for."""

    requested_by: UUID
    requested_at: datetime
    confirmed: bool = False

    @property
    def from_(self) -> datetime:
        """When it may be confirmed."""
        return self.requested_at + ERASURE_WAITS


class TenantLife(msgspec.Struct, frozen=True, kw_only=True):
    """A company as its own decisions made it."""

    suspended: bool = False
    exports: Mapping[UUID, bool] = {}
    """Asked for; True where the bundle is whole and holds all that was ever written."""
    ending: Ending | None = None


TenantCommand = (
    SuspendTenant
    | ResumeTenant
    | RequestTenantExport
    | FinishTenantExport
    | RequestTenantErasure
    | CancelTenantErasure
    | ConfirmTenantErasure
)
TenantEvent = (
    TenantSuspended
    | TenantResumed
    | TenantExportRequested
    | TenantExportFinished
    | TenantErasureRequested
    | TenantErasureCancelled
    | TenantErasureConfirmed
)


def kept_until(last_days: Iterable[date | None], months: int) -> date | None:
    """Until when the law asks for what is personal about people.

    Args:
        last_days: of their employments; None for whoever is employed.
        months: that it is kept after the end of an employment.
    """
    days = (
        date.max if each is None else months_after(each + timedelta(days=1), months)
        for each in last_days
    )
    return max(days, default=None)


def _decide(state: TenantLife, command: TenantCommand, context: Context) -> tuple[TenantEvent, ...]:
    if state.ending is not None and state.ending.confirmed:
        raise Refused("tenant-ended", "Its end was confirmed.")
    match command:
        case SuspendTenant():
            if state.suspended:
                raise Refused("already-suspended", "The tenant has suspended itself.")
            return (TenantSuspended(reason=checked_reason(command.reason)),)
        case ResumeTenant():
            _require_suspended(state)
            if state.ending is not None:
                raise Refused("tenant-erasure-requested", "Cancel the request to erase it first.")
            return (TenantResumed(reason=checked_reason(command.reason)),)
        case RequestTenantExport():
            if command.export_id in state.exports:
                raise Refused("already-exists", "That export was asked for.")
            return (TenantExportRequested(export_id=command.export_id),)
        case FinishTenantExport():
            if command.export_id not in state.exports:
                raise Refused("unknown-export", "There is no such export.")
            return (
                TenantExportFinished(
                    export_id=command.export_id, position=command.position, sha256=command.sha256
                ),
            )
        case RequestTenantErasure():
            return (_requested(state, command, context),)
        case CancelTenantErasure():
            _ending(state)
            return (TenantErasureCancelled(reason=checked_reason(command.reason)),)
        case ConfirmTenantErasure():
            return (_confirmed(state, context),)
        case _:
            assert_never(command)


def _require_suspended(state: TenantLife) -> None:
    if not state.suspended:
        raise Refused("tenant-not-suspended", "The tenant has not suspended itself.")


def _ending(state: TenantLife) -> Ending:
    if state.ending is None:
        raise Refused("unknown-tenant-erasure", "Nobody has asked to erase the tenant.")
    return state.ending


def _requested(
    state: TenantLife, command: RequestTenantErasure, context: Context
) -> TenantErasureRequested:
    _require_suspended(state)
    if state.ending is not None:
        raise Refused("tenant-erasure-requested", "That was asked for already.")
    if command.export_id is None:
        if command.kept_until is not None and context.today < command.kept_until:
            raise Refused(
                "erasure-blocked-by-retention", "The law asks for records; export them first."
            )
    elif not state.exports.get(command.export_id, False):
        raise Refused(
            "unknown-export", "There is no such export that is whole and of after the suspension."
        )
    return TenantErasureRequested(
        reason=checked_reason(command.reason),
        export_id=command.export_id,
        kept_until=command.kept_until,
    )


def _confirmed(state: TenantLife, context: Context) -> TenantErasureConfirmed:
    ending = _ending(state)
    if context.actor == ending.requested_by:
        raise Refused("same-actor", "The end is confirmed by another than who asked for it.")
    if context.now < ending.from_:
        raise Refused("erasure-waits", f"Not before {ending.from_:%Y-%m-%dT%H:%MZ}.")
    return TenantErasureConfirmed()


def _evolve(state: TenantLife, happened: Happened[TenantEvent]) -> TenantLife:
    event = happened.event
    change = msgspec.structs.replace
    match event:
        case TenantSuspended():
            # What was exported before holds less than everything.
            return change(state, suspended=True, exports=dict.fromkeys(state.exports, False))
        case TenantResumed():
            return change(state, suspended=False)
        case TenantExportRequested():
            return change(state, exports={**state.exports, event.export_id: False})
        case TenantExportFinished():
            return change(state, exports={**state.exports, event.export_id: state.suspended})
        case TenantErasureRequested():
            ending = Ending(requested_by=happened.actor, requested_at=happened.recorded_at)
            return change(state, ending=ending)
        case TenantErasureCancelled():
            return change(state, ending=None)
        case TenantErasureConfirmed():
            ending = msgspec.structs.replace(_ending(state), confirmed=True)
            return change(state, ending=ending)
        case _:
            assert_never(event)


TENANT: Decider[TenantLife] = Decider(
    kind="tenant", initial=TenantLife(), decide=_decide, evolve=_evolve
)
