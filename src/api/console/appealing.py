"""Appeals: filed with evidence by the person concerned, and followed step by step."""

from collections.abc import Mapping
from typing import Any

from api import auth
from api.console.about import about, has_result
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit
from api.problems import Said
from domain.appeal import UNDECIDED

READERS = auth.ROLES - {auth.INTEGRATION}
PROOFS = 2
"""Documents that a form has room for."""
COURSE = ("filed", "accepted", "under-review", "decided")


async def _list(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page("/appeals")
    mine = [row for row in rows if row["person_id"] == str(visit.me)]
    cycles = {}
    for row in mine:
        appraisal = await visit.maybe(f"/appraisals/{row['appraisal_id']}")
        cycles[row["appeal_id"]] = appraisal and await visit.ask(f"/cycles/{appraisal['cycle_id']}")
    say = visit.say
    return {
        "appeals": Table(
            name="appeals",
            caption=say("My appeals"),
            rows=mine,
            next=cursor,
            empty=say("You have not appealed. From a published result you can."),
            columns=(
                Column(
                    label=say("Cycle"),
                    value=lambda row: (cycles[row["appeal_id"]] or {}).get("name", ""),
                    href=lambda row: f"{HOME}/appeals/{row['appeal_id']}",
                ),
                Column(label=say("About"), value=lambda row: row["indicator"]),
                Column(
                    label=say("Status"),
                    value=lambda row: visit.term("appeal", row["status"]),
                    kind="mark",
                ),
                Column(label=say("Filed"), value=lambda row: row["filed_at"], kind="moment"),
                Column(label=say("Decision due"), value=lambda row: row["decide_by"], kind="day"),
            ),
        )
    }


async def _file(visit: Visit) -> Mapping[str, Any]:
    it = await about(visit, visit.ids["appraisal_id"])
    if not it.own or not has_result(it.row):
        raise Said("not-found", "one appeals against a published result of one's own")
    before, _ = await visit.page("/appeals", appraisal_id=it.id)
    return {
        "it": it,
        "proofs": range(PROOFS),
        "about": [("total", visit.say("The whole score"))]
        + [(each["code"], each["name"]) for each in it.indicators()],
        "before": before,
    }


async def _appeal(visit: Visit) -> Mapping[str, Any]:
    told = await visit.ask(f"/appeals/{visit.ids['appeal_id']}")
    row = told["appeal"]
    it = await about(visit, row["appraisal_id"])
    names = await visit.names([each["actor"] for each in told["steps"]] + [row["reviewer_id"]])
    mine = row["person_id"] == str(visit.me)
    return {
        "row": row,
        "steps": [{**each, "who": names(each["actor"])} for each in told["steps"]],
        "it": it,
        "mine": mine,
        "reviewer": names(row["reviewer_id"]) if row["reviewer_id"] else "",
        "undecided": row["status"] in UNDECIDED,
        "proofs": range(PROOFS),
        "course": COURSE,
        "at": _at(row["status"]),
    }


def _at(status: str) -> int:
    if status in COURSE:
        return COURSE.index(status)
    return {"returned": 0, "escalated": 2}.get(status, len(COURSE) - 1)


PAGES = (
    Page(
        path="/appeals",
        title="My appeals",
        template="appeals.html",
        load=_list,
        roles=frozenset({auth.EMPLOYEE}),
        menu="mine",
    ),
    Page(
        path="/appraisals/{appraisal_id}/appeal",
        title="Appeal",
        template="appeal_new.html",
        load=_file,
        roles=frozenset({auth.EMPLOYEE}),
        does=("/appeals",),
    ),
    Page(
        path="/appeals/{appeal_id}",
        title="Appeal",
        template="appeal.html",
        load=_appeal,
        roles=READERS,
        does=(
            "/appeals/{appeal_id}/evidence",
            "/appeals/{appeal_id}/withdraw",
            "/appeals/{appeal_id}/escalate",
        ),
    ),
)
