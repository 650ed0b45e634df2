"""Clocking in and out on a phone, what was missed, and whether the phone may tell the place."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from api.console.approving import DECIDERS
from api.console.page import Page
from api.console.tables import Column, Table
from api.console.units import wanted
from api.console.visit import Visit


async def _clock(visit: Visit) -> Mapping[str, Any]:
    here = visit.asked.stamp.now.astimezone(visit.formats.zone)
    today = here.date()
    employments: list[Any] = []
    if visit.me is not None:
        employments = [
            row
            async for row in visit.each("/employments", person_id=visit.me)
            if row["last_day"] is None
        ]
    chosen = wanted(
        visit,
        "employment",
        [row["employment_id"] for row in employments],
        employments[0]["employment_id"] if employments else "",
    )
    shown: dict[str, Any] = {
        "me": str(visit.me or ""),
        "chosen": chosen,
        "employments": [(row["employment_id"], row["number"]) for row in employments],
        "days": [
            (day.isoformat(), visit.formats.day(day)) for day in (today, today - timedelta(days=1))
        ],
        "now": f"{here:%Y-%m-%dT%H:%M}",
        "today": today.isoformat(),
        "directions": [(each, visit.term("clocked", each)) for each in ("in", "out")],
    }
    if not chosen:
        return shown
    month = _month(visit, today)
    told = await visit.ask(f"/employments/{chosen}/attendance", month=month)
    return shown | {
        "fence": await visit.ask(f"/employments/{chosen}/fence"),
        "last": told["records"][-1] if told["records"] else None,
        "before": (month.replace(day=1) - timedelta(days=1)).isoformat(),
        "records": _table(visit, told, month),
    }


def _month(visit: Visit, today: date) -> date:
    try:
        return date.fromisoformat(visit.query.get("month", ""))
    except ValueError:
        return today


def _table(visit: Visit, told: Any, month: date) -> Table:
    say = visit.say
    places: dict[str, str] = {
        each["on"]: each["place"] for each in told["records"] if each["place"] is not None
    }
    return Table(
        name="attendance",
        caption=say("Attendance of {month}", month=f"{month:%Y-%m}"),
        rows=told["days"][::-1],
        empty=say("Nothing is recorded of this month."),
        columns=(
            Column(label=say("Day"), value=lambda row: row["on"], kind="day"),
            Column(label=say("Came"), value=lambda row: row["came_at"], kind="moment"),
            Column(label=say("Went"), value=lambda row: row["went_at"], kind="moment"),
            Column(label=say("Minutes"), value=lambda row: row["minutes"], kind="number"),
            Column(
                label=say("Inside or outside"),
                value=lambda row: visit.term("whereabouts", places.get(row["on"], "")),
            ),
        ),
    )


PAGES = (
    Page(
        path="/clock",
        title="Clock in and out",
        template="clock.html",
        load=_clock,
        roles=DECIDERS,
        does=(
            "/employments/{employment_id}/attendance",
            "/employments/{employment_id}/punch-requests",
            "/people/{person_id}/location-consent",
            "/people/{person_id}/location-consent/withdraw",
        ),
        menu="mine",
    ),
)
