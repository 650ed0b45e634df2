"""The start page: what am I to do next, by role."""

from collections.abc import Mapping
from typing import Any

from api import auth
from api.console.page import Page
from api.console.tasks import tasks_of
from api.console.visit import Visit


async def _start(visit: Visit) -> Mapping[str, Any]:
    cycles, _ = await visit.page("/cycles", limit=100)
    running = [each for each in cycles if each["stage"] not in {"draft", "closed"}]
    return {"tasks": await tasks_of(visit), "running": running, "stages": STAGES}


STAGES = (
    "goal-setting",
    "data-intake",
    "rating",
    "comparison",
    "calibration",
    "locked",
    "paying",
)

PAGES = (
    Page(
        path="",
        title="Start",
        template="start.html",
        load=_start,
        roles=auth.ROLES,
        menu="mine",
    ),
)
