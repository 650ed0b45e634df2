"""What the commands of an import share: a tenant's history, its views, who acts, how far it is."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from uuid import UUID, uuid4

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.services import Services, opened
from domain.catalogue import EVENTS
from domain.ids import person_id
from ops.demo.model import BadInput
from ops.place import with_database
from ops.tenants import OPERATOR, stamp
from projections.catalogue import PROJECTIONS
from projections.history import TenantLog, TenantLogs
from projections.questions import View
from projections.runner import Runner
from tenancy.records import Stamp
from tenancy.settings import Settings
from tenancy.store import Store


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant of an installation, open."""

    services: Services
    tenant_id: UUID
    store: Store
    logs: TenantLogs

    async def log(self) -> TenantLog:
        """The tenant's log, without what is personal."""
        return await self.logs.of(self.tenant_id)

    async def catch_up(self) -> None:
        """Have the views show all that was written; a worker that runs helps."""
        runner = Runner(self.services.database, self.logs, PROJECTIONS)
        await runner.catch_up(self.tenant_id)
        head = await self.store.head()
        names = [each.name for each in PROJECTIONS]
        if not await self.services.views.wait_for(self.tenant_id, names, head, CATCH_UP_S_MAX):
            raise BadInput("the views do not come up to the log; ask `merit health`")

    @contextlib.asynccontextmanager
    async def view(self) -> AsyncIterator[View]:
        """The tenant's views."""
        async with self.services.views.of(self.tenant_id) as view:
            yield view


CATCH_UP_S_MAX = 600.0


@contextlib.asynccontextmanager
async def place_of(settings: Settings, tenant: UUID | None) -> AsyncIterator[Place]:
    """The tenant, or the only one that there is.

    Raises:
        BadInput: there are several, and none was named.
        UnknownTenant, UnknownEntry: there is no such tenant.
    """
    async with with_database(settings) as known, opened(known) as services:
        if tenant is None:
            active = [each for each in await services.registry.tenants() if each.status == "active"]
            if len(active) != 1:
                raise BadInput(f"there are {len(active)} tenants: say which (--tenant)")
            tenant = active[0].tenant_id
        yield Place(
            services=services,
            tenant_id=tenant,
            store=await services.histories.of(tenant),
            logs=TenantLogs(services.database, services.keyring, EVENTS),
        )


def actor_of(who: str | None) -> UUID:
    """A person by id or number; the operator where nobody is named."""
    if who is None:
        return OPERATOR
    try:
        return UUID(who)
    except ValueError:
        return person_id(who)


def stamps(actor: UUID) -> Callable[[], Stamp]:
    """Stamps of one run of a command."""
    correlation = uuid4()
    return lambda: msgspec.structs.replace(stamp(), actor=actor, correlation_id=correlation)


@contextlib.contextmanager
def progress(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; whoever pipes the answer somewhere gets none in it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[events]} events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task(what, total=total, events=0)

        def told(done: int, events: int) -> None:
            bar.update(task, completed=done, events=events)

        yield told
