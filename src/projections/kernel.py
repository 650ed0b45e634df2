"""What a projection is: topics in, tables out, a version in the name; and how it is installed.

A new meaning is deployed beside the old one. The new program's migration makes the tables of the
new version and its worker fills them, while the old program, its worker included, serves the old
ones. When the new version has caught up, the servers are replaced; then `retire` drops the rest.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.kernel import Event
from projections.tables import SCHEMA, Build, Table
from tenancy.migrate import owner_connection
from tenancy.records import Recorded

WAKE_CHANNEL = "merit_log"
"""Rung once per flush of appends; the payload is the tenant's id."""

VIEW_CHANNEL = "merit_view"
"""Rung once per applied batch; the payload is JSON of `Moved`."""


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """A view of history. Never migrated: another meaning is another version, built beside."""

    name: str
    version: int
    topics: frozenset[str] | None
    """What it folds; None means every event."""
    tables: tuple[Table[Any], ...]
    apply: Callable[[Build, Sequence[Recorded]], Awaitable[None]]
    """Fold events, ascending by position and already filtered by topic, into the build's tables.

    Runs inside the transaction that moves the cursor; seeing an event again must change nothing.
    """
    streams: "StreamsOf | None" = None
    """All streams that a row is folded from: one row of the past then costs no more than those.
    None where it takes the whole log."""

    @property
    def key(self) -> str:
        """Name and version, as cursors and wake-ups tell them apart."""
        return f"{self.name}_v{self.version}"

    @property
    def ddl(self) -> str:
        """All tables, idempotent."""
        return "".join(table.ddl for table in self.tables)


StreamsOf = Callable[[Any, Table[Any], Any], Awaitable[Sequence[UUID] | None]]
"""(the live view, a table, a key) -> streams, too many do no harm; None where it cannot say."""

Step = Callable[[Any, Recorded], Any]
"""(row or None, event) -> the row's next state; pure."""


def by_stream(
    name: str, version: int, folds: Sequence[tuple[Table[Any], Step, tuple[type[Event], ...]]]
) -> Projection:
    """A projection with one row per stream: each table folds the events of its own streams."""
    topics = frozenset(event.TOPIC for _, _, events in folds for event in events)

    async def apply(build: Build, batch: Sequence[Recorded]) -> None:
        for table, step, events in folds:
            wanted = {event.TOPIC for event in events}
            mine = [recorded for recorded in batch if recorded.topic in wanted]
            rows = await table.load(build, (recorded.stream_id for recorded in mine))
            for recorded in mine:
                rows.fold(recorded.stream_id, recorded, step)
            await rows.save()

    return Projection(
        name=name,
        version=version,
        topics=topics,
        tables=tuple(table for table, _, _ in folds),
        apply=apply,
        streams=_its_own,
    )


async def _its_own(_view: Any, _table: Table[Any], key: Any) -> Sequence[UUID]:
    return (key,)


class Moved(msgspec.Struct, frozen=True, array_like=True):
    """The wake-up for those who wait: how far each projection of a tenant has come."""

    tenant_id: UUID
    positions: dict[str, int]
    """By `Projection.key`."""


async def install(owner_url: str, projections: Sequence[Projection]) -> list[str]:
    """Create the tables of `projections` where they are missing; the names of new tables.

    Runs as the owner, after the migrations. Idempotent, and safe beside a running older version,
    because another version has other tables.

    Raises:
        MigrationRefused: the login may not act as the owner.
    """
    created: list[str] = []
    async with owner_connection(owner_url) as connection, connection.transaction():
        for projection in projections:
            for table in projection.tables:
                if await connection.fetchval("SELECT to_regclass($1)", table.name) is None:
                    await connection.execute(
                        f"{table.ddl}; SELECT merit.protect('{table.name}');"
                        f" GRANT SELECT, INSERT, UPDATE, DELETE ON {table.name} TO merit_app;"
                        f" GRANT SELECT ON {table.name} TO merit_auditor"
                    )
                    created.append(table.name)
    return created


async def retire(owner_url: str, projections: Sequence[Projection]) -> list[str]:
    """Drop the tables of views that are in no version of `projections`; their names.

    For when no process of an older version runs any more.
    """
    kept = {table.name for projection in projections for table in projection.tables}
    async with owner_connection(owner_url) as connection, connection.transaction():
        found = await connection.fetch(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = $1",
            SCHEMA,
        )
        dropped = sorted({record["name"] for record in found} - kept)
        for name in dropped:
            await connection.execute(f"DROP TABLE {name}")
        keys = [projection.key for projection in projections]
        await connection.execute(
            "DELETE FROM merit.cursors WHERE projection || '_v' || version <> ALL ($1)", keys
        )
    return dropped
