"""Incidents with what their clocks rest on, and the rota of who is on call."""

from datetime import datetime
from uuid import UUID

from domain.incident import (
    GRAVITY,
    Incident,
    IncidentAcknowledged,
    IncidentReclassified,
    IncidentReopened,
    IncidentReported,
    IncidentResolved,
    IncidentState,
    ServiceRestored,
    Severity,
    Source,
)
from domain.on_call import OnCallRotaSet, Shift
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Between, Page, View, get, page
from projections.tables import Row, Table, begun
from tenancy.records import Recorded

NAME = "incidents"
VERSION = 1


class IncidentRow(Row, kw_only=True):
    """故障单"""

    incident_id: UUID
    code: str
    title: str
    severity: Severity
    worst: Severity
    source: Source
    affected: str
    state: IncidentState
    began_at: datetime
    reported_at: datetime
    reported_by: UUID
    acknowledged_at: datetime | None = None
    acknowledged_by: UUID | None = None
    restored_at: datetime | None = None
    restored_how: str | None = None
    resolved_at: datetime | None = None
    cause: str | None = None
    action: str | None = None
    created_position: int
    version: int

    @property
    def incident(self) -> Incident:
        """As the domain's clocks take it."""
        return Incident(
            severity=self.severity,
            worst=self.worst,
            began_at=self.began_at,
            reported_at=self.reported_at,
            acknowledged_at=self.acknowledged_at,
            restored_at=self.restored_at,
            resolved_at=self.resolved_at,
        )


class ShiftsRow(Row, kw_only=True):
    """值班表: the shifts of one tenant, the latest rota first."""

    rota_id: UUID
    shifts: tuple[Shift, ...]
    version: int


INCIDENTS = Table(
    "incidents",
    IncidentRow,
    projection=NAME,
    version=VERSION,
    key=("incident_id",),
    indexes=(("created_position",), ("state", "created_position"), ("began_at",)),
)
ROTAS = Table("on_call_rotas", ShiftsRow, projection=NAME, version=VERSION, key=("rota_id",))


def incident_step(row: IncidentRow | None, recorded: Recorded) -> IncidentRow:
    """The incident's next state; pure."""
    event, at = recorded.event, recorded.recorded_at
    if isinstance(event, IncidentReported):
        return IncidentRow(
            incident_id=recorded.stream_id,
            code=event.code,
            title=event.title,
            severity=event.severity,
            worst=event.severity,
            source=event.source,
            affected=event.affected,
            state="reported",
            began_at=event.began_at,
            reported_at=at,
            reported_by=recorded.actor,
            created_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case IncidentAcknowledged():
            row.acknowledged_at, row.acknowledged_by = at, recorded.actor
        case IncidentReclassified():
            row.severity = event.severity
            row.worst = max(row.worst, event.severity, key=GRAVITY.__getitem__)
        case ServiceRestored():
            row.restored_at, row.restored_how = at, event.how
        case IncidentResolved():
            row.resolved_at, row.cause, row.action = at, event.cause, event.action
        case IncidentReopened():
            row.restored_at = row.resolved_at = None
    row.state = row.incident.state
    return row


def rota_step(row: ShiftsRow | None, recorded: Recorded) -> ShiftsRow:
    """The rota's next state; pure."""
    event: OnCallRotaSet = recorded.event
    earlier = () if row is None else row.shifts
    return ShiftsRow(
        rota_id=recorded.stream_id,
        shifts=(*event.shifts, *earlier)[:4000],
        version=recorded.version,
    )


INCIDENTS_VIEW = by_stream(
    NAME,
    VERSION,
    (
        (
            INCIDENTS,
            incident_step,
            (
                IncidentReported,
                IncidentAcknowledged,
                IncidentReclassified,
                ServiceRestored,
                IncidentResolved,
                IncidentReopened,
            ),
        ),
        (ROTAS, rota_step, (OnCallRotaSet,)),
    ),
)


async def incidents(
    view: View,
    *,
    state: IncidentState | None = None,
    severity: Severity | None = None,
    began: Between | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[IncidentRow]:
    """Incidents, the newest first.

    Args:
        view: what to ask.
        state: in this state.
        severity: of this severity now.
        began: that began in this span.
        limit: 1..500 rows.
        cursor: the `next` of the page before.
    """
    return await page(
        view,
        INCIDENTS,
        order=("created_position",),
        where={"state": state, "severity": severity, "began_at": began},
        limit=limit,
        cursor=cursor,
        descending=True,
    )


async def incident(view: View, incident_id: UUID) -> IncidentRow | None:
    """The incident with this id."""
    return await get(view, INCIDENTS, incident_id)


async def shifts(view: View, rota_id: UUID) -> ShiftsRow | None:
    """The rota of the tenant."""
    return await get(view, ROTAS, rota_id)
