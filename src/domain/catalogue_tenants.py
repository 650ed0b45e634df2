"""The aggregates of a company's own life here, with their commands and events."""

from domain import tenant_life
from domain.aggregate import Aggregate
from domain.tenant_life import TENANT

TENANTS: tuple[Aggregate, ...] = (
    Aggregate(
        decider=TENANT,
        commands=(
            tenant_life.SuspendTenant,
            tenant_life.ResumeTenant,
            tenant_life.RequestTenantExport,
            tenant_life.FinishTenantExport,
            tenant_life.RequestTenantErasure,
            tenant_life.CancelTenantErasure,
            tenant_life.ConfirmTenantErasure,
        ),
        events=(
            tenant_life.TenantSuspended,
            tenant_life.TenantResumed,
            tenant_life.TenantExportRequested,
            tenant_life.TenantExportFinished,
            tenant_life.TenantErasureRequested,
            tenant_life.TenantErasureCancelled,
            tenant_life.TenantErasureConfirmed,
        ),
    ),
)
