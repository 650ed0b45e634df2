"""The appeals desk of personnel: what is open, which windows run, who decides."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from api import auth
from api.console.about import about
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit
from api.problems import Said

DESK = frozenset({auth.HR, auth.ADMIN, auth.EXECUTIVE, auth.AUDITOR})
UNDECIDED: Final = ("filed", "returned", "accepted", "under-review", "escalated")
DECIDED: Final = ("upheld", "partly-upheld", "rejected", "withdrawn", "expired")
NEAR_DAYS = 3
OUTCOMES: Final = ("upheld", "partly-upheld", "rejected")
ADJUSTED = 3
"""Rows of facts that the form of a decision offers."""


async def _desk(visit: Visit) -> Mapping[str, Any]:
    status = visit.query.get("status", "")
    known = (*UNDECIDED, *DECIDED)
    rows, cursor = await visit.page("/appeals", status=status if status in known else "")
    cycles = {row["cycle_id"]: row["name"] async for row in visit.each("/cycles")}
    of: dict[str, str] = {}
    for row in rows:
        appraisal = await visit.maybe(f"/appraisals/{row['appraisal_id']}", fields="cycle_id")
        of[row["appeal_id"]] = cycles.get(appraisal["cycle_id"], "") if appraisal else ""
    names = await visit.names(
        each for row in rows for each in (row["person_id"], row["reviewer_id"])
    )
    today = visit.asked.stamp.now.date()
    say = visit.say
    return {
        "statuses": [("", say("all")), *((each, visit.term("appeal", each)) for each in known)],
        "status": status,
        "appeals": Table(
            name="appeals",
            caption=say("Appeals"),
            rows=rows,
            next=cursor,
            empty=say("There are no such appeals."),
            columns=(
                Column(
                    label=say("Name"),
                    value=lambda row: names(row["person_id"]),
                    href=lambda row: f"{HOME}/appeals-desk/{row['appeal_id']}",
                ),
                Column(label=say("Cycle"), value=lambda row: of[row["appeal_id"]]),
                Column(
                    label=say("Status"),
                    value=lambda row: visit.term("appeal", row["status"]),
                    kind="mark",
                    tone=lambda row: "warn" if row["status"] in UNDECIDED else "",
                ),
                Column(label=say("Filed"), value=lambda row: row["filed_at"], kind="moment"),
                Column(
                    label=say("To be filed until"), value=lambda row: row["file_by"], kind="day"
                ),
                Column(
                    label=say("Reviewer"),
                    value=lambda row: names(row["reviewer_id"]) if row["reviewer_id"] else "",
                ),
                Column(
                    label=say("Decision due"),
                    value=lambda row: row["decide_by"] if row["status"] in UNDECIDED else "",
                    kind="mark",
                    tone=lambda row: _tone(row, today),
                ),
            ),
        ),
    }


def _tone(row: Any, today: date) -> str:
    if not row["decide_by"]:
        return ""
    left = (date.fromisoformat(row["decide_by"]) - today).days
    return "bad" if left < 0 else "warn" if left <= NEAR_DAYS else "good"


async def _case(visit: Visit) -> Mapping[str, Any]:
    told = await visit.ask(f"/appeals/{visit.ids['appeal_id']}")
    row = told["appeal"]
    it = await about(visit, row["appraisal_id"])
    if it.own:
        raise Said("not-found", "one's own appeal is among one's own pages")
    reviewers = [each async for each in _candidates(visit, it)]
    names = await visit.names(
        [
            row["person_id"],
            row["reviewer_id"],
            *(each["actor"] for each in told["steps"]),
            *reviewers,
        ]
    )
    at = f"/appeals/{row['appeal_id']}"
    return {
        "row": row,
        "it": it,
        "at": at,
        "who": names.known.get(row["person_id"]) or names(row["person_id"]),
        "reviewer": names(row["reviewer_id"]) if row["reviewer_id"] else "",
        "mine": row["reviewer_id"] == str(visit.me or ""),
        "reviewers": [(each, names.known.get(each) or names(each)) for each in reviewers],
        "steps": [{**each, "who": names(each["actor"])} for each in told["steps"]],
        "undecided": row["status"] in UNDECIDED,
        "outcomes": [(each, visit.term("appeal", each)) for each in OUTCOMES],
        "indicators": [("", visit.say("none")), *_indicators(it)],
        "kinds": [("actual", visit.say("achieved")), ("points", visit.say("points"))],
        "adjusted": range(ADJUSTED),
        "may": {
            name: visit.may("POST", f"{at}/{name}")
            for name in ("accept", "return", "reviewer", "decision", "expire")
        },
    }


def _indicators(it: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["name"]) for each in it.indicators()]


async def _candidates(visit: Visit, it: Any) -> Any:
    """Heads of teams of the company, who are neither concerned nor rate; the domain decides."""
    seen: set[str] = set()
    async for row in visit.each(f"/cycles/{it.row['cycle_id']}/appraisals"):
        manager = row["manager_id"]
        if manager and manager not in seen | {it.row["person_id"], it.row["manager_id"]}:
            seen.add(manager)
            yield manager


PAGES = (
    Page(
        path="/appeals-desk",
        title="Appeals desk",
        template="appeals_desk.html",
        load=_desk,
        roles=DESK,
        menu="people",
    ),
    Page(
        path="/appeals-desk/{appeal_id}",
        title="Appeal",
        template="appeal_case.html",
        load=_case,
        roles=auth.WHOLE_COMPANY | {auth.MANAGER},
        does=tuple(
            f"/appeals/{{appeal_id}}/{name}"
            for name in ("accept", "return", "reviewer", "decision", "expire")
        ),
    ),
)
