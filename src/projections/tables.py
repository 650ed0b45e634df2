"""View tables written in sets: a struct is a row, and one statement loads or saves all of them."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg
import msgspec

from tenancy.database import Connection
from tenancy.records import Recorded

SCHEMA = "merit_views"

# Comparing and dropping take a whole view in one statement.
WHOLE_VIEW_S_MAX = 900

_SQL_TYPES: dict[Any, str] = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    bool: "boolean",
    date: "date",
    datetime: "timestamptz",
    Decimal: "numeric",
}


class Row(msgspec.Struct, kw_only=True, gc=False):
    """One row of a view; `position` is the log position of the event that last changed it."""

    position: int = 0


R = TypeVar("R", bound=Row)


class OutOfOrder(Exception):
    """An event came before the one that begins its row: the log or the fold is wrong."""


def begun(row: R | None, recorded: Recorded) -> R:
    """A copy of a row that must be there already, to be changed by `recorded`.

    Raises:
        OutOfOrder: there is no row.
    """
    if row is None:
        raise OutOfOrder(f"{recorded.topic} at position {recorded.position} has nothing to change")
    return copy(row)


Held = dict[str, dict[Any, Any]]
"""Rows in memory: by the name of their table, then by their key."""


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """Where a projection writes: one tenant's build of it, inside an open transaction."""

    connection: Connection
    tenant_id: UUID
    projection: str
    version: int
    number: int
    held: Held | None = None
    """Where the rows are when they are not in the database: a twin for questions of the past."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a row as PostgreSQL knows it."""

    name: str
    hint: Any
    """The annotation of the struct's field."""
    sql_type: str
    nullable: bool
    encode: Callable[[Any], Any] | None = None
    """Into what asyncpg takes; None where the value goes as it is."""
    decode: Callable[[Any], Any] | None = None


def _column(name: str, hint: Any) -> Column:
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    nullable = NoneType in parts
    kinds = [part for part in parts if part is not NoneType]
    kind = kinds[0] if len(kinds) == 1 else None
    if get_origin(kind) is Literal:
        kind = str
    if kind in _SQL_TYPES:
        return Column(name=name, hint=hint, sql_type=_SQL_TYPES[kind], nullable=nullable)
    return Column(
        name=name,
        hint=hint,
        sql_type="jsonb",
        nullable=nullable,
        encode=lambda value: None if value is None else msgspec.json.encode(value).decode(),
        decode=msgspec.json.Decoder(hint, strict=False).decode,
    )


class Table(Generic[R]):
    """A table of a view: its DDL and its set-based statements, derived from its row struct.

    Every table has `tenant_id` and `build` before its own key: a rebuild fills the next build
    beside the live one, and queries read the one that the cursor calls live.
    """

    def __init__(
        self,
        name: str,
        row: type[R],
        *,
        projection: str,
        version: int,
        key: tuple[str, ...],
        indexes: Sequence[tuple[str, ...]] = (),
    ) -> None:
        hints = get_type_hints(row)
        self.name = f"{SCHEMA}.{name}_v{version}"
        self.row = row
        self.key = key
        self.indexes = tuple(indexes)
        self.columns = tuple(
            _column(field.name, hints[field.name]) for field in msgspec.structs.fields(row)
        )
        self.projection = projection
        self.version = version
        self._coded = tuple(
            (index, column.decode) for index, column in enumerate(self.columns) if column.decode
        )
        self._names = tuple(column.name for column in self.columns)
        by_name = {column.name: column for column in self.columns}
        self._key_types = tuple(by_name[part].sql_type for part in key)
        # Queries see the live build of this version only. The subselect is one index probe.
        self.live = (
            "(SELECT c.build FROM merit.cursors c WHERE c.tenant_id = $1"  # noqa: S608  own names
            f" AND c.projection = '{projection}' AND c.version = {version} AND c.live)"
        )
        self._load, self._save, self._sweep = self._statements()
        # One hash per row, one over them in key order; what a rebuild must reproduce.
        self._digest = (
            "SELECT sha256(coalesce(string_agg("  # noqa: S608  own names
            f"sha256(convert_to(ROW({self.selected})::text, 'UTF8')), ''::bytea"
            f" ORDER BY {', '.join(key)}), ''::bytea)) FROM {self.name}"
            " WHERE tenant_id = $1 AND build = $2"
        )

    @property
    def selected(self) -> str:
        """The columns, in the order of the struct, for a SELECT list."""
        return ", ".join(self._names)

    @property
    def ddl(self) -> str:
        """CREATE statements, idempotent."""
        short = self.name.removeprefix(f"{SCHEMA}.")
        columns = ",\n    ".join(
            f"{column.name} {column.sql_type}{'' if column.nullable else ' NOT NULL'}"
            for column in self.columns
        )
        indexes = "".join(
            f"CREATE INDEX IF NOT EXISTS {short}_by_{'_'.join(parts)} ON {self.name}"
            f" (tenant_id, build, {', '.join(parts)});\n"
            for parts in self.indexes
        )
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name} (\n"
            f"    tenant_id uuid NOT NULL,\n    build integer NOT NULL,\n    {columns},\n"
            f"    PRIMARY KEY (tenant_id, build, {', '.join(self.key)})\n);\n{indexes}"
        )

    def _statements(self) -> tuple[str, str, str]:
        names = self.selected
        key = ", ".join(self.key)
        arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(self._key_types, start=3))
        wanted = ", ".join(f"t.{part}" for part in self.key)
        # Identifiers come from the structs in this package, never from data.
        load = (
            f"SELECT {', '.join(f't.{name}' for name in self._names)} FROM {self.name} t"  # noqa: S608  own names
            f" WHERE t.tenant_id = $1 AND t.build = $2"
            f" AND ({wanted}) IN (SELECT * FROM unnest({arrays}))"
        )
        values = ", ".join(
            f"${n}::{column.sql_type}[]" for n, column in enumerate(self.columns, start=3)
        )
        changed = ", ".join(f"{name} = excluded.{name}" for name in self._names)
        # Driven by the cursor row: a bare unnest fails under row-level security on a sharded
        # database, and a build that has been dropped takes no more rows.
        save = (
            f"INSERT INTO {self.name} AS t (tenant_id, build, {names})"  # noqa: S608  own names
            f" SELECT c.tenant_id, c.build, u.* FROM merit.cursors c,"
            f" unnest({values}) AS u({names})"
            f" WHERE c.tenant_id = $1 AND c.projection = '{self.projection}'"
            f" AND c.version = {self.version} AND c.build = $2"
            f" ON CONFLICT (tenant_id, build, {key}) DO UPDATE SET {changed}"
            " WHERE t.position < excluded.position"
        )
        sweep = f"DELETE FROM {self.name} WHERE tenant_id = $1 AND build = $2"  # noqa: S608  own names
        return load, save, sweep

    async def remove(self, build: Build, keys: Sequence[Any]) -> None:
        """Delete the rows with these keys: what they showed was taken back."""
        if not keys:
            return
        if build.held is not None:
            kept = build.held.setdefault(self.name, {})
            for key in keys:
                kept.pop(key, None)
            return
        wanted = [key if isinstance(key, tuple) else (key,) for key in keys]
        arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(self._key_types, start=3))
        await build.connection.execute(
            # Identifiers come from the structs in this package, never from data.
            f"{self._sweep} AND ({', '.join(self.key)}) IN (SELECT * FROM unnest({arrays}))",  # noqa: S608  own names
            build.tenant_id,
            build.number,
            *(list(part) for part in zip(*wanted, strict=True)),
        )

    def read(self, record: asyncpg.Record) -> R:
        """A row struct from a record that selected `selected`."""
        values = list(record.values())
        for index, decode in self._coded:
            if values[index] is not None:
                values[index] = decode(values[index])
        return self.row(**dict(zip(self._names, values, strict=True)))

    async def load(self, build: Build, keys: Iterable[Any]) -> "Rows[R]":
        """The rows with these keys (a value each, or a tuple where the key has several parts)."""
        wanted = [key if isinstance(key, tuple) else (key,) for key in set(keys)]
        if not wanted:
            return Rows(self, build, {})
        if build.held is not None:
            kept = build.held.get(self.name, {})
            names = [key[0] for key in wanted] if len(self.key) == 1 else wanted
            # Copies: a step may hand its row back, and what others remember must not change.
            return Rows(self, build, {key: copy(kept[key]) for key in names if key in kept})
        arrays = [list(part) for part in zip(*wanted, strict=True)]
        records = await build.connection.fetch(self._load, build.tenant_id, build.number, *arrays)
        found = [self.read(record) for record in records]
        return Rows(self, build, {self.key_of(row): row for row in found})

    async def having(self, build: Build, column: str, values: Iterable[Any]) -> list[R]:
        """The rows that have one of these values in a column, in no order."""
        wanted = set(values)
        if build.held is not None:
            kept = build.held.get(self.name, {}).values()
            return [copy(row) for row in kept if getattr(row, column) in wanted]
        records = await build.connection.fetch(
            f"SELECT {self.selected} FROM {self.name}"  # noqa: S608  own names
            f" WHERE tenant_id = $1 AND build = $2 AND {column} = ANY($3)",
            build.tenant_id,
            build.number,
            list(wanted),
        )
        return [self.read(record) for record in records]

    def arrays(self, rows: Sequence[R]) -> list[list[Any]]:
        """The rows as the database takes them: an array of values for each column."""
        arrays = []
        for column in self.columns:
            values = [getattr(row, column.name) for row in rows]
            arrays.append([column.encode(v) for v in values] if column.encode else values)
        return arrays

    async def save(self, build: Build, rows: Sequence[R]) -> None:
        """Insert or update; a row that has seen a later position stays as it is."""
        if not rows:
            return
        if build.held is not None:
            kept = build.held.setdefault(self.name, {})
            for row in rows:
                before = kept.get(key := self.key_of(row))
                if before is None or before.position < row.position:
                    kept[key] = row
            return
        arrays = self.arrays(rows)
        await build.connection.execute(self._save, build.tenant_id, build.number, *arrays)

    async def sweep(self, build: Build) -> None:
        """Delete all rows of a build."""
        await build.connection.execute(
            self._sweep, build.tenant_id, build.number, timeout=WHOLE_VIEW_S_MAX
        )

    async def digest(self, build: Build) -> bytes:
        """SHA-256 of all rows of a build, in the order of their keys."""
        found: bytes = await build.connection.fetchval(self._digest, build.tenant_id, build.number)
        return found

    def key_of(self, row: R) -> Any:
        """The row's key as `load` takes it."""
        if len(self.key) == 1:
            return getattr(row, self.key[0])
        return tuple(getattr(row, part) for part in self.key)


class Rows(Generic[R]):
    """The rows that one batch touches: loaded once, folded in memory, saved once."""

    def __init__(self, table: Table[R], build: Build, rows: dict[Any, R]) -> None:
        self._table = table
        self._build = build
        self._rows = rows
        self._seen = {key: row.position for key, row in rows.items()}
        self._changed: dict[Any, None] = {}

    def get(self, key: Any) -> R | None:
        """The row as folded so far."""
        return self._rows.get(key)

    def fold(
        self, key: Any, recorded: Recorded, step: Callable[[R | None, Recorded], R | None]
    ) -> None:
        """Let `step` make the row's next state, unless the row saw this event before the batch.

        Where it answers None there is no such row any more.
        """
        if recorded.position <= self._seen.get(key, 0):
            return
        row = step(self._rows.get(key), recorded)
        if row is None:
            self._rows.pop(key, None)
        else:
            row.position = recorded.position
            self._rows[key] = row
        self._changed[key] = None

    async def save(self) -> None:
        """Write what changed, in the order of its first change."""
        gone = [key for key in self._changed if key not in self._rows]
        await self._table.remove(self._build, gone)
        await self._table.save(
            self._build, [self._rows[key] for key in self._changed if key in self._rows]
        )
