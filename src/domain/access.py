"""Access keys: who was given which roles, and when they were taken away."""

import re
from datetime import datetime, timedelta
from typing import Literal, assert_never, get_args
from uuid import UUID

import msgspec

from domain.checks import absent, begun, checked_name, checked_text, known
from domain.kernel import Command, Context, Decider, Elsewhere, Event, Happened, Personal, Refused
from domain.organisation import PERSON

Role = Literal[
    "employee",
    "manager",
    "hr",
    "finance",
    "executive",
    "auditor",
    "integration",
    "admin",
    "onboarding",
]
ROLES: frozenset[str] = frozenset(get_args(Role))

OVERLAP_H_MAX = 720
ONBOARDING_DAYS_MAX = 120
"""The vendor's migration engineer is let in for as long as an onboarding takes, and no longer."""
_SCOPE = re.compile(r"([a-z][a-z-]{0,49}:)?(read|write)")


class IssueAccessKey(Command, frozen=True, kw_only=True):
    name: str
    roles: tuple[str, ...]
    person_id: UUID | None = None
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    """Less than the roles open: read, write, or of one resource, as in people:read."""


class AccessKeyIssued(Event, frozen=True, kw_only=True):
    TOPIC = "access-key.issued"
    name: Personal[str | None] = None
    roles: tuple[str, ...]
    person_id: UUID | None = None
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()


class RotateAccessKey(Command, frozen=True, kw_only=True):
    """Issues a key like this one, which works a while longer."""

    new_key_id: UUID
    overlap_h: int = 24
    """Hours, from 0 to 720."""
    expires_at: datetime | None = None
    """Of the new one; None is when the old one would have expired."""


class AccessKeyReplaced(Event, frozen=True, kw_only=True):
    TOPIC = "access-key.replaced"
    by: UUID
    expires_at: datetime
    """From then on the old one opens nothing."""


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
    scopes: tuple[str, ...] = ()
    replaced_by: UUID | None = None
    revoked: bool = False


def _decide(
    state: AccessKey | None,
    command: IssueAccessKey | RotateAccessKey | RevokeAccessKey,
    context: Context,
) -> tuple[Event | Elsewhere, ...]:
    match command:
        case IssueAccessKey():
            absent(state, "an access key")
            return (_issued(command, context),)
        case RotateAccessKey():
            return _rotate(state, command, context)
        case RevokeAccessKey():
            if known(state, "unknown-access-key", "such access key").revoked:
                raise Refused("already-revoked", "The access key has been revoked.")
            return (AccessKeyRevoked(reason=checked_text(command.reason, "reason")),)
        case _:
            assert_never(command)


def _rotate(
    state: AccessKey | None, command: RotateAccessKey, context: Context
) -> tuple[Event | Elsewhere, ...]:
    old = known(state, "unknown-access-key", "such access key")
    if old.revoked:
        raise Refused("already-revoked", "The access key has been revoked.")
    if old.expires_at is not None and old.expires_at <= context.now:
        raise Refused("key-expired", "The access key has expired.")
    if not 0 <= command.overlap_h <= OVERLAP_H_MAX:
        raise Refused("bad-overlap", f"The overlap is 0 to {OVERLAP_H_MAX} hours.")
    absent(context.look(ACCESS_KEY, command.new_key_id), "an access key")
    until = context.now + timedelta(hours=command.overlap_h)
    expires_at = command.expires_at or old.expires_at
    _check_expiry(expires_at, context)
    return (
        AccessKeyReplaced(
            by=command.new_key_id,
            expires_at=until if old.expires_at is None else min(until, old.expires_at),
        ),
        Elsewhere(
            command.new_key_id,
            AccessKeyIssued(
                name=old.name,
                roles=old.roles,
                person_id=old.person_id,
                expires_at=expires_at,
                scopes=old.scopes,
            ),
        ),
    )


def _check_expiry(expires_at: datetime | None, context: Context) -> None:
    if expires_at is None:
        return
    if expires_at.tzinfo is None:
        raise Refused("bad-date", "The time of expiry needs its offset from UTC.")
    if expires_at <= context.now:
        raise Refused("expiry-in-past", "The key would expire before it is issued.")


def _check_onboarding(command: IssueAccessKey, context: Context) -> None:
    latest = context.now + timedelta(days=ONBOARDING_DAYS_MAX)
    if "onboarding" in command.roles and (
        command.expires_at is None or command.expires_at > latest
    ):
        raise Refused(
            "onboarding-needs-expiry",
            f"A key of the vendor's engineer expires within {ONBOARDING_DAYS_MAX} days.",
        )


def _issued(command: IssueAccessKey, context: Context) -> AccessKeyIssued:
    if command.person_id is not None:
        known(context.look(PERSON, command.person_id), "unknown-person", "such person")
    given = set(command.roles)
    if not given or len(given) != len(command.roles) or not given <= ROLES:
        raise Refused(
            "unknown-role", f"The roles are one or more of {', '.join(sorted(ROLES))}, each once."
        )
    _check_expiry(command.expires_at, context)
    _check_onboarding(command, context)
    scopes = tuple(sorted(set(command.scopes)))
    if bad := [scope for scope in scopes if not _SCOPE.fullmatch(scope)]:
        raise Refused("bad-scope", f"Not a scope: {bad[0]!r}.")
    return AccessKeyIssued(
        name=checked_name(command.name),
        roles=command.roles,
        person_id=command.person_id,
        expires_at=command.expires_at,
        scopes=scopes,
    )


def _evolve(
    state: AccessKey | None,
    happened: Happened[AccessKeyIssued | AccessKeyReplaced | AccessKeyRevoked],
) -> AccessKey:
    event = happened.event
    match event:
        case AccessKeyIssued():
            return AccessKey(
                name=event.name,
                roles=event.roles,
                person_id=event.person_id,
                expires_at=event.expires_at,
                scopes=event.scopes,
            )
        case AccessKeyReplaced():
            return msgspec.structs.replace(
                begun(state), replaced_by=event.by, expires_at=event.expires_at
            )
        case AccessKeyRevoked():
            return msgspec.structs.replace(begun(state), revoked=True)
        case _:
            assert_never(event)


ACCESS_KEY: Decider[AccessKey | None] = Decider(
    kind="access-key", initial=None, decide=_decide, evolve=_evolve
)
