"""How users and groups of companies' directories are found again: by hashes of their names.

What they are called, and who is a member, is in the log. A name is claimed here before the log says
that it is somebody's, so that no two have it.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from tenancy.database import Database

NO_AGE: Final = timedelta(0)
CLAIM_LIVES: Final = timedelta(minutes=1)
"""Whoever claimed a name and has not said so in the log for so long has died."""


class NameTaken(Exception):
    """Another user, or another group, is called so."""


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the directory, as far as they are found by it."""

    user_id: UUID
    person_id: UUID | None


def name_hash(tenant_id: UUID, what: str, name: str) -> bytes:
    """By what a name is found. Whoever has the table can try names; it goes with the person."""
    return hashlib.sha256(tenant_id.bytes + f"{what}\x00{name}".encode()).digest()


class Directory:
    """The directories of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- users

    async def claim_user(
        self, tenant_id: UUID, user_id: UUID, user_name: str, external_id: str | None
    ) -> None:
        """Let the user be found by these from now on.

        Raises:
            NameTaken: another user is called so.
        """
        external = None
        if external_id is not None:
            external = name_hash(tenant_id, "external", external_id)
        name = name_hash(tenant_id, "user", user_name.casefold())
        async with self._database.transaction(tenant_id) as connection:
            try:
                await connection.execute(CLAIM_USER, tenant_id, user_id, name, external)
            except asyncpg.UniqueViolationError:
                raise NameTaken from None

    async def link_user(self, tenant_id: UUID, user_id: UUID, person_id: UUID | None) -> None:
        """Let the user go when the person is erased."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(LINK_USER, tenant_id, user_id, person_id)

    async def drop_user(self, tenant_id: UUID, user_id: UUID, age: timedelta = NO_AGE) -> None:
        """Let nobody find the user any more, if it was claimed so long ago."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(DROP_USER, tenant_id, user_id, age)

    async def user(self, tenant_id: UUID, user_id: UUID) -> UserRow | None:
        """One user."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            row = await connection.fetchrow(USER, tenant_id, user_id)
        return None if row is None else UserRow(**row)

    async def user_named(self, tenant_id: UUID, user_name: str) -> UUID | None:
        """The user of this name; capitals do not matter."""
        wanted = name_hash(tenant_id, "user", user_name.casefold())
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            found: UUID | None = await connection.fetchval(USER_NAMED, tenant_id, wanted)
        return found

    async def users_known_as(self, tenant_id: UUID, external_id: str) -> list[UUID]:
        """The users that the directory itself knows by this."""
        wanted = name_hash(tenant_id, "external", external_id)
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            rows = await connection.fetch(USERS_KNOWN_AS, tenant_id, wanted)
        return [row["user_id"] for row in rows]

    async def users(self, tenant_id: UUID, offset: int, limit: int) -> tuple[list[UUID], int]:
        """Users from the `offset`-th, the oldest first; and how many there are."""
        return await self._page(USERS, COUNT_USERS, tenant_id, offset, limit)

    # -- groups

    async def claim_group(self, tenant_id: UUID, group_id: UUID, name: str) -> None:
        """Let the group be found by this name from now on.

        Raises:
            NameTaken: another group is called so.
        """
        wanted = name_hash(tenant_id, "group", name.casefold())
        async with self._database.transaction(tenant_id) as connection:
            try:
                await connection.execute(CLAIM_GROUP, tenant_id, group_id, wanted)
            except asyncpg.UniqueViolationError:
                raise NameTaken from None

    async def drop_group(self, tenant_id: UUID, group_id: UUID, age: timedelta = NO_AGE) -> None:
        """Let nobody find the group any more, if it was claimed so long ago."""
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(DROP_GROUP, tenant_id, group_id, age)

    async def group_named(self, tenant_id: UUID, name: str) -> UUID | None:
        """The group of this name; capitals do not matter."""
        wanted = name_hash(tenant_id, "group", name.casefold())
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            found: UUID | None = await connection.fetchval(GROUP_NAMED, tenant_id, wanted)
        return found

    async def groups(self, tenant_id: UUID, offset: int, limit: int) -> tuple[list[UUID], int]:
        """Groups from the `offset`-th, the oldest first; and how many there are."""
        return await self._page(GROUPS, COUNT_GROUPS, tenant_id, offset, limit)

    # -- who is in which

    async def set_members(
        self, tenant_id: UUID, group_id: UUID, members: Collection[UUID]
    ) -> list[UUID]:
        """Let the group have these members; who came and who went."""
        async with self._database.transaction(tenant_id) as connection:
            rows = await connection.fetch(SET_MEMBERS, tenant_id, group_id, list(members))
        return [row["user_id"] for row in rows]

    async def groups_of(
        self, tenant_id: UUID, users: Sequence[UUID]
    ) -> dict[UUID, tuple[UUID, ...]]:
        """The groups of each of these users."""
        found: dict[UUID, list[UUID]] = {each: [] for each in users}
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            for row in await connection.fetch(GROUPS_OF, tenant_id, list(users)):
                found[row["user_id"]].append(row["group_id"])
        return {user: tuple(groups) for user, groups in found.items()}

    async def _page(
        self, statement: str, counting: str, tenant_id: UUID, offset: int, limit: int
    ) -> tuple[list[UUID], int]:
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            total: int = await connection.fetchval(counting, tenant_id)
            rows = await connection.fetch(statement, tenant_id, offset, limit) if limit else []
        return [row[0] for row in rows], total


CLAIM_USER = """
INSERT INTO merit.directory_users (tenant_id, user_id, name_hash, external_hash)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, user_id) DO UPDATE
   SET name_hash = excluded.name_hash, external_hash = excluded.external_hash
"""
LINK_USER = """
UPDATE merit.directory_users SET person_id = $3 WHERE tenant_id = $1 AND user_id = $2
"""
DROP_USER = """
WITH gone AS (
    DELETE FROM merit.directory_users
     WHERE tenant_id = $1 AND user_id = $2 AND created_at <= clock_timestamp() - $3::interval
    RETURNING user_id
)
DELETE FROM merit.directory_members m USING gone
 WHERE m.tenant_id = $1 AND m.user_id = gone.user_id
"""
USER = """
SELECT user_id, person_id FROM merit.directory_users WHERE tenant_id = $1 AND user_id = $2
"""
USER_NAMED = """
SELECT user_id FROM merit.directory_users WHERE tenant_id = $1 AND name_hash = $2
"""
USERS_KNOWN_AS = """
SELECT user_id FROM merit.directory_users
 WHERE tenant_id = $1 AND external_hash = $2 ORDER BY created_at, user_id LIMIT 100
"""
USERS = """
SELECT user_id FROM merit.directory_users WHERE tenant_id = $1
 ORDER BY created_at, user_id OFFSET $2 LIMIT $3
"""
COUNT_USERS = "SELECT count(*) FROM merit.directory_users WHERE tenant_id = $1"
CLAIM_GROUP = """
INSERT INTO merit.directory_groups (tenant_id, group_id, name_hash) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, group_id) DO UPDATE SET name_hash = excluded.name_hash
"""
DROP_GROUP = """
WITH gone AS (
    DELETE FROM merit.directory_groups
     WHERE tenant_id = $1 AND group_id = $2 AND created_at <= clock_timestamp() - $3::interval
    RETURNING group_id
)
DELETE FROM merit.directory_members m USING gone
 WHERE m.tenant_id = $1 AND m.group_id = gone.group_id
"""
GROUP_NAMED = """
SELECT group_id FROM merit.directory_groups WHERE tenant_id = $1 AND name_hash = $2
"""
GROUPS = """
SELECT group_id FROM merit.directory_groups WHERE tenant_id = $1
 ORDER BY created_at, group_id OFFSET $2 LIMIT $3
"""
COUNT_GROUPS = "SELECT count(*) FROM merit.directory_groups WHERE tenant_id = $1"
SET_MEMBERS = """
WITH gone AS (
    DELETE FROM merit.directory_members
     WHERE tenant_id = $1 AND group_id = $2 AND user_id <> ALL ($3::uuid[]) RETURNING user_id
), come AS (
    INSERT INTO merit.directory_members (tenant_id, user_id, group_id)
    SELECT $1, each, $2 FROM unnest($3::uuid[]) AS each ON CONFLICT DO NOTHING RETURNING user_id
)
SELECT user_id FROM gone UNION SELECT user_id FROM come
"""
GROUPS_OF = """
SELECT user_id, group_id FROM merit.directory_members
 WHERE tenant_id = $1 AND user_id = ANY ($2::uuid[]) ORDER BY user_id, group_id
"""
