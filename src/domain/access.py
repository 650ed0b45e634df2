"""Access keys: who was given which roles, and when they were taken away."""

from datetime import datetime
from uuid import UUID

from domain.kernel import Command, Event


class IssueAccessKey(Command, frozen=True, kw_only=True):
    name: str
    roles: tuple[str, ...]
    person_id: UUID | None = None
    expires_at: datetime | None = None


class AccessKeyIssued(Event, frozen=True, kw_only=True):
    TOPIC = "access-key.issued"
    name: str
    roles: tuple[str, ...]
    person_id: UUID | None = None
    expires_at: datetime | None = None


class RevokeAccessKey(Command, frozen=True, kw_only=True):
    reason: str = ""


class AccessKeyRevoked(Event, frozen=True, kw_only=True):
    TOPIC = "access-key.revoked"
    reason: str = ""
