"""Rating: oneself, and one's team with the two-way comparison beside it and reasons asked for."""

from collections.abc import Mapping
from typing import Any

from api import auth
from api.console.about import JUDGED, MEASURED, About, about
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit
from api.problems import Said

RATERS = frozenset({auth.MANAGER})
CYCLES_SHOWN = 8
TEAM_SHOWN = 100
STAGES_OF_REASONS = frozenset({"rating", "comparison", "calibration"})


async def _own(visit: Visit) -> Mapping[str, Any]:
    it = await about(visit, visit.ids["appraisal_id"])
    if not it.own:
        raise Said("not-found", "nobody rates another person by this page")
    return {
        "it": it,
        "fields": it.indicators(*JUDGED),
        "open": it.cycle["stage"] == "rating" and not it.row["self_submitted"],
        "given": await _given(visit, it),
    }


class Given:
    """What both sides said, as far as this visitor may see it."""

    def __init__(self, events: list[Any]) -> None:
        self.own: dict[str, str] = {}
        self.other: dict[str, str] = {}
        self.own_comment = self.other_comment = ""
        self.reasons: dict[str, str] = {}
        for event in events:
            self._take(event["topic"], event["content"] or {})

    def _take(self, topic: str, content: Mapping[str, Any]) -> None:
        points = {each["indicator"]: each["points"] for each in content.get("ratings") or ()}
        match topic:
            case "appraisal.self-rating-submitted" if points:
                self.own, self.own_comment = points, content.get("comment") or ""
            case "appraisal.manager-rating-submitted" | "appraisal.manager-rating-revised" if (
                points
            ):
                self.other = points
                self.other_comment = content.get("comment") or content.get("reason") or ""
            case "appraisal.deviation-explained":
                self.reasons[content.get("of", "")] = content.get("reason") or ""


async def _given(visit: Visit, it: About) -> Given:
    return Given([each async for each in visit.each(f"{it.path}/history")])


async def _rate(visit: Visit) -> Mapping[str, Any]:
    it = await about(visit, visit.ids["appraisal_id"])
    if not it.manages:
        raise Said("not-found", "only who manages a person rates them here")
    names = await visit.names([it.row["person_id"]])
    sums = await visit.ask(
        f"/cycles/{it.row['cycle_id']}/employments/{it.row['employment_id']}/actuals"
    )
    standing = await _standing(visit, it)
    given = await _given(visit, it)
    return {
        "it": it,
        "who": names(it.row["person_id"]),
        "fields": it.indicators(*JUDGED),
        "open": it.cycle["stage"] == "rating" and not it.row["manager_submitted"],
        "revisable": bool(it.row["manager_submitted"])
        and not it.row["lock_version"]
        and it.cycle["stage"] in {"comparison", "calibration"},
        "given": given,
        "standing": standing,
        "compared": _compared(visit, it, given),
        "due": [each for each in it.row["compared"] if each["flagged"] and not each["explained"]],
        "explaining": it.cycle["stage"] in STAGES_OF_REASONS,
        "facts": _facts(visit, it, sums["sums"], await visit.maybe(f"{it.path}/goals")),
        "threshold": it.content["deviation_threshold"],
    }


async def _standing(visit: Visit, it: About) -> Any:
    # Only who has rated is told: a score that is shown before would lead the rating.
    if not it.row["manager_submitted"]:
        return None
    return await visit.maybe(f"{it.path}/standing")


def _compared(visit: Visit, it: About, given: Given) -> Table:
    say = visit.say
    return Table(
        name="compared",
        caption=say("Two-way comparison"),
        rows=it.row["compared"],
        exported=False,
        empty=say("The comparison is made once both sides have rated."),
        columns=(
            Column(label=say("Indicator"), value=lambda row: it.labels.get(row["of"], row["of"])),
            Column(label=say("Self"), value=lambda row: row["self_points"], kind="number"),
            Column(label=say("Manager"), value=lambda row: row["manager_points"], kind="number"),
            Column(
                label=say("Deviation"),
                value=lambda row: (
                    say("explained")
                    if row["explained"]
                    else say("reason needed")
                    if row["flagged"]
                    else say("within the limit")
                ),
                kind="mark",
                tone=lambda row: "bad" if row["flagged"] and not row["explained"] else "good",
            ),
            Column(label=say("Reason"), value=lambda row: given.reasons.get(row["of"], "")),
        ),
    )


def _facts(visit: Visit, it: About, sums: Mapping[str, str], goals: Any) -> Table:
    targets = {each["indicator"]: each["target"] for each in (goals or {"targets": ()})["targets"]}
    say = visit.say
    return Table(
        name="facts",
        caption=say("What the data say"),
        rows=it.indicators(*MEASURED),
        exported=False,
        empty=say("This scheme measures nothing by data."),
        columns=(
            Column(label=say("Indicator"), value=lambda row: row["name"]),
            Column(label=say("Target"), value=lambda row: targets.get(row["code"]), kind="number"),
            Column(label=say("Achieved"), value=lambda row: sums.get(row["code"]), kind="number"),
        ),
    )


# -- the team


async def _team(visit: Visit) -> Mapping[str, Any]:
    cycles = await _of_team(visit) if visit.me else {}
    wanted = visit.query.get("q", "").casefold()
    chosen = visit.query.get("cycle") or _newest(cycles)
    rows: list[Any] = []
    cursor: str | None = None
    if chosen in cycles:
        rows, cursor = await visit.page(
            "/appraisals", manager_id=visit.me, cycle_id=chosen, limit=TEAM_SHOWN
        )
    rows = [row for row in rows if row["person_id"] != str(visit.me)]
    names = await visit.names([row["person_id"] for row in rows])
    shown = [
        {**row, "name": names(row["person_id"]), "next": _next(visit, row, cycles)}
        for row in rows
        if wanted in names(row["person_id"]).casefold()
    ]
    done = sum(1 for row in shown if row["manager_submitted"])
    return {
        "cycles": cycles,
        "chosen": chosen,
        "done": done,
        "count": len(shown),
        "edges": await _edges(visit, shown),
        "team": _board(visit, shown, cursor),
    }


async def _of_team(visit: Visit) -> dict[str, Any]:
    """The newest cycles in which the visitor leads somebody, by their beginning."""
    begun = [row async for row in visit.each("/cycles") if row["stage"] != "draft"]
    newest = sorted(begun, key=lambda row: row["starts_on"])[-CYCLES_SHOWN:]
    found: dict[str, Any] = {}
    for row in newest:
        # Two, for the visitor's own is among them where they lead themselves.
        told = await visit.ask(
            "/appraisals", manager_id=visit.me, cycle_id=row["cycle_id"], limit=2
        )
        if any(each["person_id"] != str(visit.me) for each in told["data"]):
            found[row["cycle_id"]] = row
    return found


def _newest(cycles: Mapping[str, Any]) -> str:
    open_ones = [key for key, each in cycles.items() if each["stage"] != "closed"]
    last = max(open_ones or cycles, key=lambda key: cycles[key]["starts_on"], default="")
    return str(last)


def _next(visit: Visit, row: Any, cycles: Mapping[str, Any]) -> str:
    stage = cycles[row["cycle_id"]]["stage"]
    if row["stage"] == "deviation-pending":
        return visit.say("explain the deviation")
    if stage == "rating" and not row["manager_submitted"]:
        return visit.say("rate")
    return ""


async def _edges(visit: Visit, rows: list[Any]) -> list[Mapping[str, Any]]:
    """Who stands within a point of another coefficient; for those who have been rated."""
    found: list[Mapping[str, Any]] = []
    for row in rows:
        if row["manager_submitted"] and not row["lock_version"]:
            standing = await visit.maybe(f"/appraisals/{row['appraisal_id']}/standing")
            if standing and standing["near_edge"] is not None:
                found.append({**standing, "name": row["name"], "appraisal_id": row["appraisal_id"]})
    return found


def _board(visit: Visit, rows: list[Any], cursor: str | None) -> Table:
    say = visit.say
    return Table(
        name="team",
        caption=say("My team"),
        rows=rows,
        next=cursor,
        empty=say("Nobody is in your team in this cycle, or nobody is called so."),
        columns=(
            Column(
                label=say("Name"),
                value=lambda row: row["name"],
                href=lambda row: f"{HOME}/appraisals/{row['appraisal_id']}/rating",
            ),
            Column(
                label=say("Stage"),
                value=lambda row: visit.term("stage", row["stage"]),
                kind="mark",
                tone=lambda row: "bad" if row["stage"] == "deviation-pending" else "",
            ),
            Column(
                label=say("Initial score"), value=lambda row: row["initial_score"], kind="number"
            ),
            Column(label=say("Score"), value=lambda row: row["score"], kind="number"),
            Column(
                label=say("Self rating"),
                value=lambda row: say("in") if row["self_submitted"] else say("open"),
                kind="mark",
                tone=lambda row: "good" if row["self_submitted"] else "",
            ),
            Column(
                label=say("Your rating"),
                value=lambda row: say("in") if row["manager_submitted"] else say("open"),
                kind="mark",
                tone=lambda row: "good" if row["manager_submitted"] else "warn",
            ),
            Column(label=say("Next step"), value=lambda row: row["next"]),
        ),
    )


PAGES = (
    Page(
        path="/appraisals/{appraisal_id}/self-rating",
        title="Self rating",
        template="self_rating.html",
        load=_own,
        roles=frozenset({auth.EMPLOYEE}),
        does=("/appraisals/{appraisal_id}/self-rating",),
    ),
    Page(
        path="/team",
        title="Team board",
        template="team.html",
        load=_team,
        roles=RATERS,
        menu="team",
    ),
    Page(
        path="/appraisals/{appraisal_id}/rating",
        title="Rating",
        template="rating.html",
        load=_rate,
        roles=RATERS,
        does=(
            "/appraisals/{appraisal_id}/manager-rating",
            "/appraisals/{appraisal_id}/manager-rating/revise",
            "/appraisals/{appraisal_id}/deviation",
        ),
    ),
)
