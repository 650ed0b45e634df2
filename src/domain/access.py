"""Access keys: who was given which roles, and when they were taken away."""

from datetime import datetime
from typing import Literal, assert_never, get_args
from uuid import UUID

import msgspec

from domain.checks import absent, begun, checked_name, checked_text, known
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.organisation import PERSON

Role = Literal[
    "employee", "manager", "hr", "finance", "executive", "auditor", "integration", "admin"
]
ROLES: frozenset[str] = frozenset(get_args(Role))


class IssueAccessKey(Command, frozen=True, kw_only=True):
    name: str
    roles: tuple[str, ...]
    person_id: UUID | None = None
    expires_at: datetime | None = None


class AccessKeyIssued(Event, frozen=True, kw_only=True):
    TOPIC = "access-key.issued"
    name: Personal[str | None] = None
    roles: tuple[str, ...]
    person_id: UUID | None = None
    expires_at: datetime | None = None


class RevokeAccessKey(Command, frozen=True, kw_only=True):
    reason: str = ""


class AccessKeyRevoked(Event, frozen=True, kw_only=True):
    TOPIC = "access-key.revoked"
    reason: str = ""


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key as decisions need one: the secret is not here."""

    name: str | None
    roles: tuple[str, ...]
    person_id: UUID | None
    expires_at: datetime | None
    revoked: bool = False


def _decide(
    state: AccessKey | None, command: IssueAccessKey | RevokeAccessKey, context: Context
) -> tuple[Event, ...]:
    match command:
        case IssueAccessKey():
            absent(state, "an access key")
            return _issue(command, context)
        case RevokeAccessKey():
            if known(state, "unknown-access-key", "such access key").revoked:
                raise Refused("already-revoked", "The access key has been revoked.")
            return (AccessKeyRevoked(reason=checked_text(command.reason, "reason")),)
        case _:
            assert_never(command)


def _issue(command: IssueAccessKey, context: Context) -> tuple[Event, ...]:
    if command.person_id is not None:
        known(context.look(PERSON, command.person_id), "unknown-person", "such person")
    given = set(command.roles)
    if not given or len(given) != len(command.roles) or not given <= ROLES:
        raise Refused(
            "unknown-role", f"The roles are one or more of {', '.join(sorted(ROLES))}, each once."
        )
    if command.expires_at is not None:
        if command.expires_at.tzinfo is None:
            raise Refused("bad-date", "The time of expiry needs its offset from UTC.")
        if command.expires_at <= context.now:
            raise Refused("expiry-in-past", "The key would expire before it is issued.")
    return (
        AccessKeyIssued(
            name=checked_name(command.name),
            roles=command.roles,
            person_id=command.person_id,
            expires_at=command.expires_at,
        ),
    )


def _evolve(
    state: AccessKey | None, happened: Happened[AccessKeyIssued | AccessKeyRevoked]
) -> AccessKey:
    event = happened.event
    match event:
        case AccessKeyIssued():
            return AccessKey(
                name=event.name,
                roles=event.roles,
                person_id=event.person_id,
                expires_at=event.expires_at,
            )
        case AccessKeyRevoked():
            return msgspec.structs.replace(begun(state), revoked=True)
        case _:
            assert_never(event)


ACCESS_KEY: Decider[AccessKey | None] = Decider(
    kind="access-key", initial=None, decide=_decide, evolve=_evolve
)
