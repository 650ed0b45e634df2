"""Sessions of browsers: found by the hash of a token that only the browser keeps."""

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec

from tenancy.database import Database, is_retryable
from tenancy.registry import UnknownEntry

ACCESS_CHANNEL: Final = "merit_access"
"""Rung when an access key or a session was ended; the payload is the tenant's id."""

TOKEN_SHAPE: Final = re.compile(r"mls_[A-Za-z0-9_-]{43}")
TOKEN_BYTES: Final = 32

IDLE: Final = timedelta(minutes=60)
"""A session that nobody used for so long is over."""
ABSOLUTE: Final = timedelta(hours=12)
"""A working day; after it one signs in again however busy one was."""
SEEN_EVERY: Final = timedelta(seconds=60)
"""How often at most it is written down that a session is used."""
KEPT: Final = timedelta(days=30)
"""How long ended sessions stay listed."""


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session as the installation knows it. Its token is kept nowhere."""

    session_id: UUID
    tenant_id: UUID
    key_id: UUID | None
    """The access key that it was begun with; it ends with the key."""
    sign_in_id: UUID | None
    """The sign-in at an identity provider that it was begun with."""
    person_id: UUID | None
    roles: frozenset[str]
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_because: str | None
    read_only: bool = False
    """Whether the company has suspended itself."""


def token_hash(token: str) -> bytes:
    """The SHA-256 by which a token is found; 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).digest()


class SessionTable:
    """The sessions of an installation, of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self,
        tenant_id: UUID,
        roles: Iterable[str],
        *,
        key_id: UUID | None = None,
        sign_in_id: UUID | None = None,
        person_id: UUID | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """The token of a new session: only the browser keeps it.

        Args:
            tenant_id: whose session it is.
            roles: what it opens.
            key_id: the access key that it is begun with, or else
            sign_in_id: the sign-in.
            person_id: who is there, if it is a person.
            expires_at: of the key; no session outlives its key, nor `ABSOLUTE`.

        Raises:
            UnknownEntry: there is no such tenant.
        """
        token = f"mls_{secrets.token_urlsafe(TOKEN_BYTES)}"
        async with self._database.connection() as connection:
            try:
                await connection.execute(
                    BEGIN, token_hash(token), tenant_id, uuid4(), key_id, sign_in_id, person_id,
                    sorted(set(roles)), ABSOLUTE, expires_at,
                )  # fmt: skip
            except asyncpg.ForeignKeyViolationError:
                raise UnknownEntry(f"there is no tenant {tenant_id}") from None
        return token

    async def find(self, token: str) -> SessionRow | None:
        """The session of this token while it lasts, its tenant is active and its key opens."""
        if not TOKEN_SHAPE.fullmatch(token):
            return None
        digest = token_hash(token)
        async with self._database.connection(read_only=True) as connection:
            row = await connection.fetchrow(FIND, digest, IDLE)
        if row is None:
            return None
        found = _session(row)
        if row["seen_ago"] > SEEN_EVERY:
            await self._seen(digest)
        return found

    async def closed(self, token: str) -> str | None:
        """Suspended or erased, where this token would be a session but for that."""
        if not TOKEN_SHAPE.fullmatch(token):
            return None
        async with self._database.connection(read_only=True) as connection:
            found: str | None = await connection.fetchval(CLOSED, token_hash(token))
        return found

    async def _seen(self, digest: bytes) -> None:
        # Without a primary nothing can be written; who only reads goes on all the same.
        try:
            async with self._database.connection() as connection:
                await connection.execute(SEEN, digest)
        except Exception as error:
            if not is_retryable(error):
                raise

    async def end(self, token: str, because: str) -> None:
        """End the session of this token; a second time changes nothing."""
        async with self._database.connection() as connection:
            await connection.execute(END, token_hash(token), because)

    async def end_those(
        self,
        tenant_id: UUID,
        because: str,
        *,
        session_id: UUID | None = None,
        person_id: UUID | None = None,
        key_id: UUID | None = None,
    ) -> int:
        """End the sessions of one person or key, or one of them; how many there were.

        Raises:
            ValueError: nothing says which.
        """
        if session_id is None and person_id is None and key_id is None:
            raise ValueError("which sessions?")
        async with self._database.connection() as connection:
            ended = await connection.fetchval(
                END_THOSE, tenant_id, because, session_id, person_id, key_id
            )
        return int(ended)

    async def of(self, tenant_id: UUID) -> list[SessionRow]:
        """The sessions of a tenant, the newest first; those that ended long ago are not kept."""
        async with self._database.connection() as connection:
            # Here, where an administrator looks, and not by a job of its own.
            with contextlib.suppress(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute(SWEEP, tenant_id, KEPT)
            return [_session(row) for row in await connection.fetch(OF, tenant_id)]


COLUMNS = (
    "s.session_id, s.tenant_id, s.key_id, s.sign_in_id, s.person_id, s.roles, s.created_at,"
    " s.last_seen_at, s.expires_at, s.ended_at, s.ended_because"
)
BEGIN = """
INSERT INTO merit.sessions
       (token_hash, tenant_id, session_id, key_id, sign_in_id, person_id, roles, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, least(clock_timestamp() + $8::interval, $9))
"""
FIND = f"""
SELECT {COLUMNS}, t.read_only_since IS NOT NULL AS read_only,
       clock_timestamp() - s.last_seen_at AS seen_ago
  FROM merit.sessions s
  JOIN merit.tenants t ON t.tenant_id = s.tenant_id AND t.status = 'active'
  LEFT JOIN merit.access_keys k ON k.tenant_id = s.tenant_id AND k.key_id = s.key_id
 WHERE s.token_hash = $1 AND s.ended_at IS NULL
   AND s.expires_at > clock_timestamp() AND s.last_seen_at > clock_timestamp() - $2::interval
   AND (s.key_id IS NULL
        OR (k.key_id IS NOT NULL AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())))
"""  # noqa: S608 - our own column names
CLOSED = """
SELECT t.status FROM merit.sessions s JOIN merit.tenants t USING (tenant_id)
 WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
   AND t.status <> 'active'
"""
SEEN = "UPDATE merit.sessions SET last_seen_at = clock_timestamp() WHERE token_hash = $1"
END = """
WITH ended AS (
    UPDATE merit.sessions SET ended_at = clock_timestamp(), ended_because = $2
     WHERE token_hash = $1 AND ended_at IS NULL RETURNING tenant_id
)
SELECT pg_notify('merit_access', tenant_id::text) FROM ended
"""
END_THOSE = """
WITH ended AS (
    UPDATE merit.sessions SET ended_at = clock_timestamp(), ended_because = $2
     WHERE tenant_id = $1 AND ended_at IS NULL
       AND ($3::uuid IS NULL OR session_id = $3)
       AND ($4::uuid IS NULL OR person_id = $4)
       AND ($5::uuid IS NULL OR key_id = $5)
    RETURNING 1
), rung AS (SELECT pg_notify('merit_access', $1::text))
SELECT (SELECT count(*) FROM ended) FROM rung
"""
SWEEP = """
DELETE FROM merit.sessions
 WHERE tenant_id = $1 AND coalesce(ended_at, expires_at) < clock_timestamp() - $2::interval
"""
OF = f"""
SELECT {COLUMNS} FROM merit.sessions s WHERE s.tenant_id = $1 ORDER BY s.created_at DESC
"""  # noqa: S608 - as above


def _session(row: asyncpg.Record) -> SessionRow:
    told = {name: row[name] for name in SessionRow.__struct_fields__ if name in row.keys()}  # noqa: SIM118 - a record has no `in` by key
    return SessionRow(**{**told, "roles": frozenset(row["roles"])})
