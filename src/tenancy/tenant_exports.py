"""Bundles that companies ask for: made by a worker, kept for a week in sealed parts."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal
from uuid import UUID, uuid4

import msgspec

from tenancy.database import Database
from tenancy.keyring import Keyring

CHANNEL: Final = "merit_export"
"""Rung when an export was asked for; the payload is the tenant's id."""
SILENT: Final = timedelta(seconds=60)
"""An export whose worker says nothing for so long is taken by another one."""
KEPT: Final = timedelta(days=7)
PART_BYTES: Final = 1024 * 1024

ExportState = Literal["waiting", "running", "done", "failed", "expired"]

COLUMNS = (
    "export_id, state, requested_by, requested_at, ended_at, done, total, size, sha256, attempt_id"
)
ADD = """
INSERT INTO merit.tenant_exports (tenant_id, export_id, requested_by, requested_at)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
RING = "SELECT pg_notify('merit_export', $1)"
WAITING = """
SELECT export_id FROM merit.tenant_exports
 WHERE tenant_id = $1 AND (state = 'waiting' OR (state = 'running' AND alive_at < $2))
 ORDER BY requested_at
"""
TAKE = """
UPDATE merit.tenant_exports SET state = 'running', alive_at = $3, attempt_id = $4
 WHERE tenant_id = $1 AND export_id = $2
   AND (state = 'waiting' OR (state = 'running' AND alive_at < $5))
RETURNING export_id
"""
TELL = """
UPDATE merit.tenant_exports SET alive_at = $4, done = $5, total = $6
 WHERE tenant_id = $1 AND export_id = $2 AND attempt_id = $3
"""
END = """
UPDATE merit.tenant_exports SET state = $4, ended_at = $5, size = $6, sha256 = $7
 WHERE tenant_id = $1 AND export_id = $2 AND attempt_id = $3 AND state = 'running'
RETURNING export_id
"""
KEEP = """
INSERT INTO merit.tenant_export_parts (tenant_id, export_id, attempt_id, part, content)
VALUES ($1, $2, $3, $4, $5)
"""
DROP_OTHERS = """
DELETE FROM merit.tenant_export_parts
 WHERE tenant_id = $1 AND export_id = $2 AND attempt_id <> $3
"""
EXPIRE = """
WITH old AS (
    UPDATE merit.tenant_exports SET state = 'expired'
     WHERE tenant_id = $1 AND state IN ('done', 'failed') AND ended_at < $2
    RETURNING export_id
)
DELETE FROM merit.tenant_export_parts p USING old
 WHERE p.tenant_id = $1 AND p.export_id = old.export_id
"""
OF = f"""
SELECT {COLUMNS} FROM merit.tenant_exports WHERE tenant_id = $1
 ORDER BY requested_at DESC LIMIT 100
"""  # noqa: S608 - our own column names
ONE = f"""
SELECT {COLUMNS} FROM merit.tenant_exports WHERE tenant_id = $1 AND export_id = $2
"""  # noqa: S608 - as above
PART = """
SELECT content FROM merit.tenant_export_parts
 WHERE tenant_id = $1 AND export_id = $2 AND attempt_id = $3 AND part = $4
"""
FORGET = """
WITH gone AS (DELETE FROM merit.tenant_exports WHERE tenant_id = $1)
DELETE FROM merit.tenant_export_parts WHERE tenant_id = $1
"""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export with its progress."""

    export_id: UUID
    state: ExportState
    requested_by: UUID
    requested_at: datetime
    ended_at: datetime | None
    done: int
    total: int
    size: int
    """Bytes of the bundle; 0 before its end."""
    sha256: bytes | None
    attempt_id: UUID | None


class TenantExports:
    """The exports of one tenant.

    Args:
        database: where they are kept.
        keyring: seals and opens them.
        tenant_id: whose.
    """

    def __init__(self, database: Database, keyring: Keyring, tenant_id: UUID) -> None:
        self._database = database
        self._keyring = keyring
        self._tenant_id = tenant_id

    async def ask(self, export_id: UUID, *, actor: UUID, now: datetime) -> None:
        """Let a worker make it; a second time changes nothing."""
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(ADD, self._tenant_id, export_id, actor, now)
            await connection.execute(RING, str(self._tenant_id))

    async def of(self) -> list[Export]:
        """The last hundred, the newest first."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            return [Export(**row) for row in await connection.fetch(OF, self._tenant_id)]

    async def one(self, export_id: UUID) -> Export | None:
        """One of them."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            row = await connection.fetchrow(ONE, self._tenant_id, export_id)
        return None if row is None else Export(**row)

    async def parts(self, export: Export) -> AsyncIterator[bytes]:
        """The bundle, part by part."""
        attempt = export.attempt_id
        if attempt is None:
            raise LookupError("nobody has begun with it")
        keys = await self._keyring.of(self._tenant_id)
        for part in range(-(-export.size // PART_BYTES)):
            async with self._database.transaction(self._tenant_id, read_only=True) as connection:
                sealed = await connection.fetchval(
                    PART, self._tenant_id, export.export_id, attempt, part
                )
            if sealed is None:
                raise LookupError("the bundle is kept no longer")
            await keys.ready([sealed[:16]], [])
            yield keys.open(sealed, self._bound(attempt, part))

    # -- the worker's side

    async def waiting(self, now: datetime) -> list[UUID]:
        """Exports that nobody works at."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            rows = await connection.fetch(WAITING, self._tenant_id, now - SILENT)
        return [row["export_id"] for row in rows]

    async def take(self, export_id: UUID, now: datetime) -> UUID | None:
        """The attempt, where the export is ours now."""
        attempt = uuid4()
        async with self._database.transaction(self._tenant_id) as connection:
            taken = await connection.fetchval(
                TAKE, self._tenant_id, export_id, now, attempt, now - SILENT
            )
        return None if taken is None else attempt

    async def tell(
        self, export_id: UUID, attempt: UUID, now: datetime, progress: tuple[int, int]
    ) -> None:
        """Say how far it is: events written, events in all."""
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(
                TELL, self._tenant_id, export_id, attempt, now, progress[0], progress[1]
            )

    async def keep(self, export_id: UUID, attempt: UUID, bundle: Path) -> tuple[int, bytes]:
        """Take the bundle in; its length and digest."""
        digest, size, part = hashlib.sha256(), 0, 0
        keys = await self._keyring.of(self._tenant_id)
        with bundle.open("rb") as file:
            while raw := file.read(PART_BYTES):
                digest.update(raw)
                size += len(raw)
                await keys.sealing(1)
                sealed = keys.seal(raw, self._bound(attempt, part))
                async with self._database.transaction(self._tenant_id) as connection:
                    await connection.execute(
                        KEEP, self._tenant_id, export_id, attempt, part, sealed
                    )
                part += 1
        return size, digest.digest()

    async def end(
        self,
        export_id: UUID,
        attempt: UUID,
        now: datetime,
        kept: tuple[int, bytes] | None,
    ) -> bool:
        """Say that it is whole, or that nothing came of it; False where another one has it."""
        size, digest = kept or (0, None)
        state = "failed" if kept is None else "done"
        async with self._database.transaction(self._tenant_id) as connection:
            ended = await connection.fetchval(
                END, self._tenant_id, export_id, attempt, state, now, size, digest
            )
            if ended is not None:
                await connection.execute(DROP_OTHERS, self._tenant_id, export_id, attempt)
        return ended is not None

    async def expire(self, now: datetime) -> None:
        """Keep no bundle for longer than `KEPT`."""
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(EXPIRE, self._tenant_id, now - KEPT)

    async def forget(self) -> None:
        """Keep nothing, as after the tenant's end."""
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(FORGET, self._tenant_id)

    def _bound(self, attempt: UUID, part: int) -> bytes:
        return b"export\x00" + self._tenant_id.bytes + attempt.bytes + part.to_bytes(4, "big")
