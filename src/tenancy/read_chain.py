"""Asking who read what, and whether the chain of these entries still holds."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import Database
from tenancy.read_audit import BEGINNING, NotedRead, chained, digest_of

FIELDS = (
    "batch, number, read_at, request_id, actor, key_id, method, route, purpose, subjects, fields,"
    " row_count, position"
)


class Damaged(msgspec.Struct, frozen=True, kw_only=True):
    """The first batch of the chain that is not what was written."""

    batch: int
    detail: str


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """How far the chain holds."""

    batches: int
    entries: int
    hash: bytes
    damaged: Damaged | None = None


BATCHES = """
SELECT batch, entries, hash FROM merit.read_batches
WHERE tenant_id = $1 AND batch > $2 ORDER BY batch LIMIT $3
"""
ENTRIES = f"""
SELECT {FIELDS} FROM merit.reads
WHERE tenant_id = $1 AND batch >= $2 AND batch <= $3 ORDER BY batch, number
"""  # noqa: S608  own names
HEAD = "SELECT batch, hash FROM merit.read_heads WHERE tenant_id = $1"
BATCHES_AT_ONCE = 500


def noted(record: Any) -> NotedRead:
    """An entry from a row of FIELDS."""
    return NotedRead(
        **{**record, "subjects": tuple(record["subjects"]), "fields": tuple(record["fields"])}
    )


async def verify_chain(
    database: Database, tenant_id: UUID, expected: dict[int, bytes] | None = None
) -> Chain:
    """Compute the chain of a tenant's reads again.

    Args:
        database: as the application.
        tenant_id: whose.
        expected: hashes that checkpoints signed, by batch.
    """
    signed = expected or {}
    before, batch, entries = BEGINNING, 0, 0

    def damaged(at: int, detail: str) -> Chain:
        return Chain(
            batches=batch, entries=entries, hash=before, damaged=Damaged(batch=at, detail=detail)
        )

    while True:
        async with database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(BATCHES, tenant_id, batch, BATCHES_AT_ONCE)
            last = rows[-1]["batch"] if rows else 0
            found = await connection.fetch(ENTRIES, tenant_id, batch + 1, last) if rows else []
            head = await connection.fetchrow(HEAD, tenant_id)
        if not rows:
            break
        by_batch: dict[int, list[NotedRead]] = {}
        for record in found:
            by_batch.setdefault(record["batch"], []).append(noted(record))
        for row in rows:
            if row["batch"] != batch + 1:
                return damaged(batch + 1, "the batch is missing")
            told = by_batch.get(row["batch"], [])
            now = chained(before, digest_of(told))
            if [each.number for each in told] != list(range(1, row["entries"] + 1)):
                return damaged(row["batch"], "entries are missing or out of order")
            if now != row["hash"] or signed.get(row["batch"], now) != now:
                return damaged(row["batch"], "the entries are not what was written")
            before, batch, entries = now, row["batch"], entries + len(told)
    if (ends := max([*signed, head["batch"] if head else 0])) > batch:
        return damaged(batch + 1, f"{ends} batches were written, {batch} are there")
    return Chain(batches=batch, entries=entries, hash=before)


# -- asking


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; None is all."""

    actor: UUID | None = None
    subject: UUID | None = None
    route: str | None = None
    since: datetime | None = None
    until: datetime | None = None


Place = tuple[int, int]
"""Batch and number of an entry."""

FOUND = f"""
SELECT {FIELDS} FROM merit.reads
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR actor = $2)
  AND ($3::uuid[] IS NULL OR subjects @> $3) AND ($4::text IS NULL OR route = $4)
  AND ($5::timestamptz IS NULL OR read_at >= $5) AND ($6::timestamptz IS NULL OR read_at < $6)
  AND ($7::bigint IS NULL OR (batch, number) > ($7, $8::integer))
ORDER BY batch, number LIMIT $9
"""  # noqa: S608  own names
FOUND_BACKWARDS = FOUND.replace("number) > ($7", "number) < ($7").replace(
    "ORDER BY batch, number", "ORDER BY batch DESC, number DESC"
)


async def reads(
    database: Database,
    tenant_id: UUID,
    wanted: Filter,
    *,
    after: Place | None = None,
    limit: int,
    descending: bool = False,
) -> list[NotedRead]:
    """Entries in the order of their writing."""
    batch, number = after or (None, None)
    async with database.transaction(tenant_id, read_only=True) as connection:
        found = await connection.fetch(
            FOUND_BACKWARDS if descending else FOUND,
            tenant_id,
            wanted.actor,
            None if wanted.subject is None else [wanted.subject],
            wanted.route,
            wanted.since,
            wanted.until,
            batch,
            number,
            limit,
        )
    return [noted(record) for record in found]
