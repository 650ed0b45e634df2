"""Incidents and their clocks; who is on call."""

from datetime import datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.incident import (
    INCIDENT,
    AcknowledgeIncident,
    IncidentState,
    ReclassifyIncident,
    ReopenIncident,
    ReportIncident,
    ResolveIncident,
    RestoreService,
    Severity,
    Source,
)
from domain.incident_clocks import Clock, clocks
from domain.on_call import ON_CALL_ROTA, OnCallRota, SetOnCallRota, Shift
from projections import incidents
from projections.questions import Page

VIEWS = (incidents.NAME,)
REPORTERS = writers(*auth.EVERYONE - {auth.AUDITOR})
"""Whoever meets something that does not work may say so."""
PEOPLE = writers(auth.ADMIN, auth.HR)
"""An acknowledgement is a person's, never a machine's."""


class Incidents(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: IncidentState | None = None
    severity: Severity | None = None


class IncidentTold(msgspec.Struct, frozen=True, kw_only=True):
    """故障单 with its clocks as they stand now."""

    incident_id: UUID
    code: str
    title: str
    severity: Severity
    worst: Severity
    """The gravest that it ever was: what its clocks are held to."""
    source: Source
    affected: str
    state: IncidentState
    clocks: tuple[Clock, ...]
    on_call: Shift | None
    """Who was on call when it began."""
    began_at: datetime
    reported_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    restored_at: datetime | None
    restored_how: str | None
    resolved_at: datetime | None
    cause: str | None
    action: str | None
    version: int
    position: int


class OnCallTold(msgspec.Struct, frozen=True, kw_only=True):
    """值班: who is on call now, and the shifts to come."""

    now: Shift | None
    shifts: tuple[Shift, ...]


def _told(row: incidents.IncidentRow, rota: OnCallRota, now: datetime) -> IncidentTold:
    return IncidentTold(
        incident_id=row.incident_id,
        code=row.code,
        title=row.title,
        severity=row.severity,
        worst=row.worst,
        source=row.source,
        affected=row.affected,
        state=row.state,
        clocks=clocks(row.incident, now),
        on_call=rota.at(row.began_at),
        began_at=row.began_at,
        reported_at=row.reported_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        restored_at=row.restored_at,
        restored_how=row.restored_how,
        resolved_at=row.resolved_at,
        cause=row.cause,
        action=row.action,
        version=row.version,
        position=row.position,
    )


async def _rota(asked: Asked) -> OnCallRota:
    async with asked.view() as view:
        row = await incidents.shifts(view, ids.ON_CALL_ROTA_ID)
    return OnCallRota() if row is None else OnCallRota(shifts=row.shifts)


async def _incidents(asked: Asked, given: Incidents) -> Page[IncidentTold]:
    """Incidents, the newest first, each with its clocks."""
    rota = await _rota(asked)
    async with asked.view() as view:
        page = await incidents.incidents(
            view,
            state=given.state,
            severity=given.severity,
            limit=given.limit,
            cursor=given.cursor,
        )
    return page.of([_told(row, rota, asked.stamp.now) for row in page.items])


async def _incident(asked: Asked, _: Parameters) -> One:
    """An incident with its clocks."""
    rota = await _rota(asked)
    async with asked.view() as view:
        row: incidents.IncidentRow = found(await incidents.incident(view, asked.one_id()))
    return One(value=_told(row, rota, asked.stamp.now), version=row.version)


async def _on_call(asked: Asked, _: Parameters) -> One:
    """Who is on call now, and the shifts that are not over."""
    rota, now = await _rota(asked), asked.stamp.now
    coming = sorted(
        (each for each in rota.shifts if each.ends_at > now), key=lambda each: each.starts_at
    )
    return One(value=OnCallTold(now=rota.at(now), shifts=tuple(coming)))


ROUTES: tuple[Route, ...] = (
    post(
        "/incidents",
        ReportIncident,
        INCIDENT,
        roles=REPORTERS,
        stream=lambda _, command: ids.incident_id(command.code),
        creates="/incidents/{id}",
    ),
    get(
        "/incidents",
        _incidents,
        roles=auth.EVERYONE,
        result=IncidentTold,
        projections=VIEWS,
        parameters=Incidents,
    ),
    get(
        "/incidents/{incident_id}",
        _incident,
        roles=auth.EVERYONE,
        result=IncidentTold,
        projections=VIEWS,
    ),
    *(
        post(
            f"/incidents/{{incident_id}}/{name}",
            command,
            INCIDENT,
            roles=PEOPLE,
            stream=from_path("incident_id"),
        )
        for name, command in (
            ("acknowledge", AcknowledgeIncident),
            ("reclassify", ReclassifyIncident),
            ("restore", RestoreService),
            ("resolve", ResolveIncident),
            ("reopen", ReopenIncident),
        )
    ),
    post(
        "/on-call",
        SetOnCallRota,
        ON_CALL_ROTA,
        roles=PEOPLE,
        stream=lambda _ids, _command: ids.ON_CALL_ROTA_ID,
        creates="/on-call",
    ),
    get("/on-call", _on_call, roles=auth.EVERYONE, result=OnCallTold, projections=VIEWS),
)
