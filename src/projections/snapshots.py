"""Views as they were at some positions, kept so that a question about the past need not fold all.

A snapshot is folded from the log, never copied from a view, and goes on from the one before it. It
is sealed under the tenant's key and bound to its tenant, view, version, position and part: what was
changed, cut short or put elsewhere does not open, and the question folds from further back.
"""

import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from projections.kernel import Projection
from projections.past import Twin
from projections.tables import Held, Table
from tenancy.database import Database
from tenancy.keyring import Keyring, NotGenuine, UnknownKey

ROWS_OF_PART: Final = 2_000
"""A part is worked on without a pause, some ten milliseconds."""
CLAIM: Final = timedelta(minutes=15)
"""Whoever has been at one for so long is taken for dead."""
COMPRESSION: Final = 1

NEAREST = """
SELECT position, parts FROM merit.view_snapshots
WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND position > $4 AND position <= $5
  AND parts > 0
ORDER BY position DESC LIMIT 1
"""
PART = """
SELECT content FROM merit.view_snapshot_parts
WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND position = $4 AND part = $5
"""
LAST = """
SELECT projection || '_v' || version AS key, max(position) AS position,
       (array_agg(row_count ORDER BY position DESC))[1] AS row_count,
       (array_agg(parts ORDER BY position DESC))[1] AS parts
FROM merit.view_snapshots WHERE tenant_id = $1 AND made_at IS NOT NULL
GROUP BY projection, version
"""
TAKE = """
INSERT INTO merit.view_snapshots AS s (tenant_id, projection, version, position, claimed_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, projection, version, position) DO UPDATE SET claimed_at = $5
WHERE s.made_at IS NULL AND s.claimed_at < $6
RETURNING position
"""
ADD = """
INSERT INTO merit.view_snapshot_parts (tenant_id, projection, version, position, part, content)
VALUES ($1, $2, $3, $4, $5, $6)
"""
DONE = """
UPDATE merit.view_snapshots SET parts = $5, row_count = $6, made_at = $7
WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND position = $4 AND made_at IS NULL
RETURNING position
"""
OTHERS = """
WITH gone AS (
    DELETE FROM merit.view_snapshots
    WHERE tenant_id = $1 AND projection || '_v' || version <> ALL ($2)
    RETURNING projection, version, position
)
DELETE FROM merit.view_snapshot_parts p USING gone g
WHERE p.tenant_id = $1 AND p.projection = g.projection AND p.version = g.version
  AND p.position = g.position
"""
FORGET = """
WITH gone AS (DELETE FROM merit.view_snapshots WHERE tenant_id = $1)
DELETE FROM merit.view_snapshot_parts WHERE tenant_id = $1
"""

log = structlog.get_logger(__name__)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The newest snapshot of a view."""

    position: int
    row_count: int
    parts: int
    """0 where it was passed over: it had too many rows."""


class Snapshots:
    """The snapshots of all tenants.

    Args:
        database: where they are kept.
        keyring: seals and opens them.
    """

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def nearest(
        self, tenant_id: UUID, projection: Projection, *, after: int, upto: int
    ) -> Twin | None:
        """The last one with after < position <= upto; None where there is none that opens."""
        place = (tenant_id, projection.name, projection.version)
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            found = await connection.fetchrow(NEAREST, *place, after, upto)
        if found is None:
            return None
        position, parts = int(found["position"]), int(found["parts"])
        keys = await self._keyring.of(tenant_id)
        held: Held = {}
        try:
            for part in range(parts):
                async with self._database.transaction(tenant_id, read_only=True) as connection:
                    content = await connection.fetchval(PART, *place, position, part)
                if content is None:
                    raise NotGenuine("a part is missing")  # noqa: TRY301  as one that was changed
                await keys.ready([content[:16]], ())
                bound = _bound(tenant_id, projection, position, part, parts)
                _unpacked(projection, keys.open(content, bound), held)
        except (NotGenuine, UnknownKey, zlib.error, msgspec.MsgspecError) as error:
            log.error(  # noqa: TRY400  no traceback: it says nothing of what was changed
                "snapshot-does-not-open",
                tenant=str(tenant_id),
                view=projection.key,
                position=position,
                error=type(error).__name__,
            )
            return None
        return Twin(position=position, held=held)

    async def last(self, tenant_id: UUID) -> dict[str, Kept]:
        """The newest of each view, by `Projection.key`."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            records = await connection.fetch(LAST, tenant_id)
        return {
            each["key"]: Kept(
                position=each["position"], row_count=each["row_count"], parts=each["parts"]
            )
            for each in records
        }

    async def take(
        self, tenant_id: UUID, projection: Projection, position: int, now: datetime
    ) -> bool:
        """Whether the caller is to make this one: nobody has, and nobody else is at it."""
        async with self._database.transaction(tenant_id) as connection:
            taken = await connection.fetchval(
                TAKE, tenant_id, projection.name, projection.version, position, now, now - CLAIM
            )
        return taken is not None

    async def keep(
        self, tenant_id: UUID, projection: Projection, twin: Twin, now: datetime
    ) -> None:
        """Keep a twin that was taken; one that another has kept meanwhile stays as it is."""
        keys = await self._keyring.of(tenant_id)
        place = (tenant_id, projection.name, projection.version, twin.position)
        packed = list(_slices(projection, twin.held))
        await keys.sealing(len(packed))
        async with self._database.transaction(tenant_id) as connection:
            if not await connection.fetchval(DONE, *place, len(packed), twin.size, now):
                return
            for part, (table, rows) in enumerate(packed):
                bound = _bound(tenant_id, projection, twin.position, part, len(packed))
                content = keys.seal(_packed(table, rows), bound)
                await connection.execute(ADD, *place, part, content)

    async def pass_over(
        self, tenant_id: UUID, projection: Projection, position: int, rows: int, now: datetime
    ) -> None:
        """Note that a view has too many rows to be kept."""
        place = (tenant_id, projection.name, projection.version, position)
        async with self._database.transaction(tenant_id) as connection:
            await connection.fetchval(DONE, *place, 0, rows, now)

    async def forget_others(self, tenant_id: UUID, keys: list[str]) -> None:
        """Drop those of views that are not in `keys` any more."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(OTHERS, tenant_id, keys)


def _bound(tenant_id: UUID, projection: Projection, position: int, part: int, parts: int) -> bytes:
    return f"snapshot|{tenant_id}|{projection.key}|{position}|{part}|{parts}".encode()


def _slices(projection: Projection, held: Held) -> Iterator[tuple[Table[Any], list[Any]]]:
    """Every row, by table; at least one part, so that a view without rows is one that is kept."""
    for table in projection.tables:
        rows = list(held.get(table.name, {}).values())
        for begin in range(0, len(rows) or 1, ROWS_OF_PART):
            yield table, rows[begin : begin + ROWS_OF_PART]


def _packed(table: Table[Any], rows: list[Any]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode((table.name, rows)), COMPRESSION)


def _unpacked(projection: Projection, content: bytes, held: Held) -> None:
    name, rows = msgspec.msgpack.decode(zlib.decompress(content), type=tuple[str, msgspec.Raw])
    table = next(table for table in projection.tables if table.name == name)
    kept = held.setdefault(name, {})
    for row in msgspec.msgpack.decode(rows, type=list[table.row]):  # type: ignore[name-defined]
        kept[table.key_of(row)] = row
