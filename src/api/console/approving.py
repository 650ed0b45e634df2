"""The approvals inbox, and the delegation of approvals to somebody else."""

from collections.abc import Mapping
from typing import Any, get_args

from api import auth
from api.acting import COMMANDS
from api.console.page import Page
from api.console.tables import Column, Table
from api.console.visit import Names, Visit
from api.console.waiting import waiting
from domain import ids
from domain.delegation import ApprovalKind

DECIDERS = frozenset(
    {auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN}
)
PEOPLE_MAX = 100
"""To choose a delegate from; others are found by their number."""


async def _inbox(visit: Visit) -> Mapping[str, Any]:
    items = await waiting(visit)
    names = await visit.names(
        each for item in items for each in (*item.people, item.by, item.owner)
    )
    return {
        "items": [
            {
                "it": item,
                "who": ", ".join(names(each) for each in item.people),
                "by": names(item.by) if item.by else "",
                "owner": names(item.owner) if item.owner else "",
            }
            for item in items
        ]
    }


async def _delegations(visit: Visit) -> Mapping[str, Any]:
    me = str(visit.me or "")
    rows, cursor = await visit.page("/delegations")
    current: list[Any] = []
    if visit.me is not None:
        for side in ("person_id", "delegate_id"):
            current += [row async for row in visit.each("/delegations", current=True, **{side: me})]
    names = await visit.names(
        each
        for row in (*rows, *current)
        for each in (row["person_id"], row["delegate_id"], row["given_by"])
    )
    today = visit.formats.day(visit.asked.stamp.now.date())
    return {
        "me": me,
        "current": [
            {
                **row,
                "mine": row["person_id"] == me,
                "owner": names(row["person_id"]),
                "hand": names(row["delegate_id"]),
                "told": ", ".join(visit.term("approval-kind", each) for each in row["kinds"]),
            }
            for row in current
        ],
        "kinds": [(each, visit.term("approval-kind", each)) for each in get_args(ApprovalKind)],
        "people": await to_choose_from(visit),
        "today": today,
        "delegations": _table(visit, rows, names, cursor),
    }


async def to_choose_from(visit: Visit) -> list[tuple[str, str]]:
    """Whom the visitor sees, their own managers, and whoever has the number that was asked for."""
    shown = (await visit.ask("/people", limit=PEOPLE_MAX))["data"]
    found = {row["person_id"]: f"{row['name'] or ''} {row['number']}".strip() for row in shown}
    if visit.me is not None:
        own = (await visit.ask("/employments", person_id=visit.me))["data"]
        leading = {row["manager_id"] for row in own} - found.keys() - {None}
        names = await visit.names(leading)
        found |= {each: names(each) for each in leading}
    if number := visit.query.get("number", ""):
        # Without a name: it is told to those alone who see the person anyway.
        found = {str(ids.person_id(number)): number} | found
    found.pop(str(visit.me), None)
    return list(found.items())


def _table(visit: Visit, rows: list[Any], names: Names, cursor: str | None) -> Table:
    say = visit.say

    def state(row: Any) -> str:
        if row["revoked_at"]:
            return say("taken back")
        return say("in force") if row["in_force"] else say("not in force")

    return Table(
        name="delegations",
        caption=say("Delegations"),
        rows=rows,
        next=cursor,
        empty=say("Nothing has been delegated."),
        columns=(
            Column(label=say("In the name of"), value=lambda row: names(row["person_id"])),
            Column(label=say("Decided by"), value=lambda row: names(row["delegate_id"])),
            Column(
                label=say("Approvals of"),
                value=lambda row: ", ".join(
                    visit.term("approval-kind", each) for each in row["kinds"]
                ),
            ),
            Column(label=say("From"), value=lambda row: row["starts_on"], kind="day"),
            Column(label=say("Until"), value=lambda row: row["ends_on"], kind="day"),
            Column(
                label=say("State"),
                value=state,
                kind="mark",
                tone=lambda row: "good" if row["in_force"] else "",
            ),
            Column(label=say("Reason"), value=lambda row: row["reason"]),
            Column(label=say("Given by"), value=lambda row: names(row["given_by"])),
        ),
    )


PAGES = (
    Page(
        path="/approvals",
        title="Approvals",
        template="approvals.html",
        load=_inbox,
        roles=DECIDERS,
        does=(
            *sorted(path for paths in COMMANDS.values() for path in paths),
            "/people/{person_id}/erasure/approve",
            "/people/{person_id}/erasure/decline",
            "/appraisals/{appraisal_id}/raters/approve",
            "/appraisals/{appraisal_id}/raters/decline",
        ),
        menu="mine",
    ),
    Page(
        path="/delegations",
        title="Delegations",
        template="delegations.html",
        load=_delegations,
        roles=DECIDERS,
        does=("/people/{person_id}/delegations", "/delegations/{delegation_id}/revoke"),
        menu="mine",
    ),
)
