"""Recipes for the parts that tables play, in the words of a mapping file."""

import re
from typing import Any

import msgspec

from ops.onboarding.guesses import Cast, numbers, overlap, pay_of, yearly
from ops.onboarding.survey import Column, Table

NONE_JOB = "unstated"
Rule = dict[str, Any] | str
UNSTATED: Rule = {"constant": NONE_JOB}
COMPANY: Rule = {"constant": "company"}
HALF = 0.5
YEAR = re.compile(r"(19|20)\d\d")
SEVERAL_POSTS = "where somebody has several posts, no day tells which is the present one"
Made = tuple[str, dict[str, Any]]
"""(why, recipe)."""


class Draft(msgspec.Struct, kw_only=True):
    """A mapping that is being written."""

    cast: Cast
    opening: str
    recipes: list[Made] = []
    used: dict[str, set[str]] = {}
    """By table: the columns that recipes take."""

    def add(
        self, why: str, entity: str, table: Table, fields: dict[str, Rule], **more: Any
    ) -> None:
        """One recipe."""
        self.recipes.append((why, {"entity": entity, "from": table.name, **more, "fields": fields}))
        self.used.setdefault(table.name, set()).update(_columns(fields))


def _columns(fields: dict[str, Rule]) -> set[str]:
    found: set[str] = set()
    for rule in fields.values():
        if isinstance(rule, str):
            found.add(rule)
        elif "column" in rule:
            found.add(rule["column"])
        elif "template" in rule:
            found.update(part.split("}")[0] for part in rule["template"].split("{")[1:])
    return found


def code_rule(column: Column) -> Rule:
    """A code as it stands, or tidied where it is a name in words."""
    if any("  " in text or len(text) > 100 for text in column.texts[:500]):  # noqa: PLR2004  # code
        return {"column": column.name, "tidy": "spaces"}
    return column.name


def write(draft: Draft, tables: list[Table]) -> None:
    """All recipes that the cast allows."""
    cast = draft.cast
    if cast.people is None or cast.posts is None:
        return
    _units(draft)
    _jobs(draft)
    _person(draft)
    _employment(draft)
    able = [table for table in tables if table.name in cast.number or table is cast.people]
    # Pay is standing in one place; where a list of wages says it again it is not told twice.
    first = [table for table in (cast.posts, cast.people) if table in able]
    paying = next((table for table in (*first, *able) if table and pay_of(table)), None)
    for table in able:
        _history(draft, table, standing=table is paying)


def who(draft: Draft, table: Table) -> Rule | None:
    """How the table says who is meant."""
    column = draft.cast.number.get(table.name)
    if column is not None:
        return column.name
    name = _name(table)
    if name is None:
        return None
    text = name if isinstance(name, str) else name["template"].strip("{}").replace("} {", "} {")
    said = "{" + text + "}" if isinstance(name, str) else name["template"]
    for concept in ("hired_on", "org_unit", "birth"):
        more = table.first(concept, surely=2)
        if more is not None:
            return {"template": f"{said} {{{more.name}}}", "tidy": "name"}
    return {"template": said, "tidy": "name"}


def _name(table: Table) -> Rule | None:
    whole = table.first("name", surely=2)
    first, last = table.first("first_name", surely=2), table.first("last_name", surely=2)
    if first is not None and last is not None and whole is None:
        order = (last, first) if not first.name.isascii() else (first, last)
        gap = "" if not first.name.isascii() else " "
        return {"template": f"{{{order[0].name}}}{gap}{{{order[1].name}}}", "tidy": "spaces"}
    found = whole or first
    return None if found is None else found.name


def _units(draft: Draft) -> None:
    cast = draft.cast
    posts = cast.posts
    if posts is None:
        return
    if cast.units is not None and cast.unit_key is not None:
        key = cast.unit_key.name
        names = [
            c for c in cast.units.columns if c.name != key and c.shape in ("text", "list", "flag")
        ]
        named = cast.units.first("org_unit", "name", surely=2)
        name = named.name if named and named.name != key else names[0].name if names else key
        draft.add("departments have a table of their own", "org_unit", cast.units,
                  {"code": key, "name": name})  # fmt: skip
        return
    code, name_column = posts.first("org_code", surely=2), posts.first("org_unit", surely=2)
    if name_column is None and code is None:
        draft.add("no column tells departments: all are in one", "org_unit", posts,
                  {"code": COMPANY, "name": COMPANY}, merge="first")  # fmt: skip
        return
    chosen = code or name_column
    if chosen is None:
        return
    named_by = name_column or chosen
    draft.add(f"departments are the different values of {chosen.name!r}", "org_unit", posts,
              {"code": code_rule(chosen), "name": code_rule(named_by)}, merge="last")  # fmt: skip


def unit_rule(table: Table) -> Rule:
    """How posts name their department."""
    column = table.first("org_code", "org_unit", surely=2)
    return COMPANY if column is None else code_rule(column)


def job_rule(draft: Draft, table: Table) -> Rule:
    """How posts name their job."""
    column = _job_column(draft, table)
    if column is None:
        return {"constant": NONE_JOB}
    said = code_rule(column)
    if column.filled < len(column.texts):
        rule = {"column": column.name} if isinstance(said, str) else said
        return {**rule, "default": NONE_JOB}
    return said


def _job_column(draft: Draft, table: Table) -> Column | None:
    if draft.cast.jobs is not None:
        return table.first("job_code", "job", surely=2)
    return table.first("job", "job_code", surely=2)


def _jobs(draft: Draft) -> None:
    cast, posts = draft.cast, draft.cast.posts
    if posts is None:
        return
    column = _job_column(draft, posts)
    if column is None and cast.people is not None:
        posts = cast.people
        column = _job_column(draft, posts)
    if cast.jobs is not None and cast.job_key is not None:
        key = cast.job_key.name
        named = cast.jobs.first("job", "name", surely=1)
        title = named.name if named and named.name != key else key
        draft.add("jobs have a table of their own", "job", cast.jobs, {"code": key, "title": title})
    elif column is not None:
        draft.add(f"jobs are the different values of {column.name!r}", "job", posts,
                  {"code": code_rule(column), "title": code_rule(column)},
                  merge="last", when={"column": column.name, "empty": False})  # fmt: skip
    if column is None or column.filled < len(column.texts):
        draft.add("where no job is told", "job", posts,
                  {"code": UNSTATED, "title": UNSTATED}, merge="first")  # fmt: skip


def _person(draft: Draft) -> None:
    people = draft.cast.people
    said = None if people is None else who(draft, people)
    if people is None or said is None:
        return
    column = draft.cast.number.get(people.name)
    name = _name(people)
    more: dict[str, Any] = {}
    if column is None:
        more = {
            "merge": "last",
            "match": {"rule": "one person is one name with what stands beside it"},
        }
        within = people.first("year", "period")
        if within is not None:
            more["match"]["within"] = within.name
        elif people.facts:
            more["match"]["within"] = "@file"
    elif not column.unique:
        more = {"merge": "last"}
    draft.add("people", "person", people, {
        "number": said,
        "name": name or {"template": f"{{{column.name if column else people.columns[0].name}}}"},
    }, **more)  # fmt: skip


def _looked_up(of: Table, key: Column, source: Table, source_key: Column, value: Column) -> Rule:
    """What stands beside a person in another table."""
    if of is source:
        return value.name
    lookup = {"source": source.name, "key": source_key.name, "value": value.name}
    return {"column": key.name, "lookup": {**lookup, "missing": "empty"}}


def _employment(draft: Draft) -> None:
    cast, posts, people = draft.cast, draft.cast.posts, draft.cast.people
    if posts is None or people is None:
        return
    numbers_of = (cast.number.get(people.name), cast.number.get(posts.name))
    if posts is not people and numbers_of[0] is not None and numbers_of[1] is not None:
        effective = posts.first("effective", "date", surely=2)
        if not numbers_of[1].unique and effective is not None and effective.forms:
            _moves(draft, people, posts, numbers_of[0], numbers_of[1])
            return
    said = who(draft, posts)
    if said is None:
        return
    column = numbers_of[1]
    fields: dict[str, Rule] = {"number": said, "person": said, "hired_on": _hired(draft, posts)}
    fields["org_unit"] = unit_rule(posts)
    fields["job"] = job_rule(draft, posts)
    _manager(draft, posts, fields)
    more: dict[str, Any] = {}
    if column is None:
        more["merge"] = "first"
    elif not column.unique:
        # Nobody can say which of several posts is the present one unless a day does.
        more["match"] = {"rule": SEVERAL_POSTS, "within": "@all"}
        more["merge"] = "first"
    draft.add("who works where", "employment", posts, fields, **more)
    _left(draft, posts, said, merging=bool(more))


def _hired(draft: Draft, table: Table) -> Rule:
    hired = table.first("hired_on", surely=2)
    if hired is None or not hired.forms:
        return {"constant": draft.opening}
    if hired.filled < len(hired.texts) // 2:
        return {"column": hired.name, "default": draft.opening}
    return hired.name


def _moves(draft: Draft, people: Table, posts: Table, number: Column, mover: Column) -> None:
    """The posts have days: the first is that of the hire, the others are moves."""
    place = posts.first("org_code", "org_unit", surely=2)
    effective = posts.first("effective", "date", surely=2)
    if place is None or effective is None:
        return
    job = _job_column(draft, people)
    fields: dict[str, Rule] = {
        "number": number.name, "person": number.name, "hired_on": _hired(draft, people),
        "org_unit": _looked_up(people, number, posts, mover, place),
        "job": job_rule(draft, people),
    }  # fmt: skip
    _manager(draft, people, fields)
    draft.add("who was hired where: the first of their posts", "employment", people, fields)
    ends = posts.first("ends_on", surely=2)
    moved: dict[str, Rule] = {"employment": mover.name, "effective_from": effective.name}
    if ends is not None:
        moved["ends_on"] = ends.name
    moved["org_unit"] = place.name
    moved["job"] = UNSTATED if job is None else _looked_up(posts, mover, people, number, job)
    draft.add("who moved since", "assignment", posts, moved, merge="changes")
    _left(draft, people, number.name, merging=False)


def _manager(draft: Draft, table: Table, fields: dict[str, Rule]) -> None:
    cast = draft.cast
    manager, column = table.first("manager", surely=2), cast.number.get(table.name)
    if manager is None or column is None or not manager.filled:
        return
    known = column.values()
    if cast.people is not None and cast.people.name in cast.number:
        known |= cast.number[cast.people.name].values()
    if overlap(manager.values(), known) >= HALF:
        fields["manager"] = {"column": manager.name, "none_if_equals": column.name}


def _left(draft: Draft, table: Table, said: Rule, *, merging: bool) -> None:
    left = table.first("left_on", surely=2)
    if left is None or not left.forms:
        return
    reason = table.first("left_why", surely=2)
    fields: dict[str, Rule] = {"employment": said, "last_day": left.name}
    if reason is not None:
        fields["reason"] = {"column": reason.name, "default": "migrated"}
    merge = {"merge": "last"} if merging else {}
    draft.add("who has left", "termination", table, fields,
              when={"column": left.name, "empty": False}, **merge)  # fmt: skip


def _history(draft: Draft, table: Table, *, standing: bool) -> None:
    """Pay, results and figures that the table tells of its people."""
    said = who(draft, table)
    if said is None:
        return
    day = next((c for c in table.columns if c.concept in ("effective", "date") and c.forms), None)
    if standing:
        _standing(draft, table, said, day)
    _paid(draft, table, said, day)
    _rated(draft, table, said, day)
    _figures(draft, table, said, day)


def _standing(draft: Draft, table: Table, said: Rule, day: Column | None) -> None:
    pay = pay_of(table)
    if pay is None:
        return
    column = draft.cast.number.get(table.name)
    single = {} if column is not None and column.unique else {"merge": "changes"}
    rule: Rule = {"column": pay.name, "round": 2}
    if yearly(pay):
        rule = {"column": pay.name, "scale": "1/12", "round": 2}
    span = _span(table)
    begins: Rule = {"constant": draft.opening}
    if day is not None:
        begins = day.name
    elif span is not None:
        # Whoever was hired in the year of a list is on it by the year's end.
        begins = {**span[1], "end_of": span[2]} if span[2] else span[1]
    draft.add(f"pay: {pay.name!r}, taken as a {'year' if yearly(pay) else 'month'}'s",
              "pay_structure", table, {
        "employment": said, "effective_from": begins, "monthly_total": rule,
    }, when={"column": pay.name, "empty": False}, **single)  # fmt: skip


def _span(table: Table) -> tuple[Rule, dict[str, Any], str | None] | None:
    """(period, its first day, what it is the end of) of a list, by its year or its file's name."""
    year = table.first("year", surely=2)
    if year is not None and all(YEAR.fullmatch(text) for text in year.texts[:200]):
        said = f"{{{year.name}}}"
        return {"template": said}, {"template": f"{said}-01-01", "date": ["YYYY-M-D"]}, "year"
    if "year" not in table.facts:
        return None
    said = "-".join(f"{{@{group}}}" for group in table.facts)
    last = list(table.facts)[-1]
    rest = {"year": "-01-01", "month": "-01", "day": ""}[last]
    first = {"template": said + rest, "date": ["YYYY-M-D"]}
    return {"template": said}, first, None if last == "day" else last


def _paid(draft: Draft, table: Table, said: Rule, day: Column | None) -> None:
    gross = table.first("gross", "net", surely=2)
    if gross is None or gross.shape not in ("whole", "number", "money"):
        return
    span = _span(table)
    if day is not None:
        span = ({"column": day.name}, {"column": day.name}, "month")
    if span is None:
        return
    period, begins, end = span
    draft.add(f"what was paid: {gross.name!r}", "pay_history", table, {
        "employment": said, "measure": {"constant": gross.name}, "period": period,
        "starts_on": begins, "ends_on": {**begins, "end_of": end} if end else begins,
        "total": {"column": gross.name, "round": 2},
    }, when={"column": gross.name, "empty": False})  # fmt: skip


def _rated(draft: Draft, table: Table, said: Rule, day: Column | None) -> None:
    rating = table.first("rating", surely=2)
    if rating is None or rating.shape not in ("whole", "number"):
        return
    found = numbers(rating)
    most = next((top for top in (5, 10, 100) if max(found, default=0) <= top), None)
    if most is None:
        return
    span = _span(table)
    when: Rule = {"constant": draft.opening} if span is None else span[1]
    if day is not None:
        when = day.name
    draft.add(f"results: {rating.name!r}, on a scale to {most} as its values suggest",
              "score_history", table, {
        "employment": said, "measure": {"constant": rating.name},
        "period": {"constant": "before-migration"} if day is None else when,
        "starts_on": when, "ends_on": when, "rating": rating.name,
        "scale_min": {"constant": 0 if most > 10 else 1}, "scale_max": {"constant": most},  # noqa: PLR2004
    }, when={"column": rating.name, "empty": False})  # fmt: skip


def _figures(draft: Draft, table: Table, said: Rule, day: Column | None) -> None:
    """Figures with a day of their own, one a day and person."""
    figure = table.first("progress", "quantity", surely=2)
    person = draft.cast.number.get(table.name) or table.first("name", surely=2)
    if figure is None or day is None or person is None or day.concept != "date":
        return
    told = list(zip(person.texts, day.texts, strict=False))
    unit = table.first("org_unit", surely=2)
    if unit is not None:
        told = list(zip(person.texts, day.texts, unit.texts, strict=False))  # type: ignore[arg-type]  # longer tuples
    if len(set(told)) < len(told) or figure.shape not in ("whole", "number", "money"):
        return
    draft.add(f"figures: {figure.name!r}", "fact", table, {
        "subject": said, "measure": {"constant": figure.name}, "reference": day.name,
        "occurred_on": day.name, "value": figure.name,
    }, when={"column": figure.name, "empty": False})  # fmt: skip
