"""Commands about tenants and access keys."""

from datetime import datetime
from uuid import UUID

from cyclopts import App

from api.auth import ROLES
from api.services import opened
from domain.access import IssueAccessKey
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.place import with_database
from ops.tenants import create_tenant, issue_key, revoke_key
from tenancy.registry import TenantRecord

tenant = App(name="tenant", help="Tenants: create, list, show.")
key = App(name="key", help="Access keys: create, list, revoke.")


def register(app: App) -> None:
    """Add these commands."""
    app.command(tenant)
    app.command(key)


def _row(record: TenantRecord) -> tuple[str, str, str, str]:
    return (
        str(record.tenant_id),
        record.name,
        record.status,
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
            store = await services.histories.of(tenant)
            head = await store.head()
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
                f"{record.name}  {record.tenant_id}  {record.status}",
                f"events {head}, sealed {answer['sealed']}, access keys {answer['keys']}",
            )
        )
        told(common, answer, text)
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
