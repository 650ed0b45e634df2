"""Who the tenants are, and which access key belongs to whom: asked before a tenant is known."""

import contextlib
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec

from tenancy import webhooks
from tenancy.database import Database
from tenancy.errors import TenantErased
from tenancy.sign_ins import forget

KEY_SHAPE: Final = re.compile(r"mlk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
SECRET_BYTES = 32
PREFIX_BYTES = 6


class UnknownEntry(LookupError):
    """There is no such tenant or access key."""


class TenantExists(Exception):
    """There is a tenant of that id already."""


class TenantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A company, as the installation knows it."""

    tenant_id: UUID
    name: str
    status: str
    """active, suspended or erased."""
    created_at: datetime
    forked_from: UUID | None = None
    """The tenant that it is a copy of; a copy pays nobody."""
    forked_at: int | None = None
    """The position of the last event that was copied."""
    erased_at: datetime | None = None
    read_only_since: datetime | None = None
    """Since when the company has suspended itself: it is read and not written."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What an access key stands for. Its secret is kept nowhere."""

    tenant_id: UUID
    key_id: UUID
    prefix: str
    """The part of the key that may be shown and logged."""
    name: str
    roles: frozenset[str]
    person_id: UUID | None
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    scopes: frozenset[str] = frozenset()
    """Less than the roles open; none is all that they open."""
    last_used_at: datetime | None = None
    """To the minute or so."""
    read_only: bool = False
    """Whether the company has suspended itself."""

    def usable(self, now: datetime) -> bool:
        """Whether the key opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_key_text() -> str:
    """A fresh secret: "mlk_", a public prefix, 256 bits that nobody can guess."""
    return f"mlk_{secrets.token_hex(PREFIX_BYTES)}_{secrets.token_urlsafe(SECRET_BYTES)}"


def key_prefix(text: str) -> str:
    """The public part of a secret."""
    return text.split("_", 2)[1]


def key_hash(text: str) -> bytes:
    """The SHA-256 by which a secret is found; a secret of 256 bits needs no salt."""
    return hashlib.sha256(text.encode()).digest()


class Registry:
    """The tenants and access keys of an installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_tenant(
        self, name: str, *, tenant_id: UUID | None = None, fork: tuple[UUID, int] | None = None
    ) -> TenantRecord:
        """A new tenant; `fork` is the tenant and the position that it is a copy of.

        Raises:
            TenantExists: there is one of that id.
        """
        of, at = fork or (None, None)
        async with self._database.connection() as connection:
            try:
                row = await connection.fetchrow(CREATE_TENANT, tenant_id or uuid4(), name, of, at)
            except asyncpg.UniqueViolationError:
                raise TenantExists(str(tenant_id)) from None
        return _tenant(row)

    async def tenants(self) -> list[TenantRecord]:
        """All tenants, the oldest first."""
        async with self._database.connection(read_only=True) as connection:
            return [_tenant(row) for row in await connection.fetch(TENANTS)]

    async def tenant(self, tenant_id: UUID) -> TenantRecord:
        """Raises `UnknownEntry` where there is none."""
        async with self._database.connection(read_only=True) as connection:
            return _tenant(await connection.fetchrow(TENANT, tenant_id))

    async def forks(self, tenant_id: UUID) -> list[TenantRecord]:
        """The copies of a tenant that were not erased, the oldest first."""
        async with self._database.connection(read_only=True) as connection:
            return [_tenant(row) for row in await connection.fetch(FORKS, tenant_id)]

    @contextlib.asynccontextmanager
    async def making(self, tenant_id: UUID) -> AsyncIterator[bool]:
        """Whether nobody else is making this copy; nobody else will until the block ends.

        A lock of the connection, so that whoever is killed holds it no longer.
        """
        place = int.from_bytes(tenant_id.bytes[:8], "big", signed=True)
        async with self._database.connection() as connection:
            ours: bool = await connection.fetchval(LOCK, place)
            try:
                yield ours
            finally:
                if ours:
                    await connection.fetchval(UNLOCK, place)

    async def suspend_tenant(self, tenant_id: UUID) -> TenantRecord:
        """Its keys open nothing until it is resumed. Raises `TenantErased`, as does `resume`."""
        return await self._set_status(tenant_id, "suspended")

    async def resume_tenant(self, tenant_id: UUID) -> TenantRecord:
        return await self._set_status(tenant_id, "active")

    async def _set_status(self, tenant_id: UUID, status: str) -> TenantRecord:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SET_STATUS, tenant_id, status)
        if row is None and (await self.tenant(tenant_id)).status == "erased":
            raise TenantErased(tenant_id)
        return _tenant(row)

    async def let_write(self, tenant_id: UUID, *, may: bool) -> TenantRecord:
        """Whether anything of the company is written, as it decided itself."""
        async with self._database.connection() as connection:
            return _tenant(await connection.fetchrow(LET_WRITE, tenant_id, may))

    async def erase_tenant(self, tenant_id: UUID) -> TenantRecord:
        """Close it for good, and forget the names of its keys; a second time changes nothing.

        Its keys are not destroyed by this: see `erasure`.
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await connection.fetchrow(ERASE_TENANT, tenant_id)
            await connection.execute(CLOSE_KEYS, tenant_id)
        await forget(self._database, tenant_id)
        await webhooks.forget(self._database, tenant_id)
        return _tenant(row)

    async def close_keys_of(self, tenant_id: UUID, person_id: UUID) -> None:
        """Revoke the keys of somebody who was erased, and forget what they were called."""
        async with self._database.connection() as connection:
            await connection.execute(CLOSE_KEYS_OF, tenant_id, person_id)
        await forget(self._database, tenant_id, person_id)

    async def issue_key(
        self,
        tenant_id: UUID,
        key_id: UUID,
        name: str,
        roles: Iterable[str],
        *,
        person_id: UUID | None = None,
        expires_at: datetime | None = None,
        scopes: Iterable[str] = (),
        text: str | None = None,
    ) -> str:
        """The secret of a new access key; this is the only time that anybody sees it.

        Args:
            tenant_id: whose key it is.
            key_id: its id, unique in the tenant.
            name: what people call it; of somebody's own key it is not kept here, where it would be
                in clear, and reads as its prefix.
            roles: at least one.
            person_id: the person that it stands for, if it stands for one.
            expires_at: from when on it opens nothing; None is never.
            scopes: less than the roles open; none is all.
            text: a secret from `new_key_text`, where the caller needed its prefix first.

        Raises:
            UnknownEntry: there is no such tenant.
        """
        secret = text or new_key_text()
        async with self._database.connection() as connection:
            try:
                await connection.execute(
                    ISSUE_KEY, key_hash(secret), tenant_id, key_id, key_prefix(secret),
                    name if person_id is None else key_prefix(secret),
                    sorted(set(roles)), person_id, expires_at, sorted(set(scopes)),
                )  # fmt: skip
            except asyncpg.ForeignKeyViolationError:
                raise UnknownEntry(f"there is no tenant {tenant_id}") from None
        return secret

    async def find_key(self, text: str) -> Credential | None:
        """What this secret stands for, revoked and expired ones included: see `usable`.

        None for what was never a key, and for every key of a suspended tenant.
        """
        if not KEY_SHAPE.fullmatch(text):
            return None
        async with self._database.connection(read_only=True) as connection:
            row = await connection.fetchrow(FIND_KEY, key_hash(text))
        return None if row is None else _credential(row)

    async def closed(self, text: str) -> str | None:
        """Suspended or erased, where this secret would be a usable key but for that."""
        if not KEY_SHAPE.fullmatch(text):
            return None
        async with self._database.connection(read_only=True) as connection:
            found: str | None = await connection.fetchval(CLOSED, key_hash(text))
        return found

    async def keys(self, tenant_id: UUID) -> list[Credential]:
        """All keys of a tenant, the oldest first."""
        async with self._database.connection(read_only=True) as connection:
            return [_credential(row) for row in await connection.fetch(KEYS, tenant_id)]

    async def revoke_key(self, tenant_id: UUID, key_id: UUID) -> Credential:
        """Revoke it for good; a second time changes nothing. `UnknownEntry` where there is none."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(REVOKE_KEY, tenant_id, key_id)
        if row is None:
            raise UnknownEntry(f"there is no access key {key_id}")
        return _credential(row)

    async def end_key(self, tenant_id: UUID, key_id: UUID, at: datetime) -> Credential:
        """Let it open nothing from `at` on; it never lives longer than before."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(END_KEY, tenant_id, key_id, at)
        if row is None:
            raise UnknownEntry(f"there is no access key {key_id}")
        return _credential(row)

    async def note_used(self, used: Mapping[tuple[UUID, UUID], datetime]) -> None:
        """When keys were used last, by tenant and key."""
        async with self._database.connection() as connection:
            await connection.execute(
                USED_KEYS, [each for each, _ in used], [each for _, each in used],
                list(used.values()),
            )  # fmt: skip


COLUMNS = "tenant_id, name, status, created_at, forked_from, forked_at, erased_at, read_only_since"
CREATE_TENANT = f"""
INSERT INTO merit.tenants (tenant_id, name, forked_from, forked_at) VALUES ($1, $2, $3, $4)
RETURNING {COLUMNS}
"""  # noqa: S608 - our own column names
TENANTS = f"SELECT {COLUMNS} FROM merit.tenants ORDER BY created_at"  # noqa: S608 - as above
TENANT = f"SELECT {COLUMNS} FROM merit.tenants WHERE tenant_id = $1"  # noqa: S608 - as above
FORKS = f"""
SELECT {COLUMNS} FROM merit.tenants WHERE forked_from = $1 AND status <> 'erased'
ORDER BY created_at
"""  # noqa: S608 - as above
LOCK = "SELECT pg_try_advisory_lock($1)"
UNLOCK = "SELECT pg_advisory_unlock($1)"
SET_STATUS = f"""
WITH changed AS (
    UPDATE merit.tenants SET status = $2 WHERE tenant_id = $1 AND status <> 'erased'
    RETURNING {COLUMNS}
), rung AS (SELECT pg_notify('merit_access', $1::text))
SELECT changed.* FROM changed, rung
"""  # noqa: S608 - as above
LET_WRITE = f"""
WITH changed AS (
    UPDATE merit.tenants
       SET read_only_since = CASE WHEN $2 THEN NULL
                                  ELSE coalesce(read_only_since, clock_timestamp()) END
     WHERE tenant_id = $1 RETURNING {COLUMNS}
), rung AS (SELECT pg_notify('merit_access', $1::text))
SELECT changed.* FROM changed, rung
"""  # noqa: S608 - as above
ERASE_TENANT = f"""
UPDATE merit.tenants
   SET status = 'erased', erased_at = coalesce(erased_at, clock_timestamp())
 WHERE tenant_id = $1 RETURNING {COLUMNS}
"""  # noqa: S608 - as above
CLOSE_KEYS = """
UPDATE merit.access_keys
   SET name = 'erased', revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE tenant_id = $1
"""
CLOSE_KEYS_OF = CLOSE_KEYS + " AND person_id = $2"
ISSUE_KEY = """
INSERT INTO merit.access_keys
       (key_hash, tenant_id, key_id, prefix, name, roles, person_id, expires_at, scopes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
FIND_KEY = """
SELECT tenant_id, key_id, prefix, k.name, roles, person_id, expires_at, revoked_at, k.created_at,
       scopes, last_used_at, t.read_only_since IS NOT NULL AS read_only
  FROM merit.access_keys k JOIN merit.tenants t USING (tenant_id)
 WHERE key_hash = $1 AND t.status = 'active'
"""
CLOSED = """
SELECT t.status FROM merit.access_keys k JOIN merit.tenants t USING (tenant_id)
 WHERE key_hash = $1
   AND (t.status = 'erased'
        OR (t.status = 'suspended' AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > clock_timestamp())))
"""
KEYS = """
SELECT tenant_id, key_id, prefix, name, roles, person_id, expires_at, revoked_at, created_at,
       scopes, last_used_at
  FROM merit.access_keys WHERE tenant_id = $1 ORDER BY created_at
"""
CHANGE_KEY = """
WITH changed AS (
    UPDATE merit.access_keys SET {}
     WHERE tenant_id = $1 AND key_id = $2
    RETURNING tenant_id, key_id, prefix, name, roles, person_id, expires_at, revoked_at,
              created_at, scopes, last_used_at
), rung AS (SELECT pg_notify('merit_access', $1::text))
SELECT changed.* FROM changed, rung
"""
REVOKE_KEY = CHANGE_KEY.format("revoked_at = coalesce(revoked_at, clock_timestamp())")
END_KEY = CHANGE_KEY.format("expires_at = least(expires_at, $3)")
USED_KEYS = """
UPDATE merit.access_keys k SET last_used_at = greatest(k.last_used_at, used.at)
  FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS used (tenant_id, key_id, at)
 WHERE k.tenant_id = used.tenant_id AND k.key_id = used.key_id
"""


def _tenant(row: asyncpg.Record | None) -> TenantRecord:
    if row is None:
        raise UnknownEntry("there is no such tenant")
    return TenantRecord(**row)


def _credential(row: asyncpg.Record) -> Credential:
    sets = {"roles": frozenset(row["roles"]), "scopes": frozenset(row["scopes"])}
    return Credential(**{**row, **sets})
