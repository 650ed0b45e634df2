"""Tenants and access keys: what is kept of a key is only what it takes to know it again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from tenancy.database import Database
from tenancy.registry import KEY_SHAPE, Registry, UnknownEntry, key_hash, key_prefix, new_key_text

pytestmark = pytest.mark.both_postgres

NOW = datetime(2026, 7, 1, tzinfo=UTC)


async def test_a_tenant_is_created_listed_suspended_and_resumed(registry: Registry) -> None:
    made = await registry.create_tenant("高新区 GmbH")
    assert (made.name, made.status) == ("高新区 GmbH", "active")
    assert made in await registry.tenants()
    assert await registry.tenant(made.tenant_id) == made
    assert (await registry.suspend_tenant(made.tenant_id)).status == "suspended"
    assert (await registry.resume_tenant(made.tenant_id)) == made


@pytest.mark.parametrize("name", ["", "x" * 201])
async def test_a_name_is_neither_empty_nor_endless(registry: Registry, name: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await registry.create_tenant(name)


async def test_a_key_is_found_by_its_secret_alone(registry: Registry, tenant_id: UUID) -> None:
    key_id, person_id = uuid4(), uuid4()
    text = await registry.issue_key(
        tenant_id, key_id, "payroll", ("finance", "auditor", "finance"), person_id=person_id
    )
    assert KEY_SHAPE.fullmatch(text)
    found = await registry.find_key(text)
    assert found is not None
    # Whose key it is would be in clear here: its name is in the log alone.
    assert (found.tenant_id, found.key_id, found.name) == (tenant_id, key_id, found.prefix)
    assert found.roles == {"finance", "auditor"}
    assert found.person_id == person_id
    assert found.prefix == key_prefix(text)
    assert found.usable(NOW)
    assert await registry.keys(tenant_id) == [found]


async def test_a_secret_can_be_made_before_its_key(registry: Registry, tenant_id: UUID) -> None:
    text = new_key_text()
    assert await registry.issue_key(tenant_id, uuid4(), "x", ["hr"], text=text) == text
    assert await registry.find_key(text) is not None


async def test_what_was_never_a_key_is_nothing(registry: Registry, tenant_id: UUID) -> None:
    text = await registry.issue_key(tenant_id, uuid4(), "x", ["hr"])
    almost = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in (almost, "", "mlk_", text + "x", text.upper(), new_key_text(), "mlk_" * 100_000):
        assert await registry.find_key(wrong) is None


async def test_the_secret_is_nowhere_in_the_database(
    registry: Registry, tenant_id: UUID, owner_url: str
) -> None:
    text = await registry.issue_key(tenant_id, uuid4(), "x", ["hr"])
    owner = await asyncpg.connect(owner_url)
    try:
        row = await owner.fetchrow(
            "SELECT key_hash, k::text AS everything FROM merit.access_keys k WHERE tenant_id = $1",
            tenant_id,
        )
    finally:
        await owner.close()
    assert row is not None
    assert row["key_hash"] == key_hash(text)
    assert text.rsplit("_", 1)[-1] not in row["everything"]


async def test_a_revoked_key_opens_nothing(registry: Registry, tenant_id: UUID) -> None:
    key_id = uuid4()
    text = await registry.issue_key(tenant_id, key_id, "x", ["hr"])
    revoked = await registry.revoke_key(tenant_id, key_id)
    assert revoked.revoked_at is not None
    assert await registry.revoke_key(tenant_id, key_id) == revoked, "the first time counts"
    found = await registry.find_key(text)
    assert found is not None
    assert not found.usable(NOW)


async def test_an_expired_key_opens_nothing(registry: Registry, tenant_id: UUID) -> None:
    text = await registry.issue_key(tenant_id, uuid4(), "x", ["hr"], expires_at=NOW)
    found = await registry.find_key(text)
    assert found is not None
    assert found.usable(NOW - timedelta(microseconds=1))
    assert not found.usable(NOW)


async def test_a_suspended_tenants_keys_open_nothing(registry: Registry, tenant_id: UUID) -> None:
    text = await registry.issue_key(tenant_id, uuid4(), "x", ["hr"])
    await registry.suspend_tenant(tenant_id)
    assert await registry.find_key(text) is None
    await registry.resume_tenant(tenant_id)
    assert await registry.find_key(text) is not None


async def test_keys_belong_to_one_tenant(
    registry: Registry, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    key_id = uuid4()
    await registry.issue_key(tenant_id, key_id, "x", ["hr"])
    assert await registry.keys(other_tenant_id) == []
    with pytest.raises(UnknownEntry):
        await registry.revoke_key(other_tenant_id, key_id)
    (kept,) = await registry.keys(tenant_id)
    assert kept.revoked_at is None
    # The same key id in another tenant tells nothing about this one.
    await registry.issue_key(other_tenant_id, key_id, "x", ["hr"])


async def test_nobody_is_unknown(registry: Registry) -> None:
    for ask in (registry.tenant, registry.suspend_tenant):
        with pytest.raises(UnknownEntry):
            await ask(uuid4())
    with pytest.raises(UnknownEntry):
        await registry.issue_key(uuid4(), uuid4(), "x", ["hr"])
    with pytest.raises(UnknownEntry):
        await registry.revoke_key(uuid4(), uuid4())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM merit.tenants",
        "DELETE FROM merit.access_keys",
        "TRUNCATE merit.access_keys",
        "UPDATE merit.access_keys SET tenant_id = gen_random_uuid()",
        "UPDATE merit.access_keys SET roles = '{admin}'",
        "UPDATE merit.tenants SET name = 'mine'",
        "INSERT INTO merit.schema_migrations VALUES ('9999_x.sql', '')",
    ],
)
async def test_the_application_may_not(database: Database, statement: str) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
