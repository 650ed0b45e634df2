"""What a webhook's receiver gets: a thin CloudEvent, signed as Standard Webhooks says.

Thin: which event of which stream, and when. No name, no text, no amount; whoever may know more asks
the API with a key of their own.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from standardwebhooks import Webhook

from tenancy.webhooks import Envelope

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0, structured JSON."""

    specversion: str = "1.0"
    id: UUID
    """Of the event: the same over all attempts, by which receivers see that they know it."""
    source: str
    """The tenant."""
    type: str
    """The event's topic."""
    subject: UUID
    """Its stream."""
    time: datetime
    position: str
    """Of the tenant's log, for the order; text, as CloudEvents' integers have 32 bits."""
    datacontenttype: str = "application/json"
    data: "Data"


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """All that there is beside the envelope."""

    version: int
    """Of the stream."""


def source_of(public_url: str, tenant_id: UUID) -> str:
    """The tenant as a CloudEvent's source: below our address, where there is one."""
    return f"{public_url.rstrip('/')}/tenants/{tenant_id}"


def body_of(event: Envelope, source: str) -> bytes:
    """The event as it is sent: the same bytes in every attempt."""
    return msgspec.json.encode(
        CloudEvent(
            id=event.event_id,
            source=source,
            type=event.topic,
            subject=event.stream_id,
            time=event.recorded_at.astimezone(UTC),
            position=str(event.position),
            data=Data(version=event.version),
        )
    )


def headers_of(
    event_id: UUID, body: bytes, now: datetime, secrets: Sequence[str]
) -> dict[str, str]:
    """The headers of one attempt: a signature by each secret, the newest first."""
    text = body.decode()
    signatures = [Webhook(secret).sign(str(event_id), now, text) for secret in secrets]
    return {
        "Content-Type": MEDIA_TYPE,
        "User-Agent": "Meritledger",
        "webhook-id": str(event_id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
