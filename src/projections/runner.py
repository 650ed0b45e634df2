"""The runner: follows every tenant's log and keeps the views up to it, exactly once.

One transaction locks a tenant's cursors, applies a batch, and moves them. A runner that dies
leaves nothing half done; another one goes on from the cursor.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import structlog

from projections import cursors, spans
from projections.cursors import Cursor
from projections.history import Log, Logs, Unreadable
from projections.kernel import VIEW_CHANNEL, Moved, Projection
from projections.lanes import Lanes
from projections.tables import Build
from tenancy.database import Connection, Database, is_retryable, savepoint
from tenancy.records import Recorded

BATCH_EVENTS_MAX = 1_000

# A tenant with a long way to go lets the others pass after so many.
BATCHES_PER_TURN = 4

LOOK_AGAIN_S = 10.0
"""Where a tenant's views stand is known from having moved them, for so long."""

# A view that a crash takes back is made again from the log, which is durable: so nobody waits for
# the disk here. The cursor goes back together with the rows.
NOT_DURABLE_YET = "SET LOCAL synchronous_commit = off"

log = structlog.get_logger(__name__)


class Runner:
    """Applies events to views for all tenants; start as many as there is work for."""

    def __init__(
        self,
        database: Database,
        logs: Logs,
        projections: Sequence[Projection],
        *,
        lanes: int = 2,
        poll_s: float = 1.0,
        batch_events_max: int = BATCH_EVENTS_MAX,
    ) -> None:
        self._database = database
        self._logs = logs
        self._projections = {each.key: each for each in projections}
        self._names = [each.name for each in projections]
        self._batch_events_max = batch_events_max
        self._levels: dict[UUID, int] = {}
        self._looked: dict[UUID, float] = {}
        self._turns = Lanes(
            database, logs.tenants, self._turn, "views-not-advanced", lanes=lanes, poll_s=poll_s
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a batch that has begun is finished first."""
        await self._turns.run(stop)

    # -- the work

    async def advance(self, tenant_id: UUID) -> int:
        """A few batches for each group of views that are level; how many events were applied.

        0 means that there is nothing to do now, or that others are doing it.
        """
        applied, _ = await self._advance(tenant_id)
        return applied

    async def _turn(self, tenant_id: UUID) -> bool:
        """A turn in a lane; whether there may be more to do.

        What was written after the log's end was read rings, and whoever rings has another turn.
        """
        _, more = await self._advance(tenant_id)
        return more

    async def _advance(self, tenant_id: UUID) -> tuple[int, bool]:
        """How many events were applied, and whether some that were there are left."""
        history = await self._logs.of(tenant_id)
        if (level := self._level(tenant_id)) is not None:
            done, at_end = await self._advance_from(tenant_id, history, level)
            if done or at_end:
                return done, not at_end
            self._levels.pop(tenant_id, None)  # somebody else has moved them
        positions = await self._positions(tenant_id)
        applied, more = 0, len(positions) > 1
        # Views that are level share the reading. The furthest first: they are what is asked.
        for position in sorted(positions, reverse=True):
            done, at_end = await self._advance_from(tenant_id, history, position)
            applied += done
            more = more or not at_end
        return applied, more and applied > 0

    def _level(self, tenant_id: UUID) -> int | None:
        """Where all views of a tenant stood when they were moved here last, not long ago."""
        level = self._levels.get(tenant_id)
        looked = self._looked.get(tenant_id, float("-inf"))
        return level if time.monotonic() - looked < LOOK_AGAIN_S else None

    async def catch_up(self, tenant_id: UUID) -> int:
        """Advance until nothing is left to do; how many events were applied."""
        applied = 0
        while done := await self.advance(tenant_id):
            applied += done
        return applied

    async def _positions(self, tenant_id: UUID) -> set[int]:
        """Where the live cursors that are due stand; begins those that are missing."""
        now = datetime.now(UTC)
        self._looked[tenant_id] = time.monotonic()
        async with self._database.transaction(tenant_id) as connection:
            found = await cursors.of_tenant(connection, tenant_id)
            known = {f"{cursor.projection}_v{cursor.version}" for cursor in found}
            missing = [each for key, each in self._projections.items() if key not in known]
            if missing:
                await cursors.begin(connection, tenant_id, missing, now)
                found = await cursors.of_tenant(connection, tenant_id)
        return {
            cursor.position
            for cursor in found
            if cursor.live and self._mine(cursor) and cursors.is_due(cursor, now)
        }

    def _mine(self, cursor: Cursor) -> Projection | None:
        return self._projections.get(f"{cursor.projection}_v{cursor.version}")

    async def _advance_from(self, tenant_id: UUID, history: Log, position: int) -> tuple[int, bool]:
        """A turn of the views that stand at `position`.

        Returns:
            How many events were applied, and whether that was the end of the log as it was read.
        """
        begin, at_end = position, False
        limit = self._batch_events_max
        reading = asyncio.create_task(_read(history, position, limit))
        try:
            for left in reversed(range(BATCHES_PER_TURN)):
                batch, error = await reading
                if not batch and error is None:
                    at_end = True
                    break
                last = batch[-1].position if batch else position
                full = len(batch) == limit and left > 0
                if full:
                    # The next batch is read while this one is applied.
                    reading = asyncio.create_task(_read(history, last, limit))
                reached = await self._apply_batch(tenant_id, position, batch, error)
                if reached == position:
                    break
                position = reached
                at_end = len(batch) < limit and reached == last and error is None
                if not full or reached < last:
                    break
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return position - begin, at_end

    async def _apply_batch(
        self, tenant_id: UUID, position: int, batch: Sequence[Recorded], error: str | None
    ) -> int:
        """Apply to the views that stand at `position`; how far the furthest has come."""
        now = datetime.now(UTC)
        moved: dict[str, int] = {}
        # Nearly always all of them, and to the same place: one statement instead of twenty.
        moving: dict[int, list[Cursor]] = {}
        failed: list[tuple[Cursor, int, str]] = []
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(NOT_DURABLE_YET)
            for cursor in await cursors.lock(connection, tenant_id, position, self._names, now):
                projection = self._mine(cursor)
                if projection is None:
                    continue
                reached, failure = position, error
                if batch:
                    build = build_of(connection, tenant_id, cursor)
                    reached, failure = await apply(projection, build, batch, position)
                if reached > position:
                    moving.setdefault(reached, []).append(cursor)
                    moved[projection.key] = reached
                if failure:
                    failed.append((cursor, 0 if reached > position else cursor.attempts, failure))
                    log.error("event-not-applied", tenant=str(tenant_id), view=projection.key)
            for reached, level in moving.items():
                await cursors.move(connection, tenant_id, level, reached, now)
            for cursor, attempts, failure in failed:
                await cursors.fail(
                    connection, tenant_id, cursor, failure, attempts=attempts, now=now
                )
            if moved:
                note = msgspec.json.encode(Moved(tenant_id, moved)).decode()
                await connection.execute("SELECT pg_notify($1, $2)", VIEW_CHANNEL, note)
        if len(moved) == len(self._projections) and len(moving) == 1 and not failed:
            (self._levels[tenant_id],) = moving
        else:
            self._levels.pop(tenant_id, None)
        spans.tell(tenant_id, batch, moved, now, datetime.now(UTC))
        return max(moved.values(), default=position)


async def _read(history: Log, position: int, limit: int) -> tuple[list[Recorded], str | None]:
    # Read before the lock is taken: the log never changes, and a lock should not wait for reading.
    try:
        return await history.after(position, limit), None
    except Unreadable as unreadable:
        return [], str(unreadable)


def build_of(connection: Connection, tenant_id: UUID, cursor: Cursor) -> Build:
    """Where a cursor's projection writes."""
    return Build(
        connection=connection,
        tenant_id=tenant_id,
        projection=cursor.projection,
        version=cursor.version,
        number=cursor.build,
    )


async def apply(
    projection: Projection, build: Build, batch: Sequence[Recorded], position: int
) -> tuple[int, str | None]:
    """Apply a batch inside the open transaction: the position reached, and what stopped it.

    Where an event cannot be applied, everything before it is, by halves, and the error names it.
    """
    try:
        wanted = [
            recorded
            for recorded in batch
            if projection.topics is None or recorded.topic in projection.topics
        ]
        if wanted:
            # A savepoint: what fails leaves no half batch, and the other views go on.
            async with savepoint(build.connection):
                await projection.apply(build, wanted)
    except Exception as error:
        # The world's failures are taken up again; the event's own stop this projection alone.
        if is_retryable(error):
            raise
        if len(batch) == 1:
            poison = batch[0]
            kind = type(error).__name__
            return position, f"{poison.topic} at position {poison.position}: {kind}: {error}"
        half = len(batch) // 2
        reached, failure = await apply(projection, build, batch[:half], position)
        if failure:
            return reached, failure
        return await apply(projection, build, batch[half:], reached)
    return batch[-1].position, None
