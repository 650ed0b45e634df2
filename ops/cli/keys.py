"""Commands about the keys that seal: rotation, and a key service of our own."""

import signal
from pathlib import Path
from threading import Event
from uuid import UUID

from cyclopts import App
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.services import opened
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, told
from ops.keyservice import KeyServer
from ops.place import with_database
from tenancy.rotation import rotate_root, rotate_tenant
from tenancy.signing import Signers

keys = App(name="keys", help="Keys that seal: rotate them, keep the one over all of them.")


def register(app: App) -> None:
    """Add these commands."""
    app.command(keys)


def bar() -> Progress:
    """A progress bar on the terminal's side, so that answers can be piped."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


@keys.command
def rotate(
    *,
    tenant: UUID | None = None,
    master: bool = False,
    retire: bool = False,
    common: Common = COMMON,
) -> int:
    """Rotate a tenant's data key, or the key over all keys; no event is rewritten.

    Everything may go on meanwhile. Cut short, it is run again.

    Args:
        tenant: Whose data key; people's keys are wrapped under the new one.
        master: The key over all keys; all tenants' keys are wrapped under the new one.
        retire: Destroy the earlier master keys then. Backups from before need them.
        common: Options of every command.
    """
    if (tenant is None) == (not master):
        raise WrongInput("name --tenant TENANT or --master")
    if retire and not master:
        raise WrongInput("--retire goes with --master: what data keys have sealed needs them")
    if tenant is not None:
        return run(_tenant(tenant, common))
    return run(_master(common, retire=retire))


async def _tenant(tenant: UUID, common: Common) -> int:
    async with with_database(common.settings) as settings, opened(settings) as services:
        record = await services.registry.tenant(tenant)
        with bar() as progress:
            task = progress.add_task("people's keys", total=None)
            done = await rotate_tenant(
                services.keyring, tenant, lambda count: progress.advance(task, count)
            )
    told(
        common,
        done,
        f"{record.name} seals under {done.key_id} now; {done.rewrapped} people's keys re-wrapped",
    )
    return Exit.DONE


async def _master(common: Common, *, retire: bool) -> int:
    async with with_database(common.settings) as settings, opened(settings) as services:
        with bar() as progress:
            task = progress.add_task("tenants", total=None)

            async def tenants() -> list[UUID]:
                found = [each.tenant_id for each in await services.registry.tenants()]
                progress.update(task, total=len(found))
                return found

            done = await rotate_root(
                services.keyring,
                tenants,
                retire=retire,
                on_progress=lambda count: progress.advance(task, count),
            )
    gone = f"; destroyed {', '.join(map(str, done.retired))}" if done.retired else ""
    told(
        common, done, f"the master key is {done.key_id} now; {done.rewrapped} keys re-wrapped{gone}"
    )
    return Exit.DONE


@keys.command
def rotate_log(*, tenant: UUID, common: Common = COMMON) -> int:
    """Let a new key sign a tenant's log from now on; what the old one signed stays valid.

    The new key is introduced by a note that both sign, so who has pinned the old one needs no
    other. Running processes change over within a minute.

    Args:
        tenant: Whose log.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            key = await Signers(services.keyring).rotate(tenant)
        told(common, {"verifier": str(key)}, f"the log is signed by {key} from now on")
        return Exit.DONE

    return run(work())


@keys.command
def serve(
    folder: Path, *, host: str = "127.0.0.1", port: int = 8200, common: Common = COMMON
) -> int:
    """Run a key service of our own, until SIGINT or SIGTERM.

    Args:
        folder: Of its keys and its token, made where there is none.
        host: Where it listens.
        port: The port; 0 is a free one.
        common: Options of every command.
    """
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with KeyServer(folder, host, port) as server:
        told(
            common,
            {"url": server.url, "token_file": server.token_file},
            f"export MERIT_KEY_SERVICE_URL={server.url}\n"
            f"export MERIT_KEY_SERVICE_TOKEN_FILE={server.token_file.absolute()}",
        )
        stop.wait()
    return Exit.DONE
