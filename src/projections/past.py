"""Views as they were: the same folds over the beginning of the log, and the same questions.

A twin of a view is its rows in memory, folded from the log up to a position. Questions are asked of
it in the same SQL as of the live view: the tables that a statement names are put in front of it as
common table expressions over arrays. So nothing is written, a standby can answer too, and there is
no second meaning of any view. Twins are remembered; a later position goes on from an earlier one.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from projections.ahead import in_memory
from projections.catalogue import PROJECTIONS
from projections.kernel import Projection
from projections.questions import View, Walk
from projections.tables import SCHEMA, Held, Row, Table
from tenancy.records import Recorded

R = TypeVar("R", bound=Row)

BATCH_EVENTS_MAX = 2_000
QUESTION_S_MAX = 30
"""Rows travel with the question, so it takes longer than one of a live view."""

EVENTS_MAX = 1_000_000
ROWS_REMEMBERED_MAX = 500_000
WORTH_LOADING_EVENTS = 5_000
"""Folding so few takes no longer than loading what was kept."""

REACHED = """
SELECT position FROM merit.cursors
WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND live
"""

_TABLE = re.compile(rf"\b{SCHEMA}\.(\w+)")
_CURSORS = "merit.cursors"


class TooFar(Exception):
    """More events would have to be folded than one question may cost."""


class NotWritten(LookupError):
    """The log ends before this position."""

    def __init__(self, head: int) -> None:
        super().__init__(f"the log ends at {head}")
        self.head = head


class PastLog(Protocol):
    """One tenant's log, as far as twins need it."""

    async def between(
        self, after: int, upto: int, limit: int, topics: Sequence[str] | None
    ) -> list[Recorded]: ...
    async def of_streams(self, streams: Sequence[UUID], upto: int) -> list[Recorded]: ...


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Which beginning of a log is meant: all events up to a position."""

    position: int
    recorded_at: datetime | None
    """When its last event was recorded; None for the beginning before all events."""


_BY_TABLE: dict[str, tuple[Projection, Table[Any]]] = {
    table.name.removeprefix(f"{SCHEMA}."): (projection, table)
    for projection in PROJECTIONS
    for table in projection.tables
}


class Twin(msgspec.Struct, frozen=True, kw_only=True):
    """A view at a position; its rows are never changed."""

    position: int
    held: Held

    @property
    def size(self) -> int:
        """Rows in all tables."""
        return sum(map(len, self.held.values()))


NOTHING = Twin(position=0, held={})


class Nearest(Protocol):
    """Twins that are kept, as far as questions need them."""

    async def nearest(
        self, tenant_id: UUID, projection: Projection, *, after: int, upto: int
    ) -> Twin | None: ...


async def folded(
    log: PastLog,
    projection: Projection,
    tenant_id: UUID,
    position: int,
    begun: Twin = NOTHING,
    *,
    rows_max: int | None = None,
) -> Twin:
    """The twin at `position`, going on from one at an earlier position.

    Raises:
        TooFar: it has more rows than `rows_max`.
    """
    held = {name: dict(rows) for name, rows in begun.held.items()}
    build = in_memory(projection, tenant_id, held)
    topics = None if projection.topics is None else sorted(projection.topics)
    after = begun.position
    while batch := await log.between(after, position, BATCH_EVENTS_MAX, topics):
        await projection.apply(build, batch)
        after = batch[-1].position
        if rows_max is not None and (rows := sum(map(len, held.values()))) > rows_max:
            raise TooFar(f"{rows} rows, {rows_max} allowed")
    return Twin(position=position, held=held)


class Twins:
    """The twins that a process remembers, the least asked for forgotten first.

    Args:
        kept: whence to go on where nothing is remembered; None folds everything from the log.
        events_max: how many events one question may have folded.
        rows_max: how many rows are remembered.
    """

    def __init__(
        self,
        kept: Nearest | None = None,
        *,
        events_max: int = EVENTS_MAX,
        rows_max: int = ROWS_REMEMBERED_MAX,
    ) -> None:
        self._kept = kept
        self._events_max = events_max
        self._rows_max = rows_max
        self._known: OrderedDict[tuple[UUID, str, int], Twin] = OrderedDict()
        self._folding: dict[tuple[UUID, str], asyncio.Lock] = {}

    async def of(
        self, log: PastLog, projection: Projection, tenant_id: UUID, position: int
    ) -> Twin:
        """The twin of a view at a position.

        Raises:
            TooFar: from the nearest that is remembered it is more events than allowed.
        """
        # One after the other: the second would fold what the first is folding.
        lock = self._folding.setdefault((tenant_id, projection.key), asyncio.Lock())
        try:
            async with lock:
                begun = self._nearest(tenant_id, projection, position)
                if begun.position == position:
                    return begun
                begun = await self._later(begun, tenant_id, projection, position)
                if position - begun.position > self._events_max:
                    raise TooFar(f"{position - begun.position} events, {self._events_max} allowed")
                twin = await folded(log, projection, tenant_id, position, begun)
                self._remember((tenant_id, projection.key, position), twin)
                return twin
        finally:
            if not lock.locked():
                self._folding.pop((tenant_id, projection.key), None)

    async def _later(
        self, begun: Twin, tenant_id: UUID, projection: Projection, position: int
    ) -> Twin:
        """The same, or one that was kept and is nearer by enough to be worth its loading."""
        if self._kept is None or position - begun.position <= WORTH_LOADING_EVENTS:
            return begun
        after = begun.position + WORTH_LOADING_EVENTS
        found = await self._kept.nearest(tenant_id, projection, after=after, upto=position)
        return found or begun

    def _nearest(self, tenant_id: UUID, projection: Projection, position: int) -> Twin:
        there = [
            key
            for key in self._known
            if key[0] == tenant_id and key[1] == projection.key and key[2] <= position
        ]
        if not there:
            return NOTHING
        nearest = max(there, key=lambda key: key[2])
        self._known.move_to_end(nearest)
        return self._known[nearest]

    def _remember(self, key: tuple[UUID, str, int], twin: Twin) -> None:
        self._known[key] = twin
        size = sum(each.size for each in self._known.values())
        while size > self._rows_max and len(self._known) > 1:
            _, dropped = self._known.popitem(last=False)
            size -= dropped.size


class PastView(View, frozen=True, kw_only=True):
    """A tenant's views as they were at a position; asked like the live ones."""

    log: PastLog
    twins: Twins
    position: int

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows; the tenant is $1, `arguments` follow."""
        return await self._fetched(None, statement, arguments)

    async def walked(self, walk: Walk, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows of a page; no others of its table travel with the question."""
        return await self._fetched(walk, statement, arguments)

    async def _fetched(
        self, walk: Walk | None, statement: str, arguments: Sequence[Any]
    ) -> list[asyncpg.Record]:
        statement, more = await self._then(statement, len(arguments) + 1, walk)
        async with self.database.transaction(self.tenant_id, read_only=True) as connection:
            return await connection.fetch(
                statement, self.tenant_id, *arguments, *more, timeout=QUESTION_S_MAX
            )

    async def rows(self, table: Table[R], keys: Sequence[Any]) -> list[R]:
        """The rows with these keys, in no order."""
        projection, _ = _BY_TABLE[table.name.removeprefix(f"{SCHEMA}.")]
        twin = await self.twins.of(self.log, projection, self.tenant_id, self.position)
        held = twin.held.get(table.name, {})
        return [held[key] for key in dict.fromkeys(keys) if key in held]

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row; the tenant is $1, `arguments` follow."""
        statement, more = await self._then(statement, len(arguments) + 1)
        async with self.database.transaction(self.tenant_id, read_only=True) as connection:
            return await connection.fetchrow(
                statement, self.tenant_id, *arguments, *more, timeout=QUESTION_S_MAX
            )

    async def row(self, table: Table[R], key: Any) -> R | None:
        """The row with this key, folded from its own streams where it has such."""
        projection, _ = _BY_TABLE[table.name.removeprefix(f"{SCHEMA}.")]
        live = View(database=self.database, tenant_id=self.tenant_id, reopen=self.reopen)
        # Which streams those are the live view says, if it has come as far.
        if projection.streams is None or not await self._passed(live, projection):
            return await super().row(table, key)
        topics = projection.topics
        streams = await projection.streams(live, table, key)
        if streams is None:
            return await super().row(table, key)
        events = [
            each
            for each in await self.log.of_streams(streams, self.position)
            if topics is None or each.topic in topics
        ]
        held: Held = {}
        if events:
            await projection.apply(in_memory(projection, self.tenant_id, held), events)
        found: R | None = held.get(table.name, {}).get(key)
        return found

    async def _passed(self, live: View, projection: Projection) -> bool:
        record = await live.fetchrow(REACHED, projection.name, projection.version)
        return record is not None and int(record["position"]) >= self.position

    async def _then(
        self, statement: str, slots: int, walk: Walk | None = None
    ) -> tuple[str, list[Any]]:
        """The statement over the rows of then, and the arrays that it takes in addition."""
        parts: list[str] = []
        arrays: list[Any] = []

        def unnested(name: str, columns: Sequence[tuple[str, str]], rows: list[list[Any]]) -> None:
            first = slots + len(arrays) + 1
            names = ", ".join(column for column, _ in columns)
            values = ", ".join(f"${first + n}::{kind}[]" for n, (_, kind) in enumerate(columns))
            parts.append(
                f"{name} AS MATERIALIZED (SELECT $1::uuid AS tenant_id, 0 AS build, u.*"  # noqa: S608  own names
                f" FROM unnest({values}) AS u ({names}))"
            )
            arrays.extend(rows)

        for name in sorted(set(_TABLE.findall(statement))):
            projection, table = _BY_TABLE[name]
            twin = await self.twins.of(self.log, projection, self.tenant_id, self.position)
            rows = list(twin.held.get(table.name, {}).values())
            if walk is not None and walk.table is table:
                rows = walk.chosen(rows)
            columns = [(column.name, column.sql_type) for column in table.columns]
            unnested(f"then_{name}", columns, table.arrays(rows))
        if _CURSORS in statement:
            unnested(
                "then_cursors",
                [
                    ("projection", "text"),
                    ("version", "integer"),
                    ("position", "bigint"),
                    ("live", "boolean"),
                ],
                [
                    [each.name for each in PROJECTIONS],
                    [each.version for each in PROJECTIONS],
                    [self.position] * len(PROJECTIONS),
                    [True] * len(PROJECTIONS),
                ],
            )
        told = _TABLE.sub(r"then_\1", statement).replace(_CURSORS, "then_cursors").strip()
        if not parts:
            return told, arrays
        front = f"WITH {', '.join(parts)}"
        return (f"{front}, {told[5:]}" if told.startswith("WITH ") else f"{front} {told}"), arrays


# -- replay: what a whole history says, in one number that everybody gets


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """One view, folded from the log again."""

    view: str
    version: int
    rows: int
    digest: str
    """SHA-256 of the canonical JSON of its rows, a line each, in the order of their keys."""


Cut = Callable[[Row], Row | None]
"""What of a row is kept; None leaves it out."""


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, no spaces, UTF-8, decimals and times as text."""
    return msgspec.json.encode(value, order="sorted")


def digested(projection: Projection, twin: Twin, cut: Cut | None = None) -> Replayed:
    """A view's digest: the same on every machine, in whatever batches it was folded."""
    digest, count = hashlib.sha256(), 0
    for table in projection.tables:
        rows = twin.held.get(table.name, {})
        lines = sorted(
            (canonical(key), canonical(row))
            for key, each in rows.items()
            if (row := each if cut is None else cut(each)) is not None
        )
        count += len(lines)
        digest.update(canonical(table.name) + b"\n")
        for _, line in lines:
            digest.update(line + b"\n")
    return Replayed(
        view=projection.name, version=projection.version, rows=count, digest=digest.hexdigest()
    )
