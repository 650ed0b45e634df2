"""What those are to do next who answer for the company: people, money, proofs, the machine."""

import asyncio
from itertools import chain
from typing import Any, Final

from api.condition import condition
from api.console.page import HOME
from api.console.todo import Task
from api.console.visit import Visit

RUNNING: Final = frozenset({"data-intake", "rating", "comparison", "calibration"})
"""Stages of a cycle in which appraisals are held up by something."""
PAYABLE: Final = frozenset({"locked", "paying"})
UNRESOLVED: Final = ("reported", "acknowledged", "restored")


async def personnel(visit: Visit) -> list[Task]:
    """Cycles that something holds up, and those that may go on."""
    cycles = [each for each in await _cycles(visit) if each["stage"] in RUNNING]
    return list(await asyncio.gather(*(_of_cycle(visit, each) for each in cycles)))


async def _of_cycle(visit: Visit, cycle: Any) -> Task:
    say, at = visit.say, f"/cycles/{cycle['cycle_id']}"
    told = await visit.ask(f"{at}/progress")
    held = {each["kind"]: each["count"] for each in told["exceptions"] if each["count"]}
    worst = max(held, key=lambda kind: held[kind], default=None)
    if worst is None:
        return Task(
            what=say("Move {cycle} on", cycle=cycle["name"]),
            why=say("Nothing holds it up in its stage."),
            href=f"{HOME}{at}",
            action=say("Cockpit"),
        )
    return Task(
        what=say("See what holds up {cycle}", cycle=cycle["name"]),
        why=say(
            "{count} appraisals: {what}", count=held[worst], what=visit.term("exception", worst)
        ),
        href=f"{HOME}{at}?show={worst}#held-up",
        action=say("Cockpit"),
    )


async def money(visit: Visit) -> list[Task]:
    """Batches that wait for their next step, and cycles of which nothing has been prepared."""
    say = visit.say
    batches = [row async for row in visit.each("/payout-batches")]
    steps = {
        "approved": say("Instruct the payment of {batch}"),
        "instructed": say("Settle {batch} once the bank has paid"),
    }
    begun = {row["cycle_id"] for row in batches}
    return [
        Task(
            what=steps[row["state"]].format(batch=row["code"]),
            why=" + ".join(visit.formats.money(each) for each in row["totals"]),
            href=f"{HOME}/batches/{row['batch_id']}",
            action=say("Batch"),
            urgent=row["state"] == "approved",
        )
        for row in batches
        if row["state"] in steps
    ] + [
        Task(
            what=say("Prepare the payout of {cycle}", cycle=cycle["name"]),
            why=say("Its scores are locked, and no batch has been prepared."),
            href=f"{HOME}/batches?cycle={cycle['cycle_id']}",
            action=say("Payout batches"),
        )
        for cycle in await _cycles(visit)
        if cycle["stage"] in PAYABLE and cycle["cycle_id"] not in begun
    ]


async def audit(visit: Visit) -> list[Task]:
    """The root to keep, and the chain to compute anew: what an auditor does at every visit."""
    say = visit.say
    return [
        Task(
            what=say("Keep the newest signed root"),
            why=say("Kept outside, it shows that nothing before it was changed."),
            href=f"{HOME}/audit/proof",
            action=say("Proof"),
        ),
        Task(
            what=say("Compute the chain of reads anew"),
            why=say("It shows that every entry of who read what is the one that was written."),
            href=f"{HOME}/audit/reads?chain=1",
            action=say("Who read what"),
        ),
    ]


async def machine(visit: Visit) -> list[Task]:
    """Checks that fail, incidents with a running clock, imports on their way."""
    say = visit.say
    told = await condition(visit.asked.services)
    bad = [name for name, check in told.checks.items() if check.status == "fail"]
    found = await incidents(visit)
    if bad:
        found.append(
            Task(
                what=say("Look after {check}", check=min(bad)),
                why=say("{count} checks fail.", count=len(bad)),
                href=f"{HOME}/health",
                action=say("Health"),
                urgent=True,
            )
        )
    return found


async def incidents(visit: Visit) -> list[Task]:
    """Incidents that are not resolved; whoever may take one on is told so."""
    found = await asyncio.gather(*(_of_incidents(visit, state) for state in UNRESOLVED))
    return list(chain.from_iterable(found))


async def _of_incidents(visit: Visit, state: str) -> list[Task]:
    say, found = visit.say, []
    async for row in visit.each("/incidents", state=state):
        due = min((each["due_at"] for each in row["clocks"] if not each["stopped_at"]), default="")
        task = Task(
            what=row["title"],
            why=say("Promised by {moment}", moment=visit.formats.moment(due))
            if due
            else visit.term("incident-state", state),
            href=f"{HOME}/incidents/{row['incident_id']}",
            action=say("Incident"),
            urgent=bool(due),
        )
        found.append(task)
    return found


async def imports(visit: Visit) -> list[Task]:
    """Batches that are being brought in, and what keeps them."""
    say, found = visit.say, []
    async for row in visit.each("/imports", stage="cleansing"):
        passed = {each["check"] for each in row["checks"] if each["passed"]}
        if row["quarantined"]:
            why = say("{count} rows are in quarantine.", count=row["quarantined"])
        elif not passed >= {"format", "logic"}:
            why = say("Its rows have not passed both checks.")
        elif row["sample"] is None or not row["sample"]["agreed"]:
            why = say("Two people compare its sample.")
        else:
            why = say("It waits for its signature, or to be brought in.")
        found.append(
            Task(
                what=say("Go on with the import {code}", code=row["code"]),
                why=why,
                href=f"{HOME}/imports/{row['import_id']}",
                action=say("Import"),
            )
        )
    return found


async def _cycles(visit: Visit) -> list[Any]:
    return [row async for row in visit.each("/cycles")]
