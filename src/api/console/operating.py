"""How the installation is, incidents with their running clocks, who is on call, monthly reports."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, get_args

from api import auth
from api.condition import condition
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit
from api.incidents import PEOPLE
from api.reports import READERS as REPORTED_TO
from domain.incident import IncidentState, Severity, Source

READERS = auth.ROLES - {auth.INTEGRATION}
TONES: Mapping[str, str] = {
    "pass": "good",
    "warn": "warn",
    "fail": "bad",
    "met": "good",
    "kept": "good",
    "running": "warn",
    "missed": "bad",
    "no-data": "warn",
    "reported": "bad",
    "acknowledged": "warn",
    "restored": "good",
    "resolved": "good",
    "major": "bad",
    "ordinary": "warn",
    "question": "",
}
"""Of marks, by their code."""
SHIFTS = 3
"""Shifts that the form has room for."""


async def _health(visit: Visit) -> Mapping[str, Any]:
    # Of the installation and of no tenant: the same answer that operators get from /health.
    told = await condition(visit.asked.services)
    rows = [
        {"name": name, "check": check}
        for name, check in sorted(
            told.checks.items(), key=lambda each: (WORST_FIRST.index(each[1].status), each[0])
        )
        if not name.endswith(":lag_events")
    ]
    say = visit.say
    return {
        "told": told,
        "tones": TONES,
        "checks": Table(
            name="health",
            caption=say("Checks, the worst first"),
            rows=rows,
            columns=(
                Column(label=say("Check"), value=lambda row: row["name"]),
                Column(
                    label=say("Status"),
                    value=lambda row: visit.term("health", row["check"].status),
                    kind="mark",
                    tone=lambda row: TONES[row["check"].status],
                ),
                Column(label=say("Observed"), value=lambda row: _observed(visit, row["check"])),
                Column(label=say("What to do"), value=lambda row: row["check"].output),
            ),
        ),
    }


WORST_FIRST = ("fail", "warn", "pass")


def _observed(visit: Visit, check: Any) -> str:
    if check.observed is None:
        return ""
    return f"{visit.formats.number(check.observed)} {check.unit}".strip()


# -- incidents


async def _incidents(visit: Visit) -> Mapping[str, Any]:
    state = visit.query.get("state", "")
    rows, cursor = await visit.page("/incidents", state=state)
    say = visit.say
    on_call = await visit.ask("/on-call")
    return {
        "states": [("", say("all")), *_options(visit, "incident-state", get_args(IncidentState))],
        "state": state,
        "on_call": on_call,
        "may_set": visit.may("POST", "/on-call"),
        "may_report": visit.may("POST", "/incidents"),
        "shifts_room": range(SHIFTS),
        "severities": _options(visit, "incident-severity", get_args(Severity)),
        "sources": _options(visit, "incident-source", get_args(Source)),
        "code": f"{visit.asked.stamp.now:INC-%Y%m%d-%H%M%S}",
        "incidents": Table(
            name="incidents",
            caption=say("Incidents, the newest first"),
            rows=rows,
            next=cursor,
            empty=say("No incident. Whoever meets something that does not work reports it here."),
            columns=(
                Column(
                    label=say("Incident"),
                    value=lambda row: row["title"],
                    href=lambda row: f"{HOME}/incidents/{row['incident_id']}",
                ),
                _mark(visit, say("Grade"), "incident-severity", "severity"),
                _mark(visit, say("Status"), "incident-state", "state"),
                Column(label=say("Began"), value=lambda row: row["began_at"], kind="moment"),
                Column(
                    label=say("Next due"),
                    value=lambda row: min(
                        (each["due_at"] for each in row["clocks"] if not each["stopped_at"]),
                        default=None,
                    ),
                    kind="moment",
                ),
                Column(
                    label=say("Promises"),
                    value=lambda row: visit.term("verdict", _worst(row["clocks"])),
                    kind="mark",
                    tone=lambda row: TONES[_worst(row["clocks"])],
                ),
            ),
        ),
        "shifts": Table(
            name="shifts",
            caption=say("Shifts"),
            rows=on_call["shifts"],
            empty=say(
                "Nobody is on call. Set the shifts, so that somebody is reached at any hour."
            ),
            columns=(
                Column(label=say("From"), value=lambda row: row["starts_at"], kind="moment"),
                Column(label=say("Until"), value=lambda row: row["ends_at"], kind="moment"),
                Column(label=say("Who"), value=lambda row: row["who"]),
                Column(label=say("Contact"), value=lambda row: row["contact"]),
            ),
        ),
        **_tomorrow(visit),
    }


def _tomorrow(visit: Visit) -> Mapping[str, str]:
    """A day's shift as an example of what the form takes."""
    here = visit.asked.stamp.now.astimezone(visit.formats.zone)
    begins = here.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return {
        "example_from": begins.isoformat(timespec="seconds"),
        "example_until": (begins + timedelta(days=1)).isoformat(timespec="seconds"),
    }


def _mark(visit: Visit, label: str, kind: str, field: str) -> Column:
    return Column(
        label=label,
        value=lambda row: visit.term(kind, row[field]),
        kind="mark",
        tone=lambda row: TONES[row[field]],
    )


def _options(visit: Visit, kind: str, codes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(code, visit.term(kind, code)) for code in codes]


def _worst(clocks: list[Any]) -> str:
    verdicts = {each["verdict"] for each in clocks}
    return next((each for each in ("missed", "running", "met") if each in verdicts), "met")


async def _incident(visit: Visit) -> Mapping[str, Any]:
    row = await visit.ask(f"/incidents/{visit.ids['incident_id']}")
    names = await visit.names([row["acknowledged_by"]])
    return {
        "row": row,
        "who": names(row["acknowledged_by"]) if row["acknowledged_by"] else "",
        "tones": TONES,
        "at": f"/incidents/{row['incident_id']}",
        "may": visit.caller.has(PEOPLE),
        "severities": _options(visit, "incident-severity", get_args(Severity)),
    }


# -- monthly reports


async def _reports(visit: Visit) -> Mapping[str, Any]:
    now = visit.asked.stamp.now
    last = now.replace(day=1) - timedelta(days=1)
    month = visit.query.get("month", f"{last:%Y-%m}")
    told = await visit.ask("/reports/monthly", month=month)
    issued = await visit.maybe("/reports")
    say, report = visit.say, told["report"]
    return {
        "month": month,
        "told": told,
        "report": report,
        "tones": TONES,
        "months": [each["month"] for each in issued["issued"]] if issued else [],
        "promises": Table(
            name="promises",
            caption=say("Promises"),
            rows=report["promises"],
            columns=(
                Column(label=say("Promise"), value=lambda row: visit.term("promise", row["name"])),
                Column(
                    label=say("Status"),
                    value=lambda row: visit.term("verdict", row["verdict"]),
                    kind="mark",
                    tone=lambda row: TONES[row["verdict"]],
                ),
                Column(
                    label=say("Figures"),
                    value=lambda row: visit.say(", ").join(
                        f"{visit.term('figure', name)} {n}" for name, n in row["figures"]
                    ),
                ),
            ),
        ),
        "incidents": Table(
            name="incidents",
            caption=say("Incidents of the month"),
            rows=report["incidents"],
            empty=say("There was none."),
            columns=(
                Column(label=say("Incident"), value=lambda row: row["title"]),
                _mark(visit, say("Grade"), "incident-severity", "severity"),
                Column(label=say("Began"), value=lambda row: row["began_at"], kind="moment"),
                Column(label=say("Resolved"), value=lambda row: row["resolved_at"], kind="moment"),
                Column(label=say("Cause"), value=lambda row: row["cause"]),
            ),
        ),
    }


DEEDS = ("acknowledge", "restore", "resolve", "reclassify", "reopen")

PAGES = (
    Page(
        path="/incidents",
        title="Incidents",
        template="incidents.html",
        load=_incidents,
        roles=READERS,
        does=("/incidents", "/on-call"),
        menu="system",
    ),
    Page(
        path="/incidents/{incident_id}",
        title="Incident",
        template="incident.html",
        load=_incident,
        roles=READERS,
        does=tuple(f"/incidents/{{incident_id}}/{deed}" for deed in DEEDS),
    ),
    Page(
        path="/health",
        title="Health",
        template="health.html",
        load=_health,
        roles=frozenset({auth.ADMIN}),
        menu="system",
    ),
    Page(
        path="/reports",
        title="Monthly reports",
        template="reports.html",
        load=_reports,
        roles=REPORTED_TO,
        menu="system",
    ),
)
