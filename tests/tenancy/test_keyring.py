"""Keys: made once, kept wrapped, unreadable elsewhere."""

import asyncio
import base64
import os
import stat
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.database import Database
from tenancy.keyring import (
    Keyring,
    KeysNotReady,
    MasterKey,
    MasterKeyRefused,
    NotGenuine,
    UnknownKey,
    binding,
)

# -- the master key


def test_the_file_is_made_once_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    made = MasterKey.from_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert MasterKey.from_file(path).key_id == made.key_id
    assert [each.name for each in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o620, 0o601])
def test_a_file_that_others_may_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    MasterKey.from_file(path)
    path.chmod(mode)
    with pytest.raises(MasterKeyRefused, match=f"mode {mode:04o}.*chmod 600"):
        MasterKey.from_file(path)
    path.chmod(0o400)
    MasterKey.from_file(path)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_file_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(os.urandom(length))
    path.chmod(0o600)
    with pytest.raises(MasterKeyRefused, match=f"32 bytes, not {length}"):
        MasterKey.from_file(path)


def test_the_modes_of_folders_that_were_there_stay(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    MasterKey.from_file(tmp_path / "master.key")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


async def test_first_starts_at_the_same_time_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    made = await asyncio.gather(*(asyncio.to_thread(MasterKey.from_file, path) for _ in range(16)))
    assert len({key.key_id for key in made}) == 1


def test_from_text() -> None:
    raw = os.urandom(32)
    text = base64.b64encode(raw).decode()
    assert MasterKey.from_text(f" {text}\n").key_id == MasterKey(raw).key_id
    for wrong in ("", "not base64!", text[:-4]):
        with pytest.raises(MasterKeyRefused):
            MasterKey.from_text(wrong)


async def test_a_wrapped_key_opens_only_in_its_place() -> None:
    master, tenant, key_id = MasterKey.generate(), uuid4(), uuid4()
    wrapped = await master.wrap(b"k" * 32, binding("tenant-key", tenant, key_id))
    assert await master.unwrap(wrapped, binding("tenant-key", tenant, key_id)) == b"k" * 32
    assert b"k" * 8 not in wrapped
    for context in (
        binding("signing-key", tenant, key_id),
        binding("tenant-key", uuid4(), key_id),
        binding("tenant-key", tenant, uuid4()),
        binding("tenant-key", tenant),
        binding("tenant-key", key_id, tenant),
    ):
        with pytest.raises(NotGenuine):
            await master.unwrap(wrapped, context)
    with pytest.raises(UnknownKey):
        await MasterKey.generate().unwrap(wrapped, binding("tenant-key", tenant, key_id))


# -- tenants' and subjects' keys, in PostgreSQL


async def test_keys_outlive_the_process(database: Database, tenant_id: UUID) -> None:
    master, grace = MasterKey.generate(), uuid4()
    keys = await Keyring.open(database, master).of(tenant_id)
    await keys.subjects([grace])
    sealed, personal = keys.seal(b"pay", b"here"), keys.seal_personal(grace, b"name", b"here")

    again = await Keyring.open(database, master).of(tenant_id)
    assert again.key_id == keys.key_id
    assert again.lacks(sealed, personal)
    await again.ready([sealed[:16]], [personal[:16]])
    assert again.open(sealed, b"here") == b"pay"
    assert again.open_personal(personal, b"here") == b"name"
    with pytest.raises(NotGenuine):
        again.open(sealed, b"there")
    with pytest.raises(NotGenuine):
        again.open_personal(personal, b"there")


async def test_another_master_key_opens_nothing(database: Database, tenant_id: UUID) -> None:
    await Keyring.open(database, MasterKey.generate()).of(tenant_id)
    with pytest.raises(UnknownKey):
        await Keyring.open(database, MasterKey.generate()).of(tenant_id)


@pytest.mark.both_postgres
async def test_whoever_comes_first_makes_the_key(database: Database, tenant_id: UUID) -> None:
    """Many processes at once: one tenant key, one key per subject, and all can read all."""
    master, people = MasterKey.generate(), [uuid4() for _ in range(20)]

    async def process(number: int) -> tuple[UUID, dict[UUID, bytes]]:
        keys = await Keyring.open(database, master).of(tenant_id)
        await keys.subjects(people if number % 2 else people[::-1])
        return keys.key_id, {each: keys.seal_personal(each, b"name", b"") for each in people}

    results = await asyncio.gather(*(process(number) for number in range(12)))
    assert len({key_id for key_id, _ in results}) == 1
    for person in people:
        assert len({sealed[person][:16] for _, sealed in results}) == 1
    reader = await Keyring.open(database, master).of(tenant_id)
    for _, sealed in results:
        await reader.ready([], [each[:16] for each in sealed.values()])
        assert {reader.open_personal(each, b"") for each in sealed.values()} == {b"name"}


async def test_keys_are_seen_by_their_tenant_only(
    database: Database, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    keyring = Keyring.open(database, MasterKey.generate())
    grace = uuid4()
    mine, theirs = await keyring.of(tenant_id), await keyring.of(other_tenant_id)
    await mine.subjects([grace])
    await theirs.subjects([grace])
    sealed = mine.seal_personal(grace, b"name", b"")
    with pytest.raises(UnknownKey):
        await theirs.ready([], [sealed[:16]])
    with pytest.raises(UnknownKey):
        await theirs.ready([mine.seal(b"", b"")[:16]], [])
    with pytest.raises(KeysNotReady):
        theirs.open_personal(sealed, b"")
    async with database.transaction(other_tenant_id) as connection:
        for table in ("tenant_keys", "subject_keys"):
            rows = await connection.fetch(f"SELECT tenant_id FROM merit.{table}")
            assert {row["tenant_id"] for row in rows} == {other_tenant_id}


async def test_a_key_moved_to_another_tenant_or_subject_does_not_open(
    database: Database, owner_url: str, tenant_id: UUID
) -> None:
    master, grace, alan = MasterKey.generate(), uuid4(), uuid4()
    keys = await Keyring.open(database, master).of(tenant_id)
    await keys.subjects([grace, alan])
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(
            "UPDATE merit.subject_keys a SET wrapped = b.wrapped FROM merit.subject_keys b"
            " WHERE a.tenant_id = $1 AND b.tenant_id = $1"
            " AND a.subject_id = $2 AND b.subject_id = $3",
            tenant_id,
            grace,
            alan,
        )
    finally:
        await owner.close()
    fresh = await Keyring.open(database, master).of(tenant_id)
    await fresh.subjects([alan])
    with pytest.raises(NotGenuine):
        await fresh.subjects([grace])


async def test_the_application_can_rewrap_a_key_and_neither_exchange_nor_delete_it(
    database: Database, tenant_id: UUID
) -> None:
    await Keyring.open(database, MasterKey.generate()).of(tenant_id)
    for statement in (
        "UPDATE merit.tenant_keys SET key_id = gen_random_uuid() WHERE tenant_id = $1",
        "UPDATE merit.subject_keys SET subject_id = gen_random_uuid() WHERE tenant_id = $1",
        "UPDATE merit.signing_keys SET public = '' WHERE tenant_id = $1",
        "DELETE FROM merit.tenant_keys WHERE tenant_id = $1",
        "DELETE FROM merit.checkpoints WHERE tenant_id = $1",
        "UPDATE merit.checkpoints SET note = '' WHERE tenant_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(tenant_id) as connection:
                await connection.execute(statement, tenant_id)


async def test_no_key_lies_in_the_database_in_clear(
    database: Database, owner_url: str, tenant_id: UUID
) -> None:
    keyring = Keyring.open(database, MasterKey.generate())
    keys, grace = await keyring.of(tenant_id), uuid4()
    await keys.subjects([grace])
    clear = [*keys.data_keys().values()]
    rows = await keyring.store.subject_keys(tenant_id, subjects=[grace])
    clear += [key for key in (await keys.subject_keys(rows)).values() if key]
    assert len(clear) == 2
    owner = await asyncpg.connect(owner_url)
    try:
        stored = await owner.fetch(
            "SELECT wrapped FROM merit.tenant_keys WHERE tenant_id = $1"
            " UNION ALL SELECT wrapped FROM merit.subject_keys WHERE tenant_id = $1",
            tenant_id,
        )
    finally:
        await owner.close()
    assert len(stored) == 2
    for row in stored:
        assert not any(key in row["wrapped"] for key in clear)


async def test_more_subjects_than_the_cache_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenancy.tenant_keys._SUBJECTS_CACHED_MAX", 10)
    keys = await Keyring.in_memory().of(uuid4())
    people = [uuid4() for _ in range(35)]
    sealed = {}
    for begin in range(0, 35, 7):
        await keys.subjects(people[begin : begin + 7])
        for person in people[begin : begin + 7]:
            sealed[person] = keys.seal_personal(person, person.bytes, b"")
    await keys.ready([], [each[:16] for each in sealed.values()])
    assert {person: keys.open_personal(each, b"") for person, each in sealed.items()} == {
        person: person.bytes for person in people
    }
