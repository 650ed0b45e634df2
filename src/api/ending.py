"""The end of a tenant: closed for good, every key of it destroyed, its views emptied."""

from uuid import UUID

import msgspec

from api.services import Services
from projections.ending import empty_views
from tenancy.database import Database
from tenancy.erasures import Certificate, ErasureList
from tenancy.keyring import Keyring
from tenancy.registry import Registry, TenantRecord
from tenancy.store import Histories
from tenancy.tenant_exports import TenantExports


class EndedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that was erased."""

    tenant: TenantRecord
    certificate: Certificate
    view_rows: int
    """That were removed; the rows of the log stay, and nobody can read them."""


class Ender(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to end tenants."""

    database: Database
    keyring: Keyring
    registry: Registry
    histories: Histories
    erasures: ErasureList

    async def end(self, tenant_id: UUID) -> EndedTenant:
        """Close a tenant for good, destroy every key of it, and empty its views.

        The rows of its log stay: without a key they are noise, and they still prove, to whoever
        has a checkpoint, that nothing was taken out. A second time it only certifies.

        Raises:
            UnknownEntry: there is none.
            ErasureListMissing: no order can be kept for restored copies.
        """
        self.erasures.require()
        await self.registry.tenant(tenant_id)
        ended = await self.registry.erase_tenant(tenant_id)
        certificate = await self.erasures.erase_tenant(tenant_id)
        self.histories.forget(tenant_id)
        rows = await empty_views(self.database, tenant_id)
        await TenantExports(self.database, self.keyring, tenant_id).forget()
        return EndedTenant(tenant=ended, certificate=certificate, view_rows=rows)


def ender(services: Services) -> Ender:
    """What ends tenants."""
    return Ender(
        database=services.database,
        keyring=services.keyring,
        registry=services.registry,
        histories=services.histories,
        erasures=services.erasures,
    )
