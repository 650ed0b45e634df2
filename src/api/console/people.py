"""The organisation of a day, its people, and a person with employments, assignments and pay."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from api import auth
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.units import unit_names, wanted
from api.console.visit import Visit

READERS = auth.WHOLE_COMPANY
YEARS_BACK = 3
NUMBER_LENGTH_MAX = 100


def day_of(visit: Visit) -> str:
    """The day that the page is of: what the address says, else today; by the slider or the field.

    A slider tells days since its beginning, for it can tell nothing else.
    """
    today = visit.asked.stamp.now.date()
    told = visit.query.get("on", "")
    back = visit.query.get("days", "")
    try:
        if told:
            return date.fromisoformat(told).isoformat()
        if back:
            return (beginning(visit) + timedelta(days=int(back))).isoformat()
    except (ValueError, OverflowError):
        pass
    return today.isoformat()


def beginning(visit: Visit) -> date:
    """The first day of the slider."""
    today = visit.asked.stamp.now.date()
    return date(today.year - YEARS_BACK, 1, 1)


def slider(visit: Visit, day: str) -> Mapping[str, Any]:
    """What the slider of days needs."""
    first = beginning(visit)
    last = visit.asked.stamp.now.date() + timedelta(days=366)
    return {
        "on": day,
        "unit": "",
        "first": first.isoformat(),
        "last": last.isoformat(),
        "days": (last - first).days,
        "at_day": max(0, min((date.fromisoformat(day) - first).days, (last - first).days)),
    }


async def _organisation(visit: Visit) -> Mapping[str, Any]:
    day = day_of(visit)
    tree = await visit.ask("/org-units/tree", valid_at=day)
    findings = await visit.ask("/org-units/findings", valid_at=day)
    units = {unit["org_unit_id"]: unit["name"] for unit in tree["units"]}
    unit = wanted(visit, "unit", units)
    say = visit.say
    query: dict[str, str] = {"valid_at": day}
    if unit:
        query["org_unit_id"] = unit
    if number := visit.query.get("number", ""):
        query["from_number"] = number[:NUMBER_LENGTH_MAX]
    rows, cursor = await visit.page("/employments", limit=100, **query)
    jobs = {job["job_id"]: job["title"] async for job in visit.each("/jobs")}
    names = await visit.names(
        each for row in rows for each in (row["person_id"], row["manager_id"])
    )
    return {
        **slider(visit, day),
        "tree": [{**each, "depth": len(each["path"])} for each in tree["units"]],
        "unit": unit,
        "unit_name": units.get(unit, ""),
        "findings": [
            {**each, "name": units.get(each["org_unit_id"], each["org_unit_id"][:8])}
            for each in findings["findings"]
        ],
        "people": Table(
            name="people",
            caption=say("People on {day}", day=day),
            rows=rows,
            next=cursor,
            empty=say("Nobody was employed here on that day."),
            columns=(
                Column(
                    label=say("Name"),
                    value=lambda row: names(row["person_id"]),
                    href=lambda row: f"{HOME}/people/{row['person_id']}?on={day}",
                ),
                Column(label=say("Number"), value=lambda row: row["number"]),
                Column(label=say("Unit"), value=lambda row: units.get(row["org_unit_id"], "")),
                Column(label=say("Job"), value=lambda row: jobs.get(row["job_id"], "")),
                Column(
                    label=say("Led by"),
                    value=lambda row: names(row["manager_id"]) if row["manager_id"] else "",
                ),
                Column(label=say("Hired"), value=lambda row: row["hired_on"], kind="day"),
                Column(label=say("Last day"), value=lambda row: row["last_day"], kind="day"),
            ),
        ),
    }


async def _person(visit: Visit) -> Mapping[str, Any]:
    day = day_of(visit)
    person = await visit.ask(f"/people/{visit.ids['person_id']}")
    every = [each async for each in visit.each("/employments", person_id=person["person_id"])]
    units = await unit_names(visit)
    jobs = {job["job_id"]: job["title"] async for job in visit.each("/jobs")}
    names = await visit.names(
        step["assignment"]["manager_id"] for each in every for step in each["assignments"]
    )
    appraisals, _ = await visit.page("/appraisals", person_id=person["person_id"], limit=100)
    cycles = {row["cycle_id"]: row["name"] async for row in visit.each("/cycles")}
    say = visit.say
    return {
        **slider(visit, day),
        "person": person,
        "may_cancel": visit.has(auth.HR, auth.ADMIN),
        "employments": [
            {
                **each,
                "assigned": _assignments(visit, each, (units, jobs, names), day),
                "paid": _pay(visit, each, day),
            }
            for each in every
        ],
        **{
            f"exported_{at}": table
            for at, table in enumerate(
                table
                for each in every
                for table in (
                    _assignments(visit, each, (units, jobs, names), day),
                    _pay(visit, each, day),
                )
            )
        },
        "appraisals": Table(
            name="appraisals",
            caption=say("Appraisals"),
            rows=appraisals,
            empty=say("Not appraised yet."),
            columns=(
                Column(
                    label=say("Cycle"),
                    value=lambda row: cycles.get(row["cycle_id"], ""),
                    href=lambda row: f"{HOME}/appraisals/{row['appraisal_id']}",
                ),
                Column(
                    label=say("Stage"),
                    value=lambda row: visit.term("stage", row["stage"]),
                    kind="mark",
                ),
                Column(label=say("Score"), value=lambda row: row["score"], kind="number"),
                Column(
                    label=say("Coefficient"), value=lambda row: row["coefficient"], kind="number"
                ),
            ),
        ),
    }


def _in_force(steps: list[Any], day: str) -> str:
    """The first day of the step that holds on a day; empty where none does."""
    return max(
        (each["effective_from"] for each in steps if each["effective_from"] <= day), default=""
    )


def _when(visit: Visit, steps: list[Any], day: str) -> Column:
    holds = _in_force(steps, day)

    def told(row: Any) -> str:
        if row["effective_from"] == holds:
            return visit.say("in force")
        return visit.say("planned") if row["effective_from"] > day else visit.say("before")

    return Column(
        label=visit.say("On that day"),
        value=told,
        kind="mark",
        tone=lambda row: "good" if row["effective_from"] == holds else "",
    )


Words = tuple[Mapping[str, str], Mapping[str, str], Any]


def _assignments(visit: Visit, employment: Any, words: Words, day: str) -> Table:
    units, jobs, names = words
    say, steps = visit.say, employment["assignments"]

    def of(name: str) -> Any:
        return lambda row: row["assignment"][name]

    return Table(
        name=f"assignments-{employment['number']}",
        caption=say("Assignments"),
        rows=steps,
        columns=(
            Column(label=say("From"), value=lambda row: row["effective_from"], kind="day"),
            _when(visit, steps, day),
            Column(label=say("Unit"), value=lambda row: units.get(of("org_unit_id")(row), "")),
            Column(label=say("Job"), value=lambda row: jobs.get(of("job_id")(row), "")),
            Column(
                label=say("Led by"),
                value=lambda row: names(of("manager_id")(row)) if of("manager_id")(row) else "",
            ),
            Column(label=say("Cost centre"), value=of("cost_centre")),
            Column(label=say("Full-time equivalent"), value=of("fte"), kind="number"),
        ),
    )


def _pay(visit: Visit, employment: Any, day: str) -> Table:
    say, steps = visit.say, employment["pay_structures"]
    return Table(
        name=f"pay-{employment['number']}",
        caption=say("Pay structures"),
        rows=steps,
        empty=say("No pay structure is on record."),
        columns=(
            Column(label=say("From"), value=lambda row: row["effective_from"], kind="day"),
            _when(visit, steps, day),
            Column(label=say("Total a month"), value=lambda row: row["total"], kind="money"),
            Column(
                label=say("Performance share"),
                value=lambda row: row["performance_share"],
                kind="number",
            ),
            Column(
                label=say("Performance pay"), value=lambda row: row["performance"], kind="money"
            ),
            Column(label=say("Fixed pay"), value=lambda row: row["fixed"], kind="money"),
        ),
    )


PAGES = (
    Page(
        path="/organisation",
        title="Organisation",
        template="organisation.html",
        load=_organisation,
        roles=READERS,
        menu="people",
    ),
    Page(
        path="/people/{person_id}",
        title="Person",
        template="person.html",
        load=_person,
        roles=READERS,
        does=("/employments/{employment_id}/leave/cancel",),
    ),
)
