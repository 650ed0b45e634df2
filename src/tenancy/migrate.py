"""Brings a database's schema up to date: numbered SQL files, forward only, each exactly once."""

import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg
import msgspec

from tenancy.failover import connect_primary

OwnerConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SCHEMA: Final = Path(__file__).parent / "schema"
OWNER_ROLE: Final = "merit_owner"
NUMBERED: Final = re.compile(r"\d{4}_[a-z0-9_]+\.sql")

CONNECT_S_MAX = 5.0
LOCK_KEY = 0x6D65726974  # any number will do, as long as all schema changes share it
TURN_S_MAX = 120
"""How long to wait for another schema change that is under way."""
LOCK_S_MAX = 5
"""A statement that waits for a busy table queues everybody behind it: rather give up."""
STATEMENT_S_MAX = 600


class MigrationRefused(RuntimeError):
    """The schema was left as it was; the message says why, and what to do."""


class Migration(msgspec.Struct, frozen=True):
    """One file of the schema folder."""

    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.sql.encode()).digest()


async def migrate(owner_url: str, *, folder: Path = SCHEMA) -> list[str]:
    """Apply the files that are missing, in order, and answer their names.

    Each file is one transaction, together with the note that it was applied. Several callers
    take turns.

    Raises:
        MigrationRefused: the login may not, an applied file has changed, a file is out of order.
    """
    async with owner_connection(owner_url) as connection:
        missing = _missing(_files(folder), await _applied(connection))
        for migration in missing:
            try:
                async with connection.transaction():
                    await connection.execute(migration.sql)
                    await connection.execute(NOTE, migration.name, migration.sha256)
            except asyncpg.PostgresError as failed:
                raise MigrationRefused(
                    f"{migration.name} failed and was rolled back: {failed}"
                ) from failed
        return [migration.name for migration in missing]


async def pending(url: str, *, folder: Path = SCHEMA) -> list[str]:
    """The names of the files that `migrate` would apply; any login may ask.

    Raises:
        MigrationRefused: as `migrate` would.
    """
    connection = await connect_primary(url, timeout=CONNECT_S_MAX, command_timeout=CONNECT_S_MAX)
    try:
        # A login without rights of its own can read the notes as the application.
        if await connection.fetchval(MAY_BE, "merit_app"):
            await connection.execute("SET ROLE merit_app")
        applied = await _applied(connection)
    finally:
        await connection.close()
    return [migration.name for migration in _missing(_files(folder), applied)]


@contextlib.asynccontextmanager
async def owner_connection(owner_url: str) -> AsyncIterator[OwnerConnection]:
    """A connection that acts as merit_owner, one at a time, with the time limits of migrations.

    Makes the three roles where they are missing and the login may make them.

    Raises:
        MigrationRefused: the login is not the owner and cannot become it, or waited too long.
    """
    connection = await connect_primary(owner_url, timeout=CONNECT_S_MAX)
    try:
        await connection.execute(f"SET lock_timeout = '{TURN_S_MAX}s'")
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        except asyncpg.LockNotAvailableError:
            raise MigrationRefused("another schema change is under way: try again") from None
        await _become_owner(connection)
        await connection.execute(
            f"SET lock_timeout = '{LOCK_S_MAX}s'; SET statement_timeout = '{STATEMENT_S_MAX}s'"
        )
        yield connection
    finally:
        await connection.close()


NOTE = "INSERT INTO merit.schema_migrations (name, sha256) VALUES ($1, $2)"
NOTED = "SELECT name, sha256 FROM merit.schema_migrations"
MAY_BE = """
SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $1
"""
LOGIN_RIGHTS = """
SELECT rolname, rolsuper OR rolcreaterole AS makes_roles FROM pg_roles WHERE rolname = current_user
"""
ROLES_PRESENT = """
SELECT rolname FROM pg_roles WHERE rolname IN ('merit_owner', 'merit_app', 'merit_auditor')
"""
SCHEMA_OWNER = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'merit'"
MAY_CREATE = "SELECT has_database_privilege('merit_owner', current_database(), 'CREATE')"
ROLES: Mapping[str, str] = {
    role: f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
    for role in ("merit_owner", "merit_app", "merit_auditor")
}


async def _become_owner(connection: OwnerConnection) -> None:
    login = await connection.fetchrow(LOGIN_RIGHTS)
    if login is None:
        raise MigrationRefused("the login has vanished")
    present = {row["rolname"] for row in await connection.fetch(ROLES_PRESENT)}
    missing = [role for role in ROLES if role not in present]
    statements = [ROLES[role] for role in missing]
    statements += [f'GRANT {role} TO "{login["rolname"]}"' for role in missing]
    if missing and not login["makes_roles"]:
        raise MigrationRefused(
            f"the roles {', '.join(missing)} are missing and {login['rolname']} may not make them."
            f" Let an administrator run: {'; '.join(statements)};"
        )
    for statement in statements:
        await connection.execute(statement)
    if not await connection.fetchval(MAY_BE, OWNER_ROLE):
        raise MigrationRefused(
            f"{login['rolname']} is not the owner of the schema: connect as {OWNER_ROLE} or as a"
            " member of it (MERIT_OWNER_DATABASE_URL)"
        )
    if not await connection.fetchval(MAY_CREATE):
        try:
            await connection.execute(
                "DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO merit_owner',"
                " current_database()); END$$"
            )
        except asyncpg.InsufficientPrivilegeError as refused:
            raise MigrationRefused(
                f"{OWNER_ROLE} may not create a schema in this database. Let an administrator"
                f" GRANT CREATE ON DATABASE ... TO {OWNER_ROLE}"
            ) from refused
    await connection.execute(f"SET ROLE {OWNER_ROLE}")
    owner = await connection.fetchval(SCHEMA_OWNER)
    if owner not in (None, OWNER_ROLE):
        raise MigrationRefused(f"the schema merit belongs to {owner}, not to {OWNER_ROLE}")


def _files(folder: Path) -> list[Migration]:
    paths = sorted(path for path in folder.glob("*.sql") if NUMBERED.fullmatch(path.name))
    numbers = [path.name[:4] for path in paths]
    if len(set(numbers)) != len(numbers):
        raise MigrationRefused(f"two migrations share a number: {', '.join(numbers)}")
    return [Migration(path.name, path.read_text(encoding="utf-8")) for path in paths]


async def _applied(connection: OwnerConnection) -> dict[str, bytes]:
    if await connection.fetchval("SELECT to_regclass('merit.schema_migrations')") is None:
        return {}
    return {row["name"]: row["sha256"] for row in await connection.fetch(NOTED)}


def _missing(files: list[Migration], applied: Mapping[str, bytes]) -> list[Migration]:
    names = {migration.name for migration in files}
    if unknown := sorted(applied.keys() - names):
        raise MigrationRefused(
            f"the database is newer than this program: it has {', '.join(unknown)}"
        )
    for migration in files:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise MigrationRefused(
                f"{migration.name} was changed after it was applied: restore it, and put the"
                " change into a new file"
            )
    missing = [migration for migration in files if migration.name not in applied]
    newest = max(applied, default="")
    if missing and missing[0].name < newest:
        raise MigrationRefused(f"{missing[0].name} comes before {newest}, which is applied")
    return missing
