"""What webhooks need beside history: secrets, how far each receiver was told, the delivery log."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from tenancy import webhook_statements as sql
from tenancy.database import Connection, Database
from tenancy.records import read_metadata

WAITING_MAX: Final = sql.WAITING_MAX
"""Deliveries of one webhook that may wait; then nothing newer is tried before one got through."""
DeliveryState = Literal["waiting", "delivered", "dead"]

ERROR_LENGTH_MAX: Final = 200
DELIVERED_KEPT: Final = timedelta(days=7)
DEAD_KEPT: Final = timedelta(days=30)
DELIVERED_MAX: Final = 10_000
"""Of one webhook, in the delivery log."""
PUT_OFF_MAX: Final = timedelta(hours=6)
"""A time to wait for that lies further away was noted before the clock was set back."""

_SECRET_BOUND: Final = b"merit webhook secret"


class Lost(ConnectionError):
    """Another worker has taken the webhook over: what was done is not noted, and done again."""


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """How far a receiver has been told, and with which secrets."""

    webhook_id: UUID
    secret: bytes
    """Sealed, as the old one."""
    secret_version: int
    old_secret: bytes | None
    old_until: datetime | None
    position: int
    seen_version: int
    listening: bool
    failures: int
    failing_since: datetime | None
    retry_at: datetime | None


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """All that a receiver is told of an event."""

    position: int
    event_id: UUID
    topic: str
    stream_id: UUID
    version: int
    recorded_at: datetime


class Delivery(Envelope, frozen=True, kw_only=True):
    """An event and one receiver. 推送记录"""

    state: DeliveryState
    attempts: int = 0
    first_tried_at: datetime | None = None
    tried_at: datetime | None = None
    retry_at: datetime | None = None
    status: int | None = None
    """What the receiver answered last."""
    error: str | None = None
    """Why it did not."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn has come to."""

    position: int
    failures: int
    failing_since: datetime | None
    retry_at: datetime | None
    deliveries: Sequence[Delivery]
    back: bool = False
    """The receiver is there again after a while: what waits is tried now."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What one webhook has not delivered."""

    webhook_id: UUID
    waiting: int
    dead: int
    oldest_at: datetime | None
    """Of the events that wait."""


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's receivers have not been told."""

    waiting: int
    dead: int
    oldest_at: datetime | None
    """Of all events not delivered, tried or not."""
    untried_at: datetime | None
    """Of those that nobody has tried, although the receiver is well."""


def secret_bound(tenant_id: UUID, webhook_id: UUID) -> bytes:
    """What a webhook's secret is bound to when it is sealed."""
    return _SECRET_BOUND + tenant_id.bytes + webhook_id.bytes


class Webhooks:
    """The webhooks of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- secrets

    async def add(
        self, tenant_id: UUID, webhook_id: UUID, secret: bytes, version: int, position: int
    ) -> bool:
        """Begin to tell of what comes after `position`; False where that was begun before."""
        async with self._database.transaction(tenant_id) as connection:
            done = await connection.execute(
                sql.ADD, tenant_id, webhook_id, secret, version, position
            )
        return bool(done == "INSERT 0 1")

    async def rotate(
        self, tenant_id: UUID, webhook_id: UUID, secret: bytes, version: int, old_until: datetime
    ) -> bool:
        """Sign with another secret, and with the old one until then; False where it was done."""
        async with self._database.transaction(tenant_id) as connection:
            done = await connection.execute(
                sql.ROTATE, tenant_id, webhook_id, secret, version, old_until
            )
        return bool(done == "UPDATE 1")

    # -- the worker's part

    async def due(self, tenant_id: UUID, now: datetime) -> list[UUID]:
        """Webhooks for which there is something to do now, and that no worker has."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(sql.DUE, tenant_id, now, now + PUT_OFF_MAX)
        return [row["webhook_id"] for row in rows]

    async def any_of(self, tenant_id: UUID) -> bool:
        """Whether a tenant has webhooks at all."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            found: bool = await connection.fetchval(sql.ANY_OF, tenant_id)
        return found

    async def take(
        self, tenant_id: UUID, webhook_id: UUID, now: datetime, until: datetime
    ) -> Following | None:
        """Have it until then; None where another worker has it."""
        async with self._database.transaction(tenant_id) as connection:
            row = await connection.fetchrow(
                sql.TAKE, tenant_id, webhook_id, now, until, now + PUT_OFF_MAX
            )
        return None if row is None else Following(**row)

    async def release(self, tenant_id: UUID, webhook_id: UUID, until: datetime) -> None:
        """Give it back as it was."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(sql.RELEASE, tenant_id, webhook_id, until)

    async def settle(
        self, tenant_id: UUID, webhook_id: UUID, version: int, *, listening: bool
    ) -> None:
        """Note what history says of it up to that version.

        Somebody has looked after it: what waits is tried now, and who listens again begins afresh.
        """
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(sql.SETTLE, tenant_id, webhook_id, version, listening)
            await connection.execute(sql.HURRY, tenant_id, webhook_id)

    async def waiting(self, tenant_id: UUID, webhook_id: UUID) -> list[Delivery]:
        """All that wait, in the order of the log; not many more than `WAITING_MAX`."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(sql.WAITING, tenant_id, webhook_id)
        return [Delivery(**row) for row in rows]

    async def envelopes(self, tenant_id: UUID, after: int, limit: int) -> list[Envelope]:
        """Events after a position, ascending, without what is in them: no key is needed."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(sql.ENVELOPES, tenant_id, after, limit)
        return [_envelope(row) for row in rows]

    async def note(
        self, tenant_id: UUID, webhook_id: UUID, until: datetime, progress: Progress
    ) -> None:
        """Note what a turn has come to, all of it or nothing, and give the webhook back.

        Raises:
            Lost: it was given to another worker meanwhile.
        """
        async with self._database.transaction(tenant_id) as connection:
            done = await connection.execute(
                sql.MOVE,
                tenant_id,
                webhook_id,
                until,
                progress.position,
                progress.failures,
                progress.failing_since,
                progress.retry_at,
            )
            if done != "UPDATE 1":
                raise Lost(f"webhook {webhook_id} was given to another worker")
            await _put(connection, tenant_id, webhook_id, progress.deliveries)
            if progress.back:
                await connection.execute(sql.HURRY, tenant_id, webhook_id)

    async def purge(self, tenant_id: UUID, now: datetime) -> None:
        """Forget deliveries that are long over."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(sql.PURGE, tenant_id, now - DELIVERED_KEPT, now - DEAD_KEPT)
            await connection.execute(sql.PURGE_MANY, tenant_id, DELIVERED_MAX)

    async def remove(self, tenant_id: UUID, webhook_id: UUID) -> None:
        """Forget its secrets and deliveries; a second time changes nothing."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(sql.REMOVE_DELIVERIES, tenant_id, webhook_id)
            await connection.execute(sql.REMOVE, tenant_id, webhook_id)

    # -- what people ask for

    async def replay(self, tenant_id: UUID, webhook_id: UUID, after: int) -> None:
        """Tell it again of everything after that position."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(sql.REPLAY, tenant_id, webhook_id, after)

    async def redeliver(
        self, tenant_id: UUID, webhook_id: UUID, event: Envelope, now: datetime
    ) -> None:
        """Tell it again of one event, before anything newer."""
        again = Delivery(**msgspec.structs.asdict(event), state="waiting", retry_at=now)
        async with self._database.transaction(tenant_id) as connection:
            await _put(connection, tenant_id, webhook_id, [again])
            await connection.execute(sql.TAKE_AWAY, tenant_id, webhook_id)

    async def of(self, tenant_id: UUID) -> list[Following]:
        """All of a tenant, by id."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            return [Following(**row) for row in await connection.fetch(sql.OF, tenant_id)]

    async def counts(self, tenant_id: UUID) -> dict[UUID, Counts]:
        """What each webhook has not delivered; nothing for one that has told everything."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(sql.COUNTS, tenant_id)
        return {row["webhook_id"]: Counts(**row) for row in rows}

    async def deliveries(
        self,
        tenant_id: UUID,
        webhook_id: UUID,
        *,
        state: DeliveryState | None = None,
        before: int,
        limit: int,
    ) -> list[Delivery]:
        """The delivery log, the newest event first, of positions below `before`."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(
                sql.DELIVERIES, tenant_id, webhook_id, state, before, limit
            )
        return [Delivery(**row) for row in rows]


async def undelivered(connection: Connection, tenant_id: UUID) -> Undelivered:
    """What a tenant's receivers that listen have not been told."""
    row = await connection.fetchrow(sql.UNDELIVERED, tenant_id)
    if row is None:
        return Undelivered(waiting=0, dead=0, oldest_at=None, untried_at=None)
    ages = [at for at in (row["oldest_at"], row["untried_at"]) if at is not None]
    return Undelivered(
        waiting=row["waiting"],
        dead=row["dead"],
        oldest_at=min(ages, default=None),
        untried_at=row["untried_at"],
    )


async def forget(database: Database, tenant_id: UUID) -> None:
    """Take away everything about the webhooks of a tenant that was closed for good."""
    async with database.transaction(tenant_id) as connection:
        await connection.execute(sql.FORGET_DELIVERIES, tenant_id)
        await connection.execute(sql.FORGET, tenant_id)


async def _put(
    connection: Connection, tenant_id: UUID, webhook_id: UUID, deliveries: Sequence[Delivery]
) -> None:
    await connection.executemany(
        sql.PUT,
        [
            (
                tenant_id,
                webhook_id,
                each.position,
                each.event_id,
                each.topic,
                each.stream_id,
                each.version,
                each.recorded_at,
                each.state,
                each.attempts,
                each.first_tried_at,
                each.tried_at,
                each.retry_at,
                each.status,
                each.error and each.error[:ERROR_LENGTH_MAX],
            )
            for each in deliveries
        ],
    )


def _envelope(row: asyncpg.Record) -> Envelope:
    return Envelope(
        position=row["position"],
        event_id=read_metadata(row["metadata"]).event_id,
        topic=row["topic"],
        stream_id=row["stream_id"],
        version=row["version"],
        recorded_at=row["recorded_at"],
    )
