"""Calibration sessions: who is in one, how the scores lie, what is proposed and decided."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from api import auth
from api.console.charts import Chart
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.units import choices, cycle_names, unit_names, wanted
from api.console.visit import Names, Visit

READERS = frozenset({auth.HR, auth.EXECUTIVE, auth.AUDITOR, auth.ADMIN})
STEP = 5
"""Points of one bar."""
MEMBERS_MAX = 1_000


async def _sessions(visit: Visit) -> Mapping[str, Any]:
    cycles = await cycle_names(visit)
    chosen = wanted(visit, "cycle", cycles)
    rows, cursor = await visit.page("/calibration-sessions", cycle_id=chosen)
    units = await unit_names(visit)
    unit = wanted(visit, "unit", units)
    opening = visit.may("POST", "/calibration-sessions")
    members: list[str] = []
    if opening and chosen:
        members = [
            row["appraisal_id"]
            async for row in visit.each(f"/cycles/{chosen}/appraisals", org_unit_id=unit)
            if not row["lock_version"] and row["stage"] != "void"
        ][:MEMBERS_MAX]
    say = visit.say
    return {
        "cycles": choices(cycles, say("all cycles")),
        "chosen": chosen,
        "units": choices(units, say("everybody")),
        "unit": unit,
        "opening": opening,
        "members": members,
        "sessions": Table(
            name="sessions",
            caption=say("Calibration sessions"),
            rows=rows,
            next=cursor,
            empty=say("No session has been opened."),
            columns=(
                Column(
                    label=say("Session"),
                    value=lambda row: row["name"],
                    href=lambda row: f"{HOME}/calibration/{row['session_id']}",
                ),
                Column(label=say("Cycle"), value=lambda row: cycles.get(row["cycle_id"], "")),
                Column(
                    label=say("People"), value=lambda row: len(row["appraisal_ids"]), kind="number"
                ),
                Column(
                    label=say("Undecided"),
                    value=lambda row: sum(each["accepted"] is None for each in row["changes"]),
                    kind="number",
                ),
                Column(
                    label=say("State"),
                    value=lambda row: say("closed") if row["closed"] else say("in session"),
                    kind="mark",
                    tone=lambda row: "" if row["closed"] else "good",
                ),
            ),
        ),
    }


async def _session(visit: Visit) -> Mapping[str, Any]:
    at = f"/calibration-sessions/{visit.ids['session_id']}"
    session = await visit.ask(at)
    cycle = await visit.ask(f"/cycles/{session['cycle_id']}")
    inside = set(session["appraisal_ids"])
    rows = [
        row
        async for row in visit.each(f"/cycles/{session['cycle_id']}/appraisals")
        if row["appraisal_id"] in inside
    ]
    for row in rows:
        row["now"] = await _score(visit, row)
    names = await visit.names(
        [
            *(row["person_id"] for row in rows),
            *(each["proposed_by"] for each in session["changes"]),
        ]
    )
    return {
        "session": session,
        "cycle": cycle,
        "at": at,
        "members": _members(visit, rows, names),
        "people": [(row["appraisal_id"], names(row["person_id"])) for row in rows],
        "chart": _chart(visit, rows),
        "target": _target(visit, session),
        "changes": [
            {
                **each,
                "who": names(each["person_id"]),
                "by": names(each["proposed_by"]),
                "mine": each["proposed_by"] == str(visit.caller.actor),
            }
            for each in session["changes"]
        ],
        "may": {
            name: visit.may("POST", f"{at}/{name}")
            for name in ("changes", "changes/decide", "distribution", "close")
        },
    }


async def _score(visit: Visit, row: Any) -> str | None:
    """The score as locked, else as it stands, else the initial one."""
    if row["score"] is not None:
        return str(row["score"])
    standing = await visit.maybe(f"/appraisals/{row['appraisal_id']}/standing")
    told = standing["score"] if standing else row["initial_score"]
    return None if told is None else str(told)


def _members(visit: Visit, rows: list[Any], names: Names) -> Table:
    say = visit.say
    return Table(
        name="members",
        caption=say("Who is in it"),
        rows=rows,
        empty=say("Nobody is in this session."),
        columns=(
            Column(
                label=say("Name"),
                value=lambda row: names(row["person_id"]),
                href=lambda row: f"{HOME}/appraisals/{row['appraisal_id']}/history",
            ),
            Column(
                label=say("Initial score"), value=lambda row: row["initial_score"], kind="number"
            ),
            Column(label=say("Score as it stands"), value=lambda row: row["now"], kind="number"),
            Column(label=say("Calibrated by"), value=lambda row: row["calibration"], kind="number"),
            Column(
                label=say("Stage"), value=lambda row: visit.term("stage", row["stage"]), kind="mark"
            ),
        ),
    )


def _chart(visit: Visit, rows: list[Any]) -> Chart:
    scores = [Decimal(row["now"]) for row in rows if row["now"] is not None]
    counts = Counter(int(score // STEP) for score in scores)
    steps = range(min(counts), max(counts) + 1) if counts else range(0)
    told = [
        {"label": f"{step * STEP}–{step * STEP + STEP}", "count": counts[step]} for step in steps
    ]
    say = visit.say
    title = say("How the scores lie")
    return Chart(
        name="distribution",
        title=title,
        kind="bars",
        data={
            "labels": [each["label"] for each in told],
            "series": [{"name": say("People"), "values": [str(each["count"]) for each in told]}],
            "unit": "",
        },
        summary=say("{count} scores in steps of five points", count=len(scores)),
        table=Table(
            name="steps",
            caption=title,
            rows=told,
            columns=(
                Column(label=say("Score"), value=lambda each: each["label"]),
                Column(label=say("People"), value=lambda each: each["count"], kind="number"),
            ),
        ),
    )


def _target(visit: Visit, session: Any) -> Table:
    say = visit.say
    return Table(
        name="target",
        caption=say("Target distribution as checked last"),
        rows=session["distribution"],
        empty=say("No distribution has been checked against a target."),
        columns=(
            Column(label=say("Group"), value=lambda row: row["code"]),
            Column(label=say("Wanted"), value=lambda row: row["wanted"], kind="number"),
            Column(label=say("Found"), value=lambda row: row["found"], kind="number"),
        ),
    )


PAGES = (
    Page(
        path="/calibration",
        title="Calibration",
        template="calibrations.html",
        load=_sessions,
        roles=READERS,
        does=("/calibration-sessions",),
        menu="people",
    ),
    Page(
        path="/calibration/{session_id}",
        title="Calibration session",
        template="calibration.html",
        load=_session,
        roles=READERS,
        does=tuple(
            f"/calibration-sessions/{{session_id}}/{name}"
            for name in ("changes", "changes/decide", "distribution", "close")
        ),
    ),
)
