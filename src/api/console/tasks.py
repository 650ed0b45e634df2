"""What is to be done next: each role's questions, asked of the API like every other page."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from api import auth
from api.console import tasks_company
from api.console.approving import DECIDERS
from api.console.page import HOME
from api.console.todo import Task
from api.console.visit import Visit
from api.console.waiting import waiting

Tasks = Callable[[Visit], Awaitable[list[Task]]]

SHOWN_MAX = 100
"""Appraisals of a cycle that are looked at for tasks."""
JUDGING = frozenset({"rating", "comparison", "calibration"})


async def tasks_of(visit: Visit) -> list[Task]:
    """Every task of every role that the visitor has, urgent ones first."""
    everybody = (_to_decide(visit), _colleagues(visit))
    mine = [*everybody, *(ask(visit) for role, ask in BY_ROLE if visit.has(role))]
    # Of two roles that ask the same, once.
    found = dict.fromkeys(task for tasks in await asyncio.gather(*mine) for task in tasks)
    return sorted(found, key=lambda task: not task.urgent)


async def _to_decide(visit: Visit) -> list[Task]:
    items = await waiting(visit) if visit.has(*DECIDERS) else []
    if not items:
        return []
    return [
        Task(
            what=visit.say("Decide: {count} to go", count=len(items)),
            why=visit.say("Somebody waits for each of them."),
            href=f"{HOME}/approvals",
            action=visit.say("Approvals"),
            urgent=True,
        )
    ]


async def _own(visit: Visit) -> list[Task]:
    if visit.me is None:
        return []
    told = await visit.ask("/appraisals", person_id=visit.me, limit=SHOWN_MAX)
    found: list[Task] = []
    for row in told["data"]:
        found.extend(await _of_own(visit, row))
    return found


async def _colleagues(visit: Visit) -> list[Task]:
    if visit.me is None:
        return []
    rows = (await visit.ask("/peer-ratings"))["ratings"]
    rows = [row for row in rows if row["state"] == "approved"]
    cycles = await visit.cycles(row["cycle_id"] for row in rows)
    waiting_for = sum(cycles[row["cycle_id"]]["stage"] in {"rating", "comparison"} for row in rows)
    if not waiting_for:
        return []
    return [
        Task(
            what=visit.say("Rate colleagues: {count} to go", count=waiting_for),
            why=visit.say("You were asked for it; nobody sees it alone."),
            href=f"{HOME}/peer-ratings",
            action=visit.say("Rate colleagues"),
        )
    ]


async def _of_own(visit: Visit, row: Any) -> list[Task]:
    cycle = await visit.ask(f"/cycles/{row['cycle_id']}")
    name, at = cycle["name"], f"{HOME}/appraisals/{row['appraisal_id']}"
    if (
        row["stage"] in {"published", "paid"}
        and row["acknowledged_version"] < row["published_version"]
    ):
        return [
            Task(
                what=visit.say("Read your result of {cycle}", cycle=name),
                why=visit.say("It was published; confirm that you have seen it, or appeal."),
                href=at,
                action=visit.say("My result"),
                urgent=True,
            )
        ]
    if cycle["stage"] == "rating" and not row["self_submitted"]:
        return [
            Task(
                what=visit.say("Rate yourself for {cycle}", cycle=name),
                why=visit.say(
                    "Your manager rates you too; neither sees the other's before both are in."
                ),
                href=f"{at}/self-rating",
                action=visit.say("Rate myself"),
                urgent=True,
            )
        ]
    return []


async def _team(visit: Visit) -> list[Task]:
    if visit.me is None:
        return []
    stages = {row["cycle_id"]: row["stage"] async for row in visit.each("/cycles")}
    rows: list[Any] = []
    for cycle_id, stage in stages.items():
        if stage in JUDGING:
            told = await visit.ask(
                "/appraisals", manager_id=visit.me, cycle_id=cycle_id, limit=SHOWN_MAX
            )
            rows += [row for row in told["data"] if row["person_id"] != str(visit.me)]
    unrated = [
        row for row in rows if stages[row["cycle_id"]] == "rating" and not row["manager_submitted"]
    ]
    unexplained = [row for row in rows if row["stage"] == "deviation-pending"]
    found = []
    if unrated:
        found.append(
            Task(
                what=visit.say("Rate your team: {count} to go", count=len(unrated)),
                why=visit.say("Scores are compared once both sides have rated."),
                href=f"{HOME}/team",
                action=visit.say("Team board"),
                urgent=True,
            )
        )
    if unexplained:
        found.append(
            Task(
                what=visit.say("Explain deviations: {count} to go", count=len(unexplained)),
                why=visit.say("A score cannot be locked before each of them has a reason."),
                href=f"{HOME}/team",
                action=visit.say("Team board"),
                urgent=True,
            )
        )
    return found


BY_ROLE: tuple[tuple[str, Tasks], ...] = (
    (auth.EMPLOYEE, _own),
    (auth.MANAGER, _team),
    (auth.HR, tasks_company.personnel),
    (auth.HR, tasks_company.incidents),
    (auth.FINANCE, tasks_company.money),
    (auth.AUDITOR, tasks_company.audit),
    (auth.ADMIN, tasks_company.machine),
    (auth.ADMIN, tasks_company.imports),
    (auth.ONBOARDING, tasks_company.imports),
)
"""Who is asked what; pages of other roles add theirs here."""
