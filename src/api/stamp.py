"""Who asks, and when: the only clock on the way in."""

from datetime import UTC, datetime
from uuid import UUID

from tenancy.records import Stamp
from tenancy.telemetry import traceparent


def arrival() -> datetime:
    """When the request that is being read arrived, UTC."""
    return datetime.now(UTC)


def stamp(now: datetime, actor: UUID, correlation_id: UUID) -> Stamp:
    """The stamp of a request."""
    return Stamp(now=now, actor=actor, correlation_id=correlation_id, traceparent=traceparent())
