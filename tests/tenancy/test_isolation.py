"""No tenant, no row; one tenant, its rows only: whatever the application does on its connection."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from tenancy.database import Database
from tenancy.migrate import owner_connection

pytestmark = pytest.mark.both_postgres

ROWS = 20
SET = "SELECT merit.set_tenant($1)"
SEEN = "SELECT tenant_id FROM merit.probe"

Plain: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def probe(owner_url: str) -> AsyncIterator[None]:
    """A table as every migration makes one."""
    async with owner_connection(owner_url) as owner:
        await owner.execute(
            """
            CREATE TABLE merit.probe (tenant_id uuid, n int, PRIMARY KEY (tenant_id, n));
            SELECT merit.protect('merit.probe');
            GRANT SELECT, INSERT, UPDATE, DELETE ON merit.probe TO merit_app;
            """
        )
    yield
    async with owner_connection(owner_url) as owner:
        await owner.execute("DROP TABLE merit.probe")


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def rows(database: Database, tenant_id: UUID, other_tenant_id: UUID) -> None:
    for tenant in (tenant_id, other_tenant_id):
        async with database.transaction(tenant) as connection:
            await connection.execute(
                "INSERT INTO merit.probe SELECT $1, n FROM generate_series(1, $2) n", tenant, ROWS
            )


@pytest_asyncio.fixture(loop_scope="session")
async def app(database_url: str) -> AsyncIterator[Plain]:
    """The application's own login and role, without the care of `Database`."""
    connection = await asyncpg.connect(database_url, server_settings={"role": "merit_app"})
    yield connection
    await connection.close()


async def test_there_is_something_to_hide(owner_url: str) -> None:
    """Else all of these would pass on an empty table."""
    owner = await asyncpg.connect(owner_url)
    assert await owner.fetchval("SELECT count(*) FROM merit.probe") >= 2 * ROWS
    await owner.close()


async def test_without_a_tenant_there_is_no_row(database: Database) -> None:
    async with database.connection() as connection:
        assert await connection.fetch(SEEN) == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO merit.probe VALUES ($1, 0)", uuid4())
        assert await connection.execute("UPDATE merit.probe SET n = -n") == "UPDATE 0"
        assert await connection.execute("DELETE FROM merit.probe") == "DELETE 0"


async def test_a_tenant_sees_its_rows_whatever_it_asks(
    database: Database, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    """No statement here names its tenant: the policy does."""
    async with database.transaction(tenant_id) as connection:
        assert {row[0] for row in await connection.fetch(SEEN)} == {tenant_id}
        assert await connection.fetchval("SELECT count(*) FROM merit.probe") == ROWS
        other = "SELECT count(*) FROM merit.probe WHERE tenant_id = $1"
        assert await connection.fetchval(other, other_tenant_id) == 0
        assert await connection.execute("UPDATE merit.probe SET n = -n") == f"UPDATE {ROWS}"
        assert await connection.execute("DELETE FROM merit.probe") == f"DELETE {ROWS}"
    async with database.transaction(other_tenant_id) as connection:
        assert await connection.fetchval("SELECT sum(n) FROM merit.probe") == sum(range(ROWS + 1))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO merit.probe VALUES ($1, 0)",
        "UPDATE merit.probe SET tenant_id = $1",
    ],
)
async def test_a_tenant_writes_nothing_for_another(
    database: Database, tenant_id: UUID, other_tenant_id: UUID, statement: str
) -> None:
    async def write() -> None:
        async with database.transaction(tenant_id) as connection:
            await connection.execute(statement, other_tenant_id)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await write()


async def test_a_key_of_another_tenant_is_not_in_the_way(
    database: Database, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    """A conflict would tell that the other has it."""
    async with database.transaction(other_tenant_id) as connection:
        await connection.execute("INSERT INTO merit.probe VALUES ($1, 777)", other_tenant_id)
    async with database.transaction(tenant_id) as connection:
        await connection.execute("INSERT INTO merit.probe VALUES ($1, 777)", tenant_id)


async def test_the_tenant_ends_with_the_transaction(app: Plain, tenant_id: UUID) -> None:
    async with app.transaction():
        await app.execute(SET, tenant_id)
        assert len(await app.fetch(SEEN)) == ROWS
    # The setting is there now, and empty: a policy that casts '' to uuid would raise.
    assert await app.fetchval("SELECT current_setting('merit.tenant')") == ""
    assert await app.fetch(SEEN) == []


async def test_outside_a_transaction_a_tenant_lasts_for_its_own_statement(
    app: Plain, tenant_id: UUID
) -> None:
    await app.execute(SET, tenant_id)
    assert await app.fetch(SEEN) == []


async def test_a_transaction_keeps_its_tenant(
    app: Plain, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    transaction = app.transaction()
    await transaction.start()
    await app.execute(SET, tenant_id)
    await app.execute(SET, tenant_id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="belongs to another tenant"):
        await app.execute(SET, other_tenant_id)
    await transaction.rollback()


async def test_no_tenant_is_not_a_tenant(app: Plain) -> None:
    with pytest.raises(asyncpg.NullValueNotAllowedError):
        await app.execute(SET, None)
    await app.execute("SET merit.tenant = ''")
    assert await app.fetch(SEEN) == []
    await app.execute("SET merit.tenant = 'everybody'")
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await app.fetch(SEEN)


async def test_a_tenant_that_a_session_left_behind_is_refused(
    app: Plain, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    """Somebody's SET without LOCAL must not decide whose rows the next transaction sees."""
    await app.execute(f"SET merit.tenant = '{other_tenant_id}'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="belongs to another tenant"):
        await app.execute(SET, tenant_id)


async def test_two_hundred_tasks_over_two_connections_see_only_their_own(
    database_url: str, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    """Cancelled at any moment, the connection goes to the next one with nothing left on it."""
    dice = random.Random(20260701)
    finished: list[UUID] = []
    without: list[int] = []

    async def work(crowded: Database, tenant: UUID | None, pause_s: float) -> None:
        if tenant is None:
            async with crowded.connection() as connection:
                without.append(len(await connection.fetch(SEEN)))
            return
        async with crowded.transaction(tenant) as connection:
            before = await connection.fetch(SEEN)
            await connection.execute("SELECT pg_sleep($1)", pause_s)
            after = await connection.fetch(SEEN)
            assert {row[0] for row in (*before, *after)} == {tenant}
            assert len(before) == len(after) == ROWS
            finished.append(tenant)

    async with await Database.open(database_url, size=2, command_timeout_s=30.0) as crowded:
        tasks = []
        for _ in range(200):
            tenant = dice.choice([tenant_id, other_tenant_id, None])
            task = asyncio.create_task(work(crowded, tenant, dice.uniform(0, 0.01)))
            tasks.append(task)
            if dice.random() < 0.4:
                asyncio.get_running_loop().call_later(dice.uniform(0, 0.8), task.cancel)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    cancelled = [one for one in outcomes if isinstance(one, asyncio.CancelledError)]
    others = [one for one in outcomes if one is not None and one not in cancelled]
    # Waiting for one of two connections may take too long for some; that is no leak.
    assert [one for one in others if not isinstance(one, TimeoutError)] == []
    assert len(cancelled) > 10
    assert {tenant_id, other_tenant_id} == set(finished)
    assert set(without) == {0}


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE merit_owner",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION merit_owner",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER ROLE merit_app BYPASSRLS",
        "ALTER TABLE merit.probe DISABLE ROW LEVEL SECURITY",
        "ALTER POLICY tenant_isolation ON merit.probe USING (true)",
        "CREATE POLICY mine ON merit.probe USING (true)",
        "CREATE VIEW merit.mine AS SELECT * FROM merit.probe",
        "CREATE FUNCTION merit.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "CREATE SCHEMA mine",
        "TRUNCATE merit.probe",
        "SELECT merit.protect('merit.probe')",
        "COPY merit.probe TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
    ],
)
async def test_the_application_cannot_grow(app: Plain, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)


async def test_row_security_cannot_be_switched_off(app: Plain) -> None:
    """`row_security = off` refuses to filter; it does not show more."""
    await app.execute("SET row_security = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch(SEEN)


async def test_the_role_is_the_connections_own(app: Plain) -> None:
    await app.execute("RESET ROLE")
    assert await app.fetchval("SELECT current_user") == "merit_app"
    await app.execute("SET ROLE NONE")
    # Back at the login, which has no right of its own.
    assert await app.fetchval("SELECT current_user") == "merit"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch(SEEN)


async def test_the_run_time_roles_own_nothing(owner_url: str) -> None:
    """A table's owner is not held by its policies, which are enabled and not forced."""
    async with owner_connection(owner_url) as owner:
        owned = await owner.fetch(
            """
            SELECT d.classid::regclass::text, d.objid FROM pg_shdepend d
              JOIN pg_roles r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
             WHERE d.deptype = 'o' AND r.rolname IN ('merit', 'merit_app', 'merit_auditor')
            """
        )
        tables = await owner.fetch(
            """
            SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
             WHERE relnamespace = 'merit'::regnamespace
            """
        )
    assert owned == []
    assert [row[0] for row in tables] == ["merit_owner"]
