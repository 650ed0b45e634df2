"""The audit trail: who did what when, one row per event, envelopes only."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from projections.kernel import Projection
from projections.questions import LIMIT_DEFAULT, Between, Page, View, get, page
from projections.tables import Build, Row, Table
from tenancy.records import Recorded

NAME = "audit_trail"
VERSION = 1


class AuditEvent(Row, kw_only=True):
    """An event's envelope; its payload is read from its stream, by those who may."""

    event_id: UUID
    stream_id: UUID
    version: int
    topic: str
    recorded_at: datetime
    actor: UUID
    on_behalf_of: UUID | None
    command_id: str | None
    correlation_id: UUID | None
    causation_id: UUID | None


AUDIT_EVENTS = Table(
    "audit_events",
    AuditEvent,
    projection=NAME,
    version=VERSION,
    key=("position",),
    indexes=(("actor", "position"), ("stream_id", "position"), ("topic", "position")),
)


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    await AUDIT_EVENTS.save(
        build,
        [
            AuditEvent(
                position=recorded.position,
                event_id=recorded.metadata.event_id,
                stream_id=recorded.stream_id,
                version=recorded.version,
                topic=recorded.topic,
                recorded_at=recorded.recorded_at,
                actor=recorded.metadata.actor,
                on_behalf_of=recorded.metadata.on_behalf_of,
                command_id=recorded.metadata.command_id,
                correlation_id=recorded.metadata.correlation_id,
                causation_id=recorded.metadata.causation_id,
            )
            for recorded in batch
        ],
    )


AUDIT_TRAIL = Projection(
    name=NAME, version=VERSION, topics=None, tables=(AUDIT_EVENTS,), apply=_apply
)


async def audit_events(
    view: View,
    *,
    topic: str | None = None,
    actor: UUID | None = None,
    stream_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    descending: bool = False,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[AuditEvent]:
    """Events by position; recorded from `since` inclusive to `until` exclusive."""
    where = {
        "topic": topic,
        "actor": actor,
        "stream_id": stream_id,
        "recorded_at": Between(since, until),
    }
    return await page(
        view,
        AUDIT_EVENTS,
        order=("position",),
        where=where,
        limit=limit,
        cursor=cursor,
        descending=descending,
    )


async def audit_event(view: View, position: int) -> AuditEvent | None:
    """The event at this log position."""
    return await get(view, AUDIT_EVENTS, position)
