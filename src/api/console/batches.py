"""Payout batches: prepared with a preview, approved by somebody else, paid; and each line's why."""

from collections.abc import Mapping
from typing import Any, Final

from api import auth
from api.console.about import about
from api.console.charts import Chart
from api.console.events import events_behind
from api.console.explaining import Branch, branch, tree_of, waterfall
from api.console.journal import entries_table
from api.console.page import HOME, Page
from api.console.problems import meaning_of
from api.console.tables import Column, Table
from api.console.units import choices, cycle_names, unit_names, wanted
from api.console.visit import Names, Visit
from domain.currencies import digits_of

READERS = auth.WHOLE_COMPANY
COURSE: Final = ("prepared", "approved", "instructed", "settled")
TONES: Final = {"settled": "good", "returned": "bad", "voided": "bad"}


async def _batches(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page("/payout-batches")
    cycles = await cycle_names(visit)
    names = await visit.names(
        each for row in rows for each in (row["prepared_by"], row["approved_by"])
    )
    say = visit.say
    return {
        "preparing": visit.may("POST", "/payout-batches"),
        **await _prepared(visit, cycles),
        "batches": Table(
            name="batches",
            caption=say("Payout batches"),
            rows=rows,
            next=cursor,
            empty=say("Nothing has been prepared for payment yet."),
            columns=(
                Column(
                    label=say("Batch"),
                    value=lambda row: row["code"],
                    href=lambda row: f"{HOME}/batches/{row['batch_id']}",
                ),
                Column(label=say("Cycle"), value=lambda row: cycles.get(row["cycle_id"], "")),
                Column(
                    label=say("State"),
                    value=lambda row: visit.term("pay-state", row["state"]),
                    kind="mark",
                    tone=lambda row: TONES.get(row["state"], "warn"),
                ),
                Column(label=say("Lines"), value=lambda row: row["lines"], kind="number"),
                Column(label=say("Total"), value=lambda row: _sums(visit, row["totals"])),
                Column(label=say("Prepared by"), value=lambda row: names(row["prepared_by"])),
                Column(
                    label=say("Approved by"),
                    value=lambda row: names(row["approved_by"]) if row["approved_by"] else "",
                ),
            ),
        ),
    }


def _sums(visit: Visit, totals: list[Any]) -> str:
    return " + ".join(visit.formats.money(each) for each in totals)


async def _prepared(visit: Visit, cycles: Mapping[str, str]) -> Mapping[str, Any]:
    """What a batch of the chosen cycle would hold."""
    chosen = wanted(visit, "cycle", cycles)
    units = await unit_names(visit)
    unit = wanted(visit, "unit", units)
    shown: dict[str, Any] = {
        "cycles": choices(cycles),
        "units": choices(units, visit.say("everybody")),
        "chosen": chosen,
        "unit": unit,
        "preview": None,
    }
    if not chosen or not visit.may("GET", f"/cycles/{chosen}/payout-preview"):
        return shown
    preview = await visit.ask(f"/cycles/{chosen}/payout-preview", org_unit_id=unit)
    names = await visit.names(line["person_id"] for line in preview["lines"])
    say = visit.say
    return {
        **shown,
        "preview": preview,
        "sums": _sums(visit, preview["totals"]),
        "refused": meaning_of(preview["code"], visit.language) if preview["code"] else "",
        "detail": visit.detail(preview["detail"] or ""),
        "would_pay": Table(
            name="would-pay",
            caption=say("What it would pay"),
            rows=preview["lines"],
            columns=(
                Column(label=say("Name"), value=lambda row: names(row["person_id"])),
                Column(label=say("Amount"), value=lambda row: row["amount"], kind="money"),
                Column(
                    label=say("Kind"),
                    value=lambda row: say("difference") if row["corrects"] else say("first line"),
                    kind="mark",
                ),
            ),
        ),
    }


async def _batch(visit: Visit) -> Mapping[str, Any]:
    batch = (await visit.ask(f"/payout-batches/{visit.ids['batch_id']}"))["batch"]
    lines, cursor = await visit.page("/payouts", batch_id=batch["batch_id"], limit=100)
    names = await visit.names(
        [batch["prepared_by"], batch["approved_by"], *(line["person_id"] for line in lines)]
    )
    cycles = await cycle_names(visit)
    at, state = f"/payout-batches/{batch['batch_id']}", batch["state"]
    return {
        "batch": batch,
        "at": at,
        "course": COURSE,
        "place": COURSE.index(state) if state in COURSE else -1,
        "cycle": cycles.get(batch["cycle_id"], ""),
        "sums": _sums(visit, batch["totals"]),
        "prepared_by": names(batch["prepared_by"]),
        "approved_by": names(batch["approved_by"]) if batch["approved_by"] else "",
        "mine": batch["prepared_by"] == str(visit.caller.actor),
        "may": {
            name: visit.may("POST", f"{at}/{name}")
            for name in ("approve", "instruct", "settle", "void")
        },
        "lines": _lines(visit, lines, names, cursor),
    }


def _lines(visit: Visit, rows: list[Any], names: Names, cursor: str | None) -> Table:
    """Payout lines, each leading to its why."""
    say = visit.say
    return Table(
        name="lines",
        caption=say("Payout lines"),
        rows=rows,
        next=cursor,
        empty=say("There are no such lines."),
        columns=(
            Column(
                label=say("Name"),
                value=lambda row: names(row["person_id"]),
                href=lambda row: f"{HOME}/payouts/{row['payout_id']}",
            ),
            Column(label=say("Cost centre"), value=lambda row: row["cost_centre"]),
            Column(label=say("Base"), value=lambda row: row["base"], kind="money"),
            Column(label=say("Coefficient"), value=lambda row: row["coefficient"], kind="number"),
            Column(label=say("Amount"), value=lambda row: row["amount"], kind="money"),
            Column(label=say("Kept"), value=lambda row: row["kept"], kind="money"),
            Column(
                label=say("State"),
                value=lambda row: visit.term("pay-state", row["state"]),
                kind="mark",
                tone=lambda row: TONES.get(row["state"], "warn"),
            ),
        ),
    )


async def _line(visit: Visit) -> Mapping[str, Any]:
    at = f"/payouts/{visit.ids['payout_id']}"
    line = await visit.ask(at)
    why = await visit.maybe(f"{at}/explanation")
    names = await visit.names([line["person_id"]])
    it = await about(visit, line["appraisal_id"]) if line["appraisal_id"] else None
    labels = it.labels if it else {}
    chart, tree = _explained(visit, line, why, labels) if why else (None, None)
    entries = None
    if visit.may("GET", "/ledger/entries"):
        rows = [each async for each in visit.each("/ledger/entries", payout_id=line["payout_id"])]
        entries = entries_table(visit, rows, visit.say("What it posted"), drill=False)
    return {
        "line": line,
        "at": at,
        "who": names.known.get(line["person_id"]) or names(line["person_id"]),
        "it": it,
        "why": why,
        "chart": chart,
        "tree": tree,
        "behind": await events_behind(visit, it) if it else {},
        "entries": entries,
        "may": {
            name: visit.may("POST", f"{at}/{name}")
            for name in ("instruct", "settle", "return", "void")
        },
    }


def _explained(
    visit: Visit, line: Any, why: Any, labels: Mapping[str, str]
) -> tuple[Chart, Branch]:
    node, currency = tree_of(why["explanation"]), line["amount"]["currency"]
    digits = digits_of(currency)
    chart = waterfall(
        "amount",
        visit.say("How the amount came about"),
        node,
        visit,
        labels,
        digits=digits,
        scale=10**digits,
        unit=currency,
    )
    return chart, branch(node, visit, labels, currency)


PAGES = (
    Page(
        path="/batches",
        title="Payout batches",
        template="batches.html",
        load=_batches,
        roles=READERS,
        does=("/payout-batches",),
        menu="money",
    ),
    Page(
        path="/batches/{batch_id}",
        title="Payout batch",
        template="batch.html",
        load=_batch,
        roles=READERS,
        does=tuple(
            f"/payout-batches/{{batch_id}}/{name}"
            for name in ("approve", "instruct", "settle", "void")
        ),
    ),
    Page(
        path="/payouts/{payout_id}",
        title="Payout line",
        template="payout.html",
        load=_line,
        roles=READERS,
        does=tuple(
            f"/payouts/{{payout_id}}/{name}" for name in ("instruct", "settle", "return", "void")
        ),
    ),
)
