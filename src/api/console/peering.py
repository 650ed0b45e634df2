"""Rating colleagues in a 360, on a phone: who is asked, what the scheme asks, what groups say."""

from collections.abc import Mapping
from typing import Any, Final

from api import auth
from api.console.about import About, about
from api.console.answering import OPEN
from api.console.approving import DECIDERS, to_choose_from
from api.console.page import Page
from api.console.tables import Column, Table
from api.console.visit import Names, Visit
from api.problems import Said

NOT_YET: Final = frozenset({"not-allowed", "not-found", "not-published"})
"""Where groups tell nothing to this reader now: who rates has to rate first."""


async def _ratings(visit: Visit) -> Mapping[str, Any]:
    if visit.me is None:
        return {"asked": [], "given": [], "me": ""}
    rows = (await visit.ask("/peer-ratings"))["ratings"]
    names = await visit.names(row["person_id"] for row in rows)
    cycles = await visit.cycles(row["cycle_id"] for row in rows)
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


async def _raters(visit: Visit) -> Mapping[str, Any]:
    it = await about(visit, visit.ids["appraisal_id"])
    panel = (await visit.ask(f"{it.path}/raters"))["raters"]
    names = await visit.names([it.row["person_id"], *(each["rater_id"] for each in panel)])
    open_ = it.cycle["stage"] in OPEN
    me = str(visit.me or "")
    settles = open_ and not it.own and visit.may("POST", f"{it.path}/raters/approve")
    asks = open_ and visit.may("POST", f"{it.path}/raters")
    groups = dict.fromkeys(
        group["code"]
        for indicator in it.indicators("multi-rater")
        for group in indicator["rule"]["groups"]
    )
    return {
        "it": it,
        "who": names.known.get(it.row["person_id"]) or names(it.row["person_id"]),
        "panel": _panel(visit, panel, names),
        "waiting": [
            {**each, "who": names(each["rater_id"])}
            for each in panel
            if settles and not each["approved"] and each["rater_id"] != me
        ],
        "codes": [(each, visit.term("rater-group", each)) for each in groups],
        "asks": asks and bool(groups),
        "people": await to_choose_from(visit) if asks and groups else [],
        "groups": await _said(visit, it),
    }


def _panel(visit: Visit, panel: list[Any], names: Names) -> Table:
    say = visit.say
    columns = [
        Column(label=say("Rater"), value=lambda each: names(each["rater_id"])),
        Column(label=say("Group"), value=lambda each: visit.term("rater-group", each["group"])),
        Column(
            label=say("State"),
            value=lambda each: say("approved") if each["approved"] else say("to be approved"),
            kind="mark",
            tone=lambda each: "good" if each["approved"] else "warn",
        ),
    ]
    # Who has answered is told to those alone who remind the others.
    if any(each["submitted"] is not None for each in panel):
        columns.append(
            Column(
                label=say("Answered"),
                value=lambda each: say("yes") if each["submitted"] else say("no"),
            )
        )
    return Table(
        name="raters",
        caption=say("Raters"),
        rows=panel,
        empty=say("Nobody was asked yet."),
        columns=tuple(columns),
    )


async def _said(visit: Visit, it: About) -> Table | None:
    """What the groups say together, as far as this reader may see it now."""
    try:
        groups = (await visit.ask(f"{it.path}/rater-groups"))["groups"]
    except Said as no:
        if no.code in NOT_YET:
            return None
        raise
    say = visit.say

    def mean(row: Any) -> str:
        if row["shown"]:
            return visit.formats.number(row["mean"])
        return say("kept back") if row["responses"] else say("nobody")

    return Table(
        name="groups",
        caption=say("What the groups say"),
        rows=groups,
        empty=say("The scheme asks no other raters."),
        columns=(
            Column(
                label=say("Indicator"),
                value=lambda row: it.labels.get(row["indicator"], row["indicator"]),
            ),
            Column(label=say("Group"), value=lambda row: visit.term("rater-group", row["group"])),
            Column(label=say("Asked"), value=lambda row: row["invited"], kind="number"),
            Column(label=say("Answered"), value=lambda row: row["responses"], kind="number"),
            Column(
                label=say("Counts"),
                value=lambda row: say("yes") if row["scored"] else say("no"),
            ),
            Column(label=say("Mean"), value=mean),
        ),
    )


PAGES = (
    Page(
        path="/appraisals/{appraisal_id}/raters",
        title="Raters",
        template="raters.html",
        load=_raters,
        roles=auth.ROLES - {auth.INTEGRATION},
        does=(
            "/appraisals/{appraisal_id}/raters",
            "/appraisals/{appraisal_id}/raters/approve",
            "/appraisals/{appraisal_id}/raters/decline",
        ),
    ),
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
