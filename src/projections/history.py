"""Reading a tenant's log for views: in order, opened, and without what is personal.

Views never see personal fields: they are not decrypted here, and no subject's key is loaded.
Only `at` opens them, for questions that show them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tenancy.database import Database, is_retryable
from tenancy.keyring import Keyring, UnknownKey
from tenancy.mapper import Mapper, Row
from tenancy.records import Recorded, Sealed

BATCH_EVENTS = 2_000
POSITION_MAX = 2**63 - 1

# One read of a batch may be slow on a cold disk.
READ_S_MAX = 60


class Unreadable(Exception):
    """The event at `position` does not open; nothing after it can be applied."""

    def __init__(self, position: int, cause: Exception) -> None:
        super().__init__(f"position {position} does not open: {type(cause).__name__}: {cause}")
        self.position = position


class Log(Protocol):
    """One tenant's log, as far as views need it."""

    async def after(self, position: int, limit: int) -> list[Recorded]:
        """At most `limit` events after `position`, ascending, personal fields left out.

        Raises:
            Unreadable: the very next event does not open. A later one ends the list instead.
        """
        ...

    async def head(self) -> int:
        """The position of the last event; 0 for none."""
        ...

    async def between(
        self, after: int, upto: int, limit: int, topics: Sequence[str] | None = None
    ) -> list[Recorded]:
        """At most `limit` events with after < position <= upto, personal fields left out."""
        ...

    async def of_streams(self, streams: Sequence[UUID], upto: int) -> list[Recorded]:
        """All events of some streams with position <= upto, in the order of the log."""
        ...

    async def known(self, at: datetime) -> int:
        """The position up to which everything was recorded by `at`."""
        ...

    async def recorded_at(self, position: int) -> datetime | None:
        """When the event at a position was recorded."""
        ...

    async def at(self, positions: Sequence[int]) -> dict[int, Recorded]:
        """The events at these positions with their personal fields, None where erased."""
        ...


class Logs(Protocol):
    """Every tenant's log."""

    async def of(self, tenant_id: UUID) -> Log: ...
    async def tenants(self) -> list[UUID]: ...


# The time as it is kept, because making a datetime of it takes as long as all other columns.
AFTER = """
SELECT stream_id, version, topic, timestamptz_send(recorded_at), metadata, payload, position
FROM merit.events
WHERE tenant_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""

AT = """
SELECT stream_id, version, topic, recorded_at, metadata, payload, personal, position
FROM merit.events WHERE tenant_id = $1 AND position = ANY($2)
"""

# Ascending, with what comes before left out: a beginning of the log.
BETWEEN = AFTER.replace("ORDER BY", "AND position <= $4 ORDER BY")
BETWEEN_OF_TOPICS = BETWEEN.replace("ORDER BY", "AND topic = ANY($5::text[]) ORDER BY")

OF_STREAMS = """
SELECT stream_id, version, topic, timestamptz_send(recorded_at), metadata, payload, position
FROM merit.events_of($1, $2, $3) WHERE position <= $4 ORDER BY position
"""

# Times are of the requests' arrival, so they need not rise with the positions: what was known is
# everything before the first event that was recorded later.
FIRST_LATER = """
SELECT position FROM merit.events WHERE tenant_id = $1 AND recorded_at > $2
ORDER BY position LIMIT 1
"""

RECORDED_AT = "SELECT recorded_at FROM merit.events WHERE tenant_id = $1 AND position = $2"

HEAD = "SELECT head FROM merit.heads WHERE tenant_id = $1"

TENANTS = "SELECT tenant_id FROM merit.tenants WHERE status <> 'erased' ORDER BY tenant_id"


class TenantLog:
    """One tenant's log in the database; a `Log`."""

    def __init__(self, database: Database, tenant_id: UUID, mapper: Mapper) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._mapper = mapper

    async def after(self, position: int, limit: int) -> list[Recorded]:
        return await self._opened(await self._fetched(AFTER, position, limit))

    async def batches(
        self, after: int, *, upto: int | None = None, limit: int = BATCH_EVENTS
    ) -> AsyncIterator[list[Recorded]]:
        """The log in batches; the database works on the next one while this one is worked on.

        Raises:
            Unreadable: the next event does not open.
        """
        last = POSITION_MAX if upto is None else upto
        reading = asyncio.ensure_future(self._fetched(BETWEEN, after, limit, last))
        try:
            while rows := await reading:
                position = rows[-1]["position"]
                reading = asyncio.ensure_future(self._fetched(BETWEEN, position, limit, last))
                batch = await self._opened(rows)
                yield batch
                if len(batch) < len(rows):
                    await self._opened(rows[len(batch) :])  # says why it does not go on
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _fetched(self, statement: str, *arguments: object) -> list[Row]:
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            return await connection.fetch(
                statement, self._tenant_id, *arguments, timeout=READ_S_MAX
            )

    async def _all_opened(self, rows: Sequence[Row]) -> list[Recorded]:
        opened = await self._opened(rows)
        if len(opened) < len(rows):
            await self._opened(rows[len(opened) :])  # says why it does not go on
        return opened

    async def _opened(self, rows: Sequence[Row]) -> list[Recorded]:
        """The events of these rows, up to the first one that does not open.

        Raises:
            Unreadable: it is the very first.
        """
        try:
            await self._mapper.ready_for(rows)
        except UnknownKey as error:
            if len(rows) == 1:
                raise Unreadable(rows[0]["position"], error) from error
            # Somewhere in between; those before it can be read.
            first = await self._opened(rows[: len(rows) // 2])
            if len(first) == len(rows) // 2:
                with contextlib.suppress(Unreadable):
                    first += await self._opened(rows[len(first) :])
            return first
        opened: list[Recorded] = []
        try:
            opened.extend(self._mapper.opened(rows))  # keeps those before an error
        except Exception as error:
            if is_retryable(error):
                raise
            if not opened:
                raise Unreadable(rows[0]["position"], error) from error
        return opened

    async def between(
        self, after: int, upto: int, limit: int, topics: Sequence[str] | None = None
    ) -> list[Recorded]:
        """At most `limit` events with after < position <= upto, without what is personal.

        Raises:
            Unreadable: one of them does not open.
        """
        arguments: list[object] = [after, limit, upto]
        statement = BETWEEN
        if topics is not None:
            statement, arguments = BETWEEN_OF_TOPICS, [*arguments, list(topics)]
        return await self._all_opened(await self._fetched(statement, *arguments))

    async def of_streams(self, streams: Sequence[UUID], upto: int) -> list[Recorded]:
        """All events of some streams with position <= upto, in the order of the log.

        Raises:
            Unreadable: one of them does not open.
        """
        found = await self._fetched(OF_STREAMS, list(streams), [0] * len(streams), upto)
        return await self._all_opened(found)

    async def known(self, at: datetime) -> int:
        """The position up to which everything was recorded by `at`; 0 for nothing."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            later = await connection.fetchval(FIRST_LATER, self._tenant_id, at, timeout=READ_S_MAX)
        return await self.head() if later is None else int(later) - 1

    async def recorded_at(self, position: int) -> datetime | None:
        """When the event at a position was recorded; None where there is none."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            found: datetime | None = await connection.fetchval(
                RECORDED_AT, self._tenant_id, position
            )
        return found

    async def head(self) -> int:
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            return await connection.fetchval(HEAD, self._tenant_id) or 0

    async def at(self, positions: Sequence[int]) -> dict[int, Recorded]:
        if not positions:
            return {}
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            records = await connection.fetch(AT, self._tenant_id, list(positions))
        rows = [Sealed(**record) for record in records]
        await self._mapper.ready(rows)
        return {row.position: self._mapper.open(row) for row in rows}


class TenantLogs:
    """Every tenant's log in the database; a `Logs`.

    Args:
        database: as the application.
        keyring: the keys of all tenants.
        catalogue: every event class (`domain.catalogue.EVENTS`).
    """

    def __init__(self, database: Database, keyring: Keyring, catalogue: Iterable[type]) -> None:
        self._database = database
        self._keyring = keyring
        self._catalogue = tuple(catalogue)
        self._logs: dict[UUID, TenantLog] = {}

    async def of(self, tenant_id: UUID) -> TenantLog:
        log = self._logs.get(tenant_id)
        if log is None:
            mapper = Mapper(tenant_id, await self._keyring.of(tenant_id), self._catalogue)
            log = self._logs[tenant_id] = TenantLog(self._database, tenant_id, mapper)
        return log

    async def tenants(self) -> list[UUID]:
        async with self._database.connection(read_only=True) as connection:
            return [record["tenant_id"] for record in await connection.fetch(TENANTS)]
