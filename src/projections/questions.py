"""Asking views: one tenant's reading transaction, look-ups by key, and stable pages."""

import base64
import binascii
import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from projections.tables import Column, R, Row, Table
from tenancy.database import Database
from tenancy.records import Recorded

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
BIGINT_END = 2**63

T = TypeVar("T")
U = TypeVar("U")


class BadQuestion(ValueError):
    """The limit or the cursor of a query is not one that we gave or allow."""


class Reopen(Protocol):
    """Reads events again by their positions; the log stays the only place of personal data."""

    async def __call__(self, positions: Sequence[int]) -> dict[int, Recorded]: ...


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant's views. Each statement is a reading transaction of its own.

    So no connection is held between statements: a question that needs a second one could wait
    for ever for other questions that do the same. What must fit together is one statement.
    """

    database: Database
    tenant_id: UUID
    reopen: Reopen

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows; the tenant is $1, `arguments` follow."""
        async with self.database.transaction(self.tenant_id, read_only=True) as connection:
            return await connection.fetch(statement, self.tenant_id, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row; the tenant is $1, `arguments` follow."""
        async with self.database.transaction(self.tenant_id, read_only=True) as connection:
            return await connection.fetchrow(statement, self.tenant_id, *arguments)

    async def row(self, table: Table[R], key: Any) -> R | None:
        """The row with this key, or None."""
        parts = key if isinstance(key, tuple) else (key,)
        wanted = " AND ".join(f"{name} = ${n}" for n, name in enumerate(table.key, start=2))
        record = await self.fetchrow(
            f"SELECT {table.selected} FROM {table.name}"  # noqa: S608  own names
            f" WHERE tenant_id = $1 AND build = {table.live} AND {wanted}",
            *parts,
        )
        return table.read(record) if record else None

    async def rows(self, table: Table[R], keys: Sequence[Any]) -> list[R]:
        """The rows with these keys (of one part), in no order."""
        (key,) = table.key
        records = await self.fetch(
            f"SELECT {table.selected} FROM {table.name}"  # noqa: S608  own names
            f" WHERE tenant_id = $1 AND build = {table.live} AND {key} = ANY($2)",
            list(keys),
        )
        return [table.read(record) for record in records]

    async def walked(self, _walk: "Walk", statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows of the one table that a page is of, which `_walk` tells more about."""
        return await self.fetch(statement, *arguments)


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows a page can have at most: what a view in memory need not hand over."""

    table: Table[Any]
    where: Mapping[str, Any]
    either: tuple[tuple[str, ...], Any] | None
    order: tuple[str, ...]
    after: tuple[Any, ...] | None
    """Of `order`, the last row of the page before."""
    descending: bool
    limit: int

    def chosen(self, rows: Iterable[R]) -> list[R]:
        """Those that may be on the page, and as few others as can be told without a database."""
        columns = {column.name: column for column in self.table.columns}
        fits: list[Callable[[Any], bool]] = []
        for names, wanted in self._wanted():
            if not all(_is_of(columns[name], wanted) for name in names):
                # As the text of an id, which the database takes for the id: it is to decide.
                return list(rows)
            fits.append(partial(_fit, [attrgetter(name) for name in names], wanted))
        found = [row for row in rows if all(fit(row) for fit in fits)]
        ordered = (columns[name] for name in self.order)
        if any(column.nullable or column.sql_type not in _ORDERED_ALIKE for column in ordered):
            return found
        place: Callable[[R], Any] = attrgetter(*self.order)
        if self.after is not None:
            # Of one column it is the value itself, of several a tuple.
            after = self.after[0] if len(self.order) == 1 else self.after
            found = [
                row
                for row in found
                if (place(row) < after if self.descending else place(row) > after)
            ]
        pick = heapq.nlargest if self.descending else heapq.nsmallest
        return pick(self.limit, found, key=place)

    def _wanted(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Columns, and what at least one of them has to be."""
        for name, wanted in self.where.items():
            if wanted is not None:
                yield (name,), wanted
        if self.either is not None:
            yield self.either


_ORDERED_ALIKE = frozenset({"uuid", "bigint", "date", "timestamptz", "numeric"})
"""What Python orders as PostgreSQL does; text depends on a collation."""


_TYPES: dict[str, type] = {
    "uuid": UUID,
    "text": str,
    "bigint": int,
    "boolean": bool,
    "date": date,
    "timestamptz": datetime,
    "numeric": Decimal,
}


def _is_of(column: Column, wanted: Any) -> bool:
    """Whether a value is of the kind that the column's rows hold: Python compares them alike."""
    kind = _TYPES.get(column.sql_type)
    if isinstance(wanted, Between):
        ends = [each for each in (wanted.low, wanted.high) if each is not None]
        return column.sql_type in _ORDERED_ALIKE and all(_is_of(column, each) for each in ends)
    if kind is None or not isinstance(wanted, kind):
        return False
    # A bool is an int in Python, and a datetime a date; not so here.
    alike = isinstance(wanted, bool) == (kind is bool)
    return alike and isinstance(wanted, datetime) == (kind is datetime)


def _fit(values: Sequence[Callable[[Any], Any]], wanted: Any, row: Any) -> bool:
    if not isinstance(wanted, Between):
        return any(value(row) == wanted for value in values)
    if wanted.low is None and wanted.high is None:
        return True
    return any(
        (found := value(row)) is not None
        and (wanted.low is None or found >= wanted.low)
        and (wanted.high is None or found < wanted.high)
        for value in values
    )


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A slice of a list, in a stable order."""

    items: tuple[T, ...]
    next: str | None = None
    """Opaque; give it back as `cursor` to go on after the last item. None at the end."""

    def of(self, items: Sequence[U]) -> "Page[U]":
        """The same slice with its items told differently."""
        return Page(items=tuple(items), next=self.next)


class Between(msgspec.Struct, frozen=True):
    """A filter: from `low` inclusive to `high` exclusive; None is open."""

    low: Any = None
    high: Any = None


class Holds(msgspec.Struct, frozen=True):
    """A filter of its own: SQL of ours, in which each {} stands for the value."""

    condition: str
    value: Any


async def get(view: View, table: Table[R], key: Any) -> R | None:
    """The row with this key in the live build, or None."""
    return await view.row(table, key)


async def get_many(view: View, table: Table[R], keys: Sequence[Any]) -> list[R]:
    """The rows with these keys (of one part) in the live build, in no order.

    Raises:
        BadQuestion: more keys than a page may have rows.
    """
    if len(keys) > LIMIT_MAX:
        raise BadQuestion(f"at most {LIMIT_MAX} at a time")
    return await view.rows(table, keys)


async def count(view: View, table: Table[R]) -> int:
    """How many rows the live build has."""
    row = await view.fetchrow(
        f"SELECT count(*) AS n FROM {table.name}"  # noqa: S608  own names
        f" WHERE tenant_id = $1 AND build = {table.live}"
    )
    return 0 if row is None else int(row["n"])


async def page(
    view: View,
    table: Table[R],
    *,
    order: tuple[str, ...],
    where: Mapping[str, Any] | None = None,
    holding: Sequence[Holds] = (),
    either: tuple[tuple[str, ...], Any] | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
    descending: bool = False,
) -> Page[R]:
    """A page of the live build, by keyset: rows written meanwhile never shift it.

    Args:
        view: what to ask.
        table: what to read.
        order: columns that together are unique in the build.
        where: a value (equal), a `Between` or None (no filter) per column.
        holding: conditions that a column alone cannot say.
        either: columns, and the value that at least one of them has.
        limit: 1..500 rows.
        cursor: the `next` of the page before.
        descending: newest first, where the order says so.

    Raises:
        BadQuestion: the limit is out of range, the cursor is not of this list, or a filter is
            what no row can hold.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise BadQuestion(f"a limit is 1 to {LIMIT_MAX}")
    conditions, values = _conditions(where or {})
    for each in holding:
        values.append(each.value)
        conditions.append(each.condition.replace("{}", f"${len(values) + 1}"))
    last = None if cursor is None else _decode(cursor, table, order)
    if last is not None:
        slots = ", ".join(f"${n}" for n in range(len(values) + 2, len(values) + len(last) + 2))
        conditions.append(f"({', '.join(order)}) {'<' if descending else '>'} ({slots})")
        values.extend(last)
    ending = ", ".join(f"{name}{' DESC' if descending else ''}" for name in order)
    ending = f" ORDER BY {ending} LIMIT {limit + 1}"
    statement = (
        f"SELECT {table.selected} FROM {table.name}"  # noqa: S608  own names
        f" WHERE {' AND '.join(['tenant_id = $1', f'build = {table.live}', *conditions])}"
    )
    if either is None:
        statement += ending
    else:
        # A walk along one index for each column: an OR would read and sort everything.
        columns, value = either
        values.append(value)
        walks = (f"({statement} AND {name} = ${len(values) + 1}{ending})" for name in columns)
        statement = f"{' UNION '.join(walks)}{ending}"
    if holding:
        records = await view.fetch(statement, *values)
    else:
        walk = Walk(
            table=table,
            where=where or {},
            either=either,
            order=order,
            after=None if last is None else tuple(last),
            descending=descending,
            limit=limit + 1,
        )
        records = await view.walked(walk, statement, *values)
    rows = [table.read(record) for record in records[:limit]]
    more = len(records) > limit
    return Page(items=tuple(rows), next=_encode(table, order, rows[-1]) if more else None)


def _conditions(where: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for name, wanted in where.items():
        pairs = (
            [(">=", wanted.low), ("<", wanted.high)]
            if isinstance(wanted, Between)
            else [("=", wanted)]
        )
        for operator, value in pairs:
            if value is not None:
                if not _storable(value):
                    raise BadQuestion(f"no {name} is like that")
                values.append(value)
                conditions.append(f"{name} {operator} ${len(values) + 1}")
    return conditions, values


def _mark(table: Table[Any], order: tuple[str, ...]) -> str:
    return hashlib.sha256(f"{table.name} {order}".encode()).hexdigest()[:8]


def _encode(table: Table[Any], order: tuple[str, ...], row: Row) -> str:
    last = [_mark(table, order), *(getattr(row, name) for name in order)]
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).rstrip(b"=").decode()


def _decode(cursor: str, table: Table[Any], order: tuple[str, ...]) -> list[Any]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        mark, *last = msgspec.json.decode(raw, type=list[Any])
        hints = {column.name: column.hint for column in table.columns}
        values = [
            msgspec.convert(value, hints[name], strict=False)
            for name, value in zip(order, last, strict=True)
        ]
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadQuestion("this cursor is not one that we gave") from error
    if mark != _mark(table, order):
        raise BadQuestion("this cursor is of another list")
    if not all(_storable(value) for value in values):
        raise BadQuestion("this cursor holds what no row can hold")
    return values


def _storable(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < BIGINT_END
    return not (isinstance(value, str) and "\x00" in value)
