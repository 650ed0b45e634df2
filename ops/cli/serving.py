"""Commands that run the product or a part of it: up, serve, worker, migrate."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from api.new_keys import NewKey
from api.services import opened
from ops.cli.common import COMMON, Common, Exit, run, told
from ops.client import Api
from ops.demo.showcase import Persona, show
from ops.demo.steps import Steps
from ops.place import Running, folder_of, free_port, prepare, settings_of
from ops.serving import serve as serve_api
from ops.tenants import create_tenant
from ops.up import Stack
from ops.worker import until_told
from tenancy.settings import Settings, SettingsRefused
from tenancy.telemetry import configure

DEMO_TENANT = "demo"
DEMO_LOGINS = "demo-logins.json"


class Up(msgspec.Struct, frozen=True, kw_only=True):
    """What `merit up` answers once it serves."""

    address: str
    docs: str
    data_dir: str
    logins: tuple[NewKey, ...] = ()
    people: tuple[Persona, ...] = ()
    """Of the demo company: whom to sign in as."""


class DemoLogins(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside the data of a demo."""

    administrator: NewKey
    people: tuple[Persona, ...]


def register(app: App) -> None:
    """Add these commands."""
    for command in (up, serve, worker, migrate):
        app.command(command)


def up(
    *,
    port: int | None = None,
    host: str | None = None,
    demo: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Run everything on this machine until Ctrl-C: database, API, worker.

    Args:
        port: Where the API listens; 0 takes a free one (MERIT_PORT, else 8000).
        host: Address that it listens on (MERIT_HOST, else this machine alone).
        demo: Also make a tenant "demo" with a company to look at, and print who to sign in as.
        common: Options of every command.
    """
    given = {} if host is None else {"host": host}
    if port is not None:
        given["port"] = str(port or free_port(host or "127.0.0.1"))
    if os.environ.get("MERIT_LOG_FORMAT") is None:
        given["log_format"] = "json" if common.json else "console"
    if demo:
        given["demo"] = "true"
    settings = settings_of(common.data_dir, given=given)
    configure(settings, service="up")

    async def ready(running: Running, reaching: Settings) -> None:
        logins = await _demo_logins(running, reaching, common) if demo else None
        answer = Up(
            address=running.address,
            docs=f"{running.address}/docs",
            data_dir=str(folder_of(reaching)),
            logins=(logins.administrator,) if logins else (),
            people=logins.people if logins else (),
        )
        told(common, answer, _up_text(answer))

    run(Stack(settings, ready).run())
    return Exit.DONE


def _up_text(answer: Up) -> str:
    lines = [
        f"Meritledger serves at [bold]{answer.address}/console[/]",
        f"  API description   {answer.docs}",
        f"  data folder       {answer.data_dir}",
    ]
    if answer.people:
        lines.append("  sign in as        somebody of the demo company, by a click:")
        lines += [f"    {each.role:<16}{each.name}" for each in answer.people]
    lines += [f"  {each.name} of demo  {each.secret}" for each in answer.logins]
    if not answer.logins:
        lines.append("  first tenant      merit tenant create NAME   (in another terminal)")
    return "\n".join([*lines, "Ctrl-C ends it; what is stored stays."])


async def _demo_logins(running: Running, settings: Settings, common: Common) -> DemoLogins:
    """The demo tenant and its people, made once and kept beside the data."""
    kept = folder_of(settings) / DEMO_LOGINS
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=DemoLogins)
    async with opened(settings) as services:
        administrator = (await create_tenant(services, DEMO_TENANT)).administrator
    steps = Steps(Console(quiet=common.json))
    async with Api(running.address) as api:
        people = await show(api, administrator.secret, steps)
    logins = DemoLogins(administrator=administrator, people=people)
    _keep(kept, msgspec.json.encode(logins))
    return logins


def _keep(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def serve(*, port: int | None = None, host: str | None = None, common: Common = COMMON) -> int:
    """Serve the API alone, against MERIT_DATABASE_URL.

    Args:
        port: Where it listens (MERIT_PORT, else 8000).
        host: Address that it listens on (MERIT_HOST, else this machine alone).
        common: Options of every command.
    """
    given = {} if host is None else {"host": host}
    if port is not None:
        given["port"] = str(port)
    settings = _with_database_url(common, given)
    # Workers are processes of their own and read the environment.
    os.environ["MERIT_HOST"], os.environ["MERIT_PORT"] = settings.host, str(settings.port)
    serve_api(settings)
    return Exit.DONE


def worker(*, common: Common = COMMON) -> int:
    """Keep views up to date and seal histories, against MERIT_DATABASE_URL."""
    settings = _with_database_url(common, {})
    configure(settings, service="worker")
    run(until_told(settings))
    return Exit.DONE


def migrate(*, common: Common = COMMON) -> int:
    """Bring the schema up to date, as the owner (MERIT_OWNER_DATABASE_URL)."""
    settings = _with_database_url(common, {})
    applied: list[str] = []

    async def work() -> int:
        applied.extend(await prepare(settings.owner_database_url or settings.database_url or ""))
        return Exit.DONE

    code = run(work())
    shown = "\n".join(f"applied {name}" for name in applied) or "up to date"
    told(common, {"applied": applied}, shown)
    return code


def _with_database_url(common: Common, given: dict[str, str]) -> Settings:
    settings = settings_of(common.data_dir, given=given)
    if settings.database_url is None:
        raise SettingsRefused("set MERIT_DATABASE_URL (`merit up` brings a database of its own)")
    return settings
