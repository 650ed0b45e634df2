"""Audit of reads, and who was permitted what at a time."""

from collections.abc import Mapping
from typing import Any

from api.console.auditing import READERS, actors_of, moment_of
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit

FIELDS_SHOWN = 4


async def _reads(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page(
        "/audit/reads",
        actor=visit.query.get("actor"),
        subject=visit.query.get("subject"),
        since=moment_of(visit, "since"),
        until=moment_of(visit, "until"),
        newest_first=True,
    )
    return {
        # All of it is computed again, which takes longer the more was read: when it is asked for.
        "chain": await visit.ask("/audit/reads/chain") if visit.query.get("chain") else None,
        "reads": await _table_of_reads(visit, rows, cursor),
    }


async def _table_of_reads(visit: Visit, rows: list[Any], cursor: str | None = None) -> Table:
    names = await actors_of(visit, (row["actor"] for row in rows))
    say = visit.say
    return Table(
        name="reads",
        caption=say("Who read what"),
        rows=rows,
        next=cursor,
        empty=say("Nobody has read anything sensitive like that."),
        columns=(
            Column(label=say("Read"), value=lambda row: row["read_at"], kind="moment"),
            Column(
                label=say("Who"),
                value=lambda row: names(row["actor"]),
                href=lambda row: f"{HOME}/audit/reads?actor={row['actor']}",
            ),
            Column(label=say("What"), value=lambda row: row["route"]),
            Column(label=say("Rows"), value=lambda row: row["row_count"], kind="number"),
            Column(label=say("Fields"), value=lambda row: _some(row["fields"])),
            Column(label=say("Purpose"), value=lambda row: row["purpose"]),
        ),
    )


def _some(fields: list[str]) -> str:
    more = len(fields) - FIELDS_SHOWN
    return ", ".join(fields[:FIELDS_SHOWN]) + (f" +{more}" if more > 0 else "")


async def _permissions(visit: Visit) -> Mapping[str, Any]:
    subject, on = visit.query.get("subject", ""), moment_of(visit, "on")
    if not (subject and on):
        return {"told": None}
    told = await visit.ask("/audit/permissions", subject=subject, on=on)
    names = await actors_of(
        visit,
        [told["person_id"], told["manager_id"]]
        + [each["person_id"] for each in told["could"]]
        + [each["actor"] for each in told["changed"]],
    )
    return {
        "told": told,
        "on": on,
        "person": names(told["person_id"]),
        "manager": names(told["manager_id"]),
        "could": _could(visit, told["could"], names),
        "changed": _changed(visit, told["changed"], names),
        "reads": await _table_of_reads(visit, told["read"]),
    }


def _could(visit: Visit, rows: list[Any], names: Any) -> Table:
    say = visit.say
    return Table(
        name="could",
        caption=say("Who could see or change it then"),
        rows=rows,
        empty=say("Nobody could."),
        columns=(
            Column(
                label=say("Who"),
                value=lambda row: (
                    names(row["person_id"])
                    if row["person_id"]
                    else row["name"] or row["key_id"][:8]
                ),
            ),
            Column(
                label=say("Roles"),
                value=lambda row: ", ".join(visit.term("role", each) for each in row["roles"]),
            ),
            Column(
                label=say("Stands as"),
                value=lambda row: ", ".join(visit.term("standing", each) for each in row["stands"]),
            ),
            Column(
                label=say("Saw the score"),
                value=lambda row: say("yes") if row["sees_score"] else say("no"),
                kind="mark",
                tone=lambda row: "warn" if row["sees_score"] else "",
            ),
            Column(label=say("Commands"), value=lambda row: len(row["may_change"]), kind="number"),
            Column(label=say("Granted"), value=lambda row: row["granted_at"], kind="moment"),
            Column(label=say("Until"), value=lambda row: row["expires_at"], kind="moment"),
        ),
    )


def _changed(visit: Visit, rows: list[Any], names: Any) -> Table:
    say = visit.say
    return Table(
        name="changed",
        caption=say("Who had changed it by then"),
        rows=rows,
        empty=say("Nobody had."),
        columns=(
            Column(
                label=say("Event"),
                value=lambda row: visit.formats.number(row["position"]),
                href=lambda row: f"{HOME}/audit/events/{row['position']}",
            ),
            Column(label=say("Recorded"), value=lambda row: row["recorded_at"], kind="moment"),
            Column(label=say("What"), value=lambda row: visit.term("topic", row["topic"])),
            Column(label=say("Who"), value=lambda row: names(row["actor"])),
        ),
    )


PAGES = (
    Page(
        path="/audit/reads",
        title="Who read what",
        template="audit_reads.html",
        load=_reads,
        roles=READERS,
        menu="audit",
    ),
    Page(
        path="/audit/permissions",
        title="Who could",
        template="audit_permissions.html",
        load=_permissions,
        roles=READERS,
        menu="audit",
    ),
)
