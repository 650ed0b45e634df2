"""Commands for auditors: replay a history, be a witness of it."""

import signal
from datetime import date, datetime
from pathlib import Path
from threading import Event
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from api.replay import replay as replay_views
from api.services import opened
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, told
from ops.place import with_database
from ops.witness import Witness, WitnessServer
from projections.past import NotWritten
from tenancy.signing import NoteRefused

witness = App(name="witness", help="A witness: keeps and cosigns checkpoints of logs.")


def register(app: App) -> None:
    """Add these commands."""
    app.command(replay)
    app.command(witness)


def replay(
    *,
    tenant: UUID,
    known_at: datetime | None = None,
    valid_at: date | None = None,
    position: int | None = None,
    common: Common = COMMON,
) -> int:
    """Fold a tenant's whole history again, and print a digest of what it says.

    Whoever replays the same history up to the same position gets the same digest, on any machine.

    Args:
        tenant: Whose history.
        known_at: From what had been recorded by this time; with its offset from UTC.
        valid_at: Without what takes effect after this day.
        position: Up to this position of the log.
        common: Options of every command.
    """
    if known_at is not None and known_at.tzinfo is None:
        raise WrongInput("--known-at needs its offset from UTC, as in 2026-04-30T00:00:00Z")

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            try:
                moment = await services.views.moment(tenant, known_at=known_at, position=position)
            except NotWritten as error:
                raise WrongInput(str(error)) from error
            found = await replay_views(services.views, tenant, moment, valid_at)
        lines = [f"{each.digest[:16]}  {each.rows:>8} rows  {each.view}" for each in found.views]
        lines.append(f"{found.digest}  everything up to position {found.position}")
        told(common, found, "\n".join(lines))
        return Exit.DONE

    return run(work())


@witness.command
def serve(
    folder: Path,
    *,
    name: str = "witness",
    host: str = "127.0.0.1",
    port: int = 8300,
    log: tuple[str, ...] = (),
    trust_first: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Run a witness until SIGINT or SIGTERM, where the database's operators have no hand.

    Args:
        folder: Of its key, the logs that it knows, and what it has cosigned; made where missing.
        name: Of its key.
        host: Where it listens.
        port: The port; 0 is a free one.
        log: The key of a log that it shall know: name+hash+key.
        trust_first: Take the first key that a log comes with, and no other afterwards.
        common: Options of every command.
    """
    try:
        ours = Witness(folder, name, trust_first=trust_first)
        for key in log:
            ours.trust(key)
    except NoteRefused as error:
        raise WrongInput(str(error)) from error
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with WitnessServer(ours, host, port) as server:
        told(
            common,
            {"url": server.url, "key": ours.key},
            f"export MERIT_WITNESS_URL={server.url}\nexport MERIT_WITNESS_KEY='{ours.key}'",
        )
        stop.wait()
    return Exit.DONE
