"""Instant rewards: budgets with what is left, nomination to payment, and the wall for everybody."""

from collections.abc import Mapping
from typing import Any, Final, get_args
from uuid import uuid4

from api import auth
from api.console.batches import TONES as PAID_TONES
from api.console.page import HOME, Page
from api.console.tables import Column, Table
from api.console.units import choices, unit_names, wanted
from api.console.visit import Names, Visit
from domain.reward import RewardKind, RewardState

READERS = auth.EVERYONE - {auth.INTEGRATION}
TEAM: Final = 5
"""Rows that the form of a nomination offers."""
CHOSEN_MAX: Final = 500
"""People of a unit that it offers to choose from."""
TONES: Final = {"nominated": "warn", "approved": "warn", "granted": "good", "revoked": "bad"}
COURSE: Final = ("nominated", "approved", "granted")
STATES: Final = get_args(RewardState)
DECISIONS: Final = ("approve", "reject", "grant", "revoke")


async def _rewards(visit: Visit) -> Mapping[str, Any]:
    state = wanted(visit, "state", STATES)
    rows, cursor = await visit.page("/rewards", state=state)
    names = await visit.names(
        each
        for row in rows
        for each in (row["nominated_by"], *(share["person_id"] for share in row["shares"]))
    )
    say = visit.say
    funding = visit.may("POST", "/reward-budgets")
    nominating = visit.may("POST", "/rewards")
    units = await unit_names(visit)
    budgets = await _budgets(visit)
    currencies = sorted({each["amount"]["currency"] for each in budgets})
    return {
        "states": [("", say("all")), *((each, visit.term("reward", each)) for each in STATES)],
        "state": state,
        "rewards": _table(visit, rows, names, cursor),
        "sees_budgets": visit.may("GET", "/reward-budgets"),
        "budgets": _budget_table(visit, budgets, units),
        "funding": funding,
        "nominating": nominating,
        "units": choices(units),
        "currencies": currencies,
        "currency_options": [(each, each) for each in currencies],
        "today": visit.formats.day(visit.asked.stamp.now.date()),
        **(await _nomination(visit, budgets, units) if nominating else {}),
    }


def _table(visit: Visit, rows: list[Any], names: Names, cursor: str | None) -> Table:
    say = visit.say
    return Table(
        name="rewards",
        caption=say("Rewards"),
        rows=rows,
        next=cursor,
        empty=say("There are no such rewards."),
        columns=(
            Column(
                label=say("What for"),
                value=lambda row: row["title"] or row["code"],
                href=lambda row: f"{HOME}/rewards/{row['reward_id']}",
            ),
            Column(
                label=say("For whom"),
                value=lambda row: _people(row["shares"], names),
            ),
            Column(label=say("Amount"), value=lambda row: row["amount"], kind="money"),
            Column(label=say("Achieved on"), value=lambda row: row["achieved_on"], kind="day"),
            Column(label=say("Nominated by"), value=lambda row: names(row["nominated_by"])),
            Column(
                label=say("State"),
                value=lambda row: visit.term("reward", row["state"]),
                kind="mark",
                tone=lambda row: TONES.get(row["state"], ""),
            ),
        ),
    )


def _people(shares: list[Any], names: Names) -> str:
    return ", ".join(dict.fromkeys(names(each["person_id"]) for each in shares))


async def _budgets(visit: Visit) -> list[Any]:
    if not visit.may("GET", "/reward-budgets"):
        return []
    return [each async for each in visit.each("/reward-budgets")]


def _budget_table(visit: Visit, budgets: list[Any], units: Mapping[str, str]) -> Table:
    say = visit.say
    return Table(
        name="budgets",
        caption=say("Budgets of rewards"),
        rows=budgets,
        empty=say("No budget has been set. Finance sets one; rewards are granted out of it."),
        columns=(
            Column(label=say("Budget"), value=lambda row: row["code"]),
            Column(label=say("Unit"), value=lambda row: units.get(row["org_unit_id"], "")),
            Column(label=say("Sum"), value=lambda row: row["amount"], kind="money"),
            Column(label=say("Granted so far"), value=lambda row: row["granted"], kind="money"),
            Column(label=say("Left"), value=lambda row: row["left"], kind="money"),
            Column(
                label=say("At most a person"), value=lambda row: row["personal_cap"], kind="money"
            ),
            Column(label=say("From"), value=lambda row: row["starts_on"], kind="day"),
            Column(label=say("Until"), value=lambda row: row["ends_on"], kind="day"),
        ),
    )


async def _nomination(
    visit: Visit, budgets: list[Any], units: Mapping[str, str]
) -> Mapping[str, Any]:
    """What the form of a nomination offers: managers choose from their team, others by unit."""
    say, whole = visit.say, visit.caller.sees_everyone
    unit = wanted(visit, "unit", units) if whole else ""
    query: dict[str, object] = {"org_unit_id": unit} if unit else {}
    if whole and not unit:
        query["manager_id"] = visit.me or visit.caller.actor
    told = await visit.ask("/employments", limit=CHOSEN_MAX, **query)
    rows = [
        row
        for row in told["data"]
        if row["person_id"] != str(visit.me or "") and row["last_day"] is None
    ]
    names = await visit.names(row["person_id"] for row in rows)
    known = sorted(
        (f"{names(row['person_id'])} · {row['number']}", row["employment_id"]) for row in rows
    )
    options = [(employment, label) for label, employment in known]
    return {
        "by_unit": whole,
        "unit": unit,
        "all_units": choices(units, say("my team")),
        "people": options,
        "others": [("", say("Choose")), *options],
        "team": range(TEAM),
        "sources": [
            (
                each["budget_id"],
                say(
                    "{code}: {left} left",
                    code=each["code"],
                    left=visit.formats.money(each["left"]),
                ),
            )
            for each in budgets
        ],
        "kinds": [(each, visit.term("reward-kind", each)) for each in get_args(RewardKind)],
        "code": f"R-{visit.asked.stamp.now:%Y%m%d}-{uuid4().hex[:4].upper()}",
        "yes_no": [("", say("no")), ("true", say("yes"))],
    }


async def _reward(visit: Visit) -> Mapping[str, Any]:
    at = f"/rewards/{visit.ids['reward_id']}"
    row = await visit.ask(at)
    names = await visit.names(
        [
            row["nominated_by"],
            row["approved_by"],
            row["decided_by"],
            *(each["person_id"] for each in row["shares"]),
        ]
    )
    budget = None
    if visit.may("GET", "/reward-budgets"):
        budget = await visit.maybe(f"/reward-budgets/{row['budget_id']}")
    paid = [each async for each in visit.each("/payouts", reward_id=row["reward_id"])]
    actor = str(visit.caller.actor)
    return {
        "row": row,
        "at": at,
        "budget": budget,
        "course": COURSE,
        "place": COURSE.index(row["state"]) if row["state"] in COURSE else -1,
        "nominated_by": names(row["nominated_by"]),
        "approved_by": names(row["approved_by"]) if row["approved_by"] else "",
        "decided_by": names(row["decided_by"]) if row["decided_by"] else "",
        "mine": row["nominated_by"] == actor,
        "own": any(each["person_id"] == actor for each in row["shares"]),
        "shares": _shares(visit, row, names),
        "paid": _paid(visit, paid, names),
        "may": {name: visit.may("POST", f"{at}/{name}") for name in DECISIONS},
        "preparing": visit.may("POST", "/reward-batches"),
    }


def _shares(visit: Visit, row: Any, names: Names) -> Table:
    say = visit.say
    return Table(
        name="shares",
        caption=say("Who shares it"),
        rows=row["shares"],
        empty=say("Nothing of it is yours to see."),
        columns=(
            Column(label=say("Name"), value=lambda share: names(share["person_id"])),
            Column(label=say("Part"), value=lambda share: share["part"], kind="number"),
            Column(label=say("Amount"), value=lambda share: share["amount"], kind="money"),
        ),
    )


def _paid(visit: Visit, rows: list[Any], names: Names) -> Table:
    say, opens = visit.say, visit.caller.sees_everyone
    return Table(
        name="paid",
        caption=say("Its payment"),
        rows=rows,
        empty=say("It has not been prepared for payment."),
        columns=(
            Column(
                label=say("Name"),
                value=lambda line: names(line["person_id"]),
                href=(lambda line: f"{HOME}/payouts/{line['payout_id']}") if opens else None,
            ),
            Column(label=say("Amount"), value=lambda line: line["amount"], kind="money"),
            Column(
                label=say("State"),
                value=lambda line: visit.term("pay-state", line["state"]),
                kind="mark",
                tone=lambda line: PAID_TONES.get(line["state"], "warn"),
            ),
        ),
    )


async def _wall(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page("/recognitions")
    names = await visit.names(each for row in rows for each in row["person_ids"])
    say = visit.say
    return {
        "wall": Table(
            name="wall",
            caption=say("Recognition wall"),
            rows=rows,
            next=cursor,
            empty=say("Nothing hangs on the wall yet."),
            columns=(
                Column(label=say("What for"), value=lambda row: row["title"]),
                Column(
                    label=say("Kind"),
                    value=lambda row: visit.term("reward-kind", row["kind"]),
                    kind="mark",
                ),
                Column(
                    label=say("For whom"),
                    value=lambda row: ", ".join(names(each) for each in row["person_ids"]),
                ),
                Column(label=say("Achieved on"), value=lambda row: row["achieved_on"], kind="day"),
            ),
        )
    }


PAGES = (
    Page(
        path="/rewards",
        title="Instant rewards",
        template="rewards.html",
        load=_rewards,
        roles=READERS,
        does=("/rewards", "/reward-budgets"),
        menu="mine",
    ),
    Page(
        path="/rewards/{reward_id}",
        title="Instant reward",
        template="reward.html",
        load=_reward,
        roles=READERS,
        does=(*(f"/rewards/{{reward_id}}/{name}" for name in DECISIONS), "/reward-batches"),
    ),
    Page(
        path="/recognitions",
        title="Recognition wall",
        template="recognitions.html",
        load=_wall,
        roles=READERS,
        menu="company",
    ),
)
