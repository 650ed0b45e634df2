"""Rating colleagues in a 360, on a phone: who was asked for, and what the scheme asks."""

from collections.abc import Mapping
from typing import Any

from api.console.approving import DECIDERS
from api.console.page import Page
from api.console.visit import Visit


async def _ratings(visit: Visit) -> Mapping[str, Any]:
    if visit.me is None:
        return {"asked": [], "given": [], "me": ""}
    rows = (await visit.ask("/peer-ratings"))["ratings"]
    names = await visit.names(row["person_id"] for row in rows)
    cycles = {
        each: await visit.ask(f"/cycles/{each}") for each in {row["cycle_id"] for row in rows}
    }
    shown = [
        {
            **row,
            "who": names(row["person_id"]),
            "cycle": cycles[row["cycle_id"]]["name"],
            "open": cycles[row["cycle_id"]]["stage"] in {"rating", "comparison"},
        }
        for row in rows
    ]
    return {
        "me": str(visit.me),
        "asked": [row for row in shown if row["state"] == "approved" and row["open"]],
        "given": [row for row in shown if row["state"] == "submitted"],
    }


PAGES = (
    Page(
        path="/peer-ratings",
        title="Rate colleagues",
        template="peer_ratings.html",
        load=_ratings,
        roles=DECIDERS,
        does=("/appraisals/{appraisal_id}/peer-ratings",),
        menu="mine",
    ),
)
