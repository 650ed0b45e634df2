"""The approvals inbox: whatever waits for the decision of who is here, each asked of the API."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from api import auth
from api.console.page import HOME, Page
from api.console.visit import Visit

DECIDERS = frozenset(
    {auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN}
)
APPRAISALS_MAX: Final = 100
"""Appraisals that are looked at for goals, of one's own and of one's team each."""
MOVING: Final = frozenset({"goal-setting", "data-intake", "rating", "comparison", "calibration"})
"""Stages of a cycle in which goals are still agreed or changed."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that is made on this page."""

    path: str
    """Of the API's command."""
    label: str
    tone: str = ""
    hidden: tuple[tuple[str, str], ...] = ()
    reason: bool = False
    """Whether the command wants one."""
    version: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits."""

    kind: str
    key: str
    """Tells its forms from those of others."""
    what: str
    people: tuple[str, ...] = ()
    """Ids of those whom it concerns."""
    by: str = ""
    """The id of who asked."""
    at: str = ""
    """Since when; empty where the API does not tell."""
    lines: tuple[str, ...] = ()
    href: str = ""
    acts: tuple[Act, ...] = ()


Waiting = Callable[[Visit], Awaitable[list[Item]]]


async def waiting(visit: Visit, *, goals: bool = True) -> list[Item]:
    """Everything that waits for this visitor, the oldest first.

    Args:
        visit: who is here.
        goals: also goals, which are asked for appraisal by appraisal.
    """
    found: list[Item] = []
    for ask in (_goals, *OTHERS) if goals else OTHERS:
        found.extend(await ask(visit))
    return sorted(found, key=lambda item: item.at)


# -- goals


async def _goals(visit: Visit) -> list[Item]:
    if visit.me is None:
        return []
    rows: dict[str, Any] = {}
    for relation in ("person_id", "manager_id"):
        told = await visit.ask("/appraisals", limit=APPRAISALS_MAX, **{relation: visit.me})
        rows |= {row["appraisal_id"]: row for row in told["data"]}
    cycles = {
        each: await visit.ask(f"/cycles/{each}")
        for each in {row["cycle_id"] for row in rows.values()}
    }
    found: list[Item] = []
    for row in rows.values():
        cycle = cycles[row["cycle_id"]]
        if cycle["stage"] in MOVING and not row["lock_version"]:
            goals = await visit.maybe(f"/appraisals/{row['appraisal_id']}/goals")
            found.extend(_of_goals(visit, row, cycle, goals) if goals else ())
    return found


def _of_goals(visit: Visit, row: Any, cycle: Any, goals: Any) -> list[Item]:
    say, me, own = visit.say, str(visit.caller.actor), row["person_id"] == str(visit.me)
    at = f"/appraisals/{row['appraisal_id']}/goals"
    href = f"{HOME}/progress" if own else f"{HOME}/appraisals/{row['appraisal_id']}/rating"
    found: list[Item] = []
    if goals["targets"] and not goals["agreed"] and goals["proposed_by"] != me:
        found.append(
            Item(
                kind="goals",
                key=f"goals-{row['appraisal_id']}",
                what=cycle["name"],
                people=(row["person_id"],),
                by=goals["proposed_by"],
                lines=tuple(
                    f"{each['indicator']}: {visit.formats.number(each['target'])}"
                    for each in goals["targets"]
                ),
                href=href,
                acts=(Act(path=f"{at}/agree", label=say("Agree"), version=str(goals["version"])),),
            )
        )
    for asked in goals["requests"]:
        if own or asked["requested_by"] == me or not visit.may("POST", f"{at}/approve-change"):
            continue
        indicator = asked["indicator"]
        about = (("indicator", indicator),)
        wanted = (
            say("another target: {target}", target=visit.formats.number(asked["target"]))
            if asked["target"] is not None
            else say("not to count for this person")
        )
        found.append(
            Item(
                kind="goal-change",
                key=f"change-{row['appraisal_id']}-{indicator}",
                what=cycle["name"],
                people=(row["person_id"],),
                by=asked["requested_by"],
                lines=(f"{indicator}: {wanted}",),
                href=href,
                acts=(
                    Act(path=f"{at}/approve-change", label=say("Approve"), hidden=about),
                    Act(
                        path=f"{at}/decline-change",
                        label=say("Decline"),
                        tone="bad",
                        hidden=about,
                        reason=True,
                    ),
                ),
            )
        )
    return found


# -- rewards, batches, calibration, appeals


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
                no = Act(
                    path=f"{at}/reject",
                    label=say("Reject"),
                    tone="bad",
                    reason=True,
                    version=version,
                )
                acts.append(no)
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
    say = visit.say
    return [
        Item(
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
        )
        async for row in visit.each("/payout-batches", state="prepared")
        if row["prepared_by"] != str(visit.caller.actor)
    ]


async def _calibration(visit: Visit) -> list[Item]:
    if not visit.may("POST", f"/calibration-sessions/{OF_ANY}/changes/decide"):
        return []
    write = visit.formats.number
    return [
        Item(
            kind="calibration",
            key=f"calibration-{row['session_id']}-{each['proposal']}",
            what=row["name"],
            people=(each["person_id"],),
            by=each["proposed_by"],
            lines=(f"{write(each['score_before'])} → {write(each['score_after'])}",),
            href=f"{HOME}/calibration/{row['session_id']}",
        )
        async for row in visit.each("/calibration-sessions")
        if not row["closed"]
        for each in row["changes"]
        if each["accepted"] is None and each["proposed_by"] != str(visit.caller.actor)
    ]


def time_told(visit: Visit, row: Any) -> str:
    """What is asked for, in a sentence."""
    if row["what"] == "overtime":
        return visit.say(
            "Overtime on {day}: {minutes} minutes", day=row["starts_on"], minutes=row["minutes"]
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
        no = Act(path=f"{at}/reject", label=say("Reject"), tone="bad", reason=True, version=version)
        item = Item(
            kind="request",
            key=f"request-{row['request_id']}",
            what=time_told(visit, row),
            people=(row["person_id"],),
            by=row["requested_by"],
            at=row["requested_at"],
            lines=tuple(filter(None, [row["reason"]])),
            acts=(Act(path=f"{at}/approve", label=say("Approve"), version=version), no),
        )
        found.append(item)
    return found


async def _appeals(visit: Visit) -> list[Item]:
    me, handles = str(visit.caller.actor), visit.may("POST", f"/appeals/{OF_ANY}/accept")
    found = []
    for status in ("filed", "accepted", "under-review", "escalated"):
        desk = status in {"filed", "accepted"}
        if desk and not handles:
            continue
        async for row in visit.each("/appeals", status=status):
            if row["person_id"] == me or not (desk or row["reviewer_id"] == me):
                continue
            due = row["decide_by"]
            item = Item(
                kind="appeal-accept" if desk else "appeal-decide",
                key=f"appeal-{row['appeal_id']}",
                what=visit.term("appeal", status),
                people=(row["person_id"],),
                at=row["filed_at"],
                lines=(visit.say("to be decided by {day}", day=due),) if due else (),
                href=f"{HOME}/appeals-desk/{row['appeal_id']}",
            )
            found.append(item)
    return found


OF_ANY: Final = "00000000-0000-0000-0000-000000000000"
"""Stands for any id where it is asked whether a role opens a route."""
OTHERS: Final[tuple[Waiting, ...]] = (_rewards, _time, _batches, _calibration, _appeals)


async def _inbox(visit: Visit) -> Mapping[str, Any]:
    items = await waiting(visit)
    names = await visit.names(each for item in items for each in (*item.people, item.by))
    return {
        "items": [
            {
                "it": item,
                "who": ", ".join(names(each) for each in item.people),
                "by": names(item.by) if item.by else "",
            }
            for item in items
        ]
    }


PAGES = (
    Page(
        path="/approvals",
        title="Approvals",
        template="approvals.html",
        load=_inbox,
        roles=DECIDERS,
        does=(
            "/appraisals/{appraisal_id}/goals/agree",
            "/appraisals/{appraisal_id}/goals/approve-change",
            "/appraisals/{appraisal_id}/goals/decline-change",
            "/rewards/{reward_id}/approve",
            "/rewards/{reward_id}/grant",
            "/rewards/{reward_id}/reject",
            "/time-requests/{request_id}/approve",
            "/time-requests/{request_id}/reject",
        ),
        menu="mine",
    ),
)
