"""Connections to PostgreSQL: a pool under a run-time role, and one tenant per transaction."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Self, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from tenancy.failover import (
    REPLAYED_UP_TO,
    NoPrimary,
    RawConnection,
    connect_primary,
    connect_standby,
    hosts_of,
    note_standby,
)

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
T = TypeVar("T")

APP_ROLE: Final = "merit_app"
AUDITOR_ROLE: Final = "merit_auditor"

CONNECT_S_MAX = 2.0
COMMAND_S_MAX = 5.0
IDLE_S_MAX = 60.0
BACKOFF_S = 0.02
BACKOFF_GROWTH = 1.6
BACKOFF_S_MAX = 0.5
RETRY_S_MAX = 30.0
LISTEN_CHECK_S = 10.0
NO_PRIMARY_S = 2.0
"""How long readers stay with the standbys before they look for a primary again."""

# Class 08 is the connection itself. The others: shut down, crashed, starting up, demoted to a
# standby, too many connections, a full disk, and the two that ask to be asked again.
DISK_FULL_STATE = "53100"
SERVER_GONE_STATES = frozenset({"57P01", "57P02", "57P03", "25006"})
RETRYABLE_STATES = SERVER_GONE_STATES | {"53300", DISK_FULL_STATE, "40001", "40P01"}
NOT_ON_THE_STANDBY = "canceling wait for synchronous replication"

_log = structlog.get_logger(__name__)
_entropy = random.SystemRandom()


class DatabaseMisused(RuntimeError):
    """The address or its login cannot do what the application needs; the message says what."""


class Unconfirmed(ConnectionError):
    """Committed here, but not on the standby that must have it: repeat it with the same key."""


def is_retryable(error: BaseException) -> bool:
    """Whether the same work may be tried again; without an idempotency key only if it reads."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return (
            state.startswith("08")
            or state in RETRYABLE_STATES
            or isinstance(error, asyncpg.InvalidCachedStatementError)
        )
    if isinstance(error, asyncpg.InterfaceError):
        # Wrong arguments are ValueErrors or say so; the rest is a connection that broke.
        return not isinstance(error, ValueError) and "the server expects" not in str(error)
    return isinstance(error, OSError | asyncpg.InternalClientError)


async def retried(work: Callable[[], Awaitable[T]], *, budget_s: float = RETRY_S_MAX) -> T:
    """`work()`, again while its errors are retryable and the time is not up; then the last error.

    Only for work that may happen twice: reads, and writes that carry an idempotency key.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + budget_s
    pause_s = BACKOFF_S
    while True:
        try:
            return await work()
        except Exception as error:
            if not is_retryable(error) or loop.time() + pause_s > deadline:
                raise
        await asyncio.sleep(pause_s * _entropy.uniform(0.5, 1.0))
        pause_s = min(pause_s * BACKOFF_GROWTH, BACKOFF_S_MAX)


class Database:
    """One PostgreSQL, seen through one run-time role that owns nothing and bypasses nothing.

    The role is a start-up option of each connection, so RESET ROLE comes back to it.
    """

    def __init__(self, url: str, role: str, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._url = url
        self._pool = pool
        self._standby: asyncpg.Pool[asyncpg.Record] | None = None
        self._no_primary_until = 0.0
        self._listeners: set[Listener] = set()
        self.role: Final = role
        self.size: Final = pool.get_max_size()

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        role: str = APP_ROLE,
        size: int = 8,
        command_timeout_s: float = COMMAND_S_MAX,
        statement_cache: int = 256,
    ) -> Self:
        """Open a pool of connections.

        Args:
            url: the server and the login.
            role: what each connection acts as.
            size: connections at most.
            command_timeout_s: a statement that takes longer is cancelled.
            statement_cache: prepared statements a connection keeps; 0 behind a pooler that gives
                each transaction another server connection.

        Raises:
            DatabaseMisused: the login may not take `role`.
            OSError, asyncpg.PostgresError: the server is not there, or refuses the login.
        """
        several = len(hosts_of(url)) > 1
        options: dict[str, Any] = {
            # The first connection shows at once whether the address can be used. Of several hosts
            # none may be the primary for a while: then no connection is kept up for its own sake.
            "init_size": 1,
            "min_size": 0 if several else 1,
            "max_size": size,
            "timeout": CONNECT_S_MAX,
            "command_timeout": command_timeout_s,
            "max_inactive_connection_lifetime": IDLE_S_MAX,
            "statement_cache_size": statement_cache,
            "server_settings": {"role": role, "application_name": "meritledger"},
            "reset": _keep,
        }
        try:
            pool = await _pool(url, connect_primary, options)
        except (
            asyncpg.InvalidParameterValueError,
            asyncpg.InsufficientPrivilegeError,
            asyncpg.UndefinedObjectError,
        ) as refused:
            raise DatabaseMisused(
                f"the login of the database address may not act as {role}: {refused}."
                f" Run `merit migrate`, then GRANT {role} TO that login"
            ) from refused
        database = cls(url, role, pool)
        if several:
            # Empty until it is needed: while there is no primary, questions go to a standby.
            database._standby = await _pool(
                url, connect_standby, {**options, "min_size": 0, "init_size": 0}
            )
        if excess := await database.excess_rights():
            _log.warning("database-login-too-powerful", rights=excess)
        return database

    async def close(self) -> None:
        for listener in tuple(self._listeners):
            await listener.close()
        await self._pool.close()
        if self._standby is not None:
            await self._standby.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @contextlib.asynccontextmanager
    async def transaction(
        self, tenant_id: UUID, *, read_only: bool = False, snapshot: bool = False
    ) -> AsyncIterator[Connection]:
        """A connection inside a transaction that sees this tenant's rows, and no other.

        Commits at the end of the block, rolls back when it raises. Savepoints: `savepoint`.

        Args:
            tenant_id: whose rows.
            read_only: refuse to write. While there is no primary, a standby answers, and
                `failover.noting_reads` learns up to when.
            snapshot: all statements see the database as the first one did (REPEATABLE READ).

        Raises:
            Unconfirmed: committed, but the wait for the standby was broken off.
        """
        if not isinstance(tenant_id, UUID):
            raise TypeError(f"a tenant id is a UUID, not {type(tenant_id).__name__}")
        level = " ISOLATION LEVEL REPEATABLE READ" if snapshot else ""
        mode = " READ ONLY" if read_only else ""
        async with self._lease(read_only=read_only) as connection:
            try:
                # One round trip. The id is a UUID, so it can be written into the statement.
                await connection.execute(
                    f"BEGIN{level}{mode}; SELECT merit.set_tenant('{tenant_id}')"
                )
                yield connection
            except BaseException:
                await _roll_back(connection)
                raise
            await _commit(connection)

    @contextlib.asynccontextmanager
    async def connection(
        self, *, read_only: bool = False, clean: bool = True
    ) -> AsyncIterator[Connection]:
        """A connection without a tenant: of tenants' tables it sees no row.

        Each statement commits by itself; `async with connection.transaction()` groups them.
        Where the caller only reads, a standby may answer while there is no primary. Not `clean` is
        for one call of a function of ours that names its own tenant: a round trip less.
        """
        async with self._lease(read_only=read_only) as connection:
            if clean:  # what the previous holder may have set for the session ends here
                await connection.execute("RESET ROLE; RESET ALL")
            yield connection

    async def listen(self, channel: str, callback: Callable[[str], None]) -> "Listener":
        """Call `callback(payload)` on each NOTIFY of `channel`, until the listener is closed.

        After a lost connection it listens again and calls `callback("")`: anything may have been
        said in between. A notification is a wake-up, never the only way to learn of a change.
        """
        listener = Listener(self._url, self.role, channel, callback)
        self._listeners.add(listener)
        listener.when_closed(self._listeners.discard)
        await listener.started()
        return listener

    async def excess_rights(self) -> list[str]:
        """What the login could do beside its run-time role; empty when it is as it should be."""
        async with self.connection() as connection:
            row = await connection.fetchrow(EXCESS_RIGHTS)
        return [] if row is None else [right for right, held in row.items() if held]

    @contextlib.asynccontextmanager
    async def _lease(self, *, read_only: bool = False) -> AsyncIterator[Connection]:
        async with contextlib.AsyncExitStack() as held:
            connection = await self._acquired(held, read_only=read_only)
            try:
                yield connection
            except BaseException as error:
                await self._look_after(connection, error)
                raise

    async def _acquired(self, held: contextlib.AsyncExitStack, *, read_only: bool) -> Connection:
        """A connection to the primary; for who only reads to a standby, where there is none."""
        loop = asyncio.get_running_loop()
        if self._standby is None or not read_only:
            return await held.enter_async_context(self._pool.acquire(timeout=COMMAND_S_MAX))
        if loop.time() >= self._no_primary_until:
            try:
                return await held.enter_async_context(self._pool.acquire(timeout=COMMAND_S_MAX))
            except NoPrimary:
                # Who reads next need not find out again how long no answer takes.
                self._no_primary_until = loop.time() + NO_PRIMARY_S
                _log.warning("reading-from-a-standby")
        connection = await held.enter_async_context(self._standby.acquire(timeout=COMMAND_S_MAX))
        note_standby(await connection.fetchval(REPLAYED_UP_TO))
        return connection

    async def _look_after(self, connection: Connection, error: BaseException) -> None:
        """Let go of a connection that an error has made doubtful, and of its siblings."""
        gone = isinstance(error, asyncpg.PostgresError) and (
            (error.sqlstate or "").startswith("08") or error.sqlstate in SERVER_GONE_STATES
        )
        # A server that answers nothing may be frozen, and another one the primary by now.
        silent = isinstance(error, TimeoutError) and self._standby is not None
        if gone or silent or _is_closed(connection):
            await self._pool.expire_connections()
        if silent:
            self._no_primary_until = asyncio.get_running_loop().time() + NO_PRIMARY_S
        if gone or isinstance(error, TimeoutError | asyncpg.InternalClientError):
            _drop(connection)


EXCESS_RIGHTS = """
SELECT rolsuper AS superuser, rolbypassrls AS bypasses_row_security,
       coalesce((SELECT pg_has_role(session_user, oid, 'MEMBER')
                   FROM pg_roles WHERE rolname = 'merit_owner'), false) AS owner_of_the_tables
  FROM pg_roles WHERE rolname = session_user
"""


async def _pool(
    url: str, connect: Callable[..., Awaitable[RawConnection]], options: dict[str, Any]
) -> "asyncpg.Pool[asyncpg.Record]":
    # The stubs of asyncpg do not tell its overloads apart when options come as a dictionary.
    make: Callable[..., Awaitable[asyncpg.Pool[asyncpg.Record]]] = asyncpg.create_pool
    return await make(url, connect=connect, **options)


@contextlib.asynccontextmanager
async def savepoint(connection: Connection) -> AsyncIterator[None]:
    """A part of a transaction that can fail alone; not to be entered twice at the same time."""
    await connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        with contextlib.suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError):
            await connection.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
        raise
    await connection.execute("RELEASE SAVEPOINT part")


async def _keep(_: object) -> None:
    """Spare the pool's reset after each lease: `Database.connection` does it where it matters."""


async def _commit(connection: Connection) -> None:
    warnings: list[str] = []

    def heard(_: object, message: asyncpg.PostgresLogMessage) -> None:
        warnings.append(str(message))

    connection.add_log_listener(heard)
    try:
        tag = await connection.execute("COMMIT")
    except BaseException:
        _drop(connection)  # nobody knows whether it committed, least of all this connection
        raise
    finally:
        if not _is_closed(connection):
            connection.remove_log_listener(heard)
    if tag != "COMMIT":
        raise asyncpg.InFailedSQLTransactionError("an error was swallowed; all was rolled back")
    if any(NOT_ON_THE_STANDBY in warning for warning in warnings):
        raise Unconfirmed("the standby may not have it yet")


async def _roll_back(connection: Connection) -> None:
    try:
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - the error that led here is the one to raise
        _drop(connection)
    except BaseException:
        _drop(connection)
        raise


def _is_closed(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool took it back when it was lost, and nothing can be asked of it


def _drop(connection: Connection) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):  # as above: there is nothing left to drop
        connection.terminate()


class Listener:
    """Keeps one connection listening on one channel; see `Database.listen`."""

    def __init__(self, url: str, role: str, channel: str, callback: Callable[[str], None]) -> None:
        self._url = url
        self._role = role
        self._channel = channel
        self._callback = callback
        self._closed: list[Callable[[Listener], None]] = []
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep_listening())

    def when_closed(self, tell: "Callable[[Listener], None]") -> None:
        self._closed.append(tell)

    async def started(self) -> None:
        """Wait for the first connection; raises what it failed with."""
        try:
            await asyncio.shield(self._first)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        for tell in self._closed:
            tell(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _keep_listening(self) -> None:
        pause_s = BACKOFF_S
        while True:
            try:
                await self._listen_once()
            except Exception as error:
                if not self._first.done():
                    self._first.set_exception(error)
                    return
                if not is_retryable(error):
                    raise
                _log.warning("listener-lost", channel=self._channel, error=type(error).__name__)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * BACKOFF_GROWTH, BACKOFF_S_MAX)

    async def _listen_once(self) -> None:
        lost = asyncio.Event()
        connection = await connect_primary(
            self._url,
            timeout=CONNECT_S_MAX,
            command_timeout=COMMAND_S_MAX,
            server_settings={"role": self._role, "application_name": "meritledger-listen"},
        )
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, self._heard)
            if self._first.done():
                self._callback("")
            else:
                self._first.set_result(None)
            while not lost.is_set():
                # A half-open connection stays silent for ever unless it is asked.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), LISTEN_CHECK_S)
                if not lost.is_set():
                    await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._callback(str(payload))
