"""Commands about tenants and access keys."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from api.auth import ROLES
from api.services import opened
from domain.access import IssueAccessKey
from ops.bundles import export as export_bundle
from ops.cli.access import limit, oidc
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.cli.proofs import export, progress
from ops.forking import fork as fork_tenant
from ops.place import with_database
from ops.tenants import create_tenant, erase_tenant, issue_key, revoke_key
from tenancy.registry import TenantRecord

tenant = App(name="tenant", help="Tenants: create, suspend, export, fork, erase.")
key = App(name="key", help="Access keys: create, list, revoke.")


def register(app: App) -> None:
    """Add these commands."""
    app.command(tenant)
    app.command(key)


def _status(record: TenantRecord) -> str:
    """Its status; a company that suspended itself is read and not written."""
    itself = record.status == "active" and record.read_only_since is not None
    return "suspended by itself" if itself else record.status


def _row(record: TenantRecord) -> tuple[str, str, str, str]:
    return (
        str(record.tenant_id),
        record.name,
        _status(record),
        f"{record.created_at:%Y-%m-%d %H:%M}",
    )


@tenant.command
def create(name: str, *, common: Common = COMMON) -> int:
    """Make a tenant, and print its administrator's access key, once.

    Args:
        name: What the customer is called.
        common: Options of every command.
    """
    if not name.strip():
        raise WrongInput("a tenant needs a name")

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            made = await create_tenant(services, name)
        text = (
            f"tenant            {made.tenant.tenant_id}  {made.tenant.name}\n"
            f"administrator     {made.administrator.secret}\n"
            "This key is shown once. It makes all others: POST /api/v1/keys, or `merit key create`."
        )
        told(common, made, text)
        return Exit.DONE

    return run(work())


@tenant.command(name="list")
def list_tenants(*, common: Common = COMMON) -> int:
    """All tenants, the oldest first."""

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            found = await services.registry.tenants()
        rows = table("tenant", "name", "status", "created")
        for record in found:
            rows.add_row(*_row(record))
        told(common, found, rows if found else "no tenants yet: merit tenant create NAME")
        return Exit.DONE

    return run(work())


@tenant.command
def show(tenant: UUID, *, common: Common = COMMON) -> int:
    """One tenant: its state, its log, its newest checkpoint.

    Args:
        tenant: The tenant's id.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            record = await services.registry.tenant(tenant)
            head = 0
            if record.status != "erased":
                head = await (await services.histories.of(tenant)).head()
            signed = await services.transparency.checkpoint(tenant)
            keys = await services.registry.keys(tenant)
        answer = {
            "tenant": record,
            "events": head,
            "sealed": signed.tree_size if signed else 0,
            "keys": sum(each.revoked_at is None for each in keys),
        }
        text = "\n".join(
            (
                f"{record.name}  {record.tenant_id}  {_status(record)}",
                f"events {head}, sealed {answer['sealed']}, access keys {answer['keys']}",
            )
        )
        told(common, answer, text)
        return Exit.DONE

    return run(work())


@tenant.command
def suspend(tenant: UUID, *, common: Common = COMMON) -> int:
    """Let a tenant's access keys open nothing until it is resumed.

    Args:
        tenant: The tenant's id.
        common: Options of every command.
    """
    return _switched(tenant, common, "suspended")


@tenant.command
def resume(tenant: UUID, *, common: Common = COMMON) -> int:
    """Let a suspended tenant's access keys open again what they did.

    Args:
        tenant: The tenant's id.
        common: Options of every command.
    """
    return _switched(tenant, common, "active")


def _switched(tenant: UUID, common: Common, status: str) -> int:
    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            registry = services.registry
            switch = registry.suspend_tenant if status == "suspended" else registry.resume_tenant
            record = await switch(tenant)
        told(common, record, f"{record.name} is {record.status}")
        return Exit.DONE

    return run(work())


tenant.command(export)
tenant.command(limit)
tenant.command(oidc)


@tenant.command
def fork(tenant: UUID, *, at: int, name: str | None = None, common: Common = COMMON) -> int:
    """Copy a tenant's history up to an event, personal data masked; the copy never pays anybody.

    Args:
        tenant: Whose history.
        at: The position of the last event that is copied.
        name: What the copy is called.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            with progress("copying") as tell:
                made = await fork_tenant(services, tenant, at=at, name=name, on_progress=tell)
        text = (
            f"fork              {made.tenant.tenant_id}  {made.tenant.name}\n"
            f"events            {made.events}, {made.masked} personal fields masked\n"
            f"administrator     {made.administrator.secret}\n"
            "This key is shown once."
        )
        told(common, made, text)
        return Exit.DONE

    return run(work())


@tenant.command
def erase(
    tenant: UUID,
    *,
    confirm: str | None = None,
    export_to: Path | None = None,
    no_export: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """End a tenant: every key of it is destroyed, and nobody can read anything of it ever again.

    Args:
        tenant: The tenant's id.
        confirm: Its name, so that it is the one that you mean.
        export_to: Write its whole history there first, with the keys of the content.
        no_export: There is none to be written; say so.
        common: Options of every command.
    """
    if (export_to is None) == (not no_export):
        raise WrongInput("export it first with --export-to FOLDER, or say --no-export")

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            record = await services.registry.tenant(tenant)
            if confirm != record.name:
                raise WrongInput(f"say --confirm {record.name!r}; this cannot be undone")
            if export_to is not None and record.status != "erased":
                with progress("exporting") as tell:
                    await export_bundle(services, tenant, export_to, content=True, on_progress=tell)
            ended = await erase_tenant(services, tenant)
        keys = len(ended.certificate.key_ids)
        text = (
            f"{ended.tenant.name} is erased: {keys} keys destroyed, {ended.view_rows} rows of"
            f" views removed\n\n{ended.certificate.note}"
        )
        told(common, ended, text)
        return Exit.DONE

    return run(work())


@key.command(name="create")
def create_key(
    name: str,
    *,
    tenant: UUID,
    role: tuple[str, ...],
    person: UUID | None = None,
    expires: datetime | None = None,
    common: Common = COMMON,
) -> int:
    """Issue an access key and print its secret, once.

    Args:
        name: What people call it.
        tenant: Whose it is.
        role: What it opens; may be given several times.
        person: The person that it stands for.
        expires: From when on it opens nothing.
        common: Options of every command.
    """
    if unknown := sorted(set(role) - ROLES):
        raise WrongInput(f"there is no role {unknown[0]}; the roles are {', '.join(sorted(ROLES))}")
    if expires is not None and expires.tzinfo is None:
        expires = expires.astimezone()
    command = IssueAccessKey(name=name, roles=role, person_id=person, expires_at=expires)

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            made = await issue_key(services, tenant, command)
        told(common, made, f"{made.secret}\nThis key is shown once; its id is {made.key_id}.")
        return Exit.DONE

    return run(work())


@key.command(name="list")
def list_keys(*, tenant: UUID, common: Common = COMMON) -> int:
    """A tenant's access keys, without their secrets.

    Args:
        tenant: Whose.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            found = await services.registry.keys(tenant)
        rows = table("key", "prefix", "name", "roles", "state")
        for each in found:
            state = "revoked" if each.revoked_at else "active"
            rows.add_row(
                str(each.key_id), each.prefix, each.name, ", ".join(sorted(each.roles)), state
            )
        told(common, found, rows if found else "no keys")
        return Exit.DONE

    return run(work())


@key.command
def revoke(key: UUID, *, tenant: UUID, reason: str = "", common: Common = COMMON) -> int:
    """Take an access key away, for good.

    Args:
        key: The key's id.
        tenant: Whose it is.
        reason: Why.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            found = await revoke_key(services, tenant, key, reason)
        told(common, found, f"{found.name} ({found.prefix}) opens nothing any more")
        return Exit.DONE

    return run(work())
