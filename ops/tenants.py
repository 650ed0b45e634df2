"""Tenants and their first access keys, made by whoever operates the installation."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from api import new_keys
from api.ending import EndedTenant, ender
from api.new_keys import ADMINISTRATOR, NewKey
from api.services import Services
from domain.access import ACCESS_KEY, IssueAccessKey, RevokeAccessKey
from tenancy.records import Stamp
from tenancy.registry import Credential, TenantRecord

OPERATOR = UUID("00000000-0000-4000-8000-00000000a001")
"""The actor of what is done from the command line of an installation."""


class NewTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant with its administrator's key."""

    tenant: TenantRecord
    administrator: NewKey


def stamp() -> Stamp:
    """What an operator does, now."""
    return Stamp(now=datetime.now(UTC), actor=OPERATOR, correlation_id=uuid4())


async def create_tenant(services: Services, name: str) -> NewTenant:
    """A tenant, and the key by which its administrator makes all others."""
    tenant = await services.registry.create_tenant(name)
    return NewTenant(
        tenant=tenant, administrator=await issue_key(services, tenant.tenant_id, ADMINISTRATOR)
    )


async def erase_tenant(services: Services, tenant_id: UUID) -> EndedTenant:
    """Close a tenant for good, as `Ender.end` does.

    Raises:
        UnknownEntry: there is none.
        ErasureListMissing: no order can be kept for restored copies.
    """
    return await ender(services).end(tenant_id)


async def issue_key(services: Services, tenant_id: UUID, command: IssueAccessKey) -> NewKey:
    """An access key; history knows of it before it opens anything.

    Raises:
        Refused: as the domain says.
        UnknownTenant: there is none.
    """
    return await new_keys.issue_key(services, tenant_id, command, stamp())


async def revoke_key(services: Services, tenant_id: UUID, key_id: UUID, reason: str) -> Credential:
    """Take a key away for good.

    Raises:
        Refused: it is revoked already, or was never issued.
    """
    store = await services.histories.of(tenant_id)
    await store.execute(ACCESS_KEY, key_id, RevokeAccessKey(reason=reason), stamp())
    return await services.registry.revoke_key(tenant_id, key_id)
