"""My progress: goals, what was achieved, and what it would score and pay if it stayed so."""

import asyncio
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from api import auth
from api.console.about import MEASURED, About, running, told
from api.console.page import Page
from api.console.tables import Column, Table
from api.console.visit import Visit

PEOPLE = frozenset({auth.EMPLOYEE})


async def _progress(visit: Visit) -> Mapping[str, Any]:
    found = (
        await visit.ask("/appraisals", person_id=visit.me, limit=100) if visit.me else {"data": []}
    )
    # At once, because each answer waits for its reading to be written down.
    every = await asyncio.gather(*(_one(visit, row) for row in found["data"] if running(row)))
    return {"every": every, **{f"goals_{at}": each["table"] for at, each in enumerate(every)}}


async def _one(visit: Visit, row: Any) -> Mapping[str, Any]:
    at = f"/appraisals/{row['appraisal_id']}"
    it, goals, sums, worth, projected = await asyncio.gather(
        told(visit, row),
        visit.maybe(f"{at}/goals"),
        visit.ask(f"/cycles/{row['cycle_id']}/employments/{row['employment_id']}/actuals"),
        visit.maybe(f"{at}/worth"),
        visit.ask(f"{at}/projection"),
    )
    return {
        "it": it,
        "goals": goals,
        "agreeable": bool(goals)
        and not goals["agreed"]
        and goals["proposed_by"] != str(visit.me)
        and it.cycle["stage"] in {"goal-setting", "data-intake"},
        "projected": projected,
        "worth": worth if worth and worth["projection"] else None,
        "table": _table(visit, it, goals, sums["sums"]),
        "actuals": sums["actuals"],
    }


def _table(visit: Visit, it: About, goals: Any, sums: Mapping[str, str]) -> Table:
    targets = {each["indicator"]: each["target"] for each in (goals or {"targets": ()})["targets"]}
    excused = {each["indicator"] for each in (goals or {"excused": ()})["excused"]}
    rows = [
        {
            "name": indicator["name"],
            "section": indicator["section"],
            "share": indicator["share"],
            "target": targets.get(indicator["code"]),
            "actual": sums.get(indicator["code"]),
            "reached": _reached(sums.get(indicator["code"]), targets.get(indicator["code"])),
            "excused": indicator["code"] in excused,
        }
        for indicator in it.indicators(*MEASURED)
    ]
    say = visit.say
    return Table(
        name=f"goals-{it.cycle['code']}",
        caption=say("Goals and what was achieved"),
        rows=rows,
        empty=say("Your scheme measures nothing by data; people judge what you do."),
        columns=(
            Column(label=say("Indicator"), value=lambda row: row["name"]),
            Column(label=say("Section"), value=lambda row: row["section"]),
            Column(label=say("Weight"), value=lambda row: f"{row['share']:g} %"),
            Column(label=say("Target"), value=lambda row: row["target"], kind="number"),
            Column(label=say("Achieved so far"), value=lambda row: row["actual"], kind="number"),
            Column(
                label=say("Reached"),
                value=lambda row: (
                    say("excused")
                    if row["excused"]
                    else (
                        f"{row['reached']} %" if row["reached"] is not None else say("no data yet")
                    )
                ),
                kind="mark",
                tone=lambda row: (
                    ""
                    if row["reached"] is None or row["excused"]
                    else "good"
                    if int(row["reached"]) >= GOOD
                    else "warn"
                ),
            ),
        ),
    )


GOOD = 80
"""Percent of a target from which it is shown as well on its way."""


def _reached(actual: str | None, target: str | None) -> int | None:
    if actual is None or target is None or not Fraction(target):
        return None
    return int(Fraction(actual) * 100 / Fraction(target))


PAGES = (
    Page(
        path="/progress",
        title="My progress",
        template="progress.html",
        load=_progress,
        roles=PEOPLE,
        does=("/appraisals/{appraisal_id}/goals/agree",),
        menu="mine",
    ),
)
