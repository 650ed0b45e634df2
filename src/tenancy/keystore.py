"""Where wrapped keys are kept: in the tenant's own tables, or in memory for the twin."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

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
    wrapped: bytes
    wrapped_by: UUID


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
SELECT key_id, generation, name, public, wrapped, wrapped_by FROM merit.signing_keys
WHERE tenant_id = $1 ORDER BY generation
"""

ADD_SIGNING_KEY = """
INSERT INTO merit.signing_keys (tenant_id, key_id, generation, name, public, wrapped, wrapped_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""


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
            )
        return await self.signing_keys(tenant_id)


class MemoryKeys:
    """The same, gone with the process; for the memory twin of the recorder."""

    def __init__(self) -> None:
        self._tenant: dict[tuple[UUID, int], TenantKey] = {}
        self._subject: dict[tuple[UUID, UUID], SubjectKey] = {}
        self._signing: dict[tuple[UUID, int], SigningKey] = {}

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
