"""A result and why it is so: waterfall, tree down to the events, the formula, the receipt."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from api import auth
from api.console.about import About, about, has_result
from api.console.charts import Chart
from api.console.events import events_behind
from api.console.explaining import Branch, branch, score_in, tree_of, waterfall
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.visit import Visit
from domain.currencies import digits_of

READERS = auth.ROLES - {auth.INTEGRATION}


async def _results(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = (
        await visit.page("/appraisals", person_id=visit.me) if visit.me is not None else ([], None)
    )
    shown = [row for row in rows if has_result(row)]
    cycles = {row["cycle_id"]: await visit.ask(f"/cycles/{row['cycle_id']}") for row in shown}
    paid = await visit.ask("/payouts", person_id=visit.me, limit=500) if visit.me else {"data": []}
    amounts: dict[str, Any] = {}
    for line in paid["data"]:
        if line["appraisal_id"] and line["state"] != "voided":
            _add(amounts, line)
    say = visit.say
    return {
        "results": Table(
            name="results",
            caption=say("My results"),
            rows=shown,
            next=cursor,
            empty=say("No result has been shown to you yet."),
            columns=(
                Column(
                    label=say("Cycle"),
                    value=lambda row: cycles[row["cycle_id"]]["name"],
                    href=lambda row: f"{HOME}/appraisals/{row['appraisal_id']}",
                ),
                Column(label=say("Score"), value=lambda row: row["score"], kind="number"),
                Column(
                    label=say("Coefficient"), value=lambda row: row["coefficient"], kind="number"
                ),
                Column(
                    label=say("Performance pay"),
                    value=lambda row: amounts.get(row["appraisal_id"]),
                    kind="money",
                ),
                Column(
                    label=say("Stage"),
                    value=lambda row: visit.term("stage", row["stage"]),
                    kind="mark",
                ),
            ),
        )
    }


def _add(amounts: dict[str, Any], line: Any) -> None:
    before = amounts.get(line["appraisal_id"])
    amount = line["amount"]
    if before is not None:
        total = Decimal(before["amount"]) + Decimal(amount["amount"])
        amount = {**amount, "amount": format(total, "f")}
    amounts[line["appraisal_id"]] = amount


async def _result(visit: Visit) -> Mapping[str, Any]:
    it = await about(visit, visit.ids["appraisal_id"])
    told, who = await asyncio.gather(visit.maybe(f"{it.path}/explanation"), _who(visit, it))
    shown: dict[str, Any] = {"it": it, "told": told, "who": who}
    if told is None:
        return {**shown, "worth": None, "lines": [], "score_chart": None}
    node = tree_of(told["explanation"])
    score = score_in(node)
    lines, behind, worth = await asyncio.gather(
        _lines(visit, it), events_behind(visit, it), visit.maybe(f"{it.path}/worth")
    )
    return {
        **shown,
        "score_chart": waterfall(
            "score", visit.say("How the score came about"), score, visit, it.labels
        ),
        "tree": branch(node, visit, it.labels),
        "behind": behind,
        "worth": worth,
        "lines": lines,
    }


async def _who(visit: Visit, it: About) -> str:
    """The name of whom it is about; it is shown to others, and on paper, so never "you"."""
    names = await visit.names([it.row["person_id"]])
    return names.known.get(it.row["person_id"]) or names(it.row["person_id"])


async def _lines(visit: Visit, it: About) -> list[Mapping[str, Any]]:
    """What was paid by it, each line with its waterfall and its tree."""
    found: list[Mapping[str, Any]] = []
    told = await visit.ask(
        "/payouts", cycle_id=it.row["cycle_id"], person_id=it.row["person_id"], limit=100
    )
    for line in told["data"]:
        if line["appraisal_id"] != it.id:
            continue
        why = await visit.maybe(f"/payouts/{line['payout_id']}/explanation")
        if why is not None:
            chart, tree = _of_money(visit, it, line, why)
            found.append({**line, "chart": chart, "tree": tree})
    return found


def _of_money(visit: Visit, it: About, line: Any, why: Any) -> tuple[Chart, Branch]:
    node = tree_of(why["explanation"])
    currency = line["amount"]["currency"]
    digits = digits_of(currency)
    chart = waterfall(
        f"pay-{line['payout_id'][:8]}",
        visit.say("How the amount came about"),
        node,
        visit,
        it.labels,
        digits=digits,
        scale=10**digits,
        unit=currency,
    )
    return chart, branch(node, visit, it.labels, currency)


# -- history


async def _history(visit: Visit) -> Mapping[str, Any]:
    it = await about(visit, visit.ids["appraisal_id"])
    events, cursor = await visit.page(f"{it.path}/history", limit=100)
    names = await visit.names([each["actor"] for each in events])
    say = visit.say
    rows = [
        {**each, "who": names(each["actor"]), "what": _told(visit, it, each)} for each in events
    ]
    return {
        "it": it,
        "rows": rows,
        "who": await _who(visit, it),
        "history": Table(
            name="history",
            caption=say("Who changed what, when and why"),
            rows=rows,
            next=cursor,
            columns=(
                Column(label=say("When"), value=lambda row: row["recorded_at"], kind="moment"),
                Column(label=say("What"), value=lambda row: visit.term("topic", row["topic"])),
                Column(label=say("Who"), value=lambda row: row["who"]),
                Column(label=say("Details"), value=lambda row: "; ".join(row["what"])),
                Column(label=say("Event"), value=lambda row: row["event_id"]),
            ),
        ),
    }


def _told(visit: Visit, it: About, event: Any) -> list[str]:
    """What an event says, in words; its reason among them."""
    if event["withheld"]:
        return [visit.say("not open to you at this time")]
    content: dict[str, Any] = event["content"]
    found = [
        f"{visit.term('field', name)} {visit.formats.number(content[name])}"
        for name in ("score", "coefficient", "adjustment", "lock_version")
        if content.get(name) is not None
    ]
    for rating in content.get("ratings") or ():
        label = it.labels.get(rating["indicator"], rating["indicator"])
        found.append(f"{label} {visit.formats.number(rating['points'])}")
    for each in content.get("flagged") or content.get("compared") or ():
        label = it.labels.get(each["of"], each["of"])
        found.append(
            visit.say(
                "{label}: self {own}, manager {other}",
                label=label,
                own=visit.formats.number(each["self_points"]),
                other=visit.formats.number(each["manager_points"]),
            )
        )
    if content.get("of"):
        found.append(it.labels.get(content["of"], content["of"]))
    said = (
        f"{visit.term('field', name)}{visit.say(': ')}{content[name]}"
        for name in ("reason", "comment", "reply", "reason_code")
        if content.get(name)
    )
    return [*found, *said]


# -- receipt


async def _receipt(visit: Visit) -> Mapping[str, Any]:
    it = await about(visit, visit.ids["appraisal_id"])
    receipt = await visit.ask(f"{it.path}/receipt")
    shown = {
        "appraisal_id": receipt["appraisal_id"],
        "lock_version": str(receipt["lock_version"]),
        "score": receipt["score"],
        "coefficient": receipt["coefficient"],
        "explanation_digest": receipt["explanation_digest"],
    }
    return {"it": it, "receipt": receipt, "shown": shown, "who": await _who(visit, it)}


PAGES = (
    Page(
        path="/results",
        title="My results",
        template="results.html",
        load=_results,
        roles=frozenset({auth.EMPLOYEE}),
        menu="mine",
    ),
    Page(
        path="/appraisals/{appraisal_id}",
        title="Result",
        template="result.html",
        load=_result,
        roles=READERS,
        does=("/appraisals/{appraisal_id}/acknowledge",),
    ),
    Page(
        path="/appraisals/{appraisal_id}/history",
        title="Who changed what",
        template="history.html",
        load=_history,
        roles=READERS,
    ),
    Page(
        path="/appraisals/{appraisal_id}/receipt",
        title="Receipt",
        template="receipt.html",
        load=_receipt,
        roles=READERS,
    ),
)
