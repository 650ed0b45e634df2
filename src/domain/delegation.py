"""Delegation: somebody decides in another's name, for some days and some kinds of approvals. 委托

It lends a signature and lifts no rule: whatever keeps two people apart holds for both of them, so
nothing is decided in a name whose owner could not decide it, nor by a hand that could not.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal, TypeVar, assert_never, get_args
from uuid import UUID

import msgspec

from domain.checks import begun, checked_reason, checked_text, known
from domain.kernel import Command, Context, Decider, Elsewhere, Event, Happened, Personal, Refused
from domain.organisation import PERSON

S = TypeVar("S")

ApprovalKind = Literal["goals", "time", "rewards", "batches", "scores", "schemes", "shares"]
"""Goals of a team, leave and overtime, instant rewards, payout batches, changes of scores, schemes,
and exceptions from the bands of performance shares."""
KINDS: frozenset[str] = frozenset(get_args(ApprovalKind))


class GiveDelegation(Command, frozen=True, kw_only=True):
    """Let another decide in somebody's name, both days included. It cannot be passed on."""

    person_id: UUID
    """In whose name."""
    delegate_id: UUID
    """Who decides."""
    kinds: tuple[ApprovalKind, ...]
    starts_on: date
    ends_on: date
    reason: str = ""


class DelegationGiven(Event, frozen=True, kw_only=True):
    """审批委托"""

    TOPIC = "delegation.given"
    SUBJECT = "person_id"
    person_id: UUID
    delegate_id: UUID
    kinds: tuple[ApprovalKind, ...]
    starts_on: date
    ends_on: date
    reason: Personal[str | None] = None


class RevokeDelegation(Command, frozen=True, kw_only=True):
    """Take it back, or give it back: from now on nothing is decided by it."""

    reason: str = ""


class DelegationRevoked(Event, frozen=True, kw_only=True):
    TOPIC = "delegation.revoked"
    SUBJECT = "person_id"
    person_id: UUID
    reason: Personal[str | None] = None


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A delegation as it is now."""

    person_id: UUID
    delegate_id: UUID
    kinds: tuple[ApprovalKind, ...]
    starts_on: date
    ends_on: date
    revoked: bool = False

    def holds_on(self, day: date) -> bool:
        """Whether anything is decided by it on `day`."""
        return not self.revoked and self.starts_on <= day <= self.ends_on


DelegationCommand = GiveDelegation | RevokeDelegation
DelegationEvent = DelegationGiven | DelegationRevoked


def _decide(
    state: Delegation | None, command: DelegationCommand, context: Context
) -> tuple[Event, ...]:
    match command:
        case GiveDelegation():
            return (_given(state, command, context),)
        case RevokeDelegation():
            found = known(state, "unknown-delegation", "such delegation")
            if found.revoked or found.ends_on < context.today:
                raise Refused("delegation-ended", "The delegation has ended.")
            reason = checked_text(command.reason, "reason")
            return (DelegationRevoked(person_id=found.person_id, reason=reason),)
        case _:
            assert_never(command)


def _given(state: Delegation | None, command: GiveDelegation, context: Context) -> DelegationGiven:
    if state is not None and not state.revoked and state.ends_on >= context.today:
        raise Refused("already-exists", "There is such a delegation already.")
    for each in (command.person_id, command.delegate_id):
        known(context.look(PERSON, each), "unknown-person", "such person")
    # Who gives for somebody who is away gives it to a third.
    if command.delegate_id in {command.person_id, context.actor}:
        raise Refused("own-delegation", "Nobody delegates to themselves.")
    kinds = tuple(sorted(set(command.kinds)))
    if not kinds or len(kinds) != len(command.kinds):
        raise Refused("bad-kinds", "Name at least one kind of approvals, each once.")
    if command.ends_on < max(command.starts_on, context.today):
        raise Refused("bad-date", "A delegation ends after it begins, and not in the past.")
    text = checked_text(command.reason, "reason")
    if context.actor != command.person_id:
        checked_reason(text)
    return DelegationGiven(
        person_id=command.person_id,
        delegate_id=command.delegate_id,
        kinds=kinds,
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        reason=text,
    )


def _evolve(state: Delegation | None, happened: Happened[DelegationEvent]) -> Delegation:
    event = happened.event
    match event:
        case DelegationGiven():
            return Delegation(
                person_id=event.person_id,
                delegate_id=event.delegate_id,
                kinds=event.kinds,
                starts_on=event.starts_on,
                ends_on=event.ends_on,
            )
        case DelegationRevoked():
            return msgspec.structs.replace(begun(state), revoked=True)
        case _:
            assert_never(event)


DELEGATION: Decider[Delegation | None] = Decider(
    kind="delegation", initial=None, decide=_decide, evolve=_evolve
)


def in_force(
    state: Delegation | None, kind: ApprovalKind, delegate_id: UUID, day: date
) -> Delegation:
    """The delegation, if it lets `delegate_id` decide on approvals of this kind on `day`.

    Raises:
        Refused: `unknown-delegation` or `not-delegated`.
    """
    found = known(state, "unknown-delegation", "such delegation")
    if found.delegate_id != delegate_id or not found.holds_on(day) or kind not in found.kinds:
        raise Refused("not-delegated", f"On {day} nobody has delegated {kind} to you by this.")
    return found


def in_the_name_of(decider: Decider[S], delegation_id: UUID, kind: ApprovalKind) -> Decider[S]:
    """`decider`, with every decision taken twice: as who delegated it, and as who takes it.

    Both may be refused. What happens is what the second decided; and as the delegation was looked
    at, nothing is decided by one that is revoked at the same moment.
    """

    def decide(state: S, command: Any, context: Context) -> Iterable[Event | Elsewhere]:
        lent = in_force(context.look(DELEGATION, delegation_id), kind, context.actor, context.today)
        owner = msgspec.structs.replace(context, actor=lent.person_id)
        tuple(decider.decide(state, command, owner))
        return decider.decide(state, command, context)

    return Decider(kind=decider.kind, initial=decider.initial, decide=decide, evolve=decider.evolve)
