"""Where wrapped keys are kept: in the tenant's own tables, or in memory for the twin."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol
from uuid import UUID, uuid4

import msgspec


class TenantKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key of a tenant, wrapped by the master key."""

    key_id: UUID
    generation: int
    """1, 2, 3 ...; the highest seals, all of them open."""
    algorithm: str
    wrapped: bytes | None
    """None once it was destroyed."""
    wrapped_by: UUID
    """The master key."""


class SubjectKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of one data subject, wrapped by a data key of the tenant."""

    subject_id: UUID
    key_id: UUID
    algorithm: str
    wrapped: bytes | None
    """None once it was destroyed: then the fields under it are erased, everywhere."""
    wrapped_by: UUID
    """The tenant's data key."""


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """The Ed25519 key that signs a tenant's checkpoints, wrapped by the master key."""

    key_id: UUID
    generation: int
    name: str
    """The signed note's key name, which is the origin of the log too."""
    public: bytes
    wrapped: bytes | None
    """None once it was destroyed, with the tenant."""
    wrapped_by: UUID
    introduction: str | None = None
    """Of a key that follows another: the note by which both say so."""


Rewrapped = tuple[UUID, bytes, bytes]
"""What it is of (a subject for subjects' keys, else the key), as it was wrapped, and as it is."""

Rooted = Literal["tenant_keys", "signing_keys"]
"""Tables of what the root wraps."""


class KeyStore(Protocol):
    """Each `add` keeps what was there first, and answers what is there now."""

    async def tenant_keys(self, tenant_id: UUID) -> list[TenantKey]: ...
    async def add_tenant_key(self, tenant_id: UUID, key: TenantKey) -> list[TenantKey]: ...
    async def subject_keys(
        self, tenant_id: UUID, *, subjects: Sequence[UUID] = (), key_ids: Sequence[UUID] = ()
    ) -> list[SubjectKey]: ...
    async def all_subject_keys(
        self, tenant_id: UUID, after: UUID | None, limit: int
    ) -> list[SubjectKey]: ...
    async def add_subject_keys(
        self, tenant_id: UUID, keys: Sequence[SubjectKey]
    ) -> list[SubjectKey]: ...
    async def signing_keys(self, tenant_id: UUID) -> list[SigningKey]: ...
    async def add_signing_key(self, tenant_id: UUID, key: SigningKey) -> list[SigningKey]: ...
    async def reserve_seals(
        self, tenant_id: UUID, key_id: UUID, count: int, limit: int
    ) -> bool: ...
    async def rewrap_subject_keys(
        self, tenant_id: UUID, wrapped_by: UUID, keys: Sequence[Rewrapped]
    ) -> int: ...
    async def rewrap_root(
        self, tenant_id: UUID, table: Rooted, wrapped_by: UUID, keys: Sequence[Rewrapped]
    ) -> int: ...
    async def destroy_subjects(
        self, tenant_id: UUID, subjects: Sequence[UUID]
    ) -> list[SubjectKey]: ...
    async def destroy_all(self, tenant_id: UUID) -> list[UUID]: ...
    async def ring(self, tenant_id: UUID) -> None: ...


class Transactions(Protocol):
    """What is asked of the database: a connection inside a transaction of one tenant."""

    def transaction(self, tenant_id: UUID) -> AbstractAsyncContextManager[Any]: ...


TENANT_KEYS = """
SELECT key_id, generation, algorithm, wrapped, wrapped_by FROM merit.tenant_keys
WHERE tenant_id = $1 ORDER BY generation
"""

# The generation is unique: of two processes that make a tenant's first key, one key is kept.
ADD_TENANT_KEY = """
INSERT INTO merit.tenant_keys (tenant_id, key_id, generation, algorithm, wrapped, wrapped_by)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""

SUBJECT_KEYS = """
SELECT subject_id, key_id, algorithm, wrapped, wrapped_by FROM merit.subject_keys
WHERE tenant_id = $1 AND subject_id = ANY($2::uuid[])
UNION
SELECT subject_id, key_id, algorithm, wrapped, wrapped_by FROM merit.subject_keys
WHERE tenant_id = $1 AND key_id = ANY($3::uuid[])
"""

ALL_SUBJECT_KEYS = """
SELECT subject_id, key_id, algorithm, wrapped, wrapped_by FROM merit.subject_keys
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR subject_id > $2) ORDER BY subject_id LIMIT $3
"""

# Driven by the wrapping key's row: a subject key cannot be stored under a key that is not there,
# and a sharded server knows from it which tenant the unnested rows belong to.
ADD_SUBJECT_KEYS = """
INSERT INTO merit.subject_keys (tenant_id, subject_id, key_id, algorithm, wrapped, wrapped_by)
SELECT t.tenant_id, k.subject_id, k.key_id, $4, k.wrapped, t.key_id
FROM merit.tenant_keys t
CROSS JOIN unnest($3::uuid[], $5::uuid[], $6::bytea[]) AS k (subject_id, key_id, wrapped)
WHERE t.tenant_id = $1 AND t.key_id = $2
ON CONFLICT DO NOTHING
"""

SIGNING_KEYS = """
SELECT key_id, generation, name, public, wrapped, wrapped_by, introduction
FROM merit.signing_keys
WHERE tenant_id = $1 ORDER BY generation
"""

ADD_SIGNING_KEY = """
INSERT INTO merit.signing_keys (tenant_id, key_id, generation, name, public, wrapped, wrapped_by,
                                introduction)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
"""


RESERVE_SEALS = """
UPDATE merit.tenant_keys SET seals_reserved = seals_reserved + $3
WHERE tenant_id = $1 AND key_id = $2 AND seals_reserved + $3 <= $4
"""

# Only what is still wrapped as it was read: a key that was destroyed meanwhile stays destroyed.
REWRAP_SUBJECT_KEYS = """
UPDATE merit.subject_keys s SET wrapped = k.fresh, wrapped_by = $2
FROM unnest($3::uuid[], $4::bytea[], $5::bytea[]) AS k (subject_id, wrapped, fresh)
WHERE s.tenant_id = $1 AND s.subject_id = k.subject_id AND s.wrapped = k.wrapped
"""

REWRAP_ROOTED = {
    table: f"""
UPDATE merit.{table} s SET wrapped = k.fresh, wrapped_by = $2
FROM unnest($3::uuid[], $4::bytea[], $5::bytea[]) AS k (key_id, wrapped, fresh)
WHERE s.tenant_id = $1 AND s.key_id = k.key_id AND s.wrapped = k.wrapped
"""  # noqa: S608 - our own two table names
    for table in ("tenant_keys", "signing_keys")
}

# A subject without a key gets a destroyed one: so none can be made for them any more.
DESTROY_SUBJECTS = """
INSERT INTO merit.subject_keys AS s
       (tenant_id, subject_id, key_id, algorithm, wrapped, wrapped_by, destroyed_at)
SELECT t.tenant_id, k.subject_id, k.key_id, t.algorithm, NULL, t.key_id, now()
FROM merit.tenant_keys t CROSS JOIN unnest($2::uuid[], $3::uuid[]) AS k (subject_id, key_id)
WHERE t.tenant_id = $1 AND t.generation = 1
ON CONFLICT (tenant_id, subject_id)
DO UPDATE SET wrapped = NULL, destroyed_at = coalesce(s.destroyed_at, excluded.destroyed_at)
"""

DESTROY_ALL = tuple(
    f"""
UPDATE merit.{table} SET wrapped = NULL, destroyed_at = now()
WHERE tenant_id = $1 AND wrapped IS NOT NULL RETURNING key_id
"""  # noqa: S608 - our own three table names
    for table in ("subject_keys", "tenant_keys", "signing_keys")
)

RING = "SELECT pg_notify('merit_keys', $1)"


class PostgresKeys:
    """Wrapped keys in the database, each behind its tenant's row-level security."""

    def __init__(self, db: Transactions) -> None:
        self._db = db

    async def tenant_keys(self, tenant_id: UUID) -> list[TenantKey]:
        async with self._db.transaction(tenant_id) as connection:
            rows = await connection.fetch(TENANT_KEYS, tenant_id)
        return [TenantKey(**row) for row in rows]

    async def add_tenant_key(self, tenant_id: UUID, key: TenantKey) -> list[TenantKey]:
        async with self._db.transaction(tenant_id) as connection:
            await connection.execute(
                ADD_TENANT_KEY,
                tenant_id,
                key.key_id,
                key.generation,
                key.algorithm,
                key.wrapped,
                key.wrapped_by,
            )
        # Another transaction, whose snapshot sees the winner of a race.
        return await self.tenant_keys(tenant_id)

    async def subject_keys(
        self, tenant_id: UUID, *, subjects: Sequence[UUID] = (), key_ids: Sequence[UUID] = ()
    ) -> list[SubjectKey]:
        async with self._db.transaction(tenant_id) as connection:
            rows = await connection.fetch(SUBJECT_KEYS, tenant_id, subjects, key_ids)
        return [SubjectKey(**row) for row in rows]

    async def all_subject_keys(
        self, tenant_id: UUID, after: UUID | None, limit: int
    ) -> list[SubjectKey]:
        async with self._db.transaction(tenant_id) as connection:
            rows = await connection.fetch(ALL_SUBJECT_KEYS, tenant_id, after, limit)
        return [SubjectKey(**row) for row in rows]

    async def add_subject_keys(
        self, tenant_id: UUID, keys: Sequence[SubjectKey]
    ) -> list[SubjectKey]:
        # In one order everywhere, so that two processes with the same subjects cannot deadlock.
        ordered = sorted(keys, key=lambda key: key.subject_id)
        async with self._db.transaction(tenant_id) as connection:
            for wrapped_by in {key.wrapped_by for key in ordered}:
                batch = [key for key in ordered if key.wrapped_by == wrapped_by]
                await connection.execute(
                    ADD_SUBJECT_KEYS,
                    tenant_id,
                    wrapped_by,
                    [key.subject_id for key in batch],
                    batch[0].algorithm,
                    [key.key_id for key in batch],
                    [key.wrapped for key in batch],
                )
        return await self.subject_keys(tenant_id, subjects=[key.subject_id for key in keys])

    async def signing_keys(self, tenant_id: UUID) -> list[SigningKey]:
        async with self._db.transaction(tenant_id) as connection:
            rows = await connection.fetch(SIGNING_KEYS, tenant_id)
        return [SigningKey(**row) for row in rows]

    async def add_signing_key(self, tenant_id: UUID, key: SigningKey) -> list[SigningKey]:
        async with self._db.transaction(tenant_id) as connection:
            await connection.execute(
                ADD_SIGNING_KEY,
                tenant_id,
                key.key_id,
                key.generation,
                key.name,
                key.public,
                key.wrapped,
                key.wrapped_by,
                key.introduction,
            )
        return await self.signing_keys(tenant_id)

    async def reserve_seals(self, tenant_id: UUID, key_id: UUID, count: int, limit: int) -> bool:
        """Whether so many more seals of this key are within `limit`; then they are the caller's."""
        async with self._db.transaction(tenant_id) as connection:
            done = await connection.execute(RESERVE_SEALS, tenant_id, key_id, count, limit)
        return bool(done == "UPDATE 1")

    async def rewrap_subject_keys(
        self, tenant_id: UUID, wrapped_by: UUID, keys: Sequence[Rewrapped]
    ) -> int:
        """Put these in the place of what they were; how many still were that."""
        return await self._rewrap(REWRAP_SUBJECT_KEYS, tenant_id, wrapped_by, keys)

    async def rewrap_root(
        self, tenant_id: UUID, table: Rooted, wrapped_by: UUID, keys: Sequence[Rewrapped]
    ) -> int:
        """The same of keys that the root wraps."""
        return await self._rewrap(REWRAP_ROOTED[table], tenant_id, wrapped_by, keys)

    async def _rewrap(
        self, statement: str, tenant_id: UUID, wrapped_by: UUID, keys: Sequence[Rewrapped]
    ) -> int:
        if not keys:
            return 0
        ordered = sorted(keys)
        columns = [list(column) for column in zip(*ordered, strict=True)]
        async with self._db.transaction(tenant_id) as connection:
            done = await connection.execute(statement, tenant_id, wrapped_by, *columns)
        return int(done.rpartition(" ")[2])

    async def destroy_subjects(self, tenant_id: UUID, subjects: Sequence[UUID]) -> list[SubjectKey]:
        """Destroy these subjects' keys for good; a second time changes nothing. What is left."""
        ordered = sorted(subjects)
        async with self._db.transaction(tenant_id) as connection:
            await connection.execute(
                DESTROY_SUBJECTS, tenant_id, ordered, [uuid4() for _ in ordered]
            )
            await connection.execute(RING, str(tenant_id))
        return await self.subject_keys(tenant_id, subjects=ordered)

    async def destroy_all(self, tenant_id: UUID) -> list[UUID]:
        """Destroy every key of the tenant; the ids of those that were destroyed now."""
        gone: list[UUID] = []
        async with self._db.transaction(tenant_id) as connection:
            for statement in DESTROY_ALL:
                gone += [row["key_id"] for row in await connection.fetch(statement, tenant_id)]
            await connection.execute(RING, str(tenant_id))
        return gone

    async def ring(self, tenant_id: UUID) -> None:
        """Tell all processes that this tenant's keys are not what they were."""
        async with self._db.transaction(tenant_id) as connection:
            await connection.execute(RING, str(tenant_id))


class MemoryKeys:
    """The same, gone with the process; for the memory twin of the recorder."""

    def __init__(self) -> None:
        self._tenant: dict[tuple[UUID, int], TenantKey] = {}
        self._subject: dict[tuple[UUID, UUID], SubjectKey] = {}
        self._signing: dict[tuple[UUID, int], SigningKey] = {}
        self._reserved: dict[tuple[UUID, UUID], int] = {}

    async def tenant_keys(self, tenant_id: UUID) -> list[TenantKey]:
        return [key for (tenant, _), key in sorted(self._tenant.items()) if tenant == tenant_id]

    async def add_tenant_key(self, tenant_id: UUID, key: TenantKey) -> list[TenantKey]:
        self._tenant.setdefault((tenant_id, key.generation), key)
        return await self.tenant_keys(tenant_id)

    async def subject_keys(
        self, tenant_id: UUID, *, subjects: Sequence[UUID] = (), key_ids: Sequence[UUID] = ()
    ) -> list[SubjectKey]:
        return [
            key
            for (tenant, subject), key in self._subject.items()
            if tenant == tenant_id and (subject in subjects or key.key_id in key_ids)
        ]

    async def all_subject_keys(
        self, tenant_id: UUID, after: UUID | None, limit: int
    ) -> list[SubjectKey]:
        return [
            key
            for (tenant, subject), key in sorted(self._subject.items())
            if tenant == tenant_id and (after is None or subject > after)
        ][:limit]

    async def add_subject_keys(
        self, tenant_id: UUID, keys: Sequence[SubjectKey]
    ) -> list[SubjectKey]:
        for key in keys:
            self._subject.setdefault((tenant_id, key.subject_id), key)
        return await self.subject_keys(tenant_id, subjects=[key.subject_id for key in keys])

    async def signing_keys(self, tenant_id: UUID) -> list[SigningKey]:
        return [key for (tenant, _), key in sorted(self._signing.items()) if tenant == tenant_id]

    async def add_signing_key(self, tenant_id: UUID, key: SigningKey) -> list[SigningKey]:
        self._signing.setdefault((tenant_id, key.generation), key)
        return await self.signing_keys(tenant_id)

    async def reserve_seals(self, tenant_id: UUID, key_id: UUID, count: int, limit: int) -> bool:
        reserved = self._reserved.get((tenant_id, key_id), 0) + count
        if reserved > limit:
            return False
        self._reserved[tenant_id, key_id] = reserved
        return True

    async def rewrap_subject_keys(
        self, tenant_id: UUID, wrapped_by: UUID, keys: Sequence[Rewrapped]
    ) -> int:
        return _rewrapped(self._subject, tenant_id, wrapped_by, keys)

    async def rewrap_root(
        self, tenant_id: UUID, table: Rooted, wrapped_by: UUID, keys: Sequence[Rewrapped]
    ) -> int:
        rows: Any = self._tenant if table == "tenant_keys" else self._signing
        by_id = {(tenant, key.key_id): (tenant, place) for (tenant, place), key in rows.items()}
        named = [(by_id[tenant_id, key_id][1], old, fresh) for key_id, old, fresh in keys]
        return _rewrapped(rows, tenant_id, wrapped_by, named)

    async def destroy_subjects(self, tenant_id: UUID, subjects: Sequence[UUID]) -> list[SubjectKey]:
        first = self._tenant[tenant_id, 1]
        for subject in subjects:
            known = self._subject.get((tenant_id, subject))
            self._subject[tenant_id, subject] = SubjectKey(
                subject_id=subject,
                key_id=known.key_id if known else uuid4(),
                algorithm=first.algorithm,
                wrapped=None,
                wrapped_by=known.wrapped_by if known else first.key_id,
            )
        return await self.subject_keys(tenant_id, subjects=subjects)

    async def destroy_all(self, tenant_id: UUID) -> list[UUID]:
        gone = []
        for rows in (self._subject, self._tenant, self._signing):
            kept: Any = rows
            for place, key in kept.items():
                if place[0] == tenant_id and key.wrapped is not None:
                    gone.append(key.key_id)
                    kept[place] = msgspec.structs.replace(key, wrapped=None)
        return gone

    async def ring(self, tenant_id: UUID) -> None:
        """Nobody else has these keys."""


def _rewrapped(
    rows: Any, tenant_id: UUID, wrapped_by: UUID, keys: Sequence[tuple[Any, bytes, bytes]]
) -> int:
    changed = 0
    for place, old, fresh in keys:
        row = rows[tenant_id, place]
        if row.wrapped == old:
            rows[tenant_id, place] = msgspec.structs.replace(
                row, wrapped=fresh, wrapped_by=wrapped_by
            )
            changed += 1
    return changed
