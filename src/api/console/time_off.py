"""Leave and overtime: asked for on a phone, followed, withdrawn, and what a team has asked for."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from api.console.approving import DECIDERS
from api.console.page import Page
from api.console.tables import Column, Table
from api.console.units import wanted
from api.console.visit import Names, Visit
from api.console.waiting import time_told
from domain.leave import LeaveKind
from domain.time_request import RequestState

TONES: Final = {"waiting": "warn", "approved": "good", "rejected": "bad"}
STATES: Final = get_args(RequestState)
SHOWN_MAX: Final = 50
"""Requests of one's own that wait, each with a button to withdraw it."""


async def _requests(visit: Visit) -> Mapping[str, Any]:
    say, me = visit.say, str(visit.me or "")
    state = wanted(visit, "state", STATES)
    rows, cursor = await visit.page("/time-requests", state=state)
    waiting: list[Any] = []
    employments: list[Any] = []
    if me:
        told = await visit.ask("/time-requests", state="waiting", person_id=me, limit=SHOWN_MAX)
        waiting = told["data"]
        employments = [
            row async for row in visit.each("/employments", person_id=me) if row["last_day"] is None
        ]
    names = await visit.names(
        each for row in rows for each in (row["person_id"], row["decided_by"])
    )
    return {
        "waiting": [{**row, "told": time_told(visit, row)} for row in waiting],
        "employments": [(row["employment_id"], row["number"]) for row in employments],
        "chosen": wanted(
            visit,
            "employment",
            [row["employment_id"] for row in employments],
            employments[0]["employment_id"] if employments else "",
        ),
        "today": visit.formats.day(visit.asked.stamp.now.date()),
        "kinds": [(each, visit.term("leave-kind", each)) for each in get_args(LeaveKind)],
        "paid": [("", say("paid")), ("true", say("unpaid"))],
        "states": [("", say("all")), *((each, visit.term("request", each)) for each in STATES)],
        "state": state,
        "decides": any(row["state"] == "waiting" and row["person_id"] != me for row in rows),
        "requests": _table(visit, rows, names, cursor),
    }


def _table(visit: Visit, rows: list[Any], names: Names, cursor: str | None) -> Table:
    say = visit.say
    return Table(
        name="requests",
        caption=say("Requests"),
        rows=rows,
        next=cursor,
        empty=say("There are no such requests."),
        columns=(
            Column(label=say("Name"), value=lambda row: names(row["person_id"])),
            Column(label=say("Asked for"), value=lambda row: time_told(visit, row)),
            Column(label=say("Reason"), value=lambda row: row["reason"]),
            Column(
                label=say("State"),
                value=lambda row: visit.term("request", row["state"]),
                kind="mark",
                tone=lambda row: TONES.get(row["state"], ""),
            ),
            Column(
                label=say("Decided by"),
                value=lambda row: names(row["decided_by"]) if row["decided_by"] else "",
            ),
            Column(label=say("Answer"), value=lambda row: row["answer"]),
        ),
    )


PAGES = (
    Page(
        path="/time-off",
        title="Leave and overtime",
        template="time_off.html",
        load=_requests,
        roles=DECIDERS,
        does=(
            "/employments/{employment_id}/leave-requests",
            "/employments/{employment_id}/overtime-requests",
            "/time-requests/{request_id}/withdraw",
        ),
        menu="mine",
    ),
)
