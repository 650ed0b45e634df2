"""Mapping files: which column of which file becomes which field, as a migration engineer writes it.

YAML or TOML; `mapping.schema.json` beside this module is the schema, for editors. What is wrong
with a mapping is named by line and key before any data is looked at.
"""

import hashlib
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from ops.demo.model import BadInput
from ops.onboarding.entities import FIELDS, field_of
from ops.onboarding.mapping_lines import YamlLines
from ops.onboarding.records import Entity

NULLS = ("", "NULL", "null", "None", "N/A", "n/a", "#N/A", "NaN", "nan", "-", "--", "/", "无")
MAPPING_SIZE_MAX = 1 << 20


class MappingRefused(BadInput):
    """The mapping cannot be used; the text names file, line and key."""


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are errors: a misspelt rule must not be a rule that is not applied."""


class Lookup(Strict, frozen=True, kw_only=True):
    """The value is a key of another source; take what stands beside it there."""

    source: str
    key: str
    value: str
    missing: Literal["error", "keep", "empty"] = "error"


class FieldRule(Strict, frozen=True, kw_only=True):
    """Where a field comes from, and how its text is read. The members apply in this order."""

    column: str | None = None
    constant: str | int | None = None
    fact: str | None = None
    """A named group of the source's `facts`, from the file's name."""
    template: str | None = None
    """Several columns or facts in one text, as in "{First name} {Last name}"."""
    default: str | int | None = None
    """Where the cell is empty, or a look-up that may find nothing finds nothing."""
    pattern: str | None = None
    """A regular expression; its first group, else all that it matches, is the value."""
    tidy: Literal["none", "spaces", "name"] = "none"
    """spaces: runs become one; name: also width, and blanks around commas."""
    upper: bool = False
    codes: dict[str, str] | None = None
    """Code list: what the old system wrote, and what it means here."""
    other: Literal["error", "keep"] = "error"
    """What to do with a value that the code list does not have."""
    lookup: Lookup | None = None
    date: str | list[str] | None = None
    """Forms such as "YYYY-MM-DD", "M/D/YY"; a time of day behind it is allowed and left out."""
    none_if_equals: str | None = None
    """A column: where both say the same there is no value, as of a head who reports to herself."""
    end_of: Literal["month", "year"] | None = None
    """The last day of the month or year that the day is in."""
    decimal: Literal[".", ","] | None = None
    scale: str | None = None
    """An exact factor such as "1/12"."""
    round: int | None = None
    """Decimals to round to, half to even; applied to numbers and money."""
    note: str | None = None


class Condition(Strict, frozen=True, kw_only=True):
    """Which rows: all that is said must be true."""

    column: str
    among: list[str] | None = None
    not_among: list[str] | None = None
    matches: str | None = None
    empty: bool | None = None


class Leave(Strict, frozen=True, kw_only=True):
    """Rows that are left out on purpose; they are counted as excluded, with the reason."""

    when: Condition | list[Condition]
    reason: str


class Source(Strict, frozen=True, kw_only=True):
    """Files that look alike, and how to read them."""

    files: str | list[str]
    """Names below the folder; * and ** stand for any."""
    sheet: str | None = None
    """Sheet of a workbook, model of a fixture, table of a dump; * stands for any; None: first."""
    header: Literal["auto", "none"] | int = "auto"
    """The row of the header from 1."""
    columns: list[str] | None = None
    """Names, in order, where there is no header (or in its place)."""
    encoding: str | None = None
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    facts: str | None = None
    """A regular expression with named groups over the file's name."""
    fill_down: list[str] | None = None
    """Columns whose empty cells repeat the cell above, as merged cells do."""
    exclude: list[Leave] | None = None
    only_look_up: bool = False
    """Its rows make no records; they are read by look-ups."""
    ignore: dict[str, str] | None = None
    """Columns that are not migrated, and why."""


class Match(Strict, frozen=True, kw_only=True):
    """How people are told apart where the old system has no number for them."""

    rule: str
    """In words, for the report and the customer."""
    within: str | None = None
    """A column or @fact: one key twice within one of its values is doubtful."""
    near_same: list[str] = []
    """Fields that must be equal for two keys to be suspected of being one person."""
    near_like: str | None = None
    """The column whose texts are then compared for likeness."""


class Recipe(Strict, frozen=True, kw_only=True):
    """Rows of a source become records of an entity."""

    entity: Entity
    source: str = msgspec.field(name="from")
    fields: dict[str, str | FieldRule]
    """A text alone is the name of a column."""
    when: Condition | list[Condition] | None = None
    merge: Literal["each", "first", "last", "same", "changes"] = "each"
    """What rows with the same key make: an error; the first's or the last's record; one record if
    they agree; or one record for each change of state (the first assignment is the employment's own
    and is none)."""
    match: Match | None = None


class Sum(Strict, frozen=True, kw_only=True):
    """A cell that is the sum of others.

    A part is a column, a number, or some of both multiplied, as in "Hours * Rate * 0.5"; with a
    minus before it, it is taken off.
    """

    total: str
    parts: list[str]
    tolerance: str = "0"


class Order(Strict, frozen=True, kw_only=True):
    """One cell must not be after (or above) another; empty ones are not compared."""

    first: str
    second: str
    kind: Literal["date", "number"] = "date"
    date: str | list[str] | None = None


class Range(Strict, frozen=True, kw_only=True):
    """A number between limits."""

    column: str
    least: str | None = None
    most: str | None = None


class RowRule(Strict, frozen=True, kw_only=True):
    """A rule of the old system's own that every row must keep; exactly one of its kinds."""

    source: str
    name: str
    severity: Literal["error", "warning"] = "error"
    sum: Sum | None = None
    order: Order | None = None
    range: Range | None = None
    pattern: dict[str, str] | None = None
    """Column: regular expression for all of its cell."""
    among: dict[str, list[str]] | None = None
    unique: list[str] | None = None
    equals: dict[str, str] | None = None
    """Column: what it must be, a template over columns and @facts."""


class Mapping(Strict, frozen=True, kw_only=True):
    """Everything that a migration does with a folder of files."""

    version: Literal[1]
    name: str
    note: str = ""
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "CNY"
    opening: date | None = None
    """The day of the opening balance: for what begins on no day that the files tell."""
    pivot: int | None = None
    """The last year that a year of two digits may mean."""
    dates: tuple[str, ...] = ("YYYY-MM-DD", "YYYY/M/D")
    nulls: tuple[str, ...] = NULLS
    sources: dict[str, Source]
    records: list[Recipe]
    rules: list[RowRule] = []
    exclude_files: dict[str, str] = {}
    """Files (names or patterns) that are not migrated, and why."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping with the digest of its file."""

    mapping: Mapping
    digest: str
    path: str


def load(path: Path) -> Loaded:
    """The mapping in a YAML or TOML file.

    Raises:
        MappingRefused: naming line and key.
    """
    try:
        if path.stat().st_size > MAPPING_SIZE_MAX:
            raise MappingRefused(f"{path}: a mapping has at most {MAPPING_SIZE_MAX} bytes")
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise MappingRefused(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise MappingRefused(f"{path}: not UTF-8 at byte {error.start}") from None
    return Loaded(
        mapping=parse(text, str(path), toml=path.suffix == ".toml"),
        digest=hashlib.sha256(data).hexdigest(),
        path=str(path),
    )


def parse(text: str, name: str = "mapping", *, toml: bool = False) -> Mapping:
    """The mapping that `text` says.

    Raises:
        MappingRefused: naming line and key.
    """
    lines = YamlLines(text)
    try:
        if toml:
            built = tomllib.loads(text)
        else:
            # Anchors could be made to grow without bound; a mapping has no use for them.
            lines.refuse_aliases()
            built = yaml.load(text, Loader=_Plain)  # noqa: S506  # a SafeLoader without dates
    except (tomllib.TOMLDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise MappingRefused(f"{name}: {' '.join(str(error).split())}") from None
    try:
        mapping = msgspec.convert(built, Mapping)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `")
        key = _culprit(built, where.rstrip("`").removeprefix("$.").removeprefix("$"))
        raise MappingRefused(_at(name, lines, key, what, toml=toml)) from None
    for key, complaint in _complaints(mapping):
        raise MappingRefused(_at(name, lines, key, complaint, toml=toml))
    return mapping


def _culprit(built: object, key: str) -> str:
    """The library does not say under which name of a table; the first that is wrong says it."""
    above, gap, below = key.partition("[...]")
    kinds: dict[str, object] = {"sources": Source, "fields": str | FieldRule}
    kind = kinds.get(above.rpartition(".")[2])
    held = built
    for name in re.findall(r"[^.\[\]]+", above):
        held = held[int(name)] if isinstance(held, list) else held[name]  # type: ignore[index]  # the library's own path
    if not gap or kind is None or not isinstance(held, dict):
        return key
    for name, value in held.items():
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return f"{above}.{name}{below}"
    return key


class _Plain(yaml.SafeLoader):
    """Dates and numbers stay as they are written: 007 is a code and 2024-01-01 a text."""


_Plain.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(true|false)$", "tf"),
    ("null", r"^(null|~|)$", ["n", "~", ""]),
    ("int", r"^(0|[1-9][0-9]{0,8})$", "0123456789"),
):
    _Plain.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _at(name: str, lines: YamlLines, key: str, complaint: str, *, toml: bool) -> str:
    line = None if toml else lines.of(key)
    where = f"{name}, line {line}" if line else name
    return f"{where}, key {key or '(top)'}: {complaint}"


def _complaints(mapping: Mapping) -> list[tuple[str, str]]:
    """What the types alone do not say: (key, complaint)."""
    found: list[tuple[str, str]] = []
    for name, source in mapping.sources.items():
        if source.header == "none" and not source.columns:
            found.append((f"sources.{name}.columns", "name the columns where there is no header"))
    for place, recipe in enumerate(mapping.records):
        found += _recipe_complaints(mapping, f"records[{place}]", recipe)
    for place, rule in enumerate(mapping.rules):
        if rule.source not in mapping.sources:
            found.append((f"rules[{place}].source", f"no source is called {rule.source!r}"))
        kinds = ("sum", "order", "range", "pattern", "among", "unique", "equals")
        if sum(getattr(rule, kind) is not None for kind in kinds) != 1:
            found.append((f"rules[{place}]", f"say exactly one of {', '.join(kinds)}"))
    return found


def _recipe_complaints(mapping: Mapping, at: str, recipe: Recipe) -> list[tuple[str, str]]:
    found = []
    if recipe.source not in mapping.sources:
        found.append((f"{at}.from", f"no source is called {recipe.source!r}"))
    for field, rule in recipe.fields.items():
        key = f"{at}.fields.{field}"
        known = field_of(recipe.entity, field)
        if known is None:
            fields = ", ".join(FIELDS[recipe.entity])
            found.append((key, f"{recipe.entity} has no such field; it has {fields}"))
        elif isinstance(rule, FieldRule):
            found += [(key, complaint) for complaint in _rule_complaints(mapping, rule)]
    for field, known in FIELDS[recipe.entity].items():
        if known.required and known.default is None and field not in recipe.fields:
            found.append((f"{at}.fields", f"{recipe.entity} needs {field!r}"))
    return found


def _rule_complaints(mapping: Mapping, rule: FieldRule) -> list[str]:
    ways = ("column", "constant", "fact", "template")
    found = []
    if sum(getattr(rule, way) is not None for way in ways) != 1:
        found.append(f"say exactly one of {', '.join(ways)}")
    if rule.lookup is not None and rule.lookup.source not in mapping.sources:
        found.append(f"no source is called {rule.lookup.source!r}")
    return found


def schema() -> bytes:
    """The JSON schema of mapping files, as `mapping.schema.json` has it."""
    made = msgspec.json.schema(Mapping)
    made["title"] = "Mapping of merit onboard"
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return msgspec.json.format(msgspec.json.encode(made, order="sorted"), indent=2) + b"\n"
