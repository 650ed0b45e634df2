"""The command health: how an installation is, and with --deep whether its data are right."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
from cyclopts import App, Parameter

from api.services import Services, opened
from domain.catalogue import EVENTS
from ops.bundles import export, verify
from ops.cli.common import COMMON, Common, Exit, run, table, told
from ops.cli.proofs import progress
from ops.place import running_in, with_database
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.rebuild import NothingToRebuild, rebuild
from tenancy.bundle import NothingSealed
from tenancy.settings import Settings
from tenancy.transparency import HistoryRewritten

DEADLINE_S = 10.0
COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}


def register(app: App) -> None:
    """Add this command."""
    app.command(health)


class Deep(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a tenant's data that was looked through."""

    tenant_id: str
    part: str
    ok: bool
    finding: str


def health(
    *,
    url: str | None = None,
    deep: Annotated[bool, Parameter(negative="")] = False,
    token_file: Path | None = None,
    common: Common = COMMON,
) -> int:
    """Say how the running installation is; with --deep, whether its data are right.

    Args:
        url: Address of the API, else that of the `merit up` on the data folder.
        deep: Verify every tenant's proofs and numbers again, and compare every view with one that
            is built anew. Takes a while; the installation goes on serving.
        token_file: The operators' token, where the installation has one.
        common: Options of every command.
    """
    if deep:
        return run(_deep(common))
    token = "" if token_file is None else token_file.read_text(encoding="utf-8").strip()
    return run(_shallow(url, token, common))


async def _shallow(url: str | None, token: str, common: Common) -> int:
    address = url or os.environ.get("MERIT_API_URL") or address_of(common.settings)
    if address is None:
        told(common, {"status": "down"}, "nothing is running here (start it: merit up)")
        return Exit.NOT_NOW
    answers, condition = {}, None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        for name in ("live", "ready", "startup"):
            try:
                answers[name] = (await client.get(f"/health/{name}")).status_code
            except httpx.TransportError:
                answers[name] = 0
        if answers["live"]:
            found = await client.get("/health", headers=headers)
            if found.headers.get("content-type") == "application/health+json":
                condition = found.json()
    well = all(code == httpx.codes.OK for code in answers.values())
    well = well and (condition is None or condition["status"] != "fail")
    answer = {"status": "pass" if well else "fail", "address": address, "answers": answers}
    told(common, {**answer, "condition": condition}, _shown(address, answers, condition))
    return Exit.DONE if well else Exit.NOT_NOW


def _shown(address: str, answers: dict[str, int], condition: dict[str, Any] | None) -> Any:
    line = ", ".join(
        f"{name} {'ok' if code == httpx.codes.OK else code or 'no answer'}"
        for name, code in answers.items()
    )
    if condition is None:
        return f"{address}: {line}"
    rows = table("", "question", "finding", "", title=f"{address}: {line}")
    for name, check in condition["checks"].items():
        colour = COLOURS[check["status"]]
        value = f"{check.get('observed', '')} {check.get('unit', '')}".strip()
        rows.add_row(f"[{colour}]{check['status']}[/]", name, value, check.get("output", ""))
    return rows


def address_of(settings: Settings) -> str | None:
    """Where the `merit up` on the data folder serves; None where none runs."""
    running = running_in(settings.data_dir) if settings.data_dir else None
    return running.address if running else None


async def _deep(common: Common) -> int:
    found: list[Deep] = []
    async with with_database(common.settings) as settings, opened(settings) as services:
        tenants = [each for each in await services.registry.tenants() if each.status != "erased"]
        steps = len(tenants) * (1 + len(PROJECTIONS))
        with progress("looking through") as tell:
            for tenant in tenants:
                found.append(await _proofs(services, tenant.tenant_id))
                for projection in PROJECTIONS:
                    found.append(await _view(services, tenant.tenant_id, projection))
                    if tell is not None:
                        tell(len(found), steps)
    rows = table("", "tenant", "part", "finding")
    for each in found:
        mark = "[green]ok[/]" if each.ok else "[red]WRONG[/]"
        rows.add_row(mark, each.tenant_id, each.part, each.finding)
    well = all(each.ok for each in found)
    told(common, {"ok": well, "found": found}, rows if found else "no tenants yet")
    return Exit.DONE if well else Exit.FAILED


async def _proofs(services: Services, tenant_id: Any) -> Deep:
    """Every event against the signed tree, and every number against its events."""
    with tempfile.TemporaryDirectory(prefix="merit-health-") as place:
        try:
            await export(services, tenant_id, Path(place) / "bundle", content=True)
            verified = verify(Path(place) / "bundle")
        except NothingSealed:
            return Deep(tenant_id=str(tenant_id), part="history", ok=True, finding="empty")
        except HistoryRewritten as rewritten:
            return Deep(tenant_id=str(tenant_id), part="history", ok=False, finding=str(rewritten))
    findings = [str(each) for each in verified.verdict.findings]
    if verified.recomputed is not None:
        findings += [str(each) for each in verified.recomputed.findings]
    return Deep(
        tenant_id=str(tenant_id),
        part="history",
        ok=verified.ok,
        finding="; ".join(findings[:3]) or "as it was signed, and every number follows from it",
    )


async def _view(services: Services, tenant_id: Any, projection: Any) -> Deep:
    """A live view against one that is built anew beside it; nothing is switched that differs."""
    logs = TenantLogs(services.database, services.keyring, EVENTS)
    try:
        report = await rebuild(services.database, logs, projection, tenant_id)
    except NothingToRebuild:
        finding, ok = "not begun yet", True
    else:
        ok = report.equal
        finding = f"{report.position} events" if ok else "differs from what its history says"
    return Deep(tenant_id=str(tenant_id), part=projection.key, ok=ok, finding=finding)
