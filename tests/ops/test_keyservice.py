"""A real key service on a port: what it wraps, whom it lets in, what its absence does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from domain.catalogue import EVENTS
from domain.organisation import PERSON, RegisterPerson
from ops.keyservice import KeyServer
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.errors import KeysUnavailable
from tenancy.keyring import KEY_CHANNEL, Keyring, MasterKeyRefused, NotGenuine, Trust, UnknownKey
from tenancy.keyservice import KeyService
from tenancy.master import wrapped_by
from tenancy.records import Stamp
from tenancy.root import root_of
from tenancy.rotation import rotate_root, rotate_tenant
from tenancy.settings import Settings, SettingsRefused
from tenancy.signing import Signers
from tenancy.store import Histories, Store


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KeyServer]:
    with KeyServer(tmp_path / "service") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def service(server: KeyServer) -> AsyncIterator[KeyService]:
    client = KeyService(server.url, server.token)
    yield client
    await client.close()


def stamp() -> Stamp:
    return Stamp(now=datetime.now(UTC), actor=uuid4())


async def test_what_is_wrapped_opens_in_its_place_only(service: KeyService) -> None:
    wrapped = await service.wrap(b"k" * 32, b"tenant-key 1")
    assert b"k" * 8 not in wrapped
    assert wrapped_by(wrapped) == await service.current()
    assert await service.unwrap(wrapped, b"tenant-key 1") == b"k" * 32
    with pytest.raises(NotGenuine):
        await service.unwrap(wrapped, b"tenant-key 2")
    with pytest.raises(NotGenuine):
        await service.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"tenant-key 1")
    with pytest.raises(UnknownKey):
        await service.unwrap(bytes(16) + wrapped[16:], b"tenant-key 1")


async def test_the_token_is_needed_for_everything(server: KeyServer) -> None:
    stranger = KeyService(server.url, "another token")
    for call in (stranger.current(), stranger.wrap(b"k", b""), stranger.rotate()):
        with pytest.raises(MasterKeyRefused):
            await call
    await stranger.close()
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.post("/v1/retire", content=b"{}")).status_code == 401
        headers = {"Authorization": f"Bearer {server.token}"}
        wrong = await http.post("/v1/wrap", content=b'{"plaintext": 1}', headers=headers)
        assert (wrong.status_code, wrong.json()) == (400, {"error": "body"})
        assert (await http.get("/v1/wrap", headers=headers)).status_code == 405


async def test_nothing_secret_is_told_about_what_failed(server: KeyServer) -> None:
    server.close()
    gone = KeyService(server.url, server.token, timeout_s=0.5)
    with pytest.raises(KeysUnavailable) as failed:
        await gone.wrap(b"secret", b"context")
    assert server.token not in str(failed.value)
    assert failed.value.retry_after_s == 5
    await gone.close()


def test_settings_name_one_root(server: KeyServer, tmp_path: Path) -> None:
    url = {"MERIT_KEY_SERVICE_URL": server.url}
    token = {"MERIT_KEY_SERVICE_TOKEN_FILE": str(server.token_file)}
    assert isinstance(root_of(Settings.read(url | token)), KeyService)
    with pytest.raises(SettingsRefused, match="TOKEN_FILE"):
        root_of(Settings.read(url))
    with pytest.raises(SettingsRefused, match="not both"):
        root_of(Settings.read(url | token | {"MERIT_MASTER_KEY": "x"}))
    server.token_file.chmod(0o644)
    with pytest.raises(MasterKeyRefused, match="0644"):
        root_of(Settings.read(url | token))
    secret = Settings.read({"MERIT_MASTER_KEY": "c2VjcmV0"})
    assert "c2VjcmV0" not in repr(secret)
    with pytest.raises(MasterKeyRefused, match="32 bytes"):
        root_of(secret)


async def test_without_the_service_reading_goes_on_for_a_while_and_writing_does_not(
    database: Database, tenant_id: UUID, server: KeyServer
) -> None:
    trust = Trust(reading_s=2.0, writing_s=0.2)
    root = KeyService(server.url, server.token, timeout_s=0.5)
    keyring, committer = Keyring.open(database, root, trust), Committer.of(database)
    histories = Histories(database, keyring, EVENTS, committer)
    store, person = await histories.of(tenant_id), uuid4()
    await store.execute(PERSON, person, RegisterPerson(number="1", name="王小明"), stamp())

    server.close()
    await asyncio.sleep(0.3)
    assert [each.event.name for each in await store.read(person)] == ["王小明"]
    with pytest.raises(KeysUnavailable) as refused:
        await store.execute(PERSON, uuid4(), RegisterPerson(number="2", name="李"), stamp())
    assert refused.value.retry_after_s > 0
    assert await store.head() == 1
    assert keyring.trusted()
    await asyncio.sleep(2.0)
    with pytest.raises(KeysUnavailable):
        await store.read(person)
    assert not keyring.trusted()
    await committer.close()
    await keyring.close()


async def test_when_the_service_is_back_everything_goes_on(
    database: Database, tenant_id: UUID, tmp_path: Path
) -> None:
    with KeyServer(tmp_path / "keys") as first:
        port = int(first.url.rpartition(":")[2])
        root = KeyService(first.url, first.token, timeout_s=0.5)
        keyring = Keyring.open(database, root, Trust(reading_s=0.2, writing_s=0.1))
        keys = await keyring.of(tenant_id)
        sealed = keys.seal(b"pay", b"")
    await asyncio.sleep(0.25)
    with pytest.raises(KeysUnavailable):
        await keys.ready([sealed[:16]], [])
    with KeyServer(tmp_path / "keys", port=port):
        keys.doubt()  # as the next try does, five seconds later
        await keys.ready([sealed[:16]], [])
        assert keys.open(sealed, b"") == b"pay"
        await keys.sealing(1)
        assert keys.open(keys.seal(b"more", b""), b"") == b"more"
    await keyring.close()


class Company:
    """A tenant that is written to and read from without a pause by a process of its own."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self.store = store
        self.keyring = keyring
        self.written: dict[UUID, str] = {}
        self.failures: list[BaseException] = []
        self.stop = asyncio.Event()

    async def write(self, begin: int) -> None:
        while not self.stop.is_set():
            person, number = uuid4(), f"{begin}-{len(self.written)}"
            try:
                command = RegisterPerson(number=number, name=f"name {number}")
                await self.store.execute(PERSON, person, command, stamp())
                self.written[person] = f"name {number}"
                found = await self.store.read(person)
                assert found[0].event.name == f"name {number}"
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure of the test
                self.failures.append(error)
                return


@pytest.mark.both_postgres
async def test_rotation_under_load_rewrites_no_event_and_refuses_nobody(
    database: Database, tenant_id: UUID, server: KeyServer
) -> None:
    """Two processes write and read; data key and root key rotate, the old root is destroyed."""
    processes: list[Company] = []
    committers = []
    for _ in range(2):
        root = KeyService(server.url, server.token)
        keyring, committer = Keyring.open(database, root), Committer.of(database)
        committers.append(committer)
        store = await Histories(database, keyring, EVENTS, committer).of(tenant_id)
        await database.listen(KEY_CHANNEL, keyring.rung)
        processes.append(Company(store, keyring))
    first, second = processes
    signer = await Signers(first.keyring).of(tenant_id)
    note = signer.sign("before\n")
    work = [asyncio.create_task(each.write(n)) for n, each in enumerate(processes) for _ in "ab"]
    try:
        await asyncio.sleep(0.5)
        recorder = first.store._recorder
        before = await recorder.log()
        tenant = await rotate_tenant(first.keyring, tenant_id)
        moved = await rotate_root(first.keyring, lambda: _only(tenant_id), retire=True)
        await asyncio.sleep(1.0)
    finally:
        first.stop.set()
        second.stop.set()
        await asyncio.gather(*work)
    assert [*first.failures, *second.failures] == []

    after = await recorder.log()
    assert after[: len(before)] == before, "rotation rewrites no event"
    assert len(after) > len(before) > 0
    assert {each.payload[:16] for each in after[len(before) :]} >= {tenant.key_id.bytes}
    assert after[-1].payload[:16] == tenant.key_id.bytes, "the other process has heard of it"
    assert tenant.rewrapped > 0
    assert moved.rewrapped == 3, "two data keys and a signing key"
    assert len(moved.retired) == 1

    # A process that starts now, with nothing in memory, opens everything, old and new.
    root = KeyService(server.url, server.token)
    keyring = Keyring.open(database, root)
    store = await Histories(database, keyring, EVENTS, committers[0]).of(tenant_id)
    names = {each.stream_id: each.event.name for each in await store.log()}
    assert names == first.written | second.written
    assert (await Signers(keyring).of(tenant_id)).verifier.open(note) == "before\n"
    rows = await keyring.store.subject_keys(tenant_id, subjects=list(names))
    stale = [row for row in rows if row.wrapped_by != tenant.key_id]
    keys = await keyring.of(tenant_id)
    await keys.rewrap(stale)
    assert {row.wrapped_by for row in await keyring.store.tenant_keys(tenant_id)} == {moved.key_id}
    again = await rotate_root(keyring, lambda: _only(tenant_id))
    assert msgspec.to_builtins(again)["rewrapped"] == 3
    for each in (first.keyring, second.keyring, keyring):
        await each.close()
    for committer in committers:
        await committer.close()


async def _only(tenant_id: UUID) -> list[UUID]:
    return [tenant_id]
