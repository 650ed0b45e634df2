"""The pool: transactions of one tenant, doubtful connections let go, listeners that come back."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from ops.embedded import EmbeddedPostgres
from tenancy.database import (
    AUDITOR_ROLE,
    Database,
    DatabaseMisused,
    Unconfirmed,
    is_retryable,
    retried,
    savepoint,
)

KEY = "INSERT INTO merit.commands VALUES ($1, $2, '', $1, 1, 1, now())"
KEYS = "SELECT array_agg(key ORDER BY key) FROM merit.commands"


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(database_url: str) -> AsyncIterator[Database]:
    """One connection: whatever is left behind on it, the next holder meets."""
    async with await Database.open(database_url, size=1, command_timeout_s=30.0) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def superuser(
    postgres: EmbeddedPostgres,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(postgres.url("postgres"))
    yield connection
    await connection.close()


async def eventually(
    connection: "asyncpg.Connection[asyncpg.Record]", question: str, *arguments: object
) -> None:
    async with asyncio.timeout(20):
        while not await connection.fetchval(question, *arguments):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)


async def keys(database: Database, tenant_id: UUID) -> list[str]:
    async with database.transaction(tenant_id, read_only=True) as connection:
        return await connection.fetchval(KEYS) or []


async def test_a_block_that_ends_commits(narrow: Database, tenant_id: UUID) -> None:
    async with narrow.transaction(tenant_id) as connection:
        await connection.execute(KEY, tenant_id, "a")
        await connection.execute(KEY, tenant_id, "b")
    assert await keys(narrow, tenant_id) == ["a", "b"]


async def test_a_block_that_raises_rolls_back(narrow: Database, tenant_id: UUID) -> None:
    async def write() -> None:
        async with narrow.transaction(tenant_id) as connection:
            await connection.execute(KEY, tenant_id, "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write()
    assert await keys(narrow, tenant_id) == []


async def test_a_swallowed_error_does_not_pass_for_a_commit(
    narrow: Database, tenant_id: UUID
) -> None:
    """PostgreSQL answers such a COMMIT with ROLLBACK, and no error."""

    async def write() -> None:
        async with narrow.transaction(tenant_id) as connection:
            await connection.execute(KEY, tenant_id, "a")
            with contextlib.suppress(asyncpg.UniqueViolationError):
                await connection.execute(KEY, tenant_id, "a")

    with pytest.raises(asyncpg.InFailedSQLTransactionError, match="swallowed"):
        await write()
    assert await keys(narrow, tenant_id) == []


async def test_a_savepoint_fails_alone(narrow: Database, tenant_id: UUID) -> None:
    async with narrow.transaction(tenant_id) as connection:
        await connection.execute(KEY, tenant_id, "a")
        with contextlib.suppress(asyncpg.UniqueViolationError):
            async with savepoint(connection):
                await connection.execute(KEY, tenant_id, "b")
                await connection.execute(KEY, tenant_id, "a")
        async with savepoint(connection):
            await connection.execute(KEY, tenant_id, "c")
    assert await keys(narrow, tenant_id) == ["a", "c"]


async def test_read_only_refuses_to_write(narrow: Database, tenant_id: UUID) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with narrow.transaction(tenant_id, read_only=True) as connection:
            await connection.execute(KEY, tenant_id, "a")
    assert await keys(narrow, tenant_id) == []


async def test_a_snapshot_stays_as_it_was(database: Database, tenant_id: UUID) -> None:
    async with database.transaction(tenant_id, read_only=True, snapshot=True) as frozen:
        assert await frozen.fetchval(KEYS) is None
        async with database.transaction(tenant_id) as connection:
            await connection.execute(KEY, tenant_id, "a")
        assert await frozen.fetchval(KEYS) is None
    assert await keys(database, tenant_id) == ["a"]


async def test_a_tenant_id_is_a_uuid(database: Database) -> None:
    text: Any = "1'); DROP SCHEMA merit CASCADE; --"
    with pytest.raises(TypeError, match="UUID, not str"):
        async with database.transaction(text):
            pass


async def test_without_a_tenant_nothing_of_the_last_holder_is_left(
    narrow: Database, tenant_id: UUID
) -> None:
    async with narrow.transaction(tenant_id) as connection:
        await connection.execute(KEY, tenant_id, "a")
        await connection.execute(f"SET merit.tenant = '{tenant_id}'")
        await connection.execute("SET ROLE NONE")
    async with narrow.connection() as connection:
        assert await connection.fetchval("SELECT current_user") == "merit_app"
        assert await connection.fetchval(KEYS) is None


async def test_a_cancelled_block_gives_its_connection_back(
    narrow: Database, tenant_id: UUID
) -> None:
    begun = asyncio.Event()

    async def slow() -> None:
        async with narrow.transaction(tenant_id) as connection:
            await connection.execute(KEY, tenant_id, "a")
            begun.set()
            await connection.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(slow())
    await begun.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(narrow, tenant_id) == []


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_again_while_it_rolls_back(
    narrow: Database, tenant_id: UUID, turns: int
) -> None:
    """What the caller sees is the cancellation, wherever the second one strikes."""
    begun = asyncio.Event()

    async def slow() -> None:
        async with narrow.transaction(tenant_id) as connection:
            await connection.execute(KEY, tenant_id, "a")
            begun.set()
            await connection.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(slow())
    await begun.wait()
    task.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(narrow, tenant_id) == []


async def test_an_error_is_not_hidden_by_the_loss_of_its_connection(
    narrow: Database, tenant_id: UUID, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """By then the pool has taken the connection back, and refuses every question about it."""

    async def lose() -> None:
        async with narrow.transaction(tenant_id) as connection:
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            await superuser.execute("SELECT pg_terminate_backend($1, 5000)", backend)
            await asyncio.sleep(0.05)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await lose()
    assert await keys(narrow, tenant_id) == []


async def test_a_slow_statement_is_cut_off(database_url: str, tenant_id: UUID) -> None:
    async with await Database.open(database_url, size=1, command_timeout_s=0.2) as hasty:
        with pytest.raises(TimeoutError):
            async with hasty.transaction(tenant_id) as connection:
                await connection.execute("SELECT pg_sleep(60)")
        assert await keys(hasty, tenant_id) == []


async def test_a_lost_connection_is_retryable_and_replaced(
    narrow: Database, tenant_id: UUID, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    losses = 2

    async def write() -> None:
        nonlocal losses
        async with narrow.transaction(tenant_id) as connection:
            await connection.execute(KEY, tenant_id, f"left {losses}")
            if losses:
                losses -= 1
                backend = await connection.fetchval("SELECT pg_backend_pid()")
                await superuser.execute("SELECT pg_terminate_backend($1)", backend)

    await retried(write, budget_s=20)
    assert await keys(narrow, tenant_id) == ["left 0"]


async def test_a_commit_that_the_standby_may_not_have_is_not_a_commit(
    narrow: Database, tenant_id: UUID, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A cancelled wait commits here and warns; whoever acknowledged that could lose it."""

    async def write() -> None:
        async with narrow.transaction(tenant_id) as connection:
            await connection.execute("SET LOCAL synchronous_commit = on")
            await connection.execute(KEY, tenant_id, "a")

    await superuser.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await superuser.execute("SELECT pg_reload_conf()")
    try:
        async with narrow.connection() as connection:
            backend = await connection.fetchval("SELECT pg_backend_pid()")
        task = asyncio.create_task(write())
        await eventually(
            superuser,
            "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $1",
            backend,
        )
        await superuser.execute("SELECT pg_cancel_backend($1)", backend)
        with pytest.raises(Unconfirmed) as raised:
            await task
        assert is_retryable(raised.value)
    finally:
        await superuser.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await superuser.execute("SELECT pg_reload_conf()")
    assert await keys(narrow, tenant_id) == ["a"]


async def succeeded(server: EmbeddedPostgres, killed: int) -> None:
    """Wait for another postmaster than this one."""
    while True:
        with contextlib.suppress(FileNotFoundError, ValueError):
            if server.postmaster_pid != killed:
                return
        await asyncio.sleep(0.05)


async def test_a_crash_of_the_server_is_waited_for(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", settings={"shared_buffers": "32MB"}) as server:
        async with await Database.open(server.superuser_url, role="merit_app", size=4) as database:

            async def ask() -> object:
                async with database.connection() as connection:
                    return await connection.fetchval("SELECT current_user")

            assert await ask() == "merit_app"
            for _ in range(3):
                killed = server.postmaster_pid
                os.kill(killed, signal.SIGKILL)
                assert await retried(ask, budget_s=30) == "merit_app"
                # Its orphans may have answered before a new one stands in its place.
                await asyncio.wait_for(succeeded(server, killed), 30)


async def test_a_login_that_could_do_more_is_told(
    postgres: EmbeddedPostgres, database: Database, owner_url: str
) -> None:
    assert await database.excess_rights() == []
    async with await Database.open(postgres.url("postgres"), size=1) as mighty:
        assert await mighty.excess_rights() == [
            "superuser",
            "bypasses_row_security",
            "owner_of_the_tables",
        ]
        async with mighty.connection() as connection:
            assert await connection.fetchval("SELECT current_user") == "merit_app"
            assert await connection.fetchval(KEYS) is None


@pytest.mark.parametrize("role", ["merit_owner", "nobody_knows"])
async def test_a_role_that_the_login_may_not_take_is_refused(database_url: str, role: str) -> None:
    with pytest.raises(DatabaseMisused, match=role):
        await Database.open(database_url, role=role)


async def test_the_auditor_reads_and_does_not_write(
    database: Database, database_url: str, tenant_id: UUID
) -> None:
    async with database.transaction(tenant_id) as connection:
        await connection.execute(KEY, tenant_id, "a")
    async with await Database.open(database_url, role=AUDITOR_ROLE, size=1) as auditor:
        assert await keys(auditor, tenant_id) == ["a"]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with auditor.transaction(tenant_id) as connection:
                await connection.execute(KEY, tenant_id, "b")


class Heard:
    """What a listener said, to be waited for."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, payload: str) -> None:
        self.said.put_nowait(payload)

    async def next(self) -> str:
        async with asyncio.timeout(10):
            return await self.said.get()


async def test_a_listener_hears_and_comes_back(
    narrow: Database, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    heard, channel = Heard(), f"c{uuid4().hex}"
    listener = await narrow.listen(channel, heard)
    await superuser.execute(f"NOTIFY {channel}, 'one'")
    assert await heard.next() == "one"
    lost = await superuser.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'meritledger-listen' AND query LIKE '%' || $1 || '%'",
        channel,
    )
    assert lost == 1
    assert await heard.next() == "", "anything may have been said while nobody listened"
    await superuser.execute(f"NOTIFY {channel}, 'two'")
    assert await heard.next() == "two"
    await listener.close()
    await superuser.execute(f"NOTIFY {channel}, 'three'")
    assert heard.said.empty()


async def test_listeners_end_with_their_database(
    database_url: str, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    channel = f"c{uuid4().hex}"
    opened = await Database.open(database_url, size=1)
    await opened.listen(channel, Heard())
    await opened.close()
    await eventually(
        superuser,
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%' || $1 || '%'"
        " AND pid <> pg_backend_pid()",
        channel,
    )


async def test_a_listener_that_cannot_start_says_so(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", settings={"shared_buffers": "32MB"}) as server:
        database = await Database.open(server.database_url, size=1)
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on what is left of the socket
        await database.listen("x", Heard())
    await database.close()


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.ConnectionDoesNotExistError(), True),
        (asyncpg.AdminShutdownError(), True),
        (asyncpg.CrashShutdownError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.ReadOnlySQLTransactionError(), True),
        (asyncpg.TooManyConnectionsError(), True),
        (asyncpg.SerializationError(), True),
        (asyncpg.DeadlockDetectedError(), True),
        (asyncpg.InvalidCachedStatementError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InternalClientError("cannot switch to state 12"), True),
        (asyncpg.TargetServerAttributeNotMatched(), True),
        (asyncpg.UniqueViolationError(), False),
        (asyncpg.InsufficientPrivilegeError(), False),
        (asyncpg.UndefinedTableError(), False),
        (asyncpg.InterfaceError("the server expects 1 argument for this query"), False),
        (asyncpg.exceptions._base.DataError("invalid input for query argument $1"), False),
        (ValueError(), False),
        (asyncio.CancelledError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_which_errors_are_worth_another_try(error: BaseException, again: bool) -> None:
    assert is_retryable(error) is again


async def test_trying_again_ends_with_the_last_error() -> None:
    tries = 0

    async def fail(error: Exception) -> None:
        nonlocal tries
        tries += 1
        raise error

    with pytest.raises(ConnectionRefusedError):
        await retried(lambda: fail(ConnectionRefusedError()), budget_s=0.2)
    assert tries > 3
    tries = 0
    with pytest.raises(asyncpg.UniqueViolationError):
        await retried(lambda: fail(asyncpg.UniqueViolationError()), budget_s=0.2)
    assert tries == 1
