"""One tenant's log in PostgreSQL: the append function and the readers."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from tenancy.appending import OVERTAKEN, Append, Outcome, waves
from tenancy.database import (
    NOT_ON_THE_STANDBY,
    Connection,
    Database,
    Unconfirmed,
    is_retryable,
    retried,
)
from tenancy.errors import Unavailable, UnknownTenant
from tenancy.idempotency import Remembered
from tenancy.records import Idempotency, Sealed
from tenancy.together import Together

POSITION_MAX = 2**63 - 1
APPEND_S_MAX = 3.0
"""A flush takes milliseconds; a server that says nothing for so long is gone, or frozen."""
READ_S_MAX = 2.0
"""How long reading is tried."""

APPEND = """
SELECT base, overtaken, repeated, fingerprints, streams, versions, positions
FROM merit.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                  $19, $20)
"""
MOVED_ON = "MT001"
"""Somebody of the flush is overtaken; the function says who when it is asked to look first."""

# The payload carries a random nonce, so equal payloads are the same writing.
WRITTEN = """
SELECT e.stream_id, e.version, e.position, e.payload
FROM unnest($2::uuid[], $3::bigint[]) AS w (stream_id, version)
JOIN merit.events e
  ON e.tenant_id = $1 AND e.stream_id = w.stream_id AND e.version = w.version
"""

COLUMNS = "stream_id, version, topic, recorded_at, metadata, payload, personal, position"

STREAMS = f"SELECT {COLUMNS} FROM merit.events_of($1, $2, $3)"  # noqa: S608 - only our own column names

STREAM = f"""
SELECT {COLUMNS} FROM merit.events
WHERE tenant_id = $1 AND stream_id = $2 AND version > $3 AND version <= $4
ORDER BY version LIMIT $5
"""  # noqa: S608 - only our own column names

STREAM_BACKWARDS = STREAM.replace("ORDER BY version", "ORDER BY version DESC")

LOG = f"""
SELECT {COLUMNS} FROM merit.events
WHERE tenant_id = $1 AND position > $2 AND position <= $3
ORDER BY position LIMIT $4
"""  # noqa: S608 - only our own column names

LOG_OF_TOPICS = LOG.replace("ORDER BY", "AND topic = ANY($5::text[]) ORDER BY")

KNOWN = "SELECT FROM merit.tenants WHERE tenant_id = $1"

HEAD = "SELECT head FROM merit.heads WHERE tenant_id = $1"

REMEMBERED = """
SELECT fingerprint, stream_id, version, position FROM merit.commands
WHERE tenant_id = $1 AND key = $2
"""


class Reading(Protocol):
    """What the store asks of a recorder; PostgreSQL's and memory's are the same."""

    tenant_id: UUID

    async def check_tenant(self) -> None: ...
    async def streams(
        self, after: Mapping[UUID, int], *, primary: bool = False
    ) -> list[Sealed]: ...
    async def stream(
        self,
        stream_id: UUID,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        desc: bool = False,
    ) -> list[Sealed]: ...
    async def log(
        self,
        after: int = 0,
        limit: int | None = None,
        *,
        topics: Sequence[str] | None = None,
        upto: int | None = None,
    ) -> list[Sealed]: ...
    async def head(self) -> int: ...
    async def remembered(self, key: str) -> Remembered | None: ...


class Recorder:
    """The log of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self._database = database
        self._together = Together(partial(self._streams, primary=False))
        self._deciding = Together(partial(self._streams, primary=True))

    async def check_tenant(self) -> None:
        """Raises UnknownTenant where there is no such tenant."""
        if not await self._fetch(KNOWN):
            raise UnknownTenant(self.tenant_id)

    async def append(self, appends: Sequence[Append]) -> list[Outcome]:
        """Carry out `appends` as if one after the other; each is written whole or not at all.

        Raises:
            UnknownTenant: there is no such tenant.
            asyncpg errors, OSError: it is not known which of them were written.
        """
        writer = Writer(self._database)
        try:
            return await writer.append(self.tenant_id, appends)
        finally:
            await writer.close()

    async def streams(self, after: Mapping[UUID, int], *, primary: bool = False) -> list[Sealed]:
        """The events of these streams above these versions, by stream and version.

        All are of one moment.

        Args:
            after: the streams, with versions.
            primary: decide on it. A standby, which may answer while there is no primary and for
                a moment longer, may lack what was acknowledged: whoever asked it once more after
                it was overtaken would be overtaken for ever.
        """
        return await (self._deciding if primary else self._together).streams(after)

    async def _streams(self, after: Mapping[UUID, int], *, primary: bool) -> list[Sealed]:
        async def work() -> list[asyncpg.Record]:
            async with self._database.connection(read_only=not primary, clean=False) as connection:
                return await connection.fetch(
                    STREAMS, self.tenant_id, list(after), list(after.values())
                )

        return [_sealed(row) for row in await self._read(work)]

    async def stream(
        self,
        stream_id: UUID,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        desc: bool = False,
    ) -> list[Sealed]:
        """Events of a stream with after < version <= upto, ascending unless `desc`."""
        query = STREAM_BACKWARDS if desc else STREAM
        last = POSITION_MAX if upto is None else upto
        return [_sealed(row) for row in await self._fetch(query, stream_id, after, last, limit)]

    async def log(
        self,
        after: int = 0,
        limit: int | None = None,
        *,
        topics: Sequence[str] | None = None,
        upto: int | None = None,
    ) -> list[Sealed]:
        """Events with after < position <= upto, in the order of the log."""
        last = POSITION_MAX if upto is None else upto
        if topics is None:
            rows = await self._fetch(LOG, after, last, limit)
        else:
            rows = await self._fetch(LOG_OF_TOPICS, after, last, limit, list(topics))
        return [_sealed(row) for row in rows]

    async def head(self) -> int:
        """The position of the last event; 0 where there is none."""
        rows = await self._fetch(HEAD)
        return int(rows[0][0]) if rows else 0

    async def remembered(self, key: str) -> Remembered | None:
        """What this idempotency key was used for, as the primary knows."""
        rows = await self._fetch(REMEMBERED, key, primary=True)
        return Remembered(**rows[0]) if rows else None

    async def _fetch(
        self, query: str, *arguments: Any, primary: bool = False
    ) -> list[asyncpg.Record]:
        async def work() -> list[asyncpg.Record]:
            async with self._database.transaction(
                self.tenant_id, read_only=not primary
            ) as connection:
                return await connection.fetch(query, self.tenant_id, *arguments)

        return await self._read(work)

    async def _read(
        self, work: Callable[[], Awaitable[list[asyncpg.Record]]]
    ) -> list[asyncpg.Record]:
        try:
            return await retried(work, budget_s=READ_S_MAX)
        except Exception as error:
            if is_retryable(error):
                raise Unavailable("the database cannot be read now") from error
            raise


class Writer:
    """Appends for any tenant, on a connection that it keeps; one call after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lease = contextlib.AsyncExitStack()
        self._connection: Connection | None = None
        self._warned = False

    async def ready(self) -> None:
        """Have a connection."""
        await self._connected()

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Outcome]:
        """Carry out `appends` as if one after the other; each wave of them is one transaction.

        Raises:
            UnknownTenant: there is no such tenant; nothing was written.
            Unconfirmed: written, but the standby may not have it.
            asyncpg errors, OSError: it is not known which of them were written.
        """
        if not appends:
            return []
        connection = self._connection or await self._connected()
        outcomes: list[Outcome] = [OVERTAKEN] * len(appends)
        for wave in waves(appends):
            arguments = _arguments(tenant_id, appends, wave)
            try:
                row = await _flushed(connection, arguments)
            except asyncpg.ForeignKeyViolationError as error:
                raise UnknownTenant(tenant_id) from error
            if self._warned:
                self._warned = False
                raise Unconfirmed("the standby may not have it yet")
            _spread(outcomes, appends, wave, row)
        return outcomes

    async def written(self, tenant_id: UUID, appends: Sequence[Append]) -> list[int]:
        """For each, the position of its last event if exactly its events are in the log, else 0.

        The primary is asked: a standby may lack them still.
        """
        last = [append.events[-1] if append.events else None for append in appends]
        wanted = [event for event in last if event is not None]
        if not wanted:
            return [0] * len(appends)
        async with self._database.transaction(tenant_id) as connection:
            rows = await connection.fetch(
                WRITTEN,
                tenant_id,
                [event.stream_id for event in wanted],
                [event.version for event in wanted],
            )
        found = {row["payload"]: row["position"] for row in rows}
        return [0 if event is None else found.get(event.payload, 0) for event in last]

    async def renew(self, error: Exception) -> None:
        """Let the connection go; the next append takes another."""
        connection, self._connection = self._connection, None
        # A connection that broke may have gone back to the pool by itself, and says so.
        with contextlib.suppress(asyncpg.InterfaceError):
            if connection is not None and not connection.is_closed():
                # What is under way on it may be committed yet; only nobody listens any more.
                connection.terminate()
        # The pool is told what happened: its other connections may have died of the same.
        with contextlib.suppress(Exception):
            await self._lease.__aexit__(type(error), error, error.__traceback__)

    async def close(self) -> None:
        """Give the connection back."""
        self._connection = None
        await self._lease.aclose()

    async def _connected(self) -> Connection:
        if self._connection is None:
            connection = await self._lease.enter_async_context(self._database.connection())
            connection.add_log_listener(self._heard)
            self._lease.callback(_unlisten, connection, self._heard)
            self._warned = False
            self._connection = connection
        return self._connection

    def _heard(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        self._warned = self._warned or NOT_ON_THE_STANDBY in str(message)


async def _flushed(connection: Connection, arguments: tuple[Any, ...]) -> asyncpg.Record:
    try:
        [row] = await connection.fetch(APPEND, *arguments, False, timeout=APPEND_S_MAX)  # noqa: FBT003 - positional in SQL
    except asyncpg.PostgresError as error:
        if error.sqlstate != MOVED_ON:
            raise
        [row] = await connection.fetch(APPEND, *arguments, True, timeout=APPEND_S_MAX)  # noqa: FBT003 - positional in SQL
    return row


def _unlisten(connection: Connection, listener: Any) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.remove_log_listener(listener)


def _arguments(tenant_id: UUID, appends: Sequence[Append], wave: range) -> tuple[Any, ...]:
    """The arrays of `merit.append`; what it says about them explains them."""
    each_has_one = True
    for index in wave:
        append = appends[index]
        append.check()
        each_has_one = each_has_one and len(append.events) == 1
    x_command: list[int] = []
    x_stream: list[UUID] = []
    x_version: list[int] = []
    e_command: list[int] = []
    events: list[Sealed] = []
    keyed: list[tuple[int, Append, Idempotency, int]] = []
    for command, index in enumerate(wave, 1):
        append = appends[index]
        if each_has_one:
            written = append.events[0].stream_id.int
            events += append.events
            looked = len(append.expected) > 1
        else:
            written = None
            events += append.events
            e_command += [command] * len(append.events)
            looked = True
        if looked:
            for stream_id, version in append.expected.items():
                if stream_id.int != written:
                    x_command.append(command)
                    x_stream.append(stream_id)
                    x_version.append(version)
        if append.idempotency is not None:
            last = len(events) if append.events else 0
            keyed.append((command, append, append.idempotency, last))
    personal = [event.personal for event in events]
    return (
        tenant_id,
        x_command,
        x_stream,
        x_version,
        None if each_has_one else e_command,
        [event.stream_id for event in events],
        [event.version for event in events],
        [event.topic for event in events],
        [event.recorded_at for event in events],
        [event.metadata for event in events],
        [event.payload for event in events],
        # unnest pads what is missing with nulls.
        personal if any(personal) else None,
        [command for command, _, _, _ in keyed],
        [key.key for _, _, key, _ in keyed],
        [key.fingerprint for _, _, key, _ in keyed],
        [append.stream_id for _, append, _, _ in keyed],
        [append.version for _, append, _, _ in keyed],
        [append.position for _, append, _, _ in keyed],
        [last for _, _, _, last in keyed],
    )


def _spread(
    outcomes: list[Outcome], appends: Sequence[Append], wave: range, row: asyncpg.Record
) -> None:
    """Put what one call answered where it belongs."""
    position, overtaken, repeated = row[0], row[1], row[2]
    refused = set(overtaken or ())
    if repeated:
        refused.update(repeated)
        for command, print_, stream_id, version, at in zip(
            repeated, row[3], row[4], row[5], row[6], strict=True
        ):
            outcomes[wave[command - 1]] = Outcome(
                kind="repeated",
                remembered=Remembered(
                    fingerprint=print_, stream_id=stream_id, version=version, position=at
                ),
            )
    for command, index in enumerate(wave, 1):
        if command not in refused:
            append = appends[index]
            position += len(append.events)
            at = position if append.events else append.position
            outcomes[index] = Outcome(kind="written", position=at)


def _sealed(row: asyncpg.Record) -> Sealed:
    stream_id, version, topic, recorded_at, metadata, payload, personal, position = row
    return Sealed(
        stream_id=stream_id,
        version=version,
        topic=topic,
        recorded_at=recorded_at,
        metadata=metadata,
        payload=payload,
        personal=personal,
        position=position,
    )
