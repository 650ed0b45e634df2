"""Rebuilding a view beside the live one, comparing both at the same position, and switching.

The live build serves and follows the log all the while. Killed half-way, a rebuild goes on from
where its own cursor stands.
"""

import hashlib
import time
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec

from projections import cursors
from projections.ahead import batches, folded_ahead, written
from projections.cursors import Cursor
from projections.history import Log, Logs
from projections.kernel import WAKE_CHANNEL, Projection
from projections.runner import apply, build_of
from projections.tables import Build
from tenancy.database import Connection, Database
from tenancy.records import Recorded

BATCH_EVENTS_MAX = 5_000

# What may be left to apply while the live view stands still for the comparison.
LAST_STEP_EVENTS_MAX = 1_000


class NothingToRebuild(LookupError):
    """The tenant has no live build of this version yet: a runner makes the first."""


class RebuildFailed(Exception):
    """An event could not be applied; the live view is as it was."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild found and did."""

    projection: str
    tenant_id: UUID
    position: int
    """Where the two builds were compared."""
    events: int
    """Applied by this call; fewer than `position` where it went on from an earlier one."""
    seconds: float
    live_digest: str
    new_digest: str
    switched: bool

    @property
    def equal(self) -> bool:
        """Whether the live view was what its history says."""
        return self.live_digest == self.new_digest


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """A view's content at a position."""

    position: int
    sha256: str


async def digest(database: Database, projection: Projection, tenant_id: UUID) -> Digest:
    """The digest of the live build, standing still meanwhile.

    Raises:
        NothingToRebuild: there is no live build.
    """
    async with database.transaction(tenant_id) as connection:
        live, _ = await _both(connection, tenant_id, projection)
        build = build_of(connection, tenant_id, live)
        return Digest(position=live.position, sha256=await _digest(projection, build))


async def rebuild(
    database: Database,
    logs: Logs,
    projection: Projection,
    tenant_id: UUID,
    *,
    on_difference: Literal["keep", "switch"] = "keep",
) -> Rebuilt:
    """Build the next build from the whole log, compare, switch, and drop what is not used.

    Args:
        database: as the application.
        logs: whence the events come.
        projection: what to rebuild.
        tenant_id: whose.
        on_difference: "keep" leaves a live view that differs in place for inquiry and drops the
            new one; "switch" believes the log.

    Raises:
        NothingToRebuild: there is no live build.
        RebuildFailed: an event could not be applied.
    """
    began = time.monotonic()
    history = await logs.of(tenant_id)
    number = await _begin(database, projection, tenant_id)
    events = await _ahead(database, history, projection, tenant_id, number)
    while True:
        events += await _catch_up(database, history, projection, tenant_id, number)
        report = await _finish(
            database, history, projection, tenant_id, switch_always=on_difference == "switch"
        )
        if report is not None:
            seconds = time.monotonic() - began
            return msgspec.structs.replace(report, events=events + report.events, seconds=seconds)


BOTH = f"""
SELECT {cursors.FIELDS} FROM merit.cursors
WHERE tenant_id = $1 AND projection = $2 AND version = $3 ORDER BY build FOR UPDATE
"""  # noqa: S608  own names

ADD = """
INSERT INTO merit.cursors (tenant_id, projection, version, build, live, updated_at)
VALUES ($1, $2, $3, $4, false, $5)
"""

SET_LIVE = """
UPDATE merit.cursors SET live = $5, updated_at = $6
WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND build = $4
"""

DROP = """
DELETE FROM merit.cursors
WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND build = $4
"""

STANDING = f"""
SELECT {cursors.FIELDS} FROM merit.cursors
WHERE tenant_id = $1 AND projection = $2 AND version = $3
"""  # noqa: S608  own names


async def _both(
    connection: Connection, tenant_id: UUID, projection: Projection
) -> tuple[Cursor, Cursor | None]:
    """The live cursor and the one of the newest other build, both locked."""
    records = await connection.fetch(BOTH, tenant_id, projection.name, projection.version)
    return _told_apart([Cursor(**record) for record in records], projection)


def _told_apart(found: Sequence[Cursor], projection: Projection) -> tuple[Cursor, Cursor | None]:
    live = next((cursor for cursor in found if cursor.live), None)
    if live is None:
        raise NothingToRebuild(f"no live build of {projection.key}")
    others = [cursor for cursor in found if not cursor.live]
    return live, others[-1] if others else None


async def _begin(database: Database, projection: Projection, tenant_id: UUID) -> int:
    """The number of the build to fill: the one that was left unfinished, else a new one."""
    async with database.transaction(tenant_id) as connection:
        live, other = await _both(connection, tenant_id, projection)
        if other is not None:
            return other.build
        number = live.build + 1
        key = (tenant_id, projection.name, projection.version, number)
        await connection.execute(ADD, *key, datetime.now(UTC))
        return number


async def _ahead(
    database: Database, history: Log, projection: Projection, tenant_id: UUID, number: int
) -> int:
    """Fill a build that is still empty as far as it fits in memory; events passed."""
    live, new = await _standing(database, projection, tenant_id)
    if new is None or new.build != number or new.position:
        return 0
    held, position = await folded_ahead(history, projection, tenant_id, live.position)
    if not position:
        return 0
    async with database.transaction(tenant_id) as connection:
        _, new = await _both(connection, tenant_id, projection)
        if new is None or new.build != number or new.position:
            return 0
        build = build_of(connection, tenant_id, new)
        await written(projection, build, held)
        await cursors.move(connection, tenant_id, [new], position, datetime.now(UTC))
    return position


async def _catch_up(
    database: Database, history: Log, projection: Projection, tenant_id: UUID, number: int
) -> int:
    """Fill the new build up to where the live one stood at the last look; events passed."""
    live, new = await _standing(database, projection, tenant_id)
    if new is None or new.build != number:
        return 0
    begun = position = new.position
    reading = batches(history, projection, position, live.position, BATCH_EVENTS_MAX)
    async with aclosing(reading):
        async for batch, reached in reading:
            async with database.transaction(tenant_id) as connection:
                _, new = await _both(connection, tenant_id, projection)
                if new is not None and new.position == position:
                    build = build_of(connection, tenant_id, new)
                    await _apply(build, projection, new, batch, reached)
            position = reached
            if new is None or new.build != number:
                break
    return position - begun


async def _standing(
    database: Database, projection: Projection, tenant_id: UUID
) -> tuple[Cursor, Cursor | None]:
    async with database.transaction(tenant_id) as connection:
        records = await connection.fetch(STANDING, tenant_id, projection.name, projection.version)
    return _told_apart([Cursor(**record) for record in records], projection)


async def _apply(
    build: Build,
    projection: Projection,
    cursor: Cursor,
    batch: Sequence[Recorded],
    reached: int,
) -> None:
    """Apply a batch and move the cursor to `reached`, over what the view does not fold."""
    if batch:
        _, failure = await apply(projection, build, batch, cursor.position)
        if failure:
            raise RebuildFailed(failure)
    await cursors.move(build.connection, build.tenant_id, [cursor], reached, datetime.now(UTC))


async def _finish(
    database: Database,
    history: Log,
    projection: Projection,
    tenant_id: UUID,
    *,
    switch_always: bool,
) -> Rebuilt | None:
    """Bring both to one position, compare, switch; None where the live one has run too far."""
    live, new = await _standing(database, projection, tenant_id)
    rest = await history.after(new.position, LAST_STEP_EVENTS_MAX) if new else []
    async with database.transaction(tenant_id) as connection:
        live, new = await _both(connection, tenant_id, projection)
        if new is None:
            raise RebuildFailed("another rebuild of the same view has finished meanwhile")
        batch = [e for e in rest if new.position < e.position <= live.position]
        if new.position + len(batch) < live.position:
            return None
        if batch:
            build = build_of(connection, tenant_id, new)
            await _apply(build, projection, new, batch, batch[-1].position)
        old_build = build_of(connection, tenant_id, live)
        new_build = build_of(connection, tenant_id, new)
        live_digest = await _digest(projection, old_build)
        new_digest = await _digest(projection, new_build)
        switched = switch_always or live_digest == new_digest
        if switched:
            now = datetime.now(UTC)
            key = (tenant_id, projection.name, projection.version)
            await connection.execute(SET_LIVE, *key, live.build, False, now)  # noqa: FBT003  SQL
            await connection.execute(SET_LIVE, *key, new.build, True, now)  # noqa: FBT003  SQL
        await _drop(projection, old_build if switched else new_build)
        # Runners passed by while the cursor was held.
        await connection.execute("SELECT pg_notify($1, $2)", WAKE_CHANNEL, str(tenant_id))
        return Rebuilt(
            projection=projection.key,
            tenant_id=tenant_id,
            position=live.position,
            events=len(batch),
            seconds=0.0,
            live_digest=live_digest,
            new_digest=new_digest,
            switched=switched,
        )


async def _digest(projection: Projection, build: Build) -> str:
    parts = hashlib.sha256()
    for table in projection.tables:
        parts.update(table.name.encode() + b"\x00" + await table.digest(build))
    return parts.hexdigest()


async def _drop(projection: Projection, build: Build) -> None:
    for table in projection.tables:
        await table.sweep(build)
    key = (build.tenant_id, build.projection, build.version, build.number)
    await build.connection.execute(DROP, *key)
