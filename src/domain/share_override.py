"""Exceptions from the bands of the performance share: asked for by one, approved by another."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_number, checked_reason
from domain.kernel import Command, Context, Event, Personal, Refused
from domain.organisation import JobFamily
from domain.pay import check_share

SHARE_DECIMALS = 6


class RequestShareOverride(Command, frozen=True, kw_only=True):
    """Ask for a performance share outside the job family's band, for a span of days."""

    effective_from: date
    effective_until: date | None = None
    """Last day; None while the employment lasts."""
    performance_share: Decimal
    """Of total pay, 0..1: this share and no other."""
    reason: str


class PerformanceShareOverrideRequested(Event, frozen=True, kw_only=True):
    TOPIC = "employment.share-override-requested"
    effective_from: date
    effective_until: date | None = None
    performance_share: Decimal
    reason: Personal[str | None] = None


class ApproveShareOverride(Command, frozen=True, kw_only=True):
    """By another than who asked, and never by the person concerned."""

    effective_from: date
    reason: str


class PerformanceShareOverrideApproved(Event, frozen=True, kw_only=True):
    """绩效占比例外"""

    TOPIC = "employment.share-override-approved"
    effective_from: date
    reason: Personal[str | None] = None


class RejectShareOverride(Command, frozen=True, kw_only=True):
    effective_from: date
    reason: str


class PerformanceShareOverrideRejected(Event, frozen=True, kw_only=True):
    TOPIC = "employment.share-override-rejected"
    effective_from: date
    reason: Personal[str | None] = None


OverrideCommand = RequestShareOverride | ApproveShareOverride | RejectShareOverride
OverrideEvent = (
    PerformanceShareOverrideRequested
    | PerformanceShareOverrideApproved
    | PerformanceShareOverrideRejected
)


class ShareOverride(msgspec.Struct, frozen=True, kw_only=True):
    """An exception, asked for and perhaps decided."""

    effective_from: date
    effective_until: date | None
    performance_share: Decimal
    requested_by: UUID
    """The actor who asked: somebody else decides."""
    state: Literal["requested", "approved", "rejected"] = "requested"

    def holds_on(self, day: date) -> bool:
        """Whether `day` is one of its days."""
        return self.effective_from <= day and (
            self.effective_until is None or day <= self.effective_until
        )


def check_share_on(
    overrides: Sequence[ShareOverride], family: JobFamily, share: Decimal, day: date
) -> None:
    """Refuse `share-out-of-band` unless the family's band or an approved exception allows it."""
    excepted = any(
        override.state == "approved"
        and override.holds_on(day)
        and override.performance_share == share
        for override in overrides
    )
    if not excepted:
        check_share(family, share)


def decided(
    overrides: Sequence[ShareOverride], command: OverrideCommand, person_id: UUID, context: Context
) -> OverrideEvent:
    """What comes of a command about exceptions of the employment of `person_id`.

    Raises:
        Refused: `override-overlaps`, `override-not-requested`, `same-actor`, `own-pay`,
            `bad-date`, `bad-share`, `reason-missing`.
    """
    match command:
        case RequestShareOverride():
            return _requested(overrides, command)
        case ApproveShareOverride():
            _check_decider(_pending(overrides, command), person_id, context)
            return PerformanceShareOverrideApproved(
                effective_from=command.effective_from, reason=checked_reason(command.reason)
            )
        case RejectShareOverride():
            _pending(overrides, command)
            return PerformanceShareOverrideRejected(
                effective_from=command.effective_from, reason=checked_reason(command.reason)
            )
        case _:
            assert_never(command)


def _requested(
    overrides: Sequence[ShareOverride], command: RequestShareOverride
) -> PerformanceShareOverrideRequested:
    until = command.effective_until
    if until is not None and until < command.effective_from:
        raise Refused("bad-date", f"{until} is before {command.effective_from}.")
    last = until or date.max
    for each in overrides:
        if (
            each.state != "rejected"
            and each.effective_from <= last
            and command.effective_from <= (each.effective_until or date.max)
        ):
            raise Refused("override-overlaps", "Another exception holds on some of these days.")
    share = checked_number(
        command.performance_share,
        "performance share",
        least=Decimal(0),
        most=Decimal(1),
        decimals=SHARE_DECIMALS,
        code="bad-share",
    )
    return PerformanceShareOverrideRequested(
        effective_from=command.effective_from,
        effective_until=until,
        performance_share=share,
        reason=checked_reason(command.reason),
    )


def _pending(
    overrides: Sequence[ShareOverride], command: ApproveShareOverride | RejectShareOverride
) -> ShareOverride:
    for each in overrides:
        if each.effective_from == command.effective_from and each.state == "requested":
            return each
    raise Refused("override-not-requested", "No exception from that day on waits for a decision.")


def _check_decider(pending: ShareOverride, person_id: UUID, context: Context) -> None:
    if context.actor == pending.requested_by:
        raise Refused("same-actor", "An exception is approved by another than who asked for it.")
    if context.actor == person_id:
        raise Refused("own-pay", "Nobody approves an exception of their own pay.")


def overridden(
    overrides: tuple[ShareOverride, ...], event: OverrideEvent, actor: UUID
) -> tuple[ShareOverride, ...]:
    """The exceptions after one more event, in the order of their requests."""
    match event:
        case PerformanceShareOverrideRequested():
            asked = ShareOverride(
                effective_from=event.effective_from,
                effective_until=event.effective_until,
                performance_share=event.performance_share,
                requested_by=actor,
            )
            return (*overrides, asked)
        case PerformanceShareOverrideApproved():
            return _settled(overrides, event.effective_from, "approved")
        case PerformanceShareOverrideRejected():
            return _settled(overrides, event.effective_from, "rejected")
        case _:
            assert_never(event)


def _settled(
    overrides: tuple[ShareOverride, ...], day: date, state: Literal["approved", "rejected"]
) -> tuple[ShareOverride, ...]:
    return tuple(
        msgspec.structs.replace(each, state=state)
        if each.effective_from == day and each.state == "requested"
        else each
        for each in overrides
    )
