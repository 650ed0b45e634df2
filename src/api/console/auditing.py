"""Audit: what happened, proof of each event, and two moments side by side."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from api import auth
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit
from api.console.words.topics import TOPICS
from api.problems import Said
from tenancy.merkle import inclusion_holds

READERS = frozenset({auth.AUDITOR, auth.ADMIN})
LEDGER = "ledger"


def moment_of(visit: Visit, name: str) -> str:
    """A moment of a field, which is in the visitor's own zone, as the API takes it."""
    given = visit.query.get(name, "")
    if not given:
        return ""
    try:
        told = datetime.fromisoformat(given)
    except ValueError as error:
        raise Said("invalid-query", f"{name}: a moment, as in 2026-03-31T18:00") from error
    return (told if told.tzinfo else told.replace(tzinfo=visit.formats.zone)).isoformat()


async def actors_of(visit: Visit, ids: Iterable[str | None]) -> Callable[[str | None], str]:
    """Names of those who did something: people, and keys of machines and of auditors."""
    wanted = [each for each in ids if each]
    names = await visit.names(wanted)
    nameless = {each for each in wanted if each not in names.known}
    keys = {}
    if nameless:
        keys = {
            each["key_id"]: each["name"]
            async for each in visit.each("/keys")
            if each["key_id"] in nameless
        }
    return lambda who: keys.get(who or "") or names(who)


async def _events(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page(
        "/audit/events",
        topic=visit.query.get("topic"),
        actor=visit.query.get("actor"),
        stream_id=visit.query.get("stream_id"),
        since=moment_of(visit, "since"),
        until=moment_of(visit, "until"),
        newest_first=True,
    )
    names = await actors_of(visit, (row["actor"] for row in rows))
    say = visit.say
    topics = sorted((visit.term("topic", code), code) for code in TOPICS)
    return {
        "topics": [("", say("everything")), *((code, told) for told, code in topics)],
        "filtered": any(visit.query.get(each) for each in FILTERS),
        "events": Table(
            name="events",
            caption=say("Events, the newest first"),
            rows=rows,
            next=cursor,
            empty=say("No event is like that. Take away a filter."),
            columns=(
                Column(
                    label=say("Event"),
                    value=lambda row: visit.formats.number(row["position"]),
                    href=lambda row: f"{HOME}/audit/events/{row['position']}",
                ),
                Column(label=say("Recorded"), value=lambda row: row["recorded_at"], kind="moment"),
                Column(label=say("What"), value=lambda row: visit.term("topic", row["topic"])),
                Column(
                    label=say("Who"),
                    value=lambda row: names(row["actor"]),
                    href=lambda row: f"{HOME}/audit?actor={row['actor']}",
                ),
                Column(
                    label=say("About"),
                    value=lambda row: row["stream_id"][:8],
                    href=lambda row: f"{HOME}/audit?stream_id={row['stream_id']}",
                ),
            ),
        ),
    }


FILTERS = ("topic", "actor", "stream_id", "since", "until")


async def _event(visit: Visit) -> Mapping[str, Any]:
    position = visit.ids["position"]
    event = await visit.ask(f"/audit/events/{position}")
    names = await actors_of(visit, [event["actor"], event["on_behalf_of"]])
    checkpoint = await visit.maybe("/audit/checkpoint")
    proof = (
        await visit.maybe(f"/audit/proof/{position}", tree_size=checkpoint["tree_size"])
        if checkpoint and checkpoint["tree_size"] >= event["position"]
        else None
    )
    head = (await visit.ask("/tenants/self"))["position"]
    return {
        "event": event,
        "who": names(event["actor"]),
        "for_whom": names(event["on_behalf_of"]) if event["on_behalf_of"] else "",
        "checkpoint": checkpoint,
        "proof": proof,
        "holds": bool(proof) and _holds(proof, checkpoint),
        "before": event["position"] - 1,
        "after": event["position"] + 1 if event["position"] < head else 0,
        "compared": event["topic"].startswith("appraisal."),
    }


def _holds(proof: Any, checkpoint: Any) -> bool:
    return inclusion_holds(
        base64.b64decode(proof["leaf_hash"]),
        proof["position"] - 1,
        proof["tree_size"],
        [base64.b64decode(each) for each in proof["hashes"]],
        base64.b64decode(checkpoint["root"]),
    )


# -- two moments


async def _compare(visit: Visit) -> Mapping[str, Any]:
    head = int((await visit.ask("/tenants/self"))["position"])
    about = visit.query.get("about", LEDGER)
    first, second = _place(visit, "first", head // 2, head), _place(visit, "second", head, head)
    day = visit.query.get("valid_at", "")
    first, second = min(first, second), max(first, second)
    before, after = await _told(visit, about, first, day), await _told(visit, about, second, day)
    rows = [
        {"name": name, "first": before.get(name), "second": after.get(name)}
        for name in sorted(before.keys() | after.keys())
    ]
    changed = [row for row in rows if row["first"] != row["second"]]
    say = visit.say
    return {
        "about": about,
        "head": head,
        "first": first,
        "second": second,
        "first_at": await _at(visit, first),
        "second_at": await _at(visit, second),
        "day": day,
        "count": len(rows),
        "same": len(rows) - len(changed),
        "changes": Table(
            name="changes",
            caption=say("What changed between the two moments"),
            rows=changed,
            empty=say("Nothing changed between the two moments."),
            columns=(
                Column(label=say("Field"), value=lambda row: row["name"]),
                Column(
                    label=say("At event {number}", number=visit.formats.number(first)),
                    value=lambda row: row["first"],
                ),
                Column(
                    label=say("At event {number}", number=visit.formats.number(second)),
                    value=lambda row: row["second"],
                ),
            ),
        ),
    }


def _place(visit: Visit, name: str, usual: int, head: int) -> int:
    given = visit.query.get(name, "")
    return min(int(given), head) if given.isascii() and given.isdigit() else usual


async def _at(visit: Visit, position: int) -> str:
    event = await visit.maybe(f"/audit/events/{position}") if position else None
    return event["recorded_at"] if event else ""


async def _told(visit: Visit, about: str, position: int, day: str) -> dict[str, str]:
    """What was known at a position, field by field; nothing where there was nothing yet."""
    if not position:
        return {}
    if about == LEDGER:
        told = await visit.ask("/ledger/balances", position=position, valid_at=day)
        write = visit.formats.money
        # An account that is empty at both moments is nobody's news: an empty one is none.
        return {
            each["account"]: write(each["balance"])
            for each in told["balances"]
            if Decimal(each["balance"]["amount"])
        }
    try:
        UUID(about)
    except ValueError as error:
        raise Said("invalid-query", "about: the id of an appraisal") from error
    told = await visit.maybe(f"/appraisals/{about}", position=position)
    return dict(_flat(told)) if told else {}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _flat(each, f"{name}.{at}")
    else:
        yield name, "" if value is None else str(value)


async def _proof(visit: Visit) -> Mapping[str, Any]:
    return {
        "checkpoint": await visit.maybe("/audit/checkpoint"),
        "tenant_id": str(visit.caller.tenant_id),
    }


PAGES = (
    Page(
        path="/audit",
        title="Timeline",
        template="audit_events.html",
        load=_events,
        roles=READERS,
        menu="audit",
    ),
    Page(
        path="/audit/events/{position}",
        title="Event",
        template="audit_event.html",
        load=_event,
        roles=READERS,
    ),
    Page(
        path="/audit/compare",
        title="Two moments",
        template="audit_compare.html",
        load=_compare,
        roles=READERS,
        menu="audit",
    ),
    Page(
        path="/audit/proof",
        title="Proof",
        template="audit_proof.html",
        load=_proof,
        roles=READERS,
        menu="audit",
    ),
)
