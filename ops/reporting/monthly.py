"""Makes a month's report of a tenant: files, and the event that makes it final."""

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog

from api.reports import collect, report_bytes
from domain.health_report import ZONE, HealthReport, month_of
from domain.ids import HEALTH_REPORTS_ID
from domain.kernel import Refused
from domain.probing import HEALTH_REPORT, IssueHealthReport
from ops.reporting.pages import html, pdf
from ops.tenants import stamp
from tenancy.registry import Registry
from tenancy.store import Histories

CHECK_EVERY_S = 3600.0

log = structlog.get_logger(__name__)


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Whence reports are made."""

    registry: Registry
    histories: Histories


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A report and where its files are."""

    tenant_id: UUID
    month: str
    kept: bool
    sha256: str
    issued: bool
    files: tuple[str, ...]


def month_before(now: datetime, zone: str = ZONE) -> str:
    """The last month that is over, where the customer is.

    >>> month_before(datetime(2025, 3, 31, 16, tzinfo=UTC))
    '2025-03'
    """
    local = now.astimezone(ZoneInfo(zone))
    year, number = divmod(local.year * 12 + local.month - 2, 12)
    return f"{year}-{number + 1:02}"


async def make(
    sources: Sources, tenant_id: UUID, month: str, folder: Path, *, issue: bool
) -> Written:
    """Write JSON, HTML and PDF of a month in both languages; with `issue` it is final.

    Raises:
        UnknownEntry: there is no such tenant.
    """
    tenant = await sources.registry.tenant(tenant_id)
    store = await sources.histories.of(tenant_id)
    report = await collect(store, month)
    content = report_bytes(report)
    digest = hashlib.sha256(content).hexdigest()
    files = await asyncio.to_thread(_write, folder / str(tenant_id) / month, report, tenant.name)
    issued = False
    if issue and month_of(month)[1] <= datetime.now(UTC):
        command = IssueHealthReport(month=month, sha256=digest, kept=report.kept)
        with contextlib.suppress(Refused):  # it was issued before; what was said then stands
            await store.execute(HEALTH_REPORT, HEALTH_REPORTS_ID, command, stamp())
            issued = True
    return Written(
        tenant_id=tenant_id,
        month=month,
        kept=report.kept,
        sha256=digest,
        issued=issued,
        files=tuple(map(str, files)),
    )


def _write(folder: Path, report: HealthReport, customer: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / "health-report.json"]
    made[0].write_bytes(report_bytes(report))
    for language in ("en", "zh"):
        page, paper = (folder / f"health-report.{language}.{kind}" for kind in ("html", "pdf"))
        page.write_text(html(report, customer, language), encoding="utf-8")
        paper.write_bytes(pdf(report, customer, language))
        made += [page, paper]
    return made


async def keep_reporting(sources: Sources, folder: Path, stop: asyncio.Event) -> None:
    """Issue each tenant's report of the last month once it is over, until `stop` is set."""
    while not stop.is_set():
        month = month_before(datetime.now(UTC))
        for tenant in await sources.registry.tenants():
            try:
                await _issue_once(sources, tenant.tenant_id, month, folder)
            except Exception as error:  # noqa: BLE001 - one tenant's trouble stays its own
                log.warning(
                    "not-reported", tenant=str(tenant.tenant_id), error=type(error).__name__
                )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CHECK_EVERY_S)


async def _issue_once(sources: Sources, tenant_id: UUID, month: str, folder: Path) -> None:
    store = await sources.histories.of(tenant_id)
    state, _ = await store.load(HEALTH_REPORT, HEALTH_REPORTS_ID)
    first = await store.log(0, 1)
    if month in dict(state.issued) or not first or first[0].recorded_at >= month_of(month)[1]:
        return  # told before, or the tenant was not there yet
    await make(sources, tenant_id, month, folder, issue=True)
