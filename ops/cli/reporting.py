"""Commands about the monthly health report and the prober: report monthly, probe."""

import asyncio
import re
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from api.services import opened
from ops.cli.common import COMMON, REMOTE, Common, Exit, Remote, WrongInput, run, table, told
from ops.cli.cycles import reached_at
from ops.place import folder_of, with_database
from ops.prober import Prober
from ops.reporting.monthly import Sources, make, month_before

report = App(name="report", help="Monthly health reports.")


def register(app: App) -> None:
    """Add these commands."""
    app.command(report)
    app.command(probe)


@report.command
def monthly(
    *,
    month: str | None = None,
    tenants: Annotated[tuple[UUID, ...], Parameter(name=("--tenant",))] = (),
    out: Path | None = None,
    issue: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Write the month's health report as JSON, HTML and PDF, in English and Chinese.

    Args:
        month: As in 2025-03; the last month that is over when not given.
        tenants: Of these; of all when not given.
        out: Where to; the folder reports in the data folder when not given.
        issue: Make it final: its digest is written into the tenant's history, once.
        common: Options of every command.
    """
    wanted = month or month_before(datetime.now(UTC))
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", wanted):
        raise WrongInput(f"--month {wanted}: as in 2025-03")

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            folder = out or folder_of(settings) / "reports"
            if tenants:
                concerned = [(await services.registry.tenant(each)).tenant_id for each in tenants]
            else:
                concerned = [each.tenant_id for each in await services.registry.tenants()]
            sources = Sources(registry=services.registry, histories=services.histories)
            written = [await make(sources, each, wanted, folder, issue=issue) for each in concerned]
        rows = table("tenant", "month", "promises", "SHA-256 of the JSON", "files")
        for each in written:
            kept = "[green]kept[/]" if each.kept else "[red]not kept, or no data[/]"
            place = str(Path(each.files[0]).parent)
            rows.add_row(str(each.tenant_id), each.month, kept, each.sha256, place)
        told(common, written, rows if written else "no tenants yet")
        return Exit.DONE

    return run(work())


def probe(
    *,
    name: str = "prober-1",
    spool: Path = Path("probes.ndjson"),
    once: Annotated[bool, Parameter(negative="")] = False,
    remote: Remote = REMOTE,
) -> int:
    """Probe an installation from outside once a minute, and tell it what was seen.

    Run it elsewhere than what it probes, with an access key of the role integration.

    Args:
        name: What this prober is called.
        spool: File for what could not be told yet.
        once: Probe one minute and end.
        remote: Options of commands that speak to the API.
    """
    url, key = reached_at(remote)
    prober = Prober(url, key, name, spool)

    async def work() -> int:
        if once:
            seen = await prober.probe(datetime.now(UTC).replace(second=0, microsecond=0))
            words = f"read {'ok' if seen.read_ok else 'FAILED'} {seen.read_ms} ms"
            words += f", write {'ok' if seen.write_ok else 'FAILED'} {seen.write_ms} ms"
            told(remote, seen, words)
            return Exit.DONE if seen.read_ok and seen.write_ok else Exit.FAILED
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await prober.run(stop)
        return Exit.DONE

    return run(work())
