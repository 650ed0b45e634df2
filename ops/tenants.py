"""Tenants and their first access keys, made by whoever operates the installation."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from api import new_keys
from api.new_keys import ADMINISTRATOR, NewKey
from api.services import Services
from domain.access import ACCESS_KEY, IssueAccessKey, RevokeAccessKey
from projections.ending import empty_views
from tenancy.erasures import Certificate
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


class EndedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that was erased."""

    tenant: TenantRecord
    certificate: Certificate
    view_rows: int
    """That were removed; the rows of the log stay, and nobody can read them."""


async def erase_tenant(services: Services, tenant_id: UUID) -> EndedTenant:
    """Close a tenant for good, destroy every key of it, and empty its views.

    The rows of its log stay: without a key they are noise, and they still prove, to whoever has a
    checkpoint, that nothing was taken out. A second time it only certifies.

    Raises:
        UnknownEntry: there is none.
        ErasureListMissing: no order can be kept for restored copies.
    """
    services.erasures.require()
    await services.registry.tenant(tenant_id)
    ended = await services.registry.erase_tenant(tenant_id)
    certificate = await services.erasures.erase_tenant(tenant_id)
    services.histories.forget(tenant_id)
    rows = await empty_views(services.database, tenant_id)
    return EndedTenant(tenant=ended, certificate=certificate, view_rows=rows)


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
