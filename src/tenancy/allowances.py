"""What is left of allowances, for all processes together: taken a share at a time, never by one.

An allowance fills at a rate up to a burst. Whoever finds something left takes a whole share, even
if less is left than that: what was taken too much is waited for by the next. So in the long run
nobody gets more than the rate, and a process asks the database once a share, not once a request.
"""

import hashlib
from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec

from tenancy.database import Database

NOBODY: Final = UUID(int=0)
"""Whose allowances lie that are of no tenant."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share that is wanted of an allowance."""

    bucket: bytes
    rate: float
    """Per second."""
    burst: float
    """Left at most, and at first."""
    wanted: float


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has in place of the installation's limits; None is those."""

    requests_per_s: int | None = None
    key_requests_per_s: int | None = None


def bucket_of(kind: str, name: str) -> bytes:
    """The name of an allowance; whose it is cannot be read from it."""
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()[:16]


class Allowances:
    """Allowances of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, tenant_id: UUID, shares: Collection[Share]) -> dict[bytes, float]:
        """What is left of each allowance that gave its share; none where nothing was left."""
        async with self._database.transaction(tenant_id) as connection:
            # Counts may be lost with the machine; nobody waits for a disk because of them.
            await connection.execute("SET LOCAL synchronous_commit = off")
            rows = await connection.fetch(
                TAKE,
                tenant_id,
                # Always in the same order, so that no two processes wait for each other.
                [each.bucket for each in sorted(shares, key=lambda share: share.bucket)],
                [each.rate for each in sorted(shares, key=lambda share: share.bucket)],
                [each.burst for each in sorted(shares, key=lambda share: share.bucket)],
                [each.wanted for each in sorted(shares, key=lambda share: share.bucket)],
            )
        return {bytes(row["bucket"]): float(row["left_over"]) for row in rows}

    async def left(self, tenant_id: UUID, share: Share) -> float:
        """What is left of an allowance."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            found = await connection.fetchval(
                LEFT, tenant_id, share.bucket, share.rate, share.burst, share.wanted
            )
        return share.burst if found is None else float(found)

    async def limit(self, tenant_id: UUID) -> Limit:
        """What was set for a tenant."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            row = await connection.fetchrow(LIMIT, tenant_id)
        return Limit() if row is None else Limit(**row)

    async def set_limit(self, tenant_id: UUID, limit: Limit) -> None:
        """Let a tenant have other limits than the installation."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(
                SET_LIMIT, tenant_id, limit.requests_per_s, limit.key_requests_per_s
            )


# Nobody owes more than a share. Who took one at an old, higher rate while others were told of a
# lower one would else have used up many seconds of it.
_FILLED = """least({burst}, greatest(a.left_over, -{wanted})
    + {rate} * greatest(0, extract(epoch FROM clock_timestamp() - a.counted_at))::float8)"""
_LEFT_NOW = _FILLED.format(rate="s.rate", burst="s.burst", wanted="s.wanted")
TAKE = f"""
WITH share AS (
    SELECT * FROM unnest($2::bytea[], $3::float8[], $4::float8[], $5::float8[])
               AS s (bucket, rate, burst, wanted)
)
INSERT INTO merit.allowances AS a (tenant_id, bucket, left_over, counted_at)
SELECT $1, s.bucket, s.burst - s.wanted, clock_timestamp() FROM share s
ON CONFLICT (tenant_id, bucket) DO UPDATE
   SET left_over = (SELECT {_LEFT_NOW} - s.wanted
                      FROM share s WHERE s.bucket = a.bucket),
       counted_at = clock_timestamp()
 WHERE (SELECT {_LEFT_NOW} > 0
          FROM share s WHERE s.bucket = a.bucket)
RETURNING a.bucket, a.left_over
"""  # noqa: S608 - our own text
LEFT = f"""
SELECT {_FILLED.format(rate="$3::float8", burst="$4::float8", wanted="$5::float8")}
  FROM merit.allowances a WHERE a.tenant_id = $1 AND a.bucket = $2
"""  # noqa: S608 - our own text
LIMIT = """
SELECT requests_per_s, key_requests_per_s FROM merit.tenant_limits WHERE tenant_id = $1
"""
SET_LIMIT = """
INSERT INTO merit.tenant_limits (tenant_id, requests_per_s, key_requests_per_s)
VALUES ($1, $2, $3)
ON CONFLICT (tenant_id) DO UPDATE
   SET requests_per_s = excluded.requests_per_s,
       key_requests_per_s = excluded.key_requests_per_s
"""
