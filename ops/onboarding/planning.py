"""`merit onboard plan`: a mapping proposed from the data, with the reason for each part of it."""

import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from ops.onboarding.guesses import Cast, cast
from ops.onboarding.mapping import parse
from ops.onboarding.proposing import Draft, write
from ops.onboarding.shapes import ambiguous_days
from ops.onboarding.sources import folder_of
from ops.onboarding.survey import Surveyed, Table, pattern_of, survey
from ops.onboarding.words import PERSONAL

PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff. -]*")
RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "~"})
UNKNOWN = "no part of it was recognised"
CURRENCIES = (("$", "USD"), ("€", "EUR"), ("£", "GBP"), ("¥", "CNY"), ("￥", "CNY"), ("元", "CNY"))


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping, why it is so, and what it leaves."""

    text: str
    reasons: tuple[str, ...]
    left: tuple[str, ...]
    """Tables and columns that could not be placed."""


def propose(folder: Path, today: date | None = None) -> Proposal:
    """A mapping that `merit onboard check` takes; for people to read and correct.

    Raises:
        BadInput: no such folder.
    """
    day = today or datetime.now(UTC).date()
    surveyed = survey(folder_of(folder))
    made = cast(surveyed)
    draft = Draft(cast=made, opening=f"{day.year}-01-01")
    tables = [t for t in surveyed.tables if t.files[0] not in made.twins]
    write(draft, tables)
    reasons = [*made.reasons]
    if not draft.recipes:
        reasons.append("no table of people was recognised: the mapping has only its sources")
    forms, pivot = _dates(surveyed, reasons, day)
    currency = _currency(surveyed)
    reasons.append(f"amounts are taken as {currency}; correct `currency` where that is wrong")
    left = [*surveyed.left, *_left(tables, draft)]
    text = _text(folder.resolve().name, draft, tables, (forms, pivot, currency), left)
    if draft.recipes:
        parse(text, "the proposed mapping")
    reasons += [f"{recipe['entity']} from {recipe['from']}: {why}" for why, recipe in draft.recipes]
    return Proposal(text=text, reasons=tuple(reasons), left=tuple(left))


def _dates(surveyed: Surveyed, reasons: list[str], today: date) -> tuple[list[str], int | None]:
    forms: Counter[str] = Counter()
    latest = 0
    for table in surveyed.tables:
        for column in table.columns:
            forms.update(dict.fromkeys(column.forms, column.filled))
            if column.forms and ambiguous_days([text for text in column.texts if text]):
                reasons.append(
                    f"{table.files[0]} column {column.name!r}: nothing tells day from month;"
                    f" taken as {', '.join(column.forms)}"
                )
            years = re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", " ".join(column.texts[:200]))
            if column.concept in ("year", "hired_on", "date", "effective"):
                latest = max([latest, *(int(year) for year in years if int(year) <= today.year)])
        for file in table.files:
            years = re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", file)
            latest = max([latest, *(int(year) for year in years if int(year) <= today.year)])
    known = [form for form, _ in forms.most_common()]
    if "YYYY-MM-DD" not in known:
        known.append("YYYY-MM-DD")
    two = [form for form in known if "YY" in form.replace("YYYY", "")]
    if not two:
        return known, None
    pivot = latest or today.year
    reasons.append(f"years of two digits ({', '.join(two)}) mean {pivot - 99} to {pivot}")
    return known, pivot


def _currency(surveyed: Surveyed) -> str:
    seen: Counter[str] = Counter()
    chinese = 0
    for table in surveyed.tables:
        for column in table.columns:
            chinese += any("\u4e00" <= each <= "\u9fff" for each in column.name)
            if column.shape == "money":
                said = "".join(column.texts[:50])
                seen.update({code: said.count(sign) for sign, code in CURRENCIES if sign in said})
    if seen:
        return seen.most_common(1)[0][0]
    return "CNY" if chinese else "USD"


def _left(tables: list[Table], draft: Draft) -> list[str]:
    left = []
    for table in tables:
        used = draft.used.get(table.name)
        where = f"{table.files[0]}{f' {table.sheet}' if table.sheet else ''}"
        if used is None:
            left.append(f"{where}: {UNKNOWN}")
            continue
        for column in table.columns:
            if column.name not in used and column.shape != "empty":
                why = _why_left(column.concept)
                left.append(f"{where} column {column.name!r}: {why}")
    return left


def _why_left(concept: str | None) -> str:
    if concept in PERSONAL:
        return f"{concept}: no decision needs it, so it stays behind"
    if concept in ("row_id", "audit", "note"):
        return "belongs to the old system"
    if concept is None:
        return "its meaning is not known"
    return f"looks like {concept}, but there is nothing to put it to"


# -- the text


def _said(value: Any) -> str:
    """A value in YAML on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            plain = (
                PLAIN.fullmatch(value) and value.lower() not in RESERVED and value == value.strip()
            )
            return value if plain else json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(_said(each) for each in value)}]"
        case dict():
            return "{" + ", ".join(f"{_said(k)}: {_said(v)}" for k, v in value.items()) + "}"
        case _:
            raise AssertionError(value)


def _text(
    name: str,
    draft: Draft,
    tables: list[Table],
    settings: tuple[list[str], int | None, str],
    left: list[str],
) -> str:
    forms, pivot, currency = settings
    lines = [
        "# Proposed from the data: read it, correct it, then check the folder against it.",
        "version: 1",
        f"name: {_said(name)}",
        f"currency: {currency}",
        "# The day from which on that holds for which the files tell no day.",
        f'opening: "{draft.opening}"',
        f"dates: {_said(forms)}",
    ]
    if pivot is not None:
        lines.append(f"pivot: {pivot}  # the last year that two digits mean")
    lines.append("sources:")
    for table in tables:
        if table.name in draft.used:
            lines += _source(table, draft)
    if lines[-1] == "sources:":
        lines[-1] = "sources: {}"
    lines.append("records:" if draft.recipes else "records: []")
    for why, recipe in draft.recipes:
        lines += [
            f"  # {why}",
            f"  - entity: {recipe['entity']}",
            f"    from: {_said(recipe['from'])}",
        ]
        lines += [
            f"    {key}: {_said(value)}"
            for key, value in recipe.items()
            if key not in ("entity", "from", "fields")
        ]
        lines.append("    fields:")
        lines += [f"      {field}: {_said(rule)}" for field, rule in recipe["fields"].items()]
    lines += _excluded(draft.cast, tables, draft)
    if left:
        # Columns stand at their source; here are the tables that have none.
        tables_left = [
            each for each in left if " column '" not in each and not each.endswith(UNKNOWN)
        ]
        lines += [f"# Not placed: {each}" for each in tables_left]
    return "\n".join(lines) + "\n"


def _source(table: Table, draft: Draft) -> list[str]:
    lines = [f"  {_said(table.name)}:", f"    files: {_said(pattern_of(table.files))}"]
    if table.sheet is not None:
        lines.append(f"    sheet: {_said(table.sheet)}")
    if not table.header:
        lines.append("    header: none")
        lines.append(f"    columns: {_said([column.name for column in table.columns])}")
    if table.facts:
        lines.append(f"    facts: {_said(next(iter(table.facts.values())))}")
    unused = {
        column.name: _why_left(column.concept)
        for column in table.columns
        if column.name not in draft.used[table.name]
    }
    if unused:
        lines.append("    ignore:")
        lines += [f"      {_said(name)}: {_said(why)}" for name, why in unused.items()]
    return lines


def _excluded(made: Cast, tables: list[Table], draft: Draft) -> list[str]:
    out = dict(made.twins)
    for table in tables:
        if table.name not in draft.used:
            files = pattern_of(table.files)
            out[f"{files}#{table.sheet}" if table.sheet else files] = UNKNOWN
    if not out:
        return []
    lines = ["exclude_files:"]
    return lines + [f"  {_said(name)}: {_said(why)}" for name, why in out.items()]
