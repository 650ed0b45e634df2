"""What is sealed opens again, in its own place only."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.application import Repository
from eventsourcing.persistence import EventStore, MapperDeserialisationError, StoredEvent
from eventsourcing.popo import POPOAggregateRecorder
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import EVENTS
from domain.explanation import Node
from domain.kernel import Event, Personal
from domain.org_units import OrgUnitCreated
from domain.organisation import Assignment, EmployeeHired, PersonRegistered
from domain.ratings import ManagerRatingSubmitted
from tenancy.keyring import (
    Keyring,
    KeysNotReady,
    MasterKey,
    NotGenuine,
    SubjectErased,
    TenantKeys,
    UnknownKey,
)
from tenancy.keystore import MemoryKeys, SubjectKey
from tenancy.mapper import Mapper, UnknownTopic, from_stored, to_stored
from tenancy.records import Metadata, Recorded, Sealed

TENANT = UUID("7e4a17b0-0000-4000-8000-000000000001")
STREAM = uuid4()
NOW = datetime(2026, 3, 31, 12, 0, 0, 123456, tzinfo=UTC)
UNIT = OrgUnitCreated(code="S1", name="销售一部", valid_from=date(2026, 1, 1), parent_id=uuid4())
HIRED = EmployeeHired(
    number="E1",
    person_id=uuid4(),
    hired_on=date(2020, 2, 29),
    assignment=Assignment(
        org_unit_id=uuid4(), job_id=uuid4(), cost_centre="C-1", fte=Decimal("0.80")
    ),
)
PERSON = PersonRegistered(number="1001", name="王小明")
CLASSES: tuple[type[Any], ...] = (OrgUnitCreated, PersonRegistered, EmployeeHired)


class Reviewed(Event, frozen=True, kw_only=True):
    """Names its subject in a field, and has two personal fields and a public one."""

    TOPIC = "test.reviewed"
    SUBJECT = "person_id"
    person_id: UUID
    points: Decimal
    praise: Personal[str | None] = None
    blame: Personal[tuple[str, ...] | None] = None


def metadata() -> Metadata:
    return Metadata(event_id=uuid4(), actor=uuid4(), command_id="import-1/17")


async def mapper_of(
    classes: Iterable[type[Any]] = CLASSES,
    *,
    tenant_id: UUID = TENANT,
    keyring: Keyring | None = None,
) -> Mapper:
    keys = await (keyring or Keyring.in_memory()).of(tenant_id)
    return Mapper(tenant_id, keys, classes)


def seal(mapper: Mapper, event: Any, version: int = 1, stream_id: UUID = STREAM) -> Sealed:
    return mapper.seal(stream_id, version, event, metadata(), NOW)


@pytest.mark.parametrize("event", [UNIT, HIRED, PERSON], ids=lambda event: event.TOPIC)
async def test_what_is_sealed_opens_again(event: Event) -> None:
    mapper, envelope = await mapper_of(), metadata()
    await mapper.prepare([(STREAM, event)])
    row = mapper.seal(STREAM, 3, event, envelope, NOW)
    row = msgspec.structs.replace(row, position=17)
    assert mapper.open(row) == Recorded(
        event=event,
        stream_id=STREAM,
        version=3,
        position=17,
        topic=event.TOPIC,
        recorded_at=NOW,
        metadata=envelope,
    )


@given(number=st.text(), name=st.none() | st.text(), points=st.decimals(allow_nan=False, places=4))
async def test_any_text_and_number_comes_back(
    number: str, name: str | None, points: Decimal
) -> None:
    mapper = await mapper_of((PersonRegistered, Reviewed))
    person = PersonRegistered(number=number, name=name)
    review = Reviewed(person_id=uuid4(), points=points, praise=name, blame=(number,))
    await mapper.prepare([(STREAM, person), (STREAM, review)])
    assert mapper.open(seal(mapper, person)).event == person
    assert mapper.open(seal(mapper, review)).event == review


async def test_nothing_of_the_content_is_stored_in_clear() -> None:
    mapper = await mapper_of()
    await mapper.prepare([(STREAM, PERSON)])
    for event, words in ((UNIT, ("S1", "销售一部")), (PERSON, ("1001", "王小明"))):
        row = seal(mapper, event)
        stored = row.metadata + row.payload + (row.personal or b"")
        for word in words:
            assert word.encode() not in stored


async def test_personal_fields_lie_apart_and_only_where_there_are_some() -> None:
    mapper = await mapper_of()
    await mapper.prepare([(STREAM, PERSON)])
    assert b"name" not in mapper.content(
        msgspec.structs.replace(seal(mapper, PERSON), personal=None)
    )
    assert b"name" in mapper.content(seal(mapper, PERSON))
    assert seal(mapper, PersonRegistered(number="1002")).personal is None
    assert seal(mapper, UNIT).personal is None


async def test_every_ciphertext_names_key_and_algorithm() -> None:
    keyring = Keyring.in_memory()
    keys = await keyring.of(TENANT)
    mapper = await mapper_of(keyring=keyring)
    await mapper.prepare([(STREAM, PERSON)])
    row = seal(mapper, PERSON)
    assert row.payload[:17] == keys.key_id.bytes + b"\x01"
    assert row.personal is not None
    (subject_key,) = await keyring.store.subject_keys(TENANT, subjects=[STREAM])
    assert row.personal[:17] == subject_key.key_id.bytes + b"\x01"
    assert seal(mapper, PERSON).payload[17:29] != row.payload[17:29], "a nonce is used once"


SWAPS: dict[str, dict[str, Any]] = {
    "stream": {"stream_id": uuid4()},
    "version": {"version": 2},
    "topic": {"topic": "org-unit.created"},
}


@pytest.mark.parametrize("part", SWAPS)
async def test_a_row_does_not_open_elsewhere(part: str) -> None:
    mapper = await mapper_of()
    await mapper.prepare([(STREAM, PERSON)])
    row = seal(mapper, PERSON)
    moved = msgspec.structs.replace(row, **SWAPS[part])
    assert moved != row
    with pytest.raises(NotGenuine):
        mapper.open(moved)


async def test_a_row_does_not_open_at_another_tenant_even_with_its_keys() -> None:
    keyring = Keyring.in_memory()
    mapper = await mapper_of(keyring=keyring)
    other = Mapper(uuid4(), await keyring.of(TENANT), CLASSES)
    with pytest.raises(NotGenuine):
        other.open(seal(mapper, UNIT))


async def test_another_tenant_does_not_have_the_key() -> None:
    keyring = Keyring.in_memory()
    mapper, other = await mapper_of(keyring=keyring), await mapper_of(tenant_id=uuid4())
    row = seal(mapper, UNIT)
    with pytest.raises(KeysNotReady):
        other.open(row)
    with pytest.raises(UnknownKey):
        await other.ready([row])


async def test_payload_and_personal_fields_cannot_be_exchanged() -> None:
    """Not even when both are sealed under the same key: their purposes differ."""
    keyring = Keyring.in_memory()
    keys, mapper = await keyring.of(TENANT), await mapper_of(keyring=keyring)
    await mapper.prepare([(STREAM, PERSON)])
    row = seal(mapper, PERSON)
    assert row.personal is not None
    personal_as_payload = TenantKeys.from_clear(
        TENANT, {UUID(bytes=row.personal[:16]): await clear_subject_key(keys, keyring)}, {}
    )
    with pytest.raises(NotGenuine):
        Mapper(TENANT, personal_as_payload, CLASSES).open(
            msgspec.structs.replace(row, payload=row.personal, personal=None)
        )


async def clear_subject_key(keys: TenantKeys, keyring: Keyring) -> bytes:
    rows = await keyring.store.subject_keys(TENANT, subjects=[STREAM])
    (key,) = (await keys.subject_keys(rows)).values()
    assert key is not None
    return key


async def test_personal_fields_cannot_be_moved_to_another_event_of_the_same_subject() -> None:
    mapper = await mapper_of((Reviewed,))
    review = Reviewed(person_id=uuid4(), points=Decimal(4), praise="good")
    await mapper.prepare([(STREAM, review)])
    first, second = seal(mapper, review, 1), seal(mapper, review, 2)
    with pytest.raises(NotGenuine):
        mapper.open(msgspec.structs.replace(first, personal=second.personal))


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
async def test_no_byte_can_be_changed(at: int, flip: int) -> None:
    mapper = await mapper_of()
    await mapper.prepare([(STREAM, PERSON)])
    row = seal(mapper, PERSON)
    assert row.personal is not None
    for name, sealed in (("payload", row.payload), ("personal", row.personal)):
        damaged = bytearray(sealed)
        damaged[at % len(sealed)] ^= flip
        changed = msgspec.structs.replace(row, **{name: bytes(damaged)})
        with pytest.raises((NotGenuine, KeysNotReady)):
            mapper.open(changed)


@pytest.mark.parametrize("length", [0, 15, 16, 17, 29, 44])
async def test_cut_short(length: int) -> None:
    mapper = await mapper_of()
    row = seal(mapper, UNIT)
    with pytest.raises((NotGenuine, KeysNotReady)):
        mapper.open(msgspec.structs.replace(row, payload=row.payload[:length]))


# -- subjects


async def test_the_subject_is_the_named_field_or_else_the_stream() -> None:
    mapper = await mapper_of((Reviewed, PersonRegistered, OrgUnitCreated))
    grace = uuid4()
    praised = Reviewed(person_id=grace, points=Decimal(4), praise="good")
    bare = Reviewed(person_id=uuid4(), points=Decimal(4))
    assert mapper.subjects_of([(STREAM, praised), (uuid4(), bare), (uuid4(), UNIT)]) == {grace}
    assert mapper.subjects_of([(STREAM, PERSON)]) == {STREAM}


async def test_sealing_unprepared_is_an_error_and_not_a_leak() -> None:
    mapper = await mapper_of()
    with pytest.raises(KeysNotReady):
        seal(mapper, PERSON)


async def test_what_is_erased_reads_as_none_and_cannot_be_written_again() -> None:
    rating = ManagerRatingSubmitted(person_id=uuid4(), ratings=(), comment="稳重")
    store, master = ErasingKeys(), MasterKey.generate()
    mapper = await mapper_of((ManagerRatingSubmitted,), keyring=Keyring(store, master))
    await mapper.prepare([(STREAM, rating)])
    row = seal(mapper, rating)
    store.erased.add(rating.person_id)
    # Another process, which has nothing cached.
    fresh = await mapper_of((ManagerRatingSubmitted,), keyring=Keyring(store, master))
    await fresh.ready([row])
    assert fresh.open(row).event == msgspec.structs.replace(rating, comment=None)
    await fresh.prepare([(STREAM, rating)])
    with pytest.raises(SubjectErased):
        seal(fresh, rating)


class ErasingKeys(MemoryKeys):
    """A store in which subjects' keys were destroyed."""

    def __init__(self) -> None:
        super().__init__()
        self.erased: set[UUID] = set()

    async def subject_keys(self, *args: Any, **kwargs: Any) -> list[SubjectKey]:
        return [
            msgspec.structs.replace(key, wrapped=None) if key.subject_id in self.erased else key
            for key in await super().subject_keys(*args, **kwargs)
        ]


# -- classes


class RatingV1(Event, frozen=True, kw_only=True):
    TOPIC = "test.rated"
    score: str
    remark: Personal[str | None] = None


class RatingV3(Event, frozen=True, kw_only=True):
    TOPIC = "test.rated"
    class_version: ClassVar[int] = 3
    rating: Decimal
    scale: int
    remark: Personal[str | None] = None

    @staticmethod
    def upcast_v1_v2(fields: dict[str, Any]) -> None:
        fields["rating"] = fields.pop("score")

    @staticmethod
    def upcast_v2_v3(fields: dict[str, Any]) -> None:
        fields["scale"] = 5


async def test_an_old_event_is_read_as_the_newest_version() -> None:
    keyring = Keyring.in_memory()
    old, new = await mapper_of([RatingV1], keyring=keyring), await mapper_of([RatingV3])
    new = await mapper_of([RatingV3], keyring=keyring)
    event = RatingV1(score="4.5", remark="fine")
    await old.prepare([(STREAM, event)])
    row = seal(old, event)
    assert new.open(row).event == RatingV3(rating=Decimal("4.5"), scale=5, remark="fine")
    written = seal(new, RatingV3(rating=Decimal(3), scale=10))
    assert new.open(written).metadata.class_version == 3
    assert new.open(written).event.scale == 10


async def test_an_event_from_the_future_is_refused() -> None:
    keyring = Keyring.in_memory()
    old, new = (
        await mapper_of([RatingV1], keyring=keyring),
        await mapper_of([RatingV3], keyring=keyring),
    )
    with pytest.raises(MapperDeserialisationError, match=r"test\.rated"):
        old.open(seal(new, RatingV3(rating=Decimal(3), scale=10)))


async def test_an_unknown_topic_is_named() -> None:
    mapper, knows_less = await mapper_of(), await mapper_of([PersonRegistered])
    with pytest.raises(UnknownTopic, match=r"org-unit\.created"):
        knows_less.open(seal(mapper, UNIT))
    with pytest.raises(UnknownTopic, match=r"org-unit\.created"):
        seal(knows_less, UNIT)


async def test_two_classes_of_one_topic_are_refused() -> None:
    with pytest.raises(TypeError, match="two event classes"):
        await mapper_of([RatingV1, RatingV3])


async def test_a_personal_field_must_be_able_to_read_as_none() -> None:
    class Careless(Event, frozen=True, kw_only=True):
        TOPIC = "test.careless"
        name: Annotated[str, msgspec.Meta(extra={"personal": True})]

    with pytest.raises(TypeError, match=r"Careless\.name is personal"):
        await mapper_of([Careless])

    class Nobodys(Event, frozen=True, kw_only=True):
        TOPIC = "test.nobodys"
        SUBJECT = "person"
        person_id: UUID

    with pytest.raises(TypeError, match="Nobodys: SUBJECT names no field"):
        await mapper_of([Nobodys])


async def test_the_whole_catalogue_can_be_mapped() -> None:
    await mapper_of(EVENTS)


# -- the library's interface


async def test_the_librarys_repository_replays_a_stream_at_any_version() -> None:
    mapper = await mapper_of([RatingV3])
    store = EventStore(mapper, POPOAggregateRecorder())
    envelope = msgspec.structs.replace(metadata(), class_version=3)
    events = [
        Recorded(
            event=RatingV3(rating=Decimal(rating), scale=5),
            stream_id=STREAM,
            version=version,
            position=0,
            topic=RatingV3.TOPIC,
            recorded_at=NOW,
            metadata=envelope,
        )
        for version, rating in enumerate((3, 4, 5), start=1)
    ]
    store.put(events)

    def fold(state: Any, happened: Any) -> Any:
        for each in happened:
            state = (state or ()) + (each.event.rating,)
        return state

    repository: Repository[UUID] = Repository(store)
    whole: Any = repository.get(STREAM, projector_func=fold)
    assert whole == (3, 4, 5)
    earlier: Any = repository.get(STREAM, version=2, projector_func=fold)
    assert earlier == (3, 4)


async def test_rows_survive_the_librarys_shape() -> None:
    mapper = await mapper_of()
    await mapper.prepare([(STREAM, PERSON)])
    for event in (PERSON, UNIT):
        row = seal(mapper, event)
        stored = to_stored(row)
        assert isinstance(stored, StoredEvent)
        assert from_stored(stored) == row


class Explained(Event, frozen=True, kw_only=True):
    """Has a tree of reasons, which views leave alone."""

    TOPIC = "test.explained"
    points: Decimal
    explanation: Node
    before: Node | None = None


def record(row: Sealed, position: int) -> tuple[Any, ...]:
    """The row as the database gives it to readers of long histories."""
    sent_at = int((row.recorded_at - datetime(2000, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    place = (row.stream_id, row.version, row.topic, sent_at.to_bytes(8, "big", signed=True))
    return (*place, row.metadata, row.payload, position)


async def test_long_histories_are_read_as_single_events_are() -> None:
    mapper = await mapper_of((*CLASSES, Explained))
    reasons = Node(rule="given", value="88", source=uuid4())
    events = (UNIT, HIRED, PERSON, Explained(points=Decimal(88), explanation=reasons))
    await mapper.prepare((STREAM, event) for event in events)
    rows = [seal(mapper, event, version) for version, event in enumerate(events, 1)]
    records = [record(row, position) for position, row in enumerate(rows, 1)]

    await mapper.ready_for(records)
    found = list(mapper.opened(records))

    for one, row in zip(found, rows, strict=True):
        other = mapper.open(msgspec.structs.replace(row, position=one.position, personal=None))
        for name in (*Recorded.__struct_fields__, "event_id", "actor", "originator_version"):
            if name != "event":
                assert getattr(one, name) == getattr(other, name)
    assert [one.event for one in found[:2]] == [UNIT, HIRED]
    assert found[2].event == PersonRegistered(number=PERSON.number)
    skimmed = cast("Any", found[3].event)
    assert issubclass(type(skimmed), Explained)
    assert (skimmed.points, skimmed.before) == (Decimal(88), None)
    assert msgspec.json.Decoder(Node).decode(skimmed.explanation) == reasons


async def test_an_old_event_of_a_long_history_is_read_as_the_newest_version() -> None:
    keyring = Keyring.in_memory()
    old, new = (
        await mapper_of([RatingV1], keyring=keyring),
        await mapper_of([RatingV3], keyring=keyring),
    )
    event, newer = RatingV1(score="4.5"), RatingV3(rating=Decimal(3), scale=10)
    rows = [record(seal(old, event), 1), record(seal(new, newer), 2)]

    found = [each.event for each in new.opened(rows)]

    assert found == [RatingV3(rating=Decimal("4.5"), scale=5), newer]


async def test_a_damaged_event_of_a_long_history_is_named() -> None:
    mapper = await mapper_of()
    await mapper.prepare([(STREAM, UNIT)])
    row = seal(mapper, UNIT)
    moved = msgspec.structs.replace(row, version=2)
    for damaged, error in (
        (moved, NotGenuine),
        (msgspec.structs.replace(row, topic="test.unknown"), UnknownTopic),
        (msgspec.structs.replace(row, metadata=b'{"class_version":9'), MapperDeserialisationError),
    ):
        with pytest.raises(error):
            list(mapper.opened([record(damaged, 1)]))
