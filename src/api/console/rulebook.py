"""Schemes: versions, their check-up, what differs, drafts, two people, simulations of the past."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from api import auth
from api.console.explaining import content_of
from api.console.page import HOME, Page
from api.console.problems import meaning_of
from api.console.tables import Column, Table
from api.console.units import choices, cycle_names, wanted
from api.console.visit import Visit

READERS = auth.WHOLE_COMPANY
SIMULATED_MAX = 1_000
"""Appraisals of one simulation that the page asks for."""
TONES: Final = {"published": "good", "approved": "warn", "retired": "bad"}


async def _schemes(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page("/schemes")
    say = visit.say
    return {
        "drafting": visit.may("POST", "/schemes/from-template"),
        "templates": [(row["code"], row["title"]) async for row in visit.each("/scheme-templates")],
        "schemes": Table(
            name="schemes",
            caption=say("Schemes"),
            rows=rows,
            next=cursor,
            empty=say("There is no scheme yet. Begin from a template."),
            columns=(
                Column(
                    label=say("Scheme"),
                    value=lambda row: row["name"],
                    href=lambda row: f"{HOME}/schemes/{row['scheme_id']}",
                ),
                Column(label=say("Code"), value=lambda row: row["code"]),
                Column(
                    label=say("Versions"), value=lambda row: len(row["versions"]), kind="number"
                ),
                Column(
                    label=say("Newest"),
                    value=lambda row: visit.term(
                        "scheme-standing", row["versions"][-1]["standing"]
                    ),
                    kind="mark",
                    tone=lambda row: TONES.get(row["versions"][-1]["standing"], ""),
                ),
            ),
        ),
    }


async def _scheme(visit: Visit) -> Mapping[str, Any]:
    at = f"/schemes/{visit.ids['scheme_id']}"
    scheme = await visit.ask(at)
    versions = scheme["versions"]
    numbers = [str(each["version"]) for each in versions]
    number = wanted(visit, "version", numbers, numbers[-1])
    version = versions[numbers.index(number)]
    lint = await visit.ask(f"{at}/lint", version=number)
    names = await visit.names([version["drafted_by"], version["approved_by"]])
    other = wanted(visit, "against", numbers)
    cycles = await cycle_names(visit)
    return {
        "scheme": scheme,
        "at": at,
        "version": version,
        "number": number,
        "numbers": numbers,
        "drafted_by": names(version["drafted_by"]),
        "approved_by": names(version["approved_by"]) if version["approved_by"] else "",
        "mine": version["drafted_by"] == str(visit.caller.actor),
        "may": {
            name: visit.may("POST", f"{at}/{name}")
            for name in ("approve", "publish", "retire", "simulate", "lint")
        },
        "lint": lint["findings"],
        "faults": [each for each in lint["findings"] if each["severity"] == "fault"],
        "findings": _findings(visit, lint["findings"]),
        "content": _content(visit, version["content"]),
        "against": other,
        "diff": await _diff(visit, at, other, number) if other and other != number else None,
        **await _simulated(visit, scheme, at, cycles),
    }


def _findings(visit: Visit, findings: list[Any]) -> Table:
    say = visit.say
    return Table(
        name="lint",
        caption=say("Check-up of this version"),
        rows=findings,
        empty=say("The check-up finds nothing to object to."),
        columns=(
            Column(label=say("Where"), value=lambda row: row["where"]),
            Column(
                label=say("Severity"),
                value=lambda row: visit.term("severity", row["severity"]),
                kind="mark",
                tone=lambda row: "bad" if row["severity"] == "fault" else "warn",
            ),
            Column(label=say("Finding"), value=lambda row: visit.term("lint", row["code"])),
            Column(label=say("In detail"), value=lambda row: row["detail"]),
        ),
    )


def _content(visit: Visit, content: Any) -> Table:
    say = visit.say
    rows = [
        {**indicator, "section": section}
        for section in content["sections"]
        for indicator in section["indicators"]
    ]
    return Table(
        name="indicators",
        caption=say("Indicators and weights"),
        rows=rows,
        columns=(
            Column(label=say("Indicator"), value=lambda row: row["name"]),
            Column(
                label=say("Section"),
                value=lambda row: (
                    f"{row['section']['name']} {_percent(row['section']['weight_bp'])}"
                ),
            ),
            Column(label=say("Weight"), value=lambda row: _percent(row["weight_bp"])),
            Column(label=say("Rule"), value=lambda row: _rule(visit, row["rule"])),
        ),
    )


def _percent(basis_points: int) -> str:
    return f"{(Decimal(basis_points) / 100).normalize():f} %"


def _rule(visit: Visit, rule: Any) -> str:
    kind = visit.term("indicator-rule", rule["kind"])
    levels = ", ".join(f"{each['threshold']} → {each['points']}" for each in rule.get("levels", ()))
    limits = f"{rule['floor']} – {rule['cap']}" if "cap" in rule and "floor" in rule else ""
    return " · ".join(each for each in (kind, levels, limits) if each)


async def _diff(visit: Visit, at: str, before: str, after: str) -> Table:
    told = await visit.ask(f"{at}/diff", before=before, after=after)
    say = visit.say
    return Table(
        name="diff",
        caption=say("From version {before} to version {after}", before=before, after=after),
        rows=told["changes"],
        empty=say("These versions do not differ."),
        columns=(
            Column(label=say("Where"), value=lambda row: row["path"]),
            Column(label=say("Before"), value=lambda row: row["before"]),
            Column(label=say("After"), value=lambda row: row["after"]),
        ),
    )


async def _simulated(
    visit: Visit, scheme: Any, at: str, cycles: Mapping[str, str]
) -> Mapping[str, Any]:
    """Simulations there are, and the appraisals that a new one would calculate."""
    chosen = wanted(visit, "cycle", cycles)
    wanted_ids: list[str] = []
    if chosen:
        wanted_ids = [
            row["appraisal_id"]
            async for row in visit.each(f"/cycles/{chosen}/appraisals")
            if row["scheme_id"] == scheme["scheme_id"] and row["stage"] != "void"
        ][:SIMULATED_MAX]
    told = await visit.maybe(f"{at}/simulations")
    newest = told["newest"][0] if told and told["newest"] else None
    return {
        "cycles": choices(cycles),
        "chosen": chosen,
        "simulating": wanted_ids,
        "simulation": newest,
        "simulated": await _lines(visit, newest) if newest else None,
    }


async def _lines(visit: Visit, newest: Any) -> Table:
    rows = newest["lines"]
    people: dict[str, str] = {}
    for row in rows[:SIMULATED_MAX]:
        told = await visit.maybe(f"/appraisals/{row['appraisal_id']}", fields="person_id")
        people[row["appraisal_id"]] = told["person_id"] if told else ""
    names = await visit.names(people.values())
    say = visit.say
    return Table(
        name="simulated",
        caption=say(
            "What version {number} would change, person by person", number=newest["version"]
        ),
        rows=rows,
        columns=(
            Column(
                label=say("Name"),
                value=lambda row: names(people.get(row["appraisal_id"])),
                href=lambda row: f"{HOME}/appraisals/{row['appraisal_id']}",
            ),
            Column(label=say("Score before"), value=lambda row: row["score_before"], kind="number"),
            Column(label=say("Score after"), value=lambda row: row["score_after"], kind="number"),
            Column(label=say("Pay before"), value=lambda row: row["amount_before"], kind="money"),
            Column(label=say("Pay after"), value=lambda row: row["amount_after"], kind="money"),
            Column(label=say("Difference"), value=_gain, kind="money"),
            Column(
                label=say("Obstacle"),
                value=lambda row: (
                    meaning_of(row["obstacle"], visit.language) if row["obstacle"] else ""
                ),
            ),
        ),
    )


def _gain(row: Any) -> Any:
    before, after = row["amount_before"], row["amount_after"]
    if before is None or after is None or before["currency"] != after["currency"]:
        return None
    gain = Decimal(after["amount"]) - Decimal(before["amount"])
    return {"amount": format(gain, "f"), "currency": after["currency"]}


# -- the editor

EDITED: Final = frozenset(
    {
        "name",
        "weight_bp",
        "floor",
        "cap",
        "threshold",
        "points",
        "from_score",
        "coefficient",
        "score_cap",
        "deviation_threshold",
        "deduction_cap",
        "bonus_cap",
    }
)
"""Leaves of a scheme's content that the editor offers; the others stay as they are."""


async def _editor(visit: Visit) -> Mapping[str, Any]:
    scheme = await visit.ask(f"/schemes/{visit.ids['scheme_id']}")
    numbers = [str(each["version"]) for each in scheme["versions"]]
    number = wanted(visit, "version", numbers, numbers[-1])
    content = content_of(scheme, int(number))
    leaves = list(_leaves(content, "content", ()))
    return {
        "scheme": scheme,
        "number": number,
        "edited": [
            {"name": name, "label": _label(visit, way, leaf), "value": value, "leaf": leaf}
            for name, leaf, way, value in leaves
            if leaf in EDITED
        ],
        "kept": [(name, value) for name, leaf, _, value in leaves if leaf not in EDITED],
    }


Leaf = tuple[str, str, tuple[str, ...], str]


def _leaves(value: Any, name: str, way: tuple[str, ...]) -> Iterator[Leaf]:
    """(field's name, leaf, names of what it is in, value) of everything that says something."""
    if isinstance(value, Mapping):
        titled = str(value.get("name") or value.get("code") or "")
        inside = (*way, titled) if titled else way
        for key, each in value.items():
            yield from _leaves(each, f"{name}.{key}", inside)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _leaves(each, f"{name}.{at}", way)
    elif value is not None:
        yield name, name.rsplit(".", 1)[-1], way, str(value)


def _label(visit: Visit, way: tuple[str, ...], leaf: str) -> str:
    return " · ".join((*way[1:], visit.term("scheme-field", leaf)))


PAGES = (
    Page(
        path="/schemes",
        title="Schemes",
        template="schemes.html",
        load=_schemes,
        roles=READERS,
        does=("/schemes/from-template",),
        menu="people",
    ),
    Page(
        path="/schemes/{scheme_id}",
        title="Scheme",
        template="scheme.html",
        load=_scheme,
        roles=READERS,
        does=tuple(
            f"/schemes/{{scheme_id}}/{name}"
            for name in ("approve", "publish", "retire", "simulate", "lint")
        ),
    ),
    Page(
        path="/schemes/{scheme_id}/edit",
        title="Draft a version",
        template="scheme_edit.html",
        load=_editor,
        roles=frozenset({auth.HR, auth.ADMIN}),
        does=("/schemes",),
    ),
)
