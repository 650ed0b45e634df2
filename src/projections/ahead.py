"""The beginning of a rebuild, folded in memory and written once.

A row that a hundred events change is otherwise read and written in a hundred batches: in memory a
quarter's scores are made anew in half the time. What does not fit goes on in the database.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from projections.history import Log
from projections.kernel import Projection
from projections.tables import Build, Held
from tenancy.database import is_retryable
from tenancy.records import Recorded

BATCH_EVENTS_MAX = 5_000
ROWS_MAX = 100_000
"""Of all tables together: some hundred megabytes."""
SAVED_AT_ONCE = 2_000


class _Nowhere:
    """The connection of rows in memory: there is none, and a fold that asks for it is a bug."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"rows in memory have no database to {name}")


_NOWHERE: Any = _Nowhere()


def in_memory(projection: Projection, tenant_id: UUID, held: Held) -> Build:
    """A build whose rows are those of `held` and stand in no database."""
    return Build(
        connection=_NOWHERE,
        tenant_id=tenant_id,
        projection=projection.name,
        version=projection.version,
        number=0,
        held=held,
    )


async def folded_ahead(
    history: Log, projection: Projection, tenant_id: UUID, upto: int
) -> tuple[Held, int]:
    """The rows of a view as far as they fit in memory, and the position that they are of.

    Where an event cannot be applied this ends before it: whoever goes on finds out why.
    """
    held: Held = {}
    build = in_memory(projection, tenant_id, held)
    position = 0
    try:
        async with aclosing(batches(history, projection, 0, upto, BATCH_EVENTS_MAX)) as read:
            async for batch, reached in read:
                if sum(map(len, held.values())) >= ROWS_MAX:
                    break
                if batch:
                    await projection.apply(build, batch)
                position = reached
    except Exception as error:
        if is_retryable(error):
            raise
        return {}, 0  # of the batch that failed some rows may be there; nothing of it counts
    return held, position


async def batches(
    history: Log, projection: Projection, after: int, upto: int, limit: int
) -> AsyncGenerator[tuple[list[Recorded], int], None]:
    """What a view folds with after < position <= upto, and the position that each batch reaches.

    Only what it folds is fetched and opened: of a quarter's events that is one in seven for pay.
    The next batch is read while this one is applied.
    """
    topics = None if projection.topics is None else sorted(projection.topics)

    def read(after: int) -> "asyncio.Future[list[Recorded]]":
        return asyncio.ensure_future(history.between(after, upto, limit, topics))

    position, reading = after, read(after)
    try:
        while position < upto:
            batch = await reading
            position = batch[-1].position if len(batch) == limit else upto
            reading = read(position)
            yield batch, position
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def written(projection: Projection, build: Build, held: Held) -> None:
    """Write rows that were held in memory."""
    for table in projection.tables:
        rows = list(held.get(table.name, {}).values())
        for begin in range(0, len(rows), SAVED_AT_ONCE):
            await table.save(build, rows[begin : begin + SAVED_AT_ONCE])
