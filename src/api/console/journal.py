"""The ledger: trial balance, accounts, entries down to the events, differences and clawbacks."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from api import auth
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.units import choices, cycle_names, wanted
from api.console.visit import Names, Visit

SHOWN_MAX = 500
"""Accounts on the page; an export has all of them."""
READERS = frozenset({auth.FINANCE, auth.EXECUTIVE, auth.AUDITOR, auth.ADMIN})


async def _ledger(visit: Visit) -> Mapping[str, Any]:
    position = visit.query.get("position", "")
    until = visit.query.get("until", "")
    position = position if position.isdigit() else ""
    trial = await visit.ask("/ledger/trial-balance", position=position)
    then = await visit.ask("/ledger/balances", position=position, valid_at=until)
    every = then["balances"]
    open_ones = [row for row in every if Decimal(row["balance"]["amount"])]
    shown = every if visit.exporting or len(every) <= SHOWN_MAX else open_ones[:SHOWN_MAX]
    say = visit.say
    caption = say("Balances of accounts")
    if len(shown) < len(every):
        caption = say(
            "Balances of accounts: {shown} of {count} that are not zero",
            shown=len(shown),
            count=len(open_ones),
        )
    return {
        "trial": trial,
        "position": position,
        "until": until,
        "head": (await visit.ask("/tenants/self"))["position"],
        "totals": Table(
            name="trial-balance",
            caption=say("Trial balance"),
            rows=trial["by_entries"],
            empty=say("Nothing has been posted yet."),
            columns=(
                Column(label=say("Currency"), value=lambda row: row["currency"]),
                Column(label=say("Debit"), value=lambda row: row["debit"], kind="money"),
                Column(label=say("Credit"), value=lambda row: row["credit"], kind="money"),
                Column(label=say("Difference"), value=lambda row: row["difference"], kind="money"),
            ),
        ),
        "accounts": Table(
            name="accounts",
            caption=caption,
            rows=shown,
            empty=say("Nothing has been posted yet."),
            columns=(
                Column(
                    label=say("Account"),
                    value=lambda row: row["account"],
                    href=lambda row: f"{HOME}/ledger/entries?account={row['account']}",
                ),
                Column(label=say("Balance"), value=lambda row: row["balance"], kind="money"),
                Column(label=say("Entries"), value=lambda row: row["entries"], kind="number"),
            ),
        ),
    }


async def _entries(visit: Visit) -> Mapping[str, Any]:
    account = visit.query.get("account", "")
    rows, cursor = await visit.page("/ledger/entries", account=account, limit=100)
    caption = visit.say("Journal")
    if account:
        caption = visit.say("Entries of {account}", account=account)
    return {
        "account": account,
        "entries": entries_table(visit, rows, caption, cursor=cursor),
    }


def entries_table(
    visit: Visit, rows: list[Any], caption: str, *, cursor: str | None = None, drill: bool = True
) -> Table:
    """Entries of the journal; each leads to the line, whose explanation leads to the events."""
    say = visit.say

    def line(row: Any) -> str | None:
        return f"{HOME}/payouts/{row['payout_id']}" if drill and row["payout_id"] else None

    return Table(
        name="entries",
        caption=caption,
        rows=rows,
        next=cursor,
        empty=say("Nothing has been posted here."),
        columns=(
            Column(
                label=say("Event"),
                value=lambda row: say("number {position}", position=row["position"]),
                href=line,
            ),
            Column(label=say("Debit"), value=lambda row: row["debit"]),
            Column(label=say("Credit"), value=lambda row: row["credit"]),
            Column(label=say("Amount"), value=lambda row: row["amount"], kind="money"),
            Column(label=say("Takes effect"), value=lambda row: row["effective_on"], kind="day"),
            Column(label=say("Recorded"), value=lambda row: row["recorded_at"], kind="moment"),
        ),
    )


async def _differences(visit: Visit) -> Mapping[str, Any]:
    cycles = await cycle_names(visit)
    chosen = wanted(visit, "cycle", cycles)
    rows, cursor = await visit.page("/payouts", cycle_id=chosen, limit=500)
    rows = [row for row in rows if row["corrects"] or row["amount"]["amount"].startswith("-")]
    owing, more = await visit.page("/clawbacks")
    people = {
        row["employment_id"]: (await visit.ask(f"/employments/{row['employment_id']}"))["person_id"]
        for row in owing
    }
    names = await visit.names([*(row["person_id"] for row in rows), *people.values()])
    say = visit.say
    return {
        "cycles": choices(cycles, say("all cycles")),
        "chosen": chosen,
        "owing": [
            {**row, "who": names(people[row["employment_id"]])} for row in owing if row["owed"]
        ],
        "limiting": visit.may("POST", "/clawbacks"),
        "differences": _lines(visit, rows, names, cursor),
        "clawbacks": Table(
            name="clawbacks",
            caption=say("What is still owed"),
            rows=owing,
            next=more,
            empty=say("Nobody owes anything."),
            columns=(
                Column(label=say("Name"), value=lambda row: names(people[row["employment_id"]])),
                Column(
                    label=say("Owed"),
                    value=lambda row: " + ".join(visit.formats.money(each) for each in row["owed"]),
                ),
                Column(
                    label=say("Share of each payout that is kept"),
                    value=lambda row: row["limit_share"],
                    kind="number",
                ),
            ),
        ),
    }


def _lines(visit: Visit, rows: list[Any], names: Names, cursor: str | None) -> Table:
    """Differences and claims: what was entitled before and after, and what follows."""
    say = visit.say
    return Table(
        name="differences",
        caption=say("Differences after corrections and appeals"),
        rows=rows,
        next=cursor,
        empty=say("No difference has been paid or claimed."),
        columns=(
            Column(
                label=say("Name"),
                value=lambda row: names(row["person_id"]),
                href=lambda row: f"{HOME}/payouts/{row['payout_id']}",
            ),
            Column(label=say("Entitled in all"), value=lambda row: row["entitled"], kind="money"),
            Column(label=say("Difference"), value=lambda row: row["amount"], kind="money"),
            Column(
                label=say("Kind"),
                value=lambda row: (
                    say("claim") if row["amount"]["amount"].startswith("-") else say("payment")
                ),
                kind="mark",
                tone=lambda row: "bad" if row["amount"]["amount"].startswith("-") else "good",
            ),
            Column(
                label=say("State"),
                value=lambda row: visit.term("pay-state", row["state"]),
                kind="mark",
            ),
        ),
    )


PAGES = (
    Page(
        path="/ledger",
        title="Ledger",
        template="ledger.html",
        load=_ledger,
        roles=READERS,
        menu="money",
    ),
    Page(
        path="/ledger/entries",
        title="Journal",
        template="entries.html",
        load=_entries,
        roles=READERS,
        menu="money",
    ),
    Page(
        path="/differences",
        title="Differences and clawbacks",
        template="differences.html",
        load=_differences,
        roles=auth.WHOLE_COMPANY,
        does=("/clawbacks",),
        menu="money",
    ),
)
