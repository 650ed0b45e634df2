"""How the company performs: the map, the distribution, the trend, and what stands out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api import auth
from api.console.charts import Chart
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit

READERS = frozenset({auth.EXECUTIVE, auth.HR, auth.FINANCE, auth.AUDITOR, auth.ADMIN})
PATH = "/performance"
DRAWN_MAX = 24
"""Departments, and jobs, of the figure: those with the most people; its table has all of them."""

Name = Callable[[str], str]


async def _performance(visit: Visit) -> Mapping[str, Any]:
    cycles = (await visit.ask("/analytics/trends"))["cycles"]
    chosen = _chosen(visit, cycles)
    if chosen is None:
        return {"cycles": (), "chosen": None}
    cycle_id = chosen["cycle_id"]
    units = {each["org_unit_id"]: each["name"] async for each in visit.each("/org-units")}
    jobs = {each["job_id"]: each["title"] async for each in visit.each("/jobs")}
    by_job, spread, found, fairness = await asyncio.gather(
        visit.ask("/analytics/job-map", cycle_id=cycle_id),
        visit.ask("/analytics/distribution", cycle_id=cycle_id),
        _findings(visit, cycle_id, units),
        _fairness(visit, cycle_id, units, jobs),
    )
    map_chart = _map(visit, by_job["cells"], units, jobs)
    spread_chart = _spread(visit, spread)
    trend_chart = _trend(visit, cycles)
    return {
        "cycles": [(each["cycle_id"], each["name"]) for each in cycles],
        "chosen": chosen,
        "spread": spread["scores"],
        "families": chosen["families"],
        "findings": found,
        "fairness": fairness,
        "map_chart": map_chart,
        "spread_chart": spread_chart,
        "trend_chart": trend_chart,
        # So that they are exported too.
        "map_table": map_chart.table,
        "spread_table": spread_chart.table,
        "trend_table": trend_chart.table,
    }


def _chosen(visit: Visit, cycles: Sequence[Any]) -> Any:
    wanted = visit.query.get("cycle")
    return next(
        (each for each in cycles if each["cycle_id"] == wanted), cycles[-1] if cycles else None
    )


def _map(
    visit: Visit, cells: Sequence[Any], units: Mapping[str, str], jobs: Mapping[str, str]
) -> Chart:
    say = visit.say
    named = [
        {
            "unit": units.get(each["org_unit_id"], each["org_unit_id"][:8]),
            "job": jobs.get(each["job_id"], each["job_id"][:8]),
            **each["scores"],
        }
        for each in cells
    ]
    rows, columns = _largest(named, "unit"), _largest(named, "job")
    drawn = [
        [columns.index(each["job"]), rows.index(each["unit"]), each["mean"]]
        for each in named
        if each["unit"] in rows and each["job"] in columns
    ]
    means = [each["mean"] for each in named]
    table = Table(
        name="map",
        caption=say("Performance map: department by job"),
        rows=sorted(named, key=lambda each: (each["unit"], each["job"])),
        columns=(
            Column(label=say("Department"), value=lambda each: each["unit"]),
            Column(label=say("Job"), value=lambda each: each["job"]),
            *_figures(visit),
        ),
    )
    return Chart(
        name="map",
        title=say("Performance map: department by job"),
        kind="heat",
        data={
            "x": columns,
            "y": rows,
            "cells": drawn,
            "unit": "",
            "min": min(means, key=float),
            "max": max(means, key=float),
        },
        summary=say(
            "mean scores of {cells} fields, from {low} to {high}",
            cells=len(named),
            low=visit.formats.number(min(means, key=float)),
            high=visit.formats.number(max(means, key=float)),
        ),
        table=table,
    )


def _largest(rows: Sequence[Any], name: str) -> list[str]:
    people: dict[str, int] = {}
    for row in rows:
        people[row[name]] = people.get(row[name], 0) + row["n"]
    kept = sorted(people, key=lambda each: (-people[each], each))[:DRAWN_MAX]
    return sorted(kept)


def _figures(visit: Visit) -> tuple[Column, ...]:
    say = visit.say
    return (
        Column(label=say("People"), value=lambda each: each["n"], kind="number"),
        Column(label=say("Mean"), value=lambda each: each["mean"], kind="number"),
        Column(label=say("Median"), value=lambda each: each["median"], kind="number"),
        Column(label=say("Lowest"), value=lambda each: each["min"], kind="number"),
        Column(label=say("Highest"), value=lambda each: each["max"], kind="number"),
    )


def _spread(visit: Visit, told: Any) -> Chart:
    say, steps = visit.say, told["steps"]
    labels = [f"{each['low']}–{each['high']}" for each in steps]
    table = Table(
        name="distribution",
        caption=say("Distribution of scores"),
        rows=steps,
        columns=(
            Column(label=say("Points from"), value=lambda each: each["low"], kind="number"),
            Column(label=say("below"), value=lambda each: each["high"], kind="number"),
            Column(label=say("People"), value=lambda each: each["n"], kind="number"),
        ),
    )
    return Chart(
        name="distribution",
        title=say("Distribution of scores"),
        kind="bars",
        data={
            "labels": labels,
            "series": [{"name": say("People"), "values": [str(each["n"]) for each in steps]}],
            "unit": say("People"),
        },
        summary=say(
            "{count} scores, half of them at {median} or less",
            count=told["scores"]["n"],
            median=visit.formats.number(told["scores"]["median"]),
        ),
        table=table,
    )


def _trend(visit: Visit, cycles: Sequence[Any]) -> Chart:
    say = visit.say
    families = sorted({each["family"] for cycle in cycles for each in cycle["families"]})
    by_cycle = [
        {each["family"]: each["scores"]["mean"] for each in cycle["families"]} for cycle in cycles
    ]
    rows = [
        {"cycle": cycle["name"], "of": of, **scores}
        for cycle in cycles
        for of, scores in (
            (say("all together"), cycle["scores"]),
            *((visit.term("family", each["family"]), each["scores"]) for each in cycle["families"]),
        )
    ]
    table = Table(
        name="trend",
        caption=say("Mean score over the cycles"),
        rows=rows,
        columns=(
            Column(label=say("Cycle"), value=lambda each: each["cycle"]),
            Column(label=say("Family"), value=lambda each: each["of"]),
            *_figures(visit),
        ),
    )
    return Chart(
        name="trend",
        title=say("Mean score over the cycles"),
        kind="lines",
        data={
            "labels": [cycle["name"] for cycle in cycles],
            "series": [
                {
                    "name": say("all together"),
                    "values": [cycle["scores"]["mean"] for cycle in cycles],
                },
                *(
                    {
                        "name": visit.term("family", family),
                        "values": [each.get(family) for each in by_cycle],
                    }
                    for family in families
                ),
            ],
            "unit": "",
        },
        summary=say("{count} cycles with locked scores", count=len(cycles)),
        table=table,
    )


# -- what stands out


async def _fairness(
    visit: Visit, cycle_id: str, units: Mapping[str, str], jobs: Mapping[str, str]
) -> Table:
    """What people get of what they could; a share of their own base each."""
    told = await visit.ask("/analytics/fairness", cycle_id=cycle_id)
    rows = [
        {"currency": each["currency"], **group}
        for each in told["currencies"]
        for group in each["groups"]
    ]
    say = visit.say

    def name(row: Any) -> str:
        match row["of"]:
            case "family":
                return visit.term("family", row["family"])
            case "unit":
                return units.get(row["org_unit_id"], "")
            case "job":
                return jobs.get(row["job_id"], "")
            case _:
                return say("everybody")

    return Table(
        name="fairness",
        caption=say("How fairly it pays: what people get, as a share of their performance base"),
        rows=rows,
        empty=say("Nothing of this cycle has been calculated for payment."),
        columns=(
            Column(label=say("Of whom"), value=name),
            Column(label=say("Currency"), value=lambda row: row["currency"]),
            Column(label=say("People"), value=lambda row: row["people"], kind="number"),
            Column(label=say("Get nothing"), value=lambda row: row["nothing"], kind="number"),
            Column(label=say("Mean share"), value=lambda row: row["mean"], kind="number"),
            Column(label=say("Lowest"), value=lambda row: row["lowest"], kind="number"),
            Column(label=say("Highest"), value=lambda row: row["highest"], kind="number"),
            Column(label=say("Highest by lowest"), value=lambda row: row["spread"], kind="number"),
            Column(label=say("Gini coefficient"), value=lambda row: row["gini"], kind="number"),
        ),
    )


async def _findings(visit: Visit, cycle_id: str, units: Mapping[str, str]) -> list[Any]:
    told = await visit.ask("/analytics/anomalies", cycle_id=cycle_id)
    names = await visit.names(
        each[of] for each in told["findings"] for of in ("manager_id", "person_id")
    )
    return [
        {
            "title": visit.term("anomaly", each["kind"]),
            "reason": _reason(visit, each, names, units),
            "drivers": [
                visit.say(
                    "{unit} ({family}): median {median}, {count} people",
                    unit=units.get(driver["org_unit_id"], ""),
                    family=visit.term("family", driver["family"]),
                    median=visit.formats.number(driver["median"]),
                    count=driver["n"],
                )
                for driver in each["drivers"]
            ],
            "href": f"{HOME}/appraisals/{each['appraisal_id']}" if each["appraisal_id"] else "",
            "urgent": each["kind"] == "family-imbalance",
        }
        for each in told["findings"]
    ]


def _reason(visit: Visit, each: Any, names: Name, units: Mapping[str, str]) -> str:
    write = visit.formats.number
    values = {
        "observed": write(each["observed"]),
        "usual": write(each["usual"]),
        "count": each["n"],
        "cycles": each["cycles"],
        "higher": visit.term("family", each["family"]),
        "lower": visit.term("family", each["against"]),
        "unit": units.get(each["org_unit_id"] or "", ""),
        "person": names(each["person_id"] or ""),
        "manager": names(each["manager_id"] or ""),
    }
    say = visit.say
    match each["kind"]:
        case "family-imbalance":
            return say(
                "The median of {higher} lies {observed} points above that of {lower}, more than"
                " either of them spreads ({usual} between its quartiles). {count} people; in"
                " {cycles} cycles in a row.",
                **values,
            )
        case "ceiling":
            return say(
                "{observed} % of {count} people of {unit} have 95 points or more and hardly differ:"
                " the scores tell nobody apart.",
                **values,
            )
        case "jump":
            return say(
                "The score of {person} moved by {observed} points; everybody's moved by {usual} on"
                " average, and hardly any so far from it.",
                **values,
            )
        case "rater-shift":
            return say(
                "The scores of the {count} people of {manager} moved by {observed} points on"
                " average, everybody's by {usual}. Chance does not explain it.",
                **values,
            )
        case _:
            return say(
                "The rating of {person} was changed by {manager} {observed} hours before the lock.",
                **values,
            )


PAGES = (
    Page(
        path=PATH,
        title="Performance",
        template="performance.html",
        load=_performance,
        roles=READERS,
        menu="company",
    ),
)
