"""Backups are restored by the real pgBackRest, compared with what was signed, damage is seen."""

import asyncio
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.services import opened
from domain.catalogue import PERSON
from domain.ids import RESTORE_DRILLS_ID, person_id
from domain.organisation import RegisterPerson
from domain.restore_drill import RESTORE_DRILL
from ops.backup.drill import (
    DrillReport,
    drill,
    manifest_before,
    note,
    random_second,
    record,
    write_manifest,
)
from ops.backup.pgbackrest import Backup, BackupFailed, Repository
from ops.cli.backups import in_words, newest_bindir
from ops.failover.cluster import SCHEMA
from ops.place import prepare
from ops.tenants import create_tenant, stamp
from tenancy.settings import Settings
from tenancy.signing import Signers
from tenancy.transparency import Sealer

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("backup")]

CONFIG = """
[global]
repo1-path={folder}/repo
repo1-retention-full=2
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={key}
compress-type=zst
start-fast=y
log-path={folder}/log
lock-path={folder}/lock
spool-path={folder}/spool
log-level-file=off
[main]
pg1-path={folder}/prod
pg1-socket-path={folder}/socket
pg1-port=5432
pg1-user=postgres
"""


class Installation:
    """A production server with pgBackRest, and the product's data on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bindir = newest_bindir()
        self.data_dir = folder / "state"
        self.repository = Repository(folder / "pgbackrest.conf", stanza="main")
        self.tenants: list[Any] = []

    def url(self, login: str, database: str = "merit") -> str:
        socket = str(self.folder / "socket").replace("/", "%2F")
        return f"postgresql://{login}@/{database}?host={socket}"

    @property
    def settings(self) -> Settings:
        return Settings(
            database_url=self.url("merit"),
            owner_database_url=self.url("merit_owner"),
            data_dir=self.data_dir,
        )

    def program(self, *argv: str) -> str:
        done = subprocess.run(
            [str(self.bindir / argv[0]), *argv[1:]],
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
            check=False,
            **self.repository.as_user(),
        )
        assert done.returncode == 0, done.stdout
        return str(done.stdout)

    def start(self) -> None:
        for name in ("repo", "log", "lock", "spool", "socket", "prod"):
            (self.folder / name).mkdir(mode=0o700)
        self.configure(secrets.token_urlsafe(24))
        self.own()
        prod = str(self.folder / "prod")
        self.program("initdb", "-D", prod, "-k", "-A", "trust", "-U", "postgres", "-E", "UTF8")
        push = f"pgbackrest --config={self.repository.config} --stanza=main archive-push %p"
        with (self.folder / "prod" / "postgresql.conf").open("a") as file:
            file.write(
                "listen_addresses=''\narchive_mode=on\nwal_level=replica\nport=5432\n"
                f"unix_socket_directories='{self.folder}/socket'\narchive_command='{push}'\n"
            )
        self.program("pg_ctl", "-D", prod, "-w", "-l", f"{self.folder}/socket/log", "start")
        self.sql(SCHEMA.replace("{merit_owner}", "x").replace("{merit}", "x"), "postgres")
        self.sql("CREATE DATABASE merit OWNER merit_owner", "postgres")
        self.repository.create()

    def configure(self, key: str) -> None:
        self.repository.config.write_text(CONFIG.format(folder=self.folder, key=key))

    def own(self) -> None:
        user = self.repository.user
        if user is not None:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)

    def sql(self, statement: str, database: str = "merit") -> str:
        place = ("-h", str(self.folder / "socket"), "-U", "postgres", "-d", database)
        return self.program("psql", "-XAtq", *place, "-c", statement)

    def stop(self) -> None:
        self.program("pg_ctl", "-D", str(self.folder / "prod"), "-m", "fast", "-w", "stop")

    # -- the product

    async def prepare(self) -> None:
        self.data_dir.mkdir()
        await prepare(self.url("merit_owner"))
        async with opened(self.settings) as services:
            for name in ("一", "二"):
                made = await create_tenant(services, name)
                self.tenants.append(made.tenant.tenant_id)
        await self.write("A", 30)

    async def write(self, prefix: str, count: int) -> None:
        """People are registered, and everything is sealed."""
        async with opened(self.settings) as services:
            sealer = Sealer(services.database, Signers(services.keyring))
            for tenant_id in self.tenants:
                store = await services.histories.of(tenant_id)
                for number in (f"{prefix}-{index}" for index in range(count)):
                    command = RegisterPerson(number=number, name=f"金丝雀{number}")
                    await store.execute(PERSON, person_id(number), command, stamp())
                await sealer.advance(tenant_id)

    async def back_up(self) -> Backup:
        async with opened(self.settings) as services:
            await write_manifest(services, self.data_dir)
        made = await asyncio.to_thread(self.repository.backup, "full")
        note(self.data_dir, backup=made)
        return made

    async def drill(self, target: datetime) -> DrillReport:
        await asyncio.to_thread(self.sql, "SELECT pg_switch_wal()")
        return await drill(
            self.repository,
            self.settings,
            self.bindir,
            target=target,
            data_dir=self.data_dir,
        )


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="merit-backup-"))
    folder.chmod(0o755)
    made = Installation(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_backup_is_restored_to_a_second_and_compared_with_what_was_signed_before(
    installation: Installation,
) -> None:
    await installation.prepare()
    made = await installation.back_up()
    await installation.write("B", 10)
    time.sleep(1.1)  # noqa: ASYNC251 - the target is a whole second of the server's clock
    target = datetime.now(UTC)
    time.sleep(1.1)  # noqa: ASYNC251 - as above
    await installation.write("C", 5)
    await asyncio.to_thread(
        installation.sql,
        # What keeps even an administrator from this by mistake is switched off on purpose.
        "ALTER TABLE merit.events DISABLE TRIGGER ALL;"
        f" DELETE FROM merit.events WHERE tenant_id = '{installation.tenants[0]}'",
    )
    report = await installation.drill(target)
    assert report.ok, in_words(report)
    assert report.label == made.label
    # The key's own event, thirty people before the backup and ten after it; none of the last five.
    assert [each.events for each in report.tenants] == [41, 41]
    assert [each.compared_size for each in report.tenants] == [31, 31]
    assert report.size_bytes > 0
    assert "in order" in in_words(report)


async def test_the_drill_is_part_of_history(installation: Installation) -> None:
    [tenant] = installation.tenants[1:]
    report = await installation.drill(datetime.now(UTC) - timedelta(seconds=1))
    assert not report.ok  # the first tenant's events were deleted by the test before
    assert note(installation.data_dir, ok=report.ok).last_drill_ok is False
    async with opened(installation.settings) as services:
        assert await record(services, report) == 2
        store = await services.histories.of(tenant)
        state, _ = await store.load(RESTORE_DRILL, RESTORE_DRILLS_ID)
    assert state.last_ok is True


async def test_deleted_events_are_named(installation: Installation) -> None:
    report = await installation.drill(datetime.now(UTC) - timedelta(seconds=1))
    first = next(each for each in report.tenants if each.tenant_id == installation.tenants[0])
    second = next(each for each in report.tenants if each.tenant_id == installation.tenants[1])
    assert any("the log ends at 0" in finding for finding in first.findings), first
    assert second.findings == ()


async def test_another_root_than_was_signed_is_seen(installation: Installation) -> None:
    folder = installation.data_dir / "backup-manifests"
    [path] = folder.glob("2*.json")
    kept = path.read_bytes()
    manifest = manifest_before(installation.data_dir, datetime.now(UTC))
    assert manifest is not None
    forged = tuple(
        msgspec.structs.replace(each, root=each.root[:-4] + "AAA=") for each in manifest.tenants
    )
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, tenants=forged)))
    try:
        report = await installation.drill(datetime.now(UTC) - timedelta(seconds=1))
        [second] = [e for e in report.tenants if e.tenant_id == installation.tenants[1]]
        assert any("not those that were signed" in finding for finding in second.findings)
    finally:
        path.write_bytes(kept)


async def test_no_word_of_what_people_entered_is_in_the_repository(
    installation: Installation,
) -> None:
    canary = "金丝雀".encode()
    for path in (installation.folder / "repo").rglob("*"):
        assert not path.is_file() or canary not in path.read_bytes()


async def test_a_flipped_byte_makes_the_drill_fail(installation: Installation) -> None:
    files = sorted(
        (
            path
            for path in (installation.folder / "repo" / "backup").rglob("*.zst")
            if path.is_file()
        ),
        key=lambda path: path.stat().st_size,
    )
    victim = files[-1]
    kept = victim.read_bytes()
    middle = len(kept) // 2
    victim.write_bytes(kept[:middle] + bytes([kept[middle] ^ 0xFF]) + kept[middle + 1 :])
    try:
        assert installation.repository.verify() != []
        with pytest.raises(BackupFailed):
            await installation.drill(datetime.now(UTC) - timedelta(seconds=1))
    finally:
        victim.write_bytes(kept)
        installation.own()
    assert installation.repository.verify() == []


async def test_a_wrong_key_makes_the_drill_fail(installation: Installation) -> None:
    kept = installation.repository.config.read_text()
    installation.configure("not-the-key")
    installation.own()
    try:
        with pytest.raises(BackupFailed):
            await installation.drill(datetime.now(UTC) - timedelta(seconds=1))
    finally:
        installation.repository.config.write_text(kept)


async def test_without_checkpoints_from_before_there_is_nothing_to_compare_with(
    installation: Installation,
) -> None:
    folder = installation.data_dir / "backup-manifests"
    aside = folder.rename(folder.with_name("aside"))
    try:
        report = await installation.drill(datetime.now(UTC) - timedelta(seconds=1))
        assert any("no checkpoints" in finding for finding in report.findings)
    finally:
        aside.rename(folder)


def test_any_second_since_the_oldest_backup_may_be_chosen() -> None:
    now = datetime(2025, 3, 8, tzinfo=UTC)
    backup = Backup(
        label="x", kind="full", started_at=now, stopped_at=now - timedelta(hours=1), size_bytes=1
    )
    for _ in range(50):
        chosen = random_second([backup], now)
        assert backup.stopped_at < chosen <= now + timedelta(seconds=1)
    with pytest.raises(BackupFailed):
        random_second([], now)
    with pytest.raises(BackupFailed):
        random_second([msgspec.structs.replace(backup, stopped_at=now - timedelta(days=8))], now)
