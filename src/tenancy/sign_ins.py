"""Sign-ins through a company's identity provider: how a login is found again, and the provider."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from tenancy.database import Connection, Database

ATTEMPT_LIVES: Final = timedelta(minutes=10)
"""How long one may take to sign in at the provider."""


class LoginTaken(Exception):
    """Another person signs in with this login."""


class SignInRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whose login it is. The login itself is in the log alone, under the person's key."""

    sign_in_id: UUID
    person_id: UUID
    roles: frozenset[str]


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a company lets tell who somebody is."""

    tenant_id: UUID
    issuer: str
    client_id: str
    client_secret: bytes | None
    """Sealed under the tenant's data key; None for a client without one."""
    login_claim: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that went to the provider."""

    browser_hash: bytes
    nonce: str
    verifier: str
    go_to: str


def hashed(text: str) -> bytes:
    """The SHA-256 of something that nobody can guess."""
    return hashlib.sha256(text.encode()).digest()


def login_hash(tenant_id: UUID, login: str) -> bytes:
    """By what a login is found. Whoever has the table can try logins; it goes with the person."""
    return hashlib.sha256(tenant_id.bytes + login.encode()).digest()


class SignIns:
    """Sign-ins of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def allow(
        self, tenant_id: UUID, sign_in_id: UUID, login: str, person_id: UUID, roles: Iterable[str]
    ) -> None:
        """Let this login come in so, and as nothing else: sessions of before are over.

        Raises:
            LoginTaken: another person signs in with it.
        """
        async with self._database.transaction(tenant_id) as connection:
            try:
                await connection.execute(
                    ALLOW,
                    tenant_id,
                    sign_in_id,
                    login_hash(tenant_id, login),
                    person_id,
                    sorted(set(roles)),
                )
            except asyncpg.UniqueViolationError:
                raise LoginTaken from None
            await _end(connection, tenant_id, sign_in_id, "the sign-in was changed")

    async def forbid(self, tenant_id: UUID, sign_in_id: UUID) -> None:
        """Let it come in no more, and end its sessions; a second time changes nothing."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(FORBID, tenant_id, sign_in_id)
            await _end(connection, tenant_id, sign_in_id, "the sign-in was revoked")

    async def find(self, tenant_id: UUID, login: str) -> SignInRow | None:
        """Whose login this is."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            row = await connection.fetchrow(FIND, tenant_id, login_hash(tenant_id, login))
        return None if row is None else _sign_in(row)

    async def of(self, tenant_id: UUID) -> list[SignInRow]:
        """Everybody who may sign in."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            return [_sign_in(row) for row in await connection.fetch(OF, tenant_id)]

    async def roles_of(self, tenant_id: UUID, person_id: UUID, sign_in_id: UUID) -> frozenset[str]:
        """What the sign-in and the unlimited access keys of somebody open now."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(ROLES_OF, tenant_id, person_id, sign_in_id)
        return frozenset(row["role"] for row in rows)

    # -- the provider

    async def provide(self, provider: Provider) -> None:
        """Let this provider tell who somebody is; sessions of before stay."""
        async with self._database.transaction(provider.tenant_id) as connection:
            await connection.execute(
                PROVIDE,
                provider.tenant_id,
                provider.issuer,
                provider.client_id,
                provider.client_secret,
                provider.login_claim,
            )

    async def withdraw(self, tenant_id: UUID) -> None:
        """Let no provider tell it any more."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(WITHDRAW, tenant_id)

    async def provider(self, tenant_id: UUID) -> Provider | None:
        """The provider of a tenant that is active."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            row = await connection.fetchrow(PROVIDER, tenant_id)
        return None if row is None else Provider(**row)

    # -- on the way to the provider and back

    async def begin(self, tenant_id: UUID, state: str, attempt: Attempt) -> None:
        """Remember a sign-in that goes to the provider."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(FORGET, tenant_id, ATTEMPT_LIVES)
            await connection.execute(
                BEGIN,
                tenant_id,
                hashed(state),
                attempt.browser_hash,
                attempt.nonce,
                attempt.verifier,
                attempt.go_to,
            )

    async def come_back(self, tenant_id: UUID, state: str) -> Attempt | None:
        """The sign-in that came back, once; None for what was not begun, or too long ago."""
        async with self._database.transaction(tenant_id) as connection:
            row = await connection.fetchrow(COME_BACK, tenant_id, hashed(state), ATTEMPT_LIVES)
        return None if row is None else Attempt(**row)


async def forget(database: Database, tenant_id: UUID, person_id: UUID | None = None) -> None:
    """Take away how somebody, or everybody of a tenant, signs in; and every session of theirs."""
    async with database.transaction(tenant_id) as connection:
        await connection.execute(FORGET_SIGN_INS, tenant_id, person_id)
        await connection.execute(FORGET_SESSIONS, tenant_id, person_id)
        await connection.execute(FORGET_USERS, tenant_id, person_id)
        if person_id is None:
            await connection.execute(WITHDRAW, tenant_id)
            await connection.execute(FORGET_GROUPS, tenant_id)
        await connection.execute(RING, str(tenant_id))


async def _end(connection: Connection, tenant_id: UUID, sign_in_id: UUID, because: str) -> None:
    await connection.execute(END_SESSIONS, tenant_id, sign_in_id, because)
    await connection.execute(RING, str(tenant_id))


ALLOW = """
INSERT INTO merit.sign_ins (tenant_id, sign_in_id, login_hash, person_id, roles)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, sign_in_id) DO UPDATE
   SET login_hash = excluded.login_hash, roles = excluded.roles
"""
FORBID = "DELETE FROM merit.sign_ins WHERE tenant_id = $1 AND sign_in_id = $2"
END_SESSIONS = """
UPDATE merit.sessions SET ended_at = clock_timestamp(), ended_because = $3
 WHERE tenant_id = $1 AND sign_in_id = $2 AND ended_at IS NULL
"""
RING = "SELECT pg_notify('merit_access', $1)"
FIND = """
SELECT sign_in_id, person_id, roles FROM merit.sign_ins WHERE tenant_id = $1 AND login_hash = $2
"""
OF = """
SELECT sign_in_id, person_id, roles FROM merit.sign_ins WHERE tenant_id = $1 ORDER BY sign_in_id
"""
ROLES_OF = """
SELECT unnest(roles) AS role FROM merit.sign_ins WHERE tenant_id = $1 AND sign_in_id = $3
 UNION
SELECT unnest(roles) FROM merit.access_keys
 WHERE tenant_id = $1 AND person_id = $2 AND revoked_at IS NULL AND scopes = '{}'
   AND (expires_at IS NULL OR expires_at > clock_timestamp())
"""
PROVIDE = """
INSERT INTO merit.identity_providers (tenant_id, issuer, client_id, client_secret, login_claim)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id) DO UPDATE
   SET issuer = excluded.issuer, client_id = excluded.client_id,
       client_secret = excluded.client_secret, login_claim = excluded.login_claim
"""
WITHDRAW = "DELETE FROM merit.identity_providers WHERE tenant_id = $1"
PROVIDER = """
SELECT p.tenant_id, p.issuer, p.client_id, p.client_secret, p.login_claim
  FROM merit.identity_providers p JOIN merit.tenants t USING (tenant_id)
 WHERE p.tenant_id = $1 AND t.status = 'active'
"""
FORGET = """
DELETE FROM merit.sign_in_attempts
 WHERE tenant_id = $1 AND begun_at < clock_timestamp() - $2::interval
"""
BEGIN = """
INSERT INTO merit.sign_in_attempts (tenant_id, state_hash, browser_hash, nonce, verifier, go_to)
VALUES ($1, $2, $3, $4, $5, $6)
"""
COME_BACK = """
WITH taken AS (
    DELETE FROM merit.sign_in_attempts WHERE tenant_id = $1 AND state_hash = $2
    RETURNING browser_hash, nonce, verifier, go_to, begun_at
)
SELECT browser_hash, nonce, verifier, go_to FROM taken
 WHERE begun_at > clock_timestamp() - $3::interval
"""
FORGET_SIGN_INS = """
DELETE FROM merit.sign_ins WHERE tenant_id = $1 AND ($2::uuid IS NULL OR person_id = $2)
"""
FORGET_USERS = """
WITH gone AS (
    DELETE FROM merit.directory_users
     WHERE tenant_id = $1 AND ($2::uuid IS NULL OR person_id = $2) RETURNING user_id
)
DELETE FROM merit.directory_members m USING gone
 WHERE m.tenant_id = $1 AND m.user_id = gone.user_id
"""
FORGET_GROUPS = "DELETE FROM merit.directory_groups WHERE tenant_id = $1"
FORGET_SESSIONS = """
DELETE FROM merit.sessions WHERE tenant_id = $1 AND ($2::uuid IS NULL OR person_id = $2)
"""


def _sign_in(row: asyncpg.Record) -> SignInRow:
    return SignInRow(**{**row, "roles": frozenset(row["roles"])})
