"""The cockpit of a cycle: how far it is, what holds it up, and the next step for all of it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, get_args

from api import auth
from api.console.page import HOME, Page
from api.console.problems import meaning_of
from api.console.tables import Column, Table
from api.console.units import unit_names, wanted
from api.console.visit import Visit
from domain.cycle import STAGES
from projections.cycle_progress import KINDS, SHOWN_MAX
from projections.scores import AppraisalStage

PERSONNEL = frozenset({auth.HR, auth.ADMIN})
READERS = PERSONNEL | {auth.EXECUTIVE, auth.FINANCE, auth.AUDITOR}
UNDECIDED: Final = ("filed", "returned", "accepted", "under-review", "escalated")


async def _cycles(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page("/cycles")
    say = visit.say
    return {
        "cycles": Table(
            name="cycles",
            caption=say("Cycles"),
            rows=rows,
            next=cursor,
            empty=say("No cycle has been planned yet. The API plans one: POST /cycles."),
            columns=(
                Column(
                    label=say("Cycle"),
                    value=lambda row: row["name"],
                    href=lambda row: f"{HOME}/cycles/{row['cycle_id']}",
                ),
                Column(label=say("Code"), value=lambda row: row["code"]),
                Column(
                    label=say("Stage"),
                    value=lambda row: visit.term("cycle-stage", row["stage"]),
                    kind="mark",
                    tone=lambda row: "" if row["stage"] in {"draft", "closed"} else "good",
                ),
                Column(label=say("From"), value=lambda row: row["starts_on"], kind="day"),
                Column(label=say("Until"), value=lambda row: row["ends_on"], kind="day"),
            ),
        )
    }


async def _cockpit(visit: Visit) -> Mapping[str, Any]:
    at = f"/cycles/{visit.ids['cycle_id']}"
    cycle = await visit.ask(at)
    progress = await visit.ask(f"{at}/progress")
    units = await unit_names(visit)
    shown = wanted(visit, "show", KINDS)
    preview = None
    if visit.query.get("preview") == "lock" and visit.may("GET", f"{at}/lock-preview"):
        preview = await visit.ask(f"{at}/lock-preview")
    place = STAGES.index(cycle["stage"])
    return {
        "cycle": cycle,
        "at": at,
        "stages": STAGES,
        "place": place,
        "following": STAGES[place + 1] if place + 1 < len(STAGES) else "",
        "progress": progress,
        "sums": {
            name: sum(unit[name] for unit in progress["units"])
            for name in ("self_rated", "manager_rated", "locked", "published")
        },
        "unlike": await _unlike(visit, at),
        "acts": visit.caller.has(PERSONNEL),
        "stage_table": _stages(visit, progress),
        "exceptions": await _exceptions(visit, cycle, progress),
        "units": _units(visit, progress, units),
        "held_up": await _held_up(visit, at, shown, units) if shown else None,
        "preview": preview,
        "refusals": await _refusals(visit, preview) if preview else None,
        "reasons": _reasons(visit, preview) if preview else {},
    }


async def _unlike(visit: Visit, at: str) -> list[Any]:
    """Jobs whose people are appraised by different schemes without a reason on record."""
    told = await visit.ask(f"{at}/same-work")
    return [each for each in told["unlike"] if not each["excepted"]]


def _stages(visit: Visit, progress: Any) -> Table:
    say, whole = visit.say, progress["appraisals"]
    found = progress["stages"]
    return Table(
        name="stages",
        caption=say("Appraisals by stage"),
        rows=[stage for stage in get_args(AppraisalStage) if found.get(stage)],
        empty=say("There are no appraisals in this cycle yet."),
        columns=(
            Column(label=say("Stage"), value=lambda stage: visit.term("stage", stage)),
            Column(
                label=say("Appraisals"),
                value=lambda stage: (found[stage], whole),
                kind="progress",
            ),
        ),
    )


async def _exceptions(visit: Visit, cycle: Any, progress: Any) -> Table:
    say, counts = visit.say, {each["kind"]: each["count"] for each in progress["exceptions"]}
    rows: list[Mapping[str, Any]] = [
        {"kind": kind, "count": counts[kind], "href": f"{visit.path}?show={kind}#held-up"}
        for kind in KINDS
        if counts[kind]
    ]
    if visit.may("GET", "/calibration-sessions"):
        sessions = [
            each
            async for each in visit.each("/calibration-sessions", cycle_id=cycle["cycle_id"])
            if not each["closed"]
        ]
        if sessions:
            href = f"{HOME}/calibration?cycle={cycle['cycle_id']}"
            rows.append({"kind": "session-open", "count": len(sessions), "href": href})
    appeals = [each async for each in visit.each("/appeals") if each["status"] in UNDECIDED]
    if appeals:
        href = f"{HOME}/appeals-desk"
        rows.append({"kind": "appeal-open", "count": len(appeals), "href": href})
    return Table(
        name="exceptions",
        caption=say("What holds it up"),
        rows=rows,
        empty=say("Nothing holds this cycle up."),
        columns=(
            Column(
                label=say("What"),
                value=lambda row: visit.term("exception", row["kind"]),
                href=lambda row: row["href"],
            ),
            Column(label=say("How many"), value=lambda row: row["count"], kind="number"),
        ),
    )


def _units(visit: Visit, progress: Any, units: Mapping[str, str]) -> Table:
    say = visit.say

    def of(name: str) -> Any:
        return lambda row: (row[name], row["appraisals"])

    return Table(
        name="units",
        caption=say("By unit"),
        rows=progress["units"],
        empty=say("There are no appraisals in this cycle yet."),
        columns=(
            Column(
                label=say("Unit"),
                value=lambda row: units.get(row["org_unit_id"], row["org_unit_id"]),
            ),
            Column(label=say("Self ratings"), value=of("self_rated"), kind="progress"),
            Column(label=say("Managers' ratings"), value=of("manager_rated"), kind="progress"),
            Column(label=say("Locked"), value=of("locked"), kind="progress"),
            Column(label=say("Published"), value=of("published"), kind="progress"),
        ),
    )


async def _held_up(visit: Visit, at: str, kind: str, units: Mapping[str, str]) -> Table:
    told = await visit.ask(f"{at}/exceptions", kind=kind)
    rows = told["appraisals"]
    names = await visit.names(
        each for row in rows for each in (row["person_id"], row["manager_id"])
    )
    say = visit.say
    caption = visit.term("exception", kind)
    if told["count"] > SHOWN_MAX:
        count = told["count"]
        caption = say(
            "{what}: the first {shown} of {count}", what=caption, shown=SHOWN_MAX, count=count
        )
    return Table(
        name=kind,
        caption=caption,
        rows=rows,
        empty=say("Nobody is held up by this any more."),
        columns=(
            Column(
                label=say("Name"),
                value=lambda row: names(row["person_id"]),
                href=lambda row: f"{HOME}/appraisals/{row['appraisal_id']}/history",
            ),
            Column(label=say("Unit"), value=lambda row: units.get(row["org_unit_id"], "")),
            Column(
                label=say("Led by"),
                value=lambda row: names(row["manager_id"]) if row["manager_id"] else "",
            ),
            Column(
                label=say("Stage"), value=lambda row: visit.term("stage", row["stage"]), kind="mark"
            ),
        ),
    )


def _reasons(visit: Visit, preview: Any) -> Mapping[str, int]:
    return Counter(meaning_of(each["code"], visit.language) for each in preview["refused"])


async def _refusals(visit: Visit, preview: Any) -> Table:
    rows = preview["refused"]
    names = await visit.names(row["person_id"] for row in rows)
    say = visit.say
    return Table(
        name="refusals",
        caption=say("Who would not be locked, and why"),
        rows=rows,
        empty=say("Everybody would be locked."),
        columns=(
            Column(
                label=say("Name"),
                value=lambda row: names(row["person_id"]),
                href=lambda row: f"{HOME}/appraisals/{row['appraisal_id']}/history",
            ),
            Column(label=say("Why"), value=lambda row: meaning_of(row["code"], visit.language)),
            Column(label=say("In detail"), value=lambda row: visit.detail(row["detail"]).text),
        ),
    )


PAGES = (
    Page(
        path="/cycles",
        title="Cycles",
        template="cycles.html",
        load=_cycles,
        roles=READERS,
        menu="people",
    ),
    Page(
        path="/cycles/{cycle_id}",
        title="Cycle",
        template="cockpit.html",
        load=_cockpit,
        roles=READERS,
        does=(
            "/cycles/{cycle_id}/open",
            "/cycles/{cycle_id}/advance",
            "/cycles/{cycle_id}/participants",
            "/cycles/{cycle_id}/score",
            "/cycles/{cycle_id}/lock",
            "/cycles/{cycle_id}/publish",
            "/cycles/{cycle_id}/close",
        ),
    ),
)
