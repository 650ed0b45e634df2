"""The aggregates of a company's own life here and of its directory, with their commands."""

from domain import directory, directory_groups, tenant_life
from domain.aggregate import Aggregate
from domain.directory import DIRECTORY_USER
from domain.directory_groups import DIRECTORY_GROUP, DIRECTORY_ROLES
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
    Aggregate(
        decider=DIRECTORY_USER,
        commands=(directory.ProvisionUser, directory.LinkUser, directory.RemoveUser),
        events=(
            directory.DirectoryUserProvisioned,
            directory.DirectoryUserChanged,
            directory.DirectoryUserDeactivated,
            directory.DirectoryUserActivated,
            directory.DirectoryUserLinked,
            directory.DirectoryUserRemoved,
        ),
    ),
    Aggregate(
        decider=DIRECTORY_GROUP,
        commands=(directory_groups.ProvisionGroup, directory_groups.RemoveGroup),
        events=(
            directory_groups.DirectoryGroupProvisioned,
            directory_groups.DirectoryGroupRenamed,
            directory_groups.DirectoryGroupMembersChanged,
            directory_groups.DirectoryGroupRemoved,
        ),
    ),
    Aggregate(
        decider=DIRECTORY_ROLES,
        commands=(directory_groups.SetDirectoryRoles,),
        events=(directory_groups.DirectoryRolesSet,),
    ),
)
