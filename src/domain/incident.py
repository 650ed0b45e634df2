"""Incidents with clocks that nobody can set: reported, acknowledged, solved or restored. R125-R131

Times are those of the log. Who reports may say that it began earlier, never later than now, so a
clock can only be made to start sooner; what was promised is computed from the events, never typed.
"""

from datetime import datetime, timedelta
from typing import Literal, assert_never

import msgspec

from domain.checks import absent, begun, checked_code, checked_name, checked_reason, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused

Severity = Literal["major", "ordinary", "question"]
"""重大故障, 普通问题, 咨询: levels 1, 2 and 3 of the plan. 三级故障处理预案"""
Source = Literal["hotline", "customer", "prober", "monitoring", "staff"]
"""hotline: the telephone line of the customers. 热线"""
IncidentState = Literal["reported", "acknowledged", "restored", "resolved"]


class ReportIncident(Command, frozen=True, kw_only=True):
    """Something is wrong; the clocks run from now, or from when it began where that is known."""

    code: str
    title: str
    severity: Severity
    source: Source
    began_at: datetime | None = None
    """The first bad probe or the call, if earlier than this report."""
    affected: str = ""
    """Which part of the service, in words."""


class IncidentReported(Event, frozen=True, kw_only=True):
    """故障上报"""

    TOPIC = "incident.reported"
    code: str
    title: str
    severity: Severity
    source: Source
    began_at: datetime
    affected: str = ""


class AcknowledgeIncident(Command, frozen=True, kw_only=True):
    """A person takes it on: within 15 minutes, at any hour."""

    note: str = ""


class IncidentAcknowledged(Event, frozen=True, kw_only=True):
    """响应"""

    TOPIC = "incident.acknowledged"
    note: str = ""


class ReclassifyIncident(Command, frozen=True, kw_only=True):
    """It is worse, or less bad, than was thought. Clocks that were missed stay missed."""

    severity: Severity
    reason: str


class IncidentReclassified(Event, frozen=True, kw_only=True):
    """级别调整"""

    TOPIC = "incident.reclassified"
    severity: Severity
    reason: str


class RestoreService(Command, frozen=True, kw_only=True):
    """Customers can work again, though the cause may still be there."""

    how: str


class ServiceRestored(Event, frozen=True, kw_only=True):
    """服务恢复"""

    TOPIC = "incident.restored"
    how: str


class ResolveIncident(Command, frozen=True, kw_only=True):
    """The cause is known and gone."""

    cause: str
    action: str
    """What was done, and what keeps it from happening again."""


class IncidentResolved(Event, frozen=True, kw_only=True):
    """解决"""

    TOPIC = "incident.resolved"
    cause: str
    action: str


class ReopenIncident(Command, frozen=True, kw_only=True):
    """It came back: the clock to the solution runs on from its first start."""

    reason: str


class IncidentReopened(Event, frozen=True, kw_only=True):
    """重新打开"""

    TOPIC = "incident.reopened"
    reason: str


IncidentEvent = (
    IncidentReported
    | IncidentAcknowledged
    | IncidentReclassified
    | ServiceRestored
    | IncidentResolved
    | IncidentReopened
)
IncidentCommand = (
    ReportIncident
    | AcknowledgeIncident
    | ReclassifyIncident
    | RestoreService
    | ResolveIncident
    | ReopenIncident
)


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as decisions and clocks need it. 故障单"""

    severity: Severity
    worst: Severity
    """The gravest that it ever was: what the clocks are held to."""
    began_at: datetime
    reported_at: datetime
    acknowledged_at: datetime | None = None
    restored_at: datetime | None = None
    resolved_at: datetime | None = None

    @property
    def state(self) -> IncidentState:
        if self.resolved_at is not None:
            return "resolved"
        if self.restored_at is not None:
            return "restored"
        return "reported" if self.acknowledged_at is None else "acknowledged"


GRAVITY: dict[Severity, int] = {"question": 0, "ordinary": 1, "major": 2}
EARLIER_MAX = timedelta(days=31)
"""What began longer ago than this is told in the title, not by a clock."""


def _decide(
    state: Incident | None, command: IncidentCommand, context: Context
) -> tuple[Event, ...]:
    if isinstance(command, ReportIncident):
        absent(state, "an incident")
        return (_report(command, context),)
    incident = known(state, "unknown-incident", "such incident")
    if isinstance(command, ReopenIncident):
        if incident.resolved_at is None:
            raise Refused("incident-not-resolved", "Only a resolved incident is opened again.")
        return (IncidentReopened(reason=checked_reason(command.reason)),)
    if incident.resolved_at is not None:
        raise Refused("incident-resolved", "The incident is resolved: reopen it first.")
    match command:
        case AcknowledgeIncident():
            if incident.acknowledged_at is not None:
                raise Refused("incident-acknowledged", "Somebody has taken it on already.")
            return (IncidentAcknowledged(note=command.note),)
        case ReclassifyIncident():
            if command.severity == incident.severity:
                raise Refused("severity-unchanged", "It is of that severity already.")
            reason = checked_reason(command.reason)
            return (IncidentReclassified(severity=command.severity, reason=reason),)
        case RestoreService():
            _taken_on(incident)
            if incident.restored_at is not None:
                raise Refused("service-restored", "The service is restored already.")
            return (ServiceRestored(how=checked_reason(command.how, "how")),)
        case ResolveIncident():
            _taken_on(incident)
            cause = checked_reason(command.cause, "cause")
            action = checked_reason(command.action, "action")
            # Who solves it before anybody has said that it works again has also restored it.
            also = () if incident.restored_at is not None else (ServiceRestored(how=action),)
            return (*also, IncidentResolved(cause=cause, action=action))
        case _:
            assert_never(command)


def _report(command: ReportIncident, context: Context) -> IncidentReported:
    began = context.now if command.began_at is None else command.began_at
    if began.tzinfo is None or not context.now - EARLIER_MAX <= began <= context.now:
        raise Refused(
            "bad-date", "It began at a time with a zone, not in the future and within 31 days."
        )
    return IncidentReported(
        code=checked_code(command.code),
        title=checked_name(command.title, "title"),
        severity=command.severity,
        source=command.source,
        began_at=began,
        affected=command.affected and checked_name(command.affected, "affected"),
    )


def _taken_on(incident: Incident) -> None:
    if incident.acknowledged_at is None:
        raise Refused("incident-not-acknowledged", "Somebody takes it on first: acknowledge it.")


def _evolve(state: Incident | None, happened: Happened[IncidentEvent]) -> Incident:
    event = happened.event
    if isinstance(event, IncidentReported):
        return Incident(
            severity=event.severity,
            worst=event.severity,
            began_at=event.began_at,
            reported_at=happened.recorded_at,
        )
    incident = begun(state)
    change = msgspec.structs.replace
    match event:
        case IncidentAcknowledged():
            return change(incident, acknowledged_at=happened.recorded_at)
        case IncidentReclassified():
            worst = max(incident.worst, event.severity, key=GRAVITY.__getitem__)
            return change(incident, severity=event.severity, worst=worst)
        case ServiceRestored():
            return change(incident, restored_at=happened.recorded_at)
        case IncidentResolved():
            return change(incident, resolved_at=happened.recorded_at)
        case IncidentReopened():
            return change(incident, restored_at=None, resolved_at=None)
        case _:
            assert_never(event)


INCIDENT: Decider[Incident | None] = Decider(
    kind="incident", initial=None, decide=_decide, evolve=_evolve
)
