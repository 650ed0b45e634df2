"""What the tables of a folder are, and how they hang together: guesses, each with its reason."""

from statistics import median

import msgspec

from ops.onboarding.readings import Unreadable, number_of
from ops.onboarding.survey import Column, Surveyed, Table

SAME_TABLE_ROWS = 50
COVER = 0.7
PERSON_WORDS = (
    "employee",
    "staff",
    "people",
    "person",
    "worker",
    "员工",
    "人员",
    "职工",
    "花名册",
    "雇员",
)
UNIT_WORDS = ("department", "dept", "orgunit", "division", "部门", "机构", "组织")
JOB_WORDS = ("title", "position", "job", "岗位", "职位", "职务")
SIGNS_MIN = 3
"""Of so many things about people a table must tell to be one of people."""
PAY_WORDS = ("salar", "wage", "payroll", "工资", "薪")
MARKS = (
    "name", "first_name", "hired_on", "org_unit", "org_code", "job", "job_code", "gender", "email",
    "birth", "phone", "left_on", "status", "manager", "monthly", "annual",
)  # fmt: skip
YEARLY_FROM = 20_000
"""A median of pay above this, in a table that does not say, is taken as a year's."""


class Cast(msgspec.Struct, kw_only=True):
    """Which table plays which part."""

    people: Table | None = None
    posts: Table | None = None
    units: Table | None = None
    jobs: Table | None = None
    number: dict[str, Column] = {}
    """By name of the table: the column that says who."""
    unit_key: Column | None = None
    job_key: Column | None = None
    reasons: list[str] = []
    twins: dict[str, str] = {}
    """File: why it is the same as another one."""


def cast(surveyed: Surveyed) -> Cast:
    """Give each table its part."""
    made = Cast()
    tables = _without_twins(surveyed.tables, made)
    _people(tables, made)
    _units(tables, made)
    _jobs(tables, made)
    return made


def _without_twins(tables: list[Table], made: Cast) -> list[Table]:
    """The same rows under another name or in another encoding are told once."""
    seen: dict[tuple[tuple[str, ...], ...], Table] = {}
    kept = []
    for table in sorted(tables, key=lambda each: each.files[0].count("/")):
        rows = tuple(tuple(c.texts[:SAME_TABLE_ROWS]) for c in table.columns)
        twin = seen.get(rows)
        if twin is not None and table.rows == twin.rows:
            for file in table.files:
                made.twins[file] = f"the same table as {twin.files[0]}"
        else:
            seen[rows] = table
            kept.append(table)
    return kept


def overlap(part: set[str], whole: set[str]) -> float:
    """How much of `part` is in `whole`."""
    return len(part & whole) / len(part) if part else 0.0


def _personal(table: Table) -> int:
    return sum(1 for mark in MARKS if table.first(mark, surely=2)) + 2 * table.says(*PERSON_WORDS)


def _people(tables: list[Table], made: Cast) -> None:
    """The table of people, the table of their posts, and in every table who is meant."""
    numbered = [t for t in tables if t.first("number", surely=2)]
    said = {text for t in numbered for text in _said(t.first("number", surely=2))}
    ranked = sorted(tables, key=lambda t: (-_personal(t), -t.rows))
    named = [t for t in ranked if t.first("name", surely=2) or t.first("first_name", surely=2)]
    if not any(t.first("number", "row_id", surely=2) for t in named):
        # Without numbers whoever names the most people knows them all.
        named.sort(key=lambda t: -len(_said(t.first("name", "first_name", surely=2))))
    made.people = next((t for t in named if _personal(t) >= SIGNS_MIN), None)
    if made.people is None:
        made.people = next((t for t in ranked if t.first("number", surely=2)), None)
    if made.people is None and named:
        made.people = named[0]
    if made.people is None:
        return
    keys = [c for c in made.people.columns if c.unique and c.concept in ("number", "row_id")]
    if keys:
        # Others refer to one of them: that is the number, whatever it is called.
        others = {x for t in numbered if t is not made.people
                  for x in _said(t.first("number", surely=2))}  # fmt: skip
        best = max(
            keys, key=lambda c: (overlap(others, c.values()), c.concept == "number", c.surety)
        )
        made.number[made.people.name] = best
        said = best.values() | said
        made.reasons.append(
            f"people are in {made.people.files[0]}: column {best.name!r} tells them apart"
        )
    elif made.people.first("number", surely=2):
        column = made.people.first("number", surely=2)
        if column is not None:
            made.number[made.people.name] = column
    else:
        made.reasons.append(f"people are in {made.people.files[0]}, without a number of their own")
    for table in tables:
        _who(table, said, made)
    made.posts = _posts(tables, made)


def _said(column: Column | None) -> set[str]:
    return column.values() if column is not None else set()


def _who(table: Table, numbers: set[str], made: Cast) -> None:
    if table.name in made.number:
        return
    found = table.first("number", surely=2)
    if found is None and numbers:
        # Under a header, small whole numbers fit everything: there the header must say it.
        unnamed = [] if table.header else table.columns
        likely = [c for c in unnamed if overlap(c.values(), numbers) >= COVER and c.filled]
        if likely and len(likely[0].values()) > len(likely[0].texts) // 20:
            found = likely[0]
            made.reasons.append(
                f"{table.files[0]} column {found.name}: its values are numbers of people"
            )
    if found is not None:
        made.number[table.name] = found


def _posts(tables: list[Table], made: Cast) -> Table | None:
    """Where it stands who works where."""

    def worth(table: Table) -> tuple[int, int]:
        marks = (("hired_on",), ("org_unit", "org_code"), ("job", "job_code"), ("manager",))
        found = sum(1 for mark in marks if table.first(*mark, surely=2))
        return found + 2 * (table is made.people), table.rows

    able = [t for t in tables if t.name in made.number or t is made.people]
    with_place = [t for t in able if t.first("org_unit", "org_code", surely=2)]
    best = max(with_place or able, key=worth, default=None)
    if best is not None and best is not made.people:
        made.reasons.append(f"{best.files[0]} tells who works where")
    return best


def _reference(
    tables: list[Table], words: tuple[str, ...], values: set[str]
) -> tuple[Table, Column] | None:
    """The table that explains these values: it is called so, and one of its columns has them."""
    found = [
        (table, column)
        for table in tables
        if table.says(*words)
        for column in table.columns
        if column.unique and values and overlap(values, column.values()) >= COVER
    ]
    # A list of codes is short and has one row for each.
    return min(found, key=lambda each: each[0].rows, default=None)


def _units(tables: list[Table], made: Cast) -> None:
    posts = made.posts
    if posts is None:
        return
    column = posts.first("org_code", "org_unit", surely=2)
    others = [t for t in tables if t is not posts and t is not made.people]
    found = _reference(others, UNIT_WORDS, _said(column))
    if found is not None and column is not None:
        made.units, made.unit_key = found
        made.reasons.append(
            f"{made.units.files[0]}{f' {made.units.sheet}' if made.units.sheet else ''} explains"
            f" {column.name!r} of {posts.files[0]}"
        )


def _jobs(tables: list[Table], made: Cast) -> None:
    posts = made.posts
    if posts is None:
        return
    column = posts.first("job_code", "job", surely=2)
    others = [t for t in tables if t is not posts and t is not made.people]
    found = _reference(others, JOB_WORDS, _said(column))
    if found is not None:
        made.jobs, made.job_key = found
        made.reasons.append(f"{made.jobs.files[0]} explains jobs")


def numbers(column: Column) -> list[float]:
    """Its numbers, roughly: for guesses only, never for an amount."""
    found = []
    for text in column.texts[:1000]:
        try:
            found.append(float(number_of(text)[0]))
        except Unreadable:
            continue
    return found


def yearly(column: Column) -> bool:
    """Whether this pay is more likely a year's than a month's."""
    if column.concept == "annual":
        return True
    found = numbers(column)
    return column.surety == 0 and bool(found) and median(found) > YEARLY_FROM


def pay_of(table: Table) -> Column | None:
    """The column of standing pay, if any."""
    found = table.first("annual", "monthly", surely=2)
    if found is not None and found.shape in ("whole", "number", "money"):
        return found
    if not table.header and table.says(*PAY_WORDS):
        able = [c for c in table.columns if c.shape in ("whole", "number", "money")]
        return able[-1] if len(able) > 1 else None
    return None
