"""`make demo`: starts the product, drives a company through a quarter, checks every claim.

The exit code is 0 only if every claim holds. The data folder and the bundle stay for a look.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, cast
from uuid import UUID

import msgspec
from cyclopts import App
from rich.console import Console

from api.services import Services, opened
from domain.catalogue import EVENTS
from ops.bundles import export, verify
from ops.children import dying_with_parent
from ops.cli.common import guarded
from ops.cli.serving import Up
from ops.client import Api
from ops.demo.adventureworks import read_company, recognises
from ops.demo.aftermath import Aftermath
from ops.demo.company import invent
from ops.demo.consequences import books, consequences
from ops.demo.findings import Findings
from ops.demo.model import BadInput, Company
from ops.demo.quarter import Quarter
from ops.demo.steps import Steps
from ops.place import running_in, settings_of, with_database
from ops.tenants import create_tenant
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.rebuild import rebuild
from tenancy.records import Recorded

STOP_S_MAX = 60.0
WHERE = Path("build/demo")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The demo's last line."""

    demo: str
    tenant: UUID
    data_dir: str
    bundle: str
    people: int
    events: int
    ledger_balance: dict[str, str]
    seconds: float


def demo(*, data: Path | None = None, to: Path | None = None, scale: Decimal = Decimal(1)) -> int:
    """Drive one quarter of a company over HTTP and check every claim.

    Args:
        data: A folder with somebody's company (AdventureWorks' CSV files); else one is invented.
        to: Data folder, made anew; else one below build/demo.
        scale: Of the invented company: 0.1 makes it small.
    """
    began = time.monotonic()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    company, name = _company(data, scale)
    folder = (to or WHERE / name).absolute()
    _make_anew(folder)
    console.print(f"[bold]{company.name}[/]: {len(company.members)} people, {company.cycle.name}")
    for assumption in company.assumptions:
        console.print(f"  [dim]assumed:[/] {assumption}")
    with _up(folder, console) as up:
        console.print(f"serving at {up.address} from {folder}")
        drive = asyncio.run(_drive(company, up, folder, console))
    return _conclude(drive, company, folder, console, began)


def _company(data: Path | None, scale: Decimal) -> tuple[Company, str]:
    if data is None:
        return invent(scale=scale), "hualing"
    if not recognises(data):
        raise BadInput(f"{data}: not a company that this demo can read (AdventureWorks' CSV files)")
    return read_company(data), "adventureworks"


def _make_anew(folder: Path) -> None:
    if there := running_in(folder):
        raise BadInput(f"{folder} is served by process {there.pid}")
    if folder.exists():
        if not (folder / "postgres").exists() and any(folder.iterdir()):
            raise BadInput(f"{folder} holds something else than a demo")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


@contextmanager
def _up(folder: Path, console: Console) -> Iterator[Up]:
    """The product as `merit up` runs it, in a process of its own that ends with us."""
    argv = [sys.executable, "-P", "-m", "ops.cli", "up", "--port", "0", "--json"]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*argv, "--data-dir", str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            preexec_fn=dying_with_parent(),  # noqa: PLW1509 - we have one thread at this time
            start_new_session=True,
        )
    try:
        line = cast("IO[bytes]", process.stdout).readline()
        if not line:
            raise BadInput(f"it did not start; see {folder / 'up.log'}")
        yield msgspec.json.decode(line, type=Up)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_S_MAX)
        cast("IO[bytes]", process.stdout).close()
        console.print(f"stopped in order, exit code {code}")


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """What the drive leaves."""

    tenant: UUID
    auditor: str
    findings: Findings
    leaned: set[UUID]
    beside: tuple[int, int]
    """Scores locked and payouts calculated beside the quarter's."""
    requests: int
    retries: int


async def _drive(company: Company, up: Up, folder: Path, console: Console) -> Drive:
    async with with_database(settings_of(folder)) as settings, opened(settings) as services:
        made = await create_tenant(services, company.name)
        other = await create_tenant(services, "somebody else")
        async with Api(up.address) as api:
            quarter = Quarter(api, company, made.administrator.secret, Steps(console))
            await quarter.drive()
            findings = Findings(api, company, quarter, console)
            await findings.scores()
            findings.deviations()
            await findings.money()
            beside = await _after(api, company, quarter, findings, console)
            leaned = await findings.explained()
            await findings.stranger(other.administrator.secret)
            await _rebuild(services, made.tenant.tenant_id, findings)
            await export(services, made.tenant.tenant_id, folder / "bundle", content=True)
            return Drive(
                tenant=made.tenant.tenant_id,
                auditor=quarter.auditor,
                findings=findings,
                leaned=leaned,
                beside=beside,
                requests=api.requests,
                retries=api.retries,
            )


async def _after(
    api: Api, company: Company, quarter: Quarter, findings: Findings, console: Console
) -> tuple[int, int]:
    """What comes after the quarter, where the company's story has it; (scores, payouts)."""
    if not company.known_payouts:
        return 0, 0
    aftermath = Aftermath(api, company, quarter, Steps(console))
    await aftermath.drive()
    consequences(findings, aftermath.told)
    lines = await books(findings, api, company, quarter, aftermath.told)
    return aftermath.told.scores, lines


async def _rebuild(services: Services, tenant: UUID, findings: Findings) -> None:
    logs = TenantLogs(services.database, services.keyring, EVENTS)
    reports = [await rebuild(services.database, logs, each, tenant) for each in PROJECTIONS]
    different = [each.projection for each in reports if not each.equal]
    findings.check(
        "every view, built again from the log, is equal to the live one",
        holds=not different,
        detail=", ".join(different or [each.projection for each in reports]),
    )


def _conclude(drive: Drive, company: Company, folder: Path, console: Console, began: float) -> int:
    """With the server gone: what does the bundle prove?"""
    findings, bundle = drive.findings, folder / "bundle"
    event_ids: set[UUID] = set()

    def note(recorded: Recorded) -> None:
        event_ids.add(recorded.event_id)

    verified = verify(bundle, on_recorded=note)
    again = verified.recomputed
    findings.check(
        "the bundle proves, offline, that the history is the one that was signed",
        holds=verified.verdict.ok and verified.verdict.events > 0,
        detail=f"{verified.verdict.events} events"
        if verified.verdict.ok
        else str(verified.verdict.findings[0]),
    )
    findings.check(
        "scores, payouts and ledger, computed again from the bundle, are equal",
        holds=again is not None
        and not again.findings
        and again.scores == len(company.rated) + drive.beside[0]
        and again.payouts == len(company.rated) + drive.beside[1]
        and not any(Decimal(value) for value in again.ledger_balance.values()),
        detail="content not readable"
        if again is None
        else f"{again.scores} scores, {again.payouts} payouts, {again.entries} entries"
        + (f"; {again.findings[0]}" if again.findings else ""),
    )
    findings.check(
        "the explained payout leans on events of the bundle alone",
        holds=drive.leaned <= event_ids,
    )
    console.print(f"  {drive.requests} requests, {drive.retries} of them repeated")
    console.print(f"data folder  {folder}\nbundle       {bundle}\nauditor key  {drive.auditor}")
    outcome = Outcome(
        demo="ok" if findings.all_hold else "failed",
        tenant=drive.tenant,
        data_dir=str(folder),
        bundle=str(bundle),
        people=len(company.members),
        events=verified.verdict.events,
        ledger_balance=findings.ledger_balance,
        seconds=round(time.monotonic() - began, 1),
    )
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    sys.stdout.flush()
    return 0 if findings.all_hold else 1


app = App(name="demo", default_command=demo, result_action="return_value")

if __name__ == "__main__":
    sys.exit(guarded(lambda: int(app() or 0)))
