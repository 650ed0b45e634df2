"""Keys that follow each other, are counted, and are destroyed."""

import base64
import os
import stat
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tenancy.cipher import SEALS_MAX, Cipher, NoncesUsedUp
from tenancy.database import Database
from tenancy.errors import TenantErased
from tenancy.keyring import Keyring, MasterKey, MasterKeyRefused, SubjectErased, UnknownKey
from tenancy.master import wrapped_by
from tenancy.rotation import rotate_root, rotate_tenant
from tenancy.tenant_keys import SEALS_AT_ONCE

# -- the file


def modes(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


async def test_the_file_rotates_and_the_old_key_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    mine, other = MasterKey.from_file(path), MasterKey.from_file(path)
    old = await mine.wrap(b"k" * 32, b"here")
    new = await mine.rotate()
    assert new != wrapped_by(old)
    fresh = await mine.wrap(b"k" * 32, b"here")
    assert wrapped_by(fresh) == new
    # Another process, which read the file before, and one that starts now.
    for each in (other, MasterKey.from_file(path)):
        assert await each.unwrap(old, b"here") == await each.unwrap(fresh, b"here") == b"k" * 32
        assert wrapped_by(await each.wrap(b"", b"")) == new
    assert set(modes(tmp_path).values()) == {0o600}

    assert await mine.retire() == [wrapped_by(old)]
    assert list(modes(tmp_path)) == ["master.key"]
    with pytest.raises(UnknownKey):
        await mine.unwrap(old, b"here")
    assert await mine.unwrap(fresh, b"here") == b"k" * 32


async def test_keys_of_the_environment_follow_by_their_order() -> None:
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    before = MasterKey.from_text(old)
    wrapped = await before.wrap(b"k", b"")
    with pytest.raises(MasterKeyRefused, match="before the old one"):
        await before.rotate()
    after = MasterKey.from_text(f"{new},{old}")
    assert await after.unwrap(wrapped, b"") == b"k"
    assert await after.rotate() == after.key_id == MasterKey.from_text(new).key_id
    assert await after.retire() == []


# -- nonces


def test_a_key_seals_as_often_as_it_may_and_not_once_more() -> None:
    cipher = Cipher(uuid4(), os.urandom(32), left=3)
    sealed = [cipher.seal(b"same", b"") for _ in range(3)]
    assert len({each[17:29] for each in sealed}) == 3
    with pytest.raises(NoncesUsedUp):
        cipher.seal(b"same", b"")
    assert cipher.open(sealed[0], b"") == b"same", "it opens for ever"


async def test_processes_share_the_nonces_of_a_key(database: Database, tenant_id: UUID) -> None:
    master = MasterKey.generate()
    first = await Keyring.open(database, master).of(tenant_id)
    second = await Keyring.open(database, master).of(tenant_id)
    with pytest.raises(NoncesUsedUp):
        second.seal(b"", b"")  # it has asked for none yet
    await second.sealing(1)
    second.seal(b"", b"")
    async with database.transaction(tenant_id) as connection:
        reserved = "SELECT seals_reserved FROM merit.tenant_keys WHERE tenant_id = $1"
        assert await connection.fetchval(reserved, tenant_id) == 2 * SEALS_AT_ONCE
        await connection.execute(
            "UPDATE merit.tenant_keys SET seals_reserved = $2 WHERE tenant_id = $1",
            tenant_id,
            SEALS_MAX - 1,
        )
    # Nothing is left of it but what was handed out: whoever needs more gets another key.
    old = first.key_id
    await first.sealing(SEALS_AT_ONCE + 1)
    assert first.key_id != old
    sealed = first.seal(b"after", b"")
    await second.ready([sealed[:16]], [])
    assert second.open(sealed, b"") == b"after"


async def test_no_single_request_is_for_more_than_a_key_has() -> None:
    keys = await Keyring.in_memory().of(uuid4())
    with pytest.raises(NoncesUsedUp):
        await keys.sealing(SEALS_MAX + 1)


# -- destroying


@pytest.mark.both_postgres
async def test_a_destroyed_subject_is_gone_in_every_process(
    database: Database, tenant_id: UUID
) -> None:
    master, grace, unknown = MasterKey.generate(), uuid4(), uuid4()
    mine, theirs = Keyring.open(database, master), Keyring.open(database, master)
    keys, other = await mine.of(tenant_id), await theirs.of(tenant_id)
    await keys.subjects([grace])
    sealed = keys.seal_personal(grace, b"Grace", b"")
    await other.ready([], [sealed[:16]])
    assert other.open_personal(sealed, b"") == b"Grace"

    gone = await mine.store.destroy_subjects(tenant_id, [grace, unknown])
    assert {each.subject_id: each.wrapped for each in gone} == {grace: None, unknown: None}
    assert next(each.key_id for each in gone if each.subject_id == grace).bytes == sealed[:16]
    assert await mine.store.destroy_subjects(tenant_id, [grace, unknown]) == gone
    theirs.rung(str(tenant_id))
    await other.ready([], [sealed[:16]])
    assert other.open_personal(sealed, b"") is None
    for subject in (grace, unknown):
        await other.subjects([subject])
        with pytest.raises(SubjectErased):
            other.seal_personal(subject, b"again", b"")


async def test_rotation_does_not_bring_back_what_was_destroyed(
    database: Database, tenant_id: UUID
) -> None:
    keyring, grace = Keyring.open(database, MasterKey.generate()), uuid4()
    keys = await keyring.of(tenant_id)
    await keys.subjects([grace])
    read_before = await keyring.store.subject_keys(tenant_id, subjects=[grace])
    await keyring.store.destroy_subjects(tenant_id, [grace])
    await keys.rotate()
    assert await keys.rewrap(read_before) == 0
    (row,) = await keyring.store.subject_keys(tenant_id, subjects=[grace])
    assert row.wrapped is None
    assert (await rotate_tenant(keyring, tenant_id)).rewrapped == 0


async def test_a_tenant_whose_keys_were_destroyed_stays_without(
    database: Database, tenant_id: UUID
) -> None:
    master, grace = MasterKey.generate(), uuid4()
    keyring, other = Keyring.open(database, master), Keyring.open(database, master)
    keys = await keyring.of(tenant_id)
    await keys.subjects([grace])
    sealed, key_id = keys.seal(b"pay", b""), keys.key_id
    gone = await keyring.store.destroy_all(tenant_id)
    assert key_id in gone
    assert len(gone) == 2
    assert await keyring.store.destroy_all(tenant_id) == []
    keyring.rung(str(tenant_id))
    with pytest.raises(TenantErased):
        await keys.ready([sealed[:16]], [])
    with pytest.raises(TenantErased):
        await other.of(tenant_id)
    following = MasterKey.from_text(
        ",".join(base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    )
    moved = Keyring.open(database, following)
    assert (await rotate_root(moved, lambda: _only(tenant_id))).rewrapped == 0


async def _only(tenant_id: UUID) -> list[UUID]:
    return [tenant_id]
