"""How far each view has come: the rows that runners lock, move, and mark with their errors."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from projections.kernel import Projection
from tenancy.database import Connection

BACKOFF_S_MAX = 300
ERROR_LENGTH_MAX = 500


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """One build of one projection of one tenant."""

    projection: str
    version: int
    build: int
    position: int
    live: bool
    updated_at: datetime
    attempts: int
    """How often its next event has failed in a row."""
    retry_at: datetime | None
    last_error: str | None


BEGIN = """
INSERT INTO merit.cursors (tenant_id, projection, version, build, live, updated_at)
VALUES ($1, $2, $3, 1, true, $4) ON CONFLICT DO NOTHING
"""

FIELDS = "projection, version, build, position, live, updated_at, attempts, retry_at, last_error"

ALL = f"SELECT {FIELDS} FROM merit.cursors WHERE tenant_id = $1 ORDER BY projection, version, build"  # noqa: S608  own names


def due(now: str) -> str:
    """The condition, in SQL, that the turn of a row with `retry_at` is not put off.

    A time to wait for that lies further away than anybody ever waits was noted before the clock was
    set back.
    """
    return (
        f"(retry_at IS NULL OR retry_at <= {now}"
        f" OR retry_at > {now}::timestamptz + interval '{BACKOFF_S_MAX} seconds')"
    )


# Whoever holds a row moves it; the others do something else meanwhile.
LOCK = f"""
SELECT {FIELDS} FROM merit.cursors
WHERE tenant_id = $1 AND live AND position = $2 AND projection = ANY($3)
  AND {due("$4")}
ORDER BY projection, version FOR UPDATE SKIP LOCKED
"""  # noqa: S608  own names

# The old position is asked for again, because a lock may be lost with the node that held it.
MOVE = """
UPDATE merit.cursors
SET position = $3, updated_at = $4, attempts = 0, retry_at = NULL, last_error = NULL
WHERE tenant_id = $1 AND position = $2
  AND (projection, version, build)
      IN (SELECT * FROM unnest($5::text[], $6::integer[], $7::integer[]))
"""

FAIL = """
UPDATE merit.cursors SET attempts = attempts + 1, retry_at = $5, last_error = $6
WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND build = $4
"""


class Lost(ConnectionError):
    """A cursor moved under its lock: what was applied must not be committed.

    A ConnectionError, because like one it is the world's failure and may be tried again.
    """


async def begin(
    connection: Connection,
    tenant_id: UUID,
    projections: Sequence[Projection],
    now: datetime,
) -> None:
    """Cursors at 0 for projections that the tenant has none of."""
    await connection.executemany(
        BEGIN, [(tenant_id, each.name, each.version, now) for each in projections]
    )


async def of_tenant(connection: Connection, tenant_id: UUID) -> list[Cursor]:
    """All cursors of a tenant, of every version and build."""
    return [Cursor(**record) for record in await connection.fetch(ALL, tenant_id)]


def is_due(cursor: Cursor, now: datetime) -> bool:
    """Whether its turn is not put off; as `due` asks."""
    put_off = cursor.retry_at
    return put_off is None or not now < put_off <= now + timedelta(seconds=BACKOFF_S_MAX)


async def lock(
    connection: Connection,
    tenant_id: UUID,
    position: int,
    projections: Sequence[str],
    now: datetime,
) -> list[Cursor]:
    """The live cursors at `position` that nobody else holds and that are due."""
    records = await connection.fetch(LOCK, tenant_id, position, projections, now)
    return [Cursor(**record) for record in records]


async def move(
    connection: Connection,
    tenant_id: UUID,
    moving: Sequence[Cursor],
    position: int,
    now: datetime,
) -> None:
    """Advance locked cursors that stand level, all of them in one statement.

    Raises:
        Lost: one is not where it was.
    """
    if not moving:
        return
    begin = moving[0].position
    done = await connection.execute(
        MOVE,
        tenant_id,
        begin,
        position,
        now,
        [each.projection for each in moving],
        [each.version for each in moving],
        [each.build for each in moving],
    )
    if int(done.rpartition(" ")[2]) != len(moving):
        names = ", ".join(each.projection for each in moving)
        raise Lost(f"one of {names} left position {begin}")


async def fail(
    connection: Connection,
    tenant_id: UUID,
    cursor: Cursor,
    error: str,
    *,
    attempts: int,
    now: datetime,
) -> None:
    """Note an error after so many earlier `attempts`: each waits twice as long as the last."""
    wait_s = min(BACKOFF_S_MAX, 2 ** min(attempts, 16))
    key = (tenant_id, cursor.projection, cursor.version, cursor.build)
    retry_at = now + timedelta(seconds=wait_s)
    await connection.execute(FAIL, *key, retry_at, error[:ERROR_LENGTH_MAX])
