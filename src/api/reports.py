"""Monthly health reports, and the minutes that a prober outside tells."""

import hashlib
import re
from typing import Any

import msgspec

from api import auth
from api.asked import Asked
from api.commands import post
from api.problems import FieldError, Said
from api.queries import Plain, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.health_report import Collecting, HealthReport
from domain.probing import HEALTH_REPORT, PROBE, RecordProbes
from tenancy.store import Store

PROBERS = writers(auth.INTEGRATION, auth.ADMIN)
READERS = frozenset({auth.ADMIN, auth.EXECUTIVE, auth.AUDITOR, auth.HR, auth.FINANCE})
BATCH = 2000


class OfMonth(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which month."""

    month: str
    """As in 2025-03."""


class ReportTold(msgspec.Struct, frozen=True, kw_only=True):
    """月度系统健康检查报告, and its digest if it was issued."""

    report: HealthReport
    sha256: str
    """Of the report's JSON form."""
    issued_sha256: str | None
    """The digest that was written into the history when it was issued."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A month whose report is final."""

    month: str
    sha256: str


class IssuedTold(msgspec.Struct, frozen=True, kw_only=True):
    """The months that were reported."""

    issued: tuple[Issued, ...]


def report_bytes(report: HealthReport) -> bytes:
    """The JSON form whose digest is issued: the same events give the same bytes."""
    return msgspec.json.encode(report, order="deterministic")


async def collect(store: Store, month: str) -> HealthReport:
    """The report of a month, from the whole history."""
    collecting = Collecting(month)
    position = 0
    while batch := await store.log(position, BATCH):
        for recorded in batch:
            collecting.take(recorded, recorded.stream_id, recorded.position)
        position = batch[-1].position
    return collecting.report()


async def _report(asked: Asked, given: OfMonth) -> One:
    """The health report of a month, computed from the events now."""
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", given.month):
        raise Said(
            "invalid-query",
            "month: as in 2025-03",
            errors=[FieldError(pointer="?month", detail="as in 2025-03")],
        )
    store = await asked.store()
    report = await collect(store, given.month)
    state, _ = await store.load(HEALTH_REPORT, ids.HEALTH_REPORTS_ID)
    digest = hashlib.sha256(report_bytes(report)).hexdigest()
    return One(
        value=ReportTold(
            report=report, sha256=digest, issued_sha256=dict(state.issued).get(given.month)
        )
    )


async def _issued(asked: Asked, _: Plain) -> One:
    """The months whose reports were issued, with the digest of each."""
    state, version = await (await asked.store()).load(HEALTH_REPORT, ids.HEALTH_REPORTS_ID)
    told: Any = found(state)
    issued = tuple(Issued(month=month, sha256=sha256) for month, sha256 in told.issued)
    return One(value=IssuedTold(issued=issued), version=version)


ROUTES: tuple[Route, ...] = (
    post(
        "/probes",
        RecordProbes,
        PROBE,
        roles=PROBERS,
        stream=lambda _, command: ids.probes_id(command.prober, _month(command)),
        creates="/reports",
    ),
    get("/reports", _issued, roles=READERS, result=IssuedTold, projections=(), parameters=Plain),
    get(
        "/reports/monthly",
        _report,
        roles=READERS,
        result=ReportTold,
        projections=(),
        parameters=OfMonth,
    ),
)


def _month(command: RecordProbes) -> str:
    # A stream holds one prober's month, so that no stream grows for ever.
    return f"{command.probes[0].minute:%Y-%m}" if command.probes else ""
