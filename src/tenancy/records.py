"""What is written and what is read: the stamp, the envelope, the sealed row, the opened event."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, when, and why: taken once at the edge, the only clock on the way in."""

    now: datetime
    """UTC, microseconds."""
    actor: UUID
    """The person that the credential stands for, else the credential itself."""
    on_behalf_of: UUID | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None
    """Of the request's trace (W3C Trace Context), where somebody records it."""


class Idempotency(msgspec.Struct, frozen=True, kw_only=True):
    """A key that makes a command happen once, and the hash of what it was first used for."""

    key: str
    fingerprint: bytes
    """SHA-256 of method, path and body."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The envelope, kept in clear and covered by the proof; ids only, no free text."""

    event_id: UUID
    actor: UUID
    on_behalf_of: UUID | None = None
    command_id: str | None = None
    """The idempotency key of the command, where it had one."""
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    class_version: int = 1
    traceparent: str | None = None
    """Two random ids: by them the views' work is found in the trace of the request."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of the log as it is stored: nothing of its content can be read without a key."""

    stream_id: UUID
    version: int
    """1, 2, 3 ... within the stream."""
    topic: str
    recorded_at: datetime
    metadata: bytes
    """JSON of `Metadata`."""
    payload: bytes
    """Key id, nonce and AES-256-GCM ciphertext of the JSON of the event's own fields."""
    personal: bytes | None = None
    """The same of the `Personal[...]` fields, under the data subject's key."""
    position: int = 0
    """1, 2, 3 ... within the tenant, in commit order; 0 before it is appended."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event opened again, with its envelope."""

    event: Any
    stream_id: UUID
    version: int
    position: int
    topic: str
    recorded_at: datetime
    metadata: Metadata

    @property
    def originator_id(self) -> UUID:
        """The stream, as the eventsourcing library names it."""
        return self.stream_id

    @property
    def originator_version(self) -> int:
        """The version, as the eventsourcing library names it."""
        return self.version

    @property
    def event_id(self) -> UUID:
        return self.metadata.event_id

    @property
    def actor(self) -> UUID:
        return self.metadata.actor


class Past(msgspec.Struct, frozen=True, gc=False):
    """A `Recorded` as long histories are read: its envelope is decoded when it is asked for.

    Most folds ask for neither time nor actor, and decoding both is a quarter of the reading.
    """

    event: Any
    stream_id: UUID
    version: int
    position: int
    topic: str
    sent_at: bytes
    """`recorded_at` in the database's own binary form: microseconds since 2000."""
    envelope: bytes

    @property
    def recorded_at(self) -> datetime:
        return _Y2K + timedelta(microseconds=int.from_bytes(self.sent_at, "big", signed=True))

    @property
    def metadata(self) -> Metadata:
        return read_metadata(self.envelope)

    @property
    def originator_id(self) -> UUID:
        return self.stream_id

    @property
    def originator_version(self) -> int:
        return self.version

    @property
    def event_id(self) -> UUID:
        return self.metadata.event_id

    @property
    def actor(self) -> UUID:
        return self.metadata.actor


_Y2K = datetime(2000, 1, 1, tzinfo=UTC)
read_metadata = msgspec.json.Decoder(Metadata).decode
"""The envelope from its JSON."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a carried-out command may tell: where it went and how far the log is."""

    stream_id: UUID
    version: int
    """The version that the command's own stream reached."""
    position: int
    """The log position of its last event; wait for it to read your own write."""
    replayed: bool = False
    """True when the idempotency key had been carried out before."""
