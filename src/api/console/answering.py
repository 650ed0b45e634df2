"""Schemes, scores, shares and erasures that wait for a decision: what a company answers for."""

from collections.abc import Mapping
from typing import Any, Final

from api.console.items import OF_ANY, Act, Item, Waiting, no
from api.console.page import HOME
from api.console.visit import Visit


async def calibration(visit: Visit) -> list[Item]:
    """Changes of scores that were proposed in open calibration sessions."""
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
            acts=_of_change(visit, row["session_id"], each),
        )
        async for row in visit.each("/calibration-sessions")
        if not row["closed"]
        for each in row["changes"]
        if each["accepted"] is None and each["proposed_by"] != str(visit.caller.actor)
    ]


def _of_change(visit: Visit, session_id: str, change: Any) -> tuple[Act, ...]:
    at = f"/calibration-sessions/{session_id}/changes/decide"
    about = (("proposal", str(change["proposal"])), ("reason_code", change["reason_code"]))
    yes = Act(
        path=at,
        label=visit.say("Accept the change"),
        reason=True,
        hidden=(*about, ("accepted", "true")),
    )
    return yes, no(at, visit.say("Decline"), hidden=(*about, ("accepted", "false")))


OPEN: Final = frozenset({"goal-setting", "data-intake", "rating", "comparison"})
"""Stages of a cycle in which raters are asked."""


async def raters(visit: Visit) -> list[Item]:
    """Raters of a 360 whom somebody has named, and another approves."""
    at = f"/appraisals/{OF_ANY}/raters"
    if not visit.may("POST", f"{at}/approve") or not visit.may("GET", "/rater-nominations"):
        return []
    say, me = visit.say, str(visit.caller.actor)
    rows = [
        row
        async for row in visit.each("/rater-nominations")
        if me not in {row["asked_by"], row["rater_id"]}
    ]
    cycles = await visit.own.cycles(row["cycle_id"] for row in rows)
    found: list[Item] = []
    for row in rows:
        if cycles[row["cycle_id"]]["stage"] not in OPEN:
            continue
        at = f"/appraisals/{row['appraisal_id']}/raters"
        about = (("rater_id", row["rater_id"]),)
        found.append(
            Item(
                kind="rater",
                key=f"rater-{row['appraisal_id']}-{row['rater_id']}",
                what=say(
                    "{cycle}: {group}",
                    cycle=cycles[row["cycle_id"]]["name"],
                    group=visit.term("rater-group", row["group"]),
                ),
                people=(row["person_id"], row["rater_id"]),
                by=row["asked_by"],
                at=row["asked_at"],
                lines=(say("The second is to rate the first."),),
                href=f"{HOME}{at}",
                acts=(
                    Act(path=f"{at}/approve", label=say("Approve"), hidden=about),
                    no(f"{at}/decline", say("Decline"), hidden=about),
                ),
            )
        )
    return found


async def schemes(visit: Visit) -> list[Item]:
    """Newest versions of schemes that nobody has approved yet."""
    say, me, found = visit.say, str(visit.caller.actor), []
    if not visit.may("POST", f"/schemes/{OF_ANY}/approve"):
        return []
    async for row in visit.each("/schemes"):
        version = row["versions"][-1]
        if version["standing"] != "draft" or version["drafted_by"] == me:
            continue
        at = f"/schemes/{row['scheme_id']}"
        yes = Act(
            path=f"{at}/approve",
            label=say("Approve"),
            hidden=(("version", str(version["version"])),),
            version=str(row["version"]),
        )
        faults = [each for each in version["findings"] if each["severity"] == "fault"]
        told = say("{count} faults found by the check-up", count=len(faults))
        item = Item(
            kind="scheme",
            key=f"scheme-{row['scheme_id']}-{version['version']}",
            what=say("{scheme}, version {number}", scheme=row["name"], number=version["version"]),
            by=version["drafted_by"],
            at=version["drafted_at"],
            lines=(told,) if faults else (),
            href=f"{HOME}{at}",
            acts=() if faults else (yes,),
        )
        found.append(item)
    return found


# -- shares, adjustments, vetoes, erasures


DECIDED_AT: Final[Mapping[str, tuple[str, str]]] = {
    "share": (
        "/employments/{stream_id}/share-override/approve",
        "/employments/{stream_id}/share-override/reject",
    ),
    "adjustment": (
        "/appraisals/{stream_id}/adjustment/approve",
        "/appraisals/{stream_id}/adjustment/reject",
    ),
    "veto": (
        "/occurrence-sheets/{stream_id}/veto",
        "/occurrence-sheets/{stream_id}/withdraw",
    ),
    "erasure": ("/people/{person_id}/erasure/approve", "/people/{person_id}/erasure/decline"),
}


def decisions(kind: str) -> Waiting:
    """What waits of a kind of the API's /decisions."""

    async def ask(visit: Visit) -> list[Item]:
        opens = [
            visit.may("POST", each.format(stream_id=OF_ANY, person_id=OF_ANY))
            for each in DECIDED_AT[kind]
        ]
        if not any(opens) or not visit.may("GET", "/decisions"):
            return []
        return [
            _of_decision(visit, row, opens)
            async for row in visit.each("/decisions", kind=kind)
            if row["asked_by"] != str(visit.caller.actor)
        ]

    return ask


def _of_decision(visit: Visit, row: Any, opens: list[bool]) -> Item:
    say, kind = visit.say, row["kind"]
    yes_at, no_at = (
        each.format(stream_id=row["stream_id"], person_id=row["person_id"])
        for each in DECIDED_AT[kind]
    )
    labels = {"veto": (say("Apply the veto"), say("Withdraw the veto"))}
    yes_label, no_label = labels.get(kind, (say("Approve"), say("Reject")))
    yes_field, no_field = {
        "share": ("effective_from", "effective_from"),
        "veto": ("proposal", "occurrence"),
    }.get(kind, ("", ""))
    yes = Act(
        path=yes_at,
        label=yes_label,
        tone="bad" if kind in {"veto", "erasure"} else "",
        reason=kind == "share",
        warning=say("It cannot be undone.") if kind == "erasure" else "",
        hidden=((yes_field, row["of"]),) if yes_field else (),
    )
    refuse = no(
        no_at,
        no_label,
        hidden=((no_field, row["of"]),) if no_field else (),
    )
    return Item(
        kind=kind,
        key=f"{kind}-{row['stream_id']}-{row['of']}",
        what=_told(visit, row),
        people=(row["person_id"],) if row["person_id"] else (),
        by=row["asked_by"],
        at=row["asked_at"],
        lines=tuple(filter(None, [row["reason"], row["reference"]])),
        href=f"{HOME}/people/{row['person_id']}" if visit.has("hr", "admin") else "",
        acts=tuple(act for act, opened in zip((yes, refuse), opens, strict=True) if opened),
    )


def _told(visit: Visit, row: Any) -> str:
    say, write = visit.say, visit.formats
    match row["kind"]:
        case "share":
            return say(
                "Performance share {share} from {first} on",
                share=write.number(row["after"]),
                first=row["starts_on"],
            )
        case "adjustment":
            return say(
                "Score {before} to {after}, {reason}",
                before=write.number(row["before"]),
                after=write.number(row["after"]),
                reason=row["code"],
            )
        case "veto":
            return say("Veto {item} of {day}", item=row["code"], day=row["starts_on"])
        case _:
            return say("Erase what is personal: {basis}", basis=visit.term("basis", row["code"]))
