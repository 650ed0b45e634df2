"""Between events and the sealed rows of the log: the library's Mapper, for msgspec structs.

The payload is the JSON of the event without its personal fields, under the tenant's data key;
the personal fields are the same under the data subject's key. Both are bound to their purpose,
tenant, stream, version and topic: at any other place they do not open.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper as LibraryMapper
from eventsourcing.persistence import MapperDeserialisationError, Notification, StoredEvent
from eventsourcing.persistence import Transcoder as LibraryTranscoder

from tenancy.keyring import TenantKeys
from tenancy.records import Metadata, Past, Recorded, Sealed, read_metadata

Row: TypeAlias = Any
"""A record of the database with these columns: stream_id, version, topic, recorded_at in its binary
form, metadata, payload, position."""

_JSON = msgspec.json.Encoder()
_PACK = msgspec.msgpack.Encoder()
_WITH_VERSION = b'"class_version":'
"""What an envelope has only where the class has been changed since its first version."""
_READ_FIELDS = msgspec.json.Decoder(dict[str, Any])


class UnknownTopic(LookupError):
    """The log holds an event of a kind that this program does not know."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"no event class has the topic {topic!r}")
        self.topic = topic


class _Plan(msgspec.Struct, frozen=True):
    """All that can be known of an event class before its first event."""

    topic: str
    topic_bytes: bytes
    event_class: type[Any]
    class_version: int
    read: Callable[[bytes], Any]
    skim: Callable[[bytes], Any]
    """As `read`, but for the fields that views leave alone: they stay as they are written."""
    personal: dict[str, str]
    """Attribute -> name in JSON."""
    subject: str | None

    def upcast(self, fields: dict[str, Any], version: int) -> Any:
        """The event from what an earlier version of its class had written."""
        for each in range(version, self.class_version):
            getattr(self.event_class, f"upcast_v{each}_v{each + 1}")(fields)
        return msgspec.convert(fields, self.event_class)


def _is_personal(annotation: msgspec.inspect.Type) -> bool:
    return isinstance(annotation, msgspec.inspect.Metadata) and bool(
        (annotation.extra or {}).get("personal")
    )


def personal_fields(event_class: type[Any]) -> tuple[str, ...]:
    """The attributes of an event class that are sealed under a data subject's key."""
    return tuple(_plan(event_class).personal)


_PLANS: dict[type[Any], _Plan] = {}


def _plan(event_class: type[Any]) -> _Plan:
    plan = _PLANS.get(event_class)
    if plan is None:
        plan = _PLANS[event_class] = _study(event_class)
    return plan


def _study(event_class: type[Any]) -> _Plan:
    info = msgspec.inspect.type_info(event_class)
    if not isinstance(info, msgspec.inspect.StructType):
        raise TypeError(f"{event_class.__name__} is not a msgspec struct")
    personal = [field for field in info.fields if _is_personal(field.type)]
    for field in personal:
        if field.default is not None:
            raise TypeError(
                f"{event_class.__name__}.{field.name} is personal, so it must allow None and "
                "default to it: that is what it reads as once it was erased"
            )
    subject = getattr(event_class, "SUBJECT", None)
    if subject is not None and subject not in {field.name for field in info.fields}:
        raise TypeError(f"{event_class.__name__}: SUBJECT names no field, {subject!r}")
    return _Plan(
        topic=event_class.TOPIC,
        topic_bytes=event_class.TOPIC.encode(),
        event_class=event_class,
        class_version=getattr(event_class, "class_version", 1),
        read=msgspec.json.Decoder(event_class).decode,
        skim=msgspec.json.Decoder(_skimmed(event_class, info)).decode,
        personal={field.name: field.encode_name for field in personal},
        subject=subject,
    )


def _skimmed(event_class: type[Any], info: msgspec.inspect.StructType) -> type[Any]:
    """The class with the fields that views leave alone kept as bytes; a subclass of it.

    An explanation is a tree of some thirty nodes: reading it costs ten times the rest of a score.
    """
    left = [
        (field.name, msgspec.Raw, *_default(field))
        for field in info.fields
        if any(_left_alone(each) for each in _alternatives(field.type))
    ]
    if not left:
        return event_class
    return msgspec.defstruct(
        event_class.__name__, left, bases=(event_class,), frozen=True, kw_only=True, gc=False
    )


def _default(field: msgspec.inspect.Field) -> tuple[Any, ...]:
    return () if field.required else (field.default,)


def _alternatives(annotation: msgspec.inspect.Type) -> Iterable[msgspec.inspect.Type]:
    if isinstance(annotation, msgspec.inspect.UnionType):
        return annotation.types
    return (annotation,)


def _left_alone(annotation: msgspec.inspect.Type) -> bool:
    return isinstance(annotation, msgspec.inspect.StructType) and bool(
        getattr(annotation.cls, "UNREAD_BY_VIEWS", False)
    )


def _by_topic(catalogue: Iterable[type[Any]]) -> dict[str, _Plan]:
    plans: dict[str, _Plan] = {}
    for event_class in catalogue:
        plan = _plan(event_class)
        if plans.setdefault(plan.topic, plan) is not plan:
            raise TypeError(f"two event classes have the topic {plan.topic!r}")
    return plans


class _NoTranscoder(LibraryTranscoder):
    """msgspec knows the types from the classes, so the library's transcoder is never asked."""

    def encode(self, obj: Any) -> bytes:
        return _JSON.encode(obj)

    def decode(self, data: bytes) -> Any:
        return msgspec.json.decode(data)


class Mapper(LibraryMapper[UUID]):
    """Seals and opens the events of one tenant.

    Args:
        tenant_id: whose log it is.
        keys: the tenant's keys, loaded.
        catalogue: every event class; each has a TOPIC of its own.
    """

    def __init__(self, tenant_id: UUID, keys: TenantKeys, catalogue: Iterable[type[Any]]) -> None:
        super().__init__(transcoder=_NoTranscoder())
        self.tenant_id = tenant_id
        self._keys = keys
        self._by_topic = _by_topic(catalogue)
        self._payload_at = b"payload\x00" + tenant_id.bytes
        self._personal_at = b"personal\x00" + tenant_id.bytes

    # -- sealing

    def subjects_of(self, events: Iterable[tuple[UUID, Any]]) -> set[UUID]:
        """Whose keys are needed to seal these (stream, event) pairs."""
        subjects = set()
        for stream_id, event in events:
            plan = _plan(type(event))
            if plan.personal and _carries_personal(event, plan):
                subjects.add(_subject(event, plan, stream_id))
        return subjects

    async def prepare(self, events: Iterable[tuple[UUID, Any]]) -> None:
        """Have the keys at hand that `seal` of these (stream, event) pairs needs.

        Raises:
            KeysUnavailable: what keeps the keys cannot be reached.
        """
        events = list(events)
        subjects = self.subjects_of(events)
        count = len(events) + len(subjects)
        while True:
            await self._keys.sealing(count)
            await self._keys.subjects(subjects)
            # Another task may have used what was there for us.
            if self._keys.may_seal(len(events)) and self._keys.has(subjects):
                return

    def may_seal(self, count: int) -> bool:
        """Whether `count` events can be sealed without `prepare`, but for personal fields."""
        return self._keys.may_seal(count)

    def seal(
        self,
        stream_id: UUID,
        version: int,
        event: Any,
        metadata: Metadata,
        recorded_at: dt.datetime,
    ) -> Sealed:
        """The row of this event at this place; `position` stays 0 until it is appended.

        Raises:
            UnknownTopic: the event's class is not in the catalogue.
            KeysNotReady: it has personal fields and `prepare` was not awaited.
            SubjectErased: it has personal fields of someone whose key was destroyed.
        """
        topic = event.TOPIC
        plan = self._by_topic.get(topic)
        if plan is None or plan.event_class is not type(event):
            raise UnknownTopic(topic)
        if metadata.class_version != plan.class_version:
            metadata = msgspec.structs.replace(metadata, class_version=plan.class_version)
        place = stream_id.bytes + version.to_bytes(8, "big") + plan.topic_bytes
        personal = None
        if plan.personal:
            fields = msgspec.to_builtins(event)
            apart = {name: fields.pop(name) for name in plan.personal.values() if name in fields}
            apart = {name: value for name, value in apart.items() if value is not None}
            payload = _JSON.encode(fields)
            if apart:
                subject = _subject(event, plan, stream_id)
                at = self._personal_at + place
                personal = self._keys.seal_personal(subject, _JSON.encode(apart), at)
        else:
            payload = _JSON.encode(event)
        return Sealed(
            stream_id=stream_id,
            version=version,
            topic=topic,
            recorded_at=recorded_at,
            metadata=_JSON.encode(metadata),
            payload=self._keys.seal(payload, self._payload_at + place),
            personal=personal,
        )

    # -- opening

    async def ready(self, rows: Iterable[Sealed]) -> None:
        """Have the keys at hand that `open` of these rows needs.

        Raises:
            UnknownKey: a row names a key that the tenant does not have.
        """
        lacks = self._keys.lacks
        needed = [row for row in rows if lacks(row.payload, row.personal)]
        if needed or self._keys.due():
            await self._keys.ready(
                [row.payload[:16] for row in needed],
                [row.personal[:16] for row in needed if row.personal is not None],
            )

    def content(self, sealed: Sealed) -> bytes:
        """The JSON of this row's event as it was written, without erased fields.

        Raises:
            KeysNotReady: `ready` was not awaited.
            NotGenuine: the row was changed, or stands where it was not written.
        """
        place = sealed.stream_id.bytes + sealed.version.to_bytes(8, "big") + sealed.topic.encode()
        content = self._keys.open(sealed.payload, self._payload_at + place)
        if sealed.personal is not None:
            apart = self._keys.open_personal(sealed.personal, self._personal_at + place)
            if apart is not None:
                content = _joined(content, apart)
        return content

    def open(self, sealed: Sealed, *, skim: bool = False) -> Recorded:
        """The event of this row, as the newest version of its class; erased fields are None.

        To `skim` is for folding: what views leave alone, no state holds either.

        Raises:
            UnknownTopic: no class of the catalogue has its topic.
            KeysNotReady, NotGenuine: as `content`.
            MapperDeserialisationError: the content does not fit its class.
        """
        plan = self._by_topic.get(sealed.topic)
        if plan is None:
            raise UnknownTopic(sealed.topic)
        content = self.content(sealed)
        try:
            metadata = read_metadata(sealed.metadata)
            if metadata.class_version == plan.class_version:
                event = plan.skim(content) if skim else plan.read(content)
            else:
                event = plan.upcast(_READ_FIELDS.decode(content), metadata.class_version)
        except (msgspec.MsgspecError, AttributeError, KeyError) as error:
            told = _unread(sealed.stream_id, sealed.version, sealed.topic)
            raise MapperDeserialisationError(f"{told}: {error}") from error
        return Recorded(
            event=event,
            stream_id=sealed.stream_id,
            version=sealed.version,
            position=sealed.position,
            topic=sealed.topic,
            recorded_at=sealed.recorded_at,
            metadata=metadata,
        )

    async def ready_for(self, rows: Iterable[Row]) -> None:
        """As `ready`, for rows without what is personal.

        Raises:
            UnknownKey: as `ready`.
        """
        named = {row[5][:16] for row in rows}
        needed = [each for each in named if self._keys.lacks(each, None)]
        if needed or self._keys.due():
            await self._keys.ready(needed, ())

    def opened(self, rows: Iterable[Row]) -> Iterator[Recorded]:
        """The events of these rows, one after the other, without what is personal.

        The same as `open` of each but for the fields of a type that views leave alone, and twice
        to four times as fast: nothing is looked up twice, nothing decoded that nobody asks for.

        Raises:
            UnknownTopic, KeysNotReady, NotGenuine, MapperDeserialisationError: as `open`.
        """
        plans, keys, at = self._by_topic, self._keys, self._payload_at
        sealed_by = b""  # the same key for nearly all of them
        decrypt: Callable[[bytes, bytes, bytes], bytes]
        for stream_id, version, topic, sent_at, envelope, payload, position in rows:
            plan = plans.get(topic)
            if plan is None:
                raise UnknownTopic(topic)
            place = at + stream_id.bytes + version.to_bytes(8, "big") + plan.topic_bytes
            if (head := payload[:17]) != sealed_by:
                decrypt, sealed_by = keys.decrypting(head), head
            try:
                content = decrypt(payload[17:29], payload[29:], place)
            except Exception:  # noqa: BLE001 - what it is says the way that is not the fast one
                content = keys.open(payload, place)
            try:
                written = 1 if _WITH_VERSION not in envelope else _version(envelope)
                if written == plan.class_version:
                    event = plan.skim(content)
                else:
                    event = plan.upcast(_READ_FIELDS.decode(content), written)
            except (msgspec.MsgspecError, AttributeError, KeyError) as error:
                told = _unread(stream_id, version, topic)
                raise MapperDeserialisationError(f"{told}: {error}") from error
            # It has all that a `Recorded` has.
            yield cast(
                "Recorded", Past(event, stream_id, version, position, topic, sent_at, envelope)
            )

    # -- the library's own interface, for its Repository and its recorders

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """A `Recorded`, sealed, as the library's recorders take it."""
        if not isinstance(domain_event, Recorded):
            raise TypeError(f"expected Recorded, got {type(domain_event).__name__}")
        return to_stored(
            self.seal(
                domain_event.stream_id,
                domain_event.version,
                domain_event.event,
                domain_event.metadata,
                domain_event.recorded_at,
            )
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """The `Recorded` of a stored event; its keys were loaded before."""
        return self.open(from_stored(stored_event))


def to_stored(row: Sealed) -> StoredEvent:
    """A row in the library's shape: what it has no column for is packed into the state."""
    state = _PACK.encode((row.recorded_at, row.metadata, row.payload, row.personal))
    return StoredEvent(row.stream_id, row.version, row.topic, state)


_UNPACK = msgspec.msgpack.Decoder(tuple[dt.datetime, bytes, bytes, bytes | None])


def from_stored(stored: StoredEvent) -> Sealed:
    """The row that `to_stored` packed; a notification's id is its position."""
    recorded_at, metadata, payload, personal = _UNPACK.decode(stored.state)
    if not isinstance(stored.originator_id, UUID):
        raise TypeError("streams are named by UUIDs")
    return Sealed(
        stream_id=stored.originator_id,
        version=stored.originator_version,
        topic=stored.topic,
        recorded_at=recorded_at,
        metadata=metadata,
        payload=payload,
        personal=personal,
        position=stored.id if isinstance(stored, Notification) else 0,
    )


def _version(envelope: bytes) -> int:
    return read_metadata(envelope).class_version


def _unread(stream_id: UUID, version: int, topic: str) -> str:
    return f"version {version} of stream {stream_id} does not read as {topic!r}"


def _joined(content: bytes, apart: bytes) -> bytes:
    # Both are JSON objects of our own encoder, without blanks and with no field in common.
    return apart if content == b"{}" else content[:-1] + b"," + apart[1:]


def _carries_personal(event: Any, plan: _Plan) -> bool:
    return any(getattr(event, name) is not None for name in plan.personal)


def _subject(event: Any, plan: _Plan, stream_id: UUID) -> UUID:
    if plan.subject is None:
        return stream_id
    subject = getattr(event, plan.subject)
    if not isinstance(subject, UUID):
        raise TypeError(f"{plan.topic}: SUBJECT names {plan.subject!r}, which is not a UUID")
    return subject
