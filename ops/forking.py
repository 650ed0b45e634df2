"""A copy of a tenant's history for trying things out, made by who operates the installation."""

from uuid import UUID

from api import forking
from api.forking import CannotFork, Fork, Progress
from api.services import Services
from ops.tenants import stamp

__all__ = ["CannotFork", "fork"]


async def fork(
    services: Services,
    tenant_id: UUID,
    *,
    at: int,
    name: str | None = None,
    on_progress: Progress | None = None,
) -> Fork:
    """As `api.forking.fork`, however long the history is."""
    return await forking.fork(
        services, tenant_id, at=at, stamp=stamp(), name=name, on_progress=on_progress
    )
