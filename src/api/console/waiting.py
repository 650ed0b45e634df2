"""What waits for the decision of who is here, or of whose name they act in: asked of the API."""

import asyncio
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final

import msgspec

from api.console.answering import calibration, decisions, raters, schemes
from api.console.items import OF_ANY, Act, Item, Waiting, no
from api.console.page import HOME
from api.console.visit import Visit
from domain.delegation import ApprovalKind

MOVING: Final = frozenset({"goal-setting", "data-intake", "rating", "comparison", "calibration"})
"""Stages of a cycle in which goals are still agreed or changed."""
GOALS_MAX: Final = 500
"""Appraisals that are looked through for goals, of one's own and of one's team each."""


async def waiting(visit: Visit) -> list[Item]:
    """Everything that waits for this visitor, the oldest first; also what others delegated."""
    asks = (*dict.fromkeys(ask for asks in OF_KIND.values() for ask in asks), *OWN)
    # All at once: reads are written down together before any answer leaves.
    answers = await asyncio.gather(*(ask(visit) for ask in asks), _lent(visit))
    found: dict[str, Item] = {}
    for item in chain.from_iterable(answers):
        found.setdefault(item.key, item)
    return sorted(found.values(), key=lambda item: item.at)


async def _lent(visit: Visit) -> list[Item]:
    if visit.me is None:
        return []
    rows = [
        row
        async for row in visit.each("/delegations", delegate_id=visit.me, current=True)
        if row["in_force"]
    ]
    return list(
        chain.from_iterable(await asyncio.gather(*(_delegated(visit, row) for row in rows)))
    )


async def _delegated(visit: Visit, row: Any) -> list[Item]:
    me, lender = str(visit.me), await visit.in_the_name_of(row)
    return [
        msgspec.structs.replace(item, lent=row["delegation_id"], owner=row["person_id"], href="")
        for kind in row["kinds"]
        for ask in OF_KIND[kind]
        for item in await ask(lender)
        # Nobody is judge in their own case, in whoever's name.
        if me not in {*item.people, item.by} and item.acts
    ]


# -- goals


async def _goals(visit: Visit) -> list[Item]:
    if visit.me is None or not visit.may("GET", "/goals"):
        return []
    rows: dict[str, Any] = {}
    both = await asyncio.gather(
        *(
            visit.ask("/goals", waiting=True, limit=GOALS_MAX, **{relation: visit.me})
            for relation in ("person_id", "manager_id")
        )
    )
    for told in both:
        rows |= {row["appraisal_id"]: row for row in told["data"]}
    cycles = await visit.own.cycles(row["cycle_id"] for row in rows.values())
    found: list[Item] = []
    for row in rows.values():
        cycle = cycles[row["cycle_id"]]
        if cycle["stage"] in MOVING:
            found.extend(_of_goals(visit, row, cycle))
    return found


def _of_goals(visit: Visit, row: Any, cycle: Any) -> list[Item]:
    say, me, own = visit.say, str(visit.caller.actor), row["person_id"] == str(visit.me)
    at = f"/appraisals/{row['appraisal_id']}/goals"
    href = f"{HOME}/progress" if own else f"{HOME}/appraisals/{row['appraisal_id']}/rating"
    found: list[Item] = []
    if (
        row["targets"]
        and not row["agreed"]
        and row["proposed_by"] != me
        and not (own and visit.lent)
    ):
        found.append(
            Item(
                kind="goals",
                key=f"goals-{row['appraisal_id']}",
                what=cycle["name"],
                people=(row["person_id"],),
                by=row["proposed_by"],
                lines=tuple(
                    f"{each['indicator']}: {visit.formats.number(each['target'])}"
                    for each in row["targets"]
                ),
                href=href,
                acts=(Act(path=f"{at}/agree", label=say("Agree"), version=str(row["version"])),),
            )
        )
    for asked in row["requests"]:
        if own or asked["requested_by"] == me or not visit.may("POST", f"{at}/approve-change"):
            continue
        indicator = asked["indicator"]
        about = (("indicator", indicator),)
        wanted = (
            say("another target: {target}", target=visit.formats.number(asked["target"]))
            if asked["target"] is not None
            else say("not to count for this person")
        )
        refuse = no(f"{at}/decline-change", say("Decline"), hidden=about)
        found.append(
            Item(
                kind="goal-change",
                key=f"change-{row['appraisal_id']}-{indicator}",
                what=cycle["name"],
                people=(row["person_id"],),
                by=asked["requested_by"],
                lines=(f"{indicator}: {wanted}",),
                href=href,
                acts=(Act(path=f"{at}/approve-change", label=say("Approve"), hidden=about), refuse),
            )
        )
    return found


# -- rewards, batches


async def _rewards(visit: Visit) -> list[Item]:
    say, me, found = visit.say, str(visit.caller.actor), []
    for state, name in (("nominated", "approve"), ("approved", "grant")):
        if not visit.may("POST", f"/rewards/{OF_ANY}/{name}"):
            continue
        async for row in visit.each("/rewards", state=state):
            people = tuple(dict.fromkeys(share["person_id"] for share in row["shares"]))
            if me in people or (name == "approve" and row["nominated_by"] == me):
                continue
            at, version = f"/rewards/{row['reward_id']}", str(row["version"])
            yes = say("Approve") if name == "approve" else say("Grant")
            acts = [Act(path=f"{at}/{name}", label=yes, version=version)]
            if visit.may("POST", f"{at}/reject"):
                acts.append(no(f"{at}/reject", say("Reject"), version=version))
            found.append(
                Item(
                    kind=f"reward-{name}",
                    key=f"reward-{row['reward_id']}",
                    what=row["title"] or row["code"],
                    people=people,
                    by=row["nominated_by"],
                    at=row["nominated_at"],
                    lines=(visit.formats.money(row["amount"]), *filter(None, [row["reason"]])),
                    href=f"{HOME}{at}",
                    acts=tuple(acts),
                )
            )
    return found


async def _batches(visit: Visit) -> list[Item]:
    if not visit.may("POST", f"/payout-batches/{OF_ANY}/approve"):
        return []
    say, found = visit.say, []
    async for row in visit.each("/payout-batches", state="prepared"):
        if row["prepared_by"] == str(visit.caller.actor):
            continue
        at = f"/payout-batches/{row['batch_id']}/approve"
        # Who may open the batch decides there, where its lines are.
        yes = Act(path=at, label=say("Approve"), version=str(row["version"]))
        item = Item(
            kind="batch",
            key=f"batch-{row['batch_id']}",
            what=row["code"],
            by=row["prepared_by"],
            at=row["prepared_at"],
            lines=(
                say("{count} lines", count=row["lines"]),
                " + ".join(visit.formats.money(each) for each in row["totals"]),
            ),
            href=f"{HOME}/batches/{row['batch_id']}",
            acts=(yes,) if visit.lent else (),
        )
        found.append(item)
    return found


# -- requests, appeals


def time_told(visit: Visit, row: Any) -> str:
    """What is asked for, in a sentence."""
    if row["what"] == "overtime":
        return visit.say(
            "Overtime on {day}: {minutes} minutes", day=row["starts_on"], minutes=row["minutes"]
        )
    if row["what"] == "punch":
        told = visit.formats.moment(row["at"])
        return visit.say(
            "Missed: {what}, {at}", what=visit.term("clocked", row["direction"]), at=told
        )
    kind = visit.term("leave-kind", row["kind"]) if row["kind"] else visit.say("leave")
    days = {"first": row["starts_on"], "last": row["ends_on"], "kind": kind}
    if row["unpaid"]:
        return visit.say("{kind}, unpaid, {first} to {last}", **days)
    return visit.say("{kind}, {first} to {last}", **days)


async def _time(visit: Visit) -> list[Item]:
    say, me, found = visit.say, str(visit.caller.actor), []
    if not visit.may("POST", f"/time-requests/{OF_ANY}/approve"):
        return []
    async for row in visit.each("/time-requests", state="waiting"):
        if me in {row["person_id"], row["requested_by"]}:
            continue
        at, version = f"/time-requests/{row['request_id']}", str(row["version"])
        item = Item(
            kind="request",
            key=f"request-{row['request_id']}",
            what=time_told(visit, row),
            people=(row["person_id"],),
            by=row["requested_by"],
            at=row["requested_at"],
            lines=tuple(filter(None, [row["reason"]])),
            acts=(
                Act(path=f"{at}/approve", label=say("Approve"), version=version),
                no(f"{at}/reject", say("Reject"), version=version),
            ),
        )
        found.append(item)
    return found


async def _appeals(visit: Visit) -> list[Item]:
    handles = visit.may("POST", f"/appeals/{OF_ANY}/accept")
    asked = [status for status in UNDECIDED if handles or status not in AT_THE_DESK]
    found = await asyncio.gather(*(_of_appeals(visit, status) for status in asked))
    return list(chain.from_iterable(found))


async def _of_appeals(visit: Visit, status: str) -> list[Item]:
    me, desk = str(visit.caller.actor), status in AT_THE_DESK
    return [
        Item(
            kind="appeal-accept" if desk else "appeal-decide",
            key=f"appeal-{row['appeal_id']}",
            what=visit.term("appeal", status),
            people=(row["person_id"],),
            at=row["filed_at"],
            lines=(visit.say("to be decided by {day}", day=row["decide_by"]),)
            if row["decide_by"]
            else (),
            href=f"{HOME}/appeals-desk/{row['appeal_id']}",
        )
        async for row in visit.each("/appeals", status=status)
        if row["person_id"] != me and (desk or row["reviewer_id"] == me)
    ]


AT_THE_DESK: Final = ("filed", "accepted")
UNDECIDED: Final = (*AT_THE_DESK, "under-review", "escalated")


OF_KIND: Final[Mapping[ApprovalKind, tuple[Waiting, ...]]] = {
    "goals": (_goals,),
    "time": (_time,),
    "rewards": (_rewards,),
    "batches": (_batches,),
    "scores": (calibration, decisions("adjustment"), decisions("veto")),
    "schemes": (schemes,),
    "shares": (decisions("share"),),
}
"""What can be delegated."""
OWN: Final[tuple[Waiting, ...]] = (decisions("erasure"), raters, _appeals)
"""What everybody decides for themselves."""
