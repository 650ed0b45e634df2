"""Commands about incidents: open, ack, reclassify, restore, resolve, reopen, list.

An incident of the installation concerns its customers: it is written into the history of each
tenant that it affects, so that each can prove what its clocks said.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

import msgspec
from cyclopts import App, Parameter

from api.services import Services, opened
from domain.ids import ON_CALL_ROTA_ID, incident_id
from domain.incident import (
    INCIDENT,
    AcknowledgeIncident,
    IncidentCommand,
    ReclassifyIncident,
    ReopenIncident,
    ReportIncident,
    ResolveIncident,
    RestoreService,
    Severity,
    Source,
)
from domain.incident_clocks import Clock, clocks
from domain.on_call import ON_CALL_ROTA
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.place import with_database
from ops.tenants import stamp
from projections import incidents as view
from projections.questions import LIMIT_MAX
from tenancy.records import Stamp

incident = App(name="incident", help="Incidents with their clocks: 15 minutes, 2 hours, 8 hours.")

Tenants = Annotated[tuple[UUID, ...], Parameter(name=("--tenant",))]
COLOURS = {"met": "green", "missed": "red", "running": "yellow"}


def register(app: App) -> None:
    """Add these commands."""
    app.command(incident)


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A command carried out for one tenant."""

    tenant_id: UUID
    code: str
    incident_id: UUID
    position: int
    clocks: tuple[Clock, ...]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An incident of one tenant."""

    tenant_id: UUID
    code: str
    title: str
    severity: Severity
    state: str
    began_at: datetime
    clocks: tuple[Clock, ...]


@incident.command(name="open")
def open_incident(
    title: str,
    *,
    severity: Severity = "ordinary",
    source: Source = "staff",
    code: str | None = None,
    began: datetime | None = None,
    affected: str = "",
    tenants: Tenants = (),
    common: Common = COMMON,
) -> int:
    """Report an incident; the clocks run from now, or from when it began.

    Args:
        title: What is wrong.
        severity: major (restored within 8 hours), ordinary (solved within 2), question.
        source: hotline, customer, prober, monitoring or staff.
        code: What it is called; a new one is made when not given.
        began: When it began, with a zone, if that is earlier than now.
        affected: Which part of the service.
        tenants: Whom it affects; repeat for several, all when not given.
        common: Options of every command.
    """
    known = began.astimezone(UTC) if began is not None else None
    now = datetime.now(UTC)
    command = ReportIncident(
        code=code or f"INC-{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        title=title,
        severity=severity,
        source=source,
        began_at=known or now,
        affected=affected,
    )
    return _carried_out(command.code, command, tenants, common)


@incident.command
def ack(code: str, *, note: str = "", tenants: Tenants = (), common: Common = COMMON) -> int:
    """Take an incident on: within 15 minutes of its beginning.

    Args:
        code: The incident.
        note: Who you are, and what happens next.
        tenants: Only in the history of these; of all that have it when not given.
        common: Options of every command.
    """
    return _carried_out(code, AcknowledgeIncident(note=note), tenants, common)


@incident.command
def reclassify(
    code: str,
    *,
    severity: Severity,
    reason: str,
    tenants: Tenants = (),
    common: Common = COMMON,
) -> int:
    """Say that an incident is worse or less bad than was thought.

    Args:
        code: The incident.
        severity: What it is now; its clocks are held to the gravest that it ever was.
        reason: Why.
        tenants: Only in the history of these.
        common: Options of every command.
    """
    return _carried_out(code, ReclassifyIncident(severity=severity, reason=reason), tenants, common)


@incident.command
def restore(code: str, *, how: str, tenants: Tenants = (), common: Common = COMMON) -> int:
    """Say that customers can work again: within 8 hours of a major incident.

    Args:
        code: The incident.
        how: What was done.
        tenants: Only in the history of these.
        common: Options of every command.
    """
    return _carried_out(code, RestoreService(how=how), tenants, common)


@incident.command
def resolve(
    code: str, *, cause: str, action: str, tenants: Tenants = (), common: Common = COMMON
) -> int:
    """Say that the cause is known and gone: within 2 hours of an ordinary incident.

    Args:
        code: The incident.
        cause: What it was.
        action: What was done, and what keeps it from happening again.
        tenants: Only in the history of these.
        common: Options of every command.
    """
    return _carried_out(code, ResolveIncident(cause=cause, action=action), tenants, common)


@incident.command
def reopen(code: str, *, reason: str, tenants: Tenants = (), common: Common = COMMON) -> int:
    """Say that it came back; the clock to the solution runs on.

    Args:
        code: The incident.
        reason: What came back.
        tenants: Only in the history of these.
        common: Options of every command.
    """
    return _carried_out(code, ReopenIncident(reason=reason), tenants, common)


State = Literal["reported", "acknowledged", "restored", "resolved"]


@incident.command(name="list")
def list_incidents(
    *,
    state: State | None = None,
    tenants: Tenants = (),
    common: Common = COMMON,
) -> int:
    """Incidents of all tenants with their clocks, the newest first.

    Args:
        state: Only those in this state.
        tenants: Only of these.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            found = []
            for tenant_id in await _chosen(services, tenants):
                found += await _listed(services, tenant_id, state)
        found.sort(key=lambda each: each.began_at, reverse=True)
        rows = table("incident", "tenant", "severity", "state", "began", "clocks", "title")
        for each in found:
            rows.add_row(
                each.code,
                str(each.tenant_id),
                each.severity,
                each.state,
                f"{each.began_at:%Y-%m-%d %H:%M:%S} UTC",
                _in_words(each.clocks),
                each.title,
            )
        told(common, found, rows if found else "no incidents")
        return Exit.DONE

    return run(work())


async def _listed(services: Services, tenant_id: UUID, state: State | None) -> list[Listed]:
    now = datetime.now(UTC)
    async with services.views.of(tenant_id) as asked:
        page = await view.incidents(asked, state=state, limit=LIMIT_MAX)
    return [
        Listed(
            tenant_id=tenant_id,
            code=row.code,
            title=row.title,
            severity=row.severity,
            state=row.state,
            began_at=row.began_at,
            clocks=clocks(row.incident, now),
        )
        for row in page.items
    ]


def _carried_out(
    code: str, command: IncidentCommand, tenants: Sequence[UUID], common: Common
) -> int:
    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            stamped = stamp()
            new = isinstance(command, ReportIncident)
            concerned = await _chosen(services, tenants)
            if not new:
                concerned = [
                    tenant_id
                    for tenant_id in concerned
                    if await _has(services, tenant_id, code) or tenant_id in tenants
                ]
            if not concerned:
                raise WrongInput(f"no tenant has an incident {code}" if not new else "no tenants")
            written = [await _one(services, each, code, command, stamped) for each in concerned]
            rota = await _on_call(services, concerned[0], stamped.now)
        lines = [f"{code}  {each.tenant_id}  {_in_words(each.clocks)}" for each in written]
        told(common, written, "\n".join([*lines, *([rota] if rota and new else [])]))
        return Exit.DONE

    return run(work())


async def _one(
    services: Services, tenant_id: UUID, code: str, command: IncidentCommand, stamped: Stamp
) -> Written:
    store = await services.histories.of(tenant_id)
    receipt = await store.execute(INCIDENT, incident_id(code), command, stamped)
    state, _ = await store.load(INCIDENT, incident_id(code))
    return Written(
        tenant_id=tenant_id,
        code=code,
        incident_id=receipt.stream_id,
        position=receipt.position,
        clocks=() if state is None else clocks(state, stamped.now),
    )


async def _has(services: Services, tenant_id: UUID, code: str) -> bool:
    state, _ = await (await services.histories.of(tenant_id)).load(INCIDENT, incident_id(code))
    return state is not None


async def _on_call(services: Services, tenant_id: UUID, now: datetime) -> str:
    rota, _ = await (await services.histories.of(tenant_id)).load(ON_CALL_ROTA, ON_CALL_ROTA_ID)
    shift = rota.at(now)
    return f"on call: {shift.who}, {shift.contact}" if shift is not None else ""


async def _chosen(services: Services, tenants: Sequence[UUID]) -> list[UUID]:
    """These tenants, or all that are active.

    Raises:
        UnknownEntry: there is no such tenant.
    """
    if tenants:
        return [(await services.registry.tenant(each)).tenant_id for each in tenants]
    found = await services.registry.tenants()
    return [record.tenant_id for record in found if record.status == "active"]


def _in_words(found: Sequence[Clock]) -> str:
    return ", ".join(
        f"{clock.name} [{COLOURS[clock.verdict]}]{clock.verdict}[/]"
        + (f" by {clock.due_at:%H:%M:%S} UTC" if clock.verdict == "running" else "")
        for clock in found
    )
