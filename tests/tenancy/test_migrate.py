"""Migrations: forward, once each, whole or not at all, and only by the owner."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ops.embedded import EmbeddedPostgres
from tenancy import migrate as module
from tenancy.migrate import SCHEMA, MigrationRefused, migrate, owner_connection, pending

pytestmark = pytest.mark.both_postgres

NewDatabase = Callable[[], Awaitable[Any]]
FIRST = "0001_roles_and_registry.sql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A schema folder to play with: the real first file, and a small second one."""
    shutil.copy(SCHEMA / FIRST, tmp_path)
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE merit.second (n int);\n")
    (tmp_path / "notes.sql").write_text("this is no migration")
    return tmp_path


async def ask(url: str, question: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_the_products_own_files_apply_once(new_database: NewDatabase) -> None:
    addresses = await new_database()
    names = sorted(path.name for path in SCHEMA.glob("0*.sql"))
    assert names[0] == FIRST
    assert await pending(addresses.app) == names
    assert await migrate(addresses.owner) == names
    assert await migrate(addresses.owner) == []
    for url in addresses:
        assert await pending(url) == []
    owners = "SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'merit'"
    assert await ask(addresses.owner, owners) == "merit_owner"


async def test_what_a_superuser_migrates_belongs_to_the_owner_too(
    new_database: NewDatabase, folder: Path
) -> None:
    addresses = await new_database()
    await migrate(addresses.superuser, folder=folder)
    owners = "SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'merit'"
    assert await ask(addresses.owner, owners) == "merit_owner"


async def test_a_new_file_is_pending_and_then_applied(
    new_database: NewDatabase, folder: Path
) -> None:
    addresses = await new_database()
    await migrate(addresses.owner, folder=folder)
    (folder / "0003_third.sql").write_text("CREATE TABLE merit.third (n int)")
    assert await pending(addresses.app, folder=folder) == ["0003_third.sql"]
    assert await migrate(addresses.owner, folder=folder) == ["0003_third.sql"]
    assert await ask(addresses.owner, "SELECT to_regclass('merit.third') IS NOT NULL")


async def test_a_file_that_changed_is_named(new_database: NewDatabase, folder: Path) -> None:
    addresses = await new_database()
    await migrate(addresses.owner, folder=folder)
    (folder / "0002_second.sql").write_text("CREATE TABLE merit.second (n bigint);\n")
    for refused in (
        migrate(addresses.owner, folder=folder),
        pending(addresses.app, folder=folder),
    ):
        with pytest.raises(MigrationRefused, match=r"0002_second\.sql was changed"):
            await refused


async def test_a_database_newer_than_the_program_is_left_alone(
    new_database: NewDatabase, folder: Path
) -> None:
    addresses = await new_database()
    await migrate(addresses.owner, folder=folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(MigrationRefused, match=r"newer than this program.*0002_second\.sql"):
        await migrate(addresses.owner, folder=folder)


async def test_files_are_not_slipped_in_behind(new_database: NewDatabase, folder: Path) -> None:
    addresses = await new_database()
    (folder / "0002_second.sql").rename(folder / "0003_second.sql")
    await migrate(addresses.owner, folder=folder)
    (folder / "0002_late.sql").write_text("SELECT 1")
    with pytest.raises(MigrationRefused, match=r"0002_late\.sql comes before 0003_second\.sql"):
        await migrate(addresses.owner, folder=folder)


async def test_two_files_do_not_share_a_number(new_database: NewDatabase, folder: Path) -> None:
    addresses = await new_database()
    (folder / "0002_twin.sql").write_text("SELECT 1")
    with pytest.raises(MigrationRefused, match="share a number"):
        await migrate(addresses.owner, folder=folder)


async def test_a_file_that_fails_leaves_nothing_and_keeps_those_before(
    new_database: NewDatabase, folder: Path
) -> None:
    addresses = await new_database()
    (folder / "0003_bad.sql").write_text("CREATE TABLE merit.third (n int); SELECT 1 / 0;")
    with pytest.raises(MigrationRefused, match=r"0003_bad\.sql failed.*division by zero"):
        await migrate(addresses.owner, folder=folder)
    assert await ask(addresses.owner, "SELECT to_regclass('merit.third') IS NULL")
    assert await pending(addresses.app, folder=folder) == ["0003_bad.sql"]
    (folder / "0003_bad.sql").write_text("CREATE TABLE merit.third (n int)")
    assert await migrate(addresses.owner, folder=folder) == ["0003_bad.sql"]


async def test_several_at_once_take_turns(new_database: NewDatabase, folder: Path) -> None:
    addresses = await new_database()
    (folder / "0003_slow.sql").write_text("SELECT pg_sleep(0.3)")
    done = await asyncio.gather(*(migrate(addresses.owner, folder=folder) for _ in range(4)))
    assert sorted(done, key=len) == [[], [], [], [FIRST, "0002_second.sql", "0003_slow.sql"]]


async def test_a_turn_is_not_waited_for_endlessly(
    new_database: NewDatabase, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = await new_database()
    monkeypatch.setattr(module, "TURN_S_MAX", 1)
    async with owner_connection(addresses.owner):
        with pytest.raises(MigrationRefused, match="another schema change is under way"):
            await migrate(addresses.owner, folder=folder)
    assert await migrate(addresses.owner, folder=folder) != []


@pytest.mark.parametrize(
    ("limit", "said"), [("LOCK_S_MAX", "lock timeout"), ("STATEMENT_S_MAX", "statement timeout")]
)
async def test_a_busy_table_is_not_queued_for(
    new_database: NewDatabase,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    said: str,
) -> None:
    """Everybody else would queue behind the migration."""
    addresses = await new_database()
    await migrate(addresses.owner, folder=folder)
    (folder / "0003_alter.sql").write_text("ALTER TABLE merit.second ADD m int")
    monkeypatch.setattr(module, limit, 1)
    reader = await asyncpg.connect(addresses.owner)
    async with reader.transaction():
        await reader.execute("SELECT * FROM merit.second")
        with pytest.raises(MigrationRefused, match=said):
            await migrate(addresses.owner, folder=folder)
    await reader.close()
    assert await migrate(addresses.owner, folder=folder) == ["0003_alter.sql"]


async def test_only_the_owner_migrates(new_database: NewDatabase, folder: Path) -> None:
    addresses = await new_database()
    with pytest.raises(MigrationRefused, match=r"merit is not the owner.*connect as merit_owner"):
        await migrate(addresses.app, folder=folder)
    assert await ask(addresses.owner, "SELECT to_regnamespace('merit') IS NULL")


async def test_a_schema_of_somebody_else_is_not_touched(
    new_database: NewDatabase, folder: Path
) -> None:
    addresses = await new_database()
    await ask(addresses.superuser, "CREATE SCHEMA merit")
    with pytest.raises(MigrationRefused, match="belongs to postgres, not to merit_owner"):
        await migrate(addresses.owner, folder=folder)


async def test_a_server_of_the_customers_own(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    """It has none of our roles: an administrator's login makes them, another is told how."""
    bindir = Path("/usr/lib/postgresql/15/bin") if postgres.version.startswith("15") else None
    with EmbeddedPostgres(
        tmp_path / "pg", bindir=bindir, settings={"fsync": "off", "shared_buffers": "32MB"}
    ) as server:
        for statement in (
            "DROP DATABASE merit",
            "DROP ROLE merit, merit_owner, merit_app, merit_auditor",
            "CREATE ROLE dba LOGIN CREATEROLE PASSWORD 'dba'",
            "CREATE ROLE plain LOGIN PASSWORD 'plain'",
            "CREATE DATABASE company OWNER dba",
        ):
            await ask(server.superuser_url, statement)
        query = server.superuser_url.split("?", 1)[1]
        plain, dba = (f"postgresql://{name}:{name}@/company?{query}" for name in ("plain", "dba"))
        with pytest.raises(MigrationRefused, match="Let an administrator run: CREATE ROLE"):
            await migrate(plain)
        assert FIRST in await migrate(dba)
        assert await migrate(dba) == []
        assert await pending(dba) == []
        with pytest.raises(MigrationRefused, match="plain is not the owner"):
            await migrate(plain)
        tables = "SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = "
        assert await ask(dba, tables + "'merit'") == "merit_owner"
