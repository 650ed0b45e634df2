"""A mapping's recipes, made ready for one sheet: where each field stands and how it is read."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from ops.onboarding.entities import BEGINS, ENDS, FIELDS, KEYS, Field, field_of
from ops.onboarding.mapping import Condition, FieldRule, Mapping, MappingRefused, Recipe, Source
from ops.onboarding.readings import tidied
from ops.onboarding.records import Entity
from ops.onboarding.values import LookupTable, Outcome, Problem, Reading

KEY_SEPARATOR = " · "
REFERENCES = ("person", "employment", "org_unit", "job", "manager", "parent")
"""Columns of the workspace, one for each way in which a record refers to another."""
PLACEHOLDER = re.compile(r"\{(@?[^{}]+)\}")
Cells = Sequence[str]
Tables = dict[tuple[str, str, str], LookupTable]


class MissingColumn(Exception):
    """The sheet has no such column."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipe must know of the sheet that it reads."""

    columns: tuple[str, ...]
    facts: dict[str, str]

    def index(self, column: str) -> int:
        """Where the column stands.

        Raises:
            MissingColumn: nowhere.
        """
        try:
            return self.columns.index(column)
        except ValueError:
            raise MissingColumn(column) from None


class Slot(msgspec.Struct, frozen=True):
    """A field of a recipe, ready."""

    field: str
    columns: tuple[str, ...]
    """Behind the value; "@fact" for what the file's name says; none for a constant."""
    indexes: tuple[int, ...]
    get: Callable[[Cells], str] | None
    """None for a constant."""
    reading: Reading
    constant: str | None = None
    unless: Callable[[Cells], str] | None = None
    """Where the cell says the same as this there is no value."""


class Made(msgspec.Struct, frozen=True):
    """What a recipe made of a row, problems and all."""

    key: str | None
    begins: str | None
    ends: str | None
    references: tuple[str | None, ...]
    """In the order of `REFERENCES`."""
    state: int
    within: str | None
    near: str | None
    like: str | None
    body: list[Any]
    problems: list[tuple[Slot, str, Problem]]


def condition(given: Condition | list[Condition] | None, sheet: Sheet) -> Callable[[Cells], bool]:
    """A test of rows."""
    conditions = [] if given is None else given if isinstance(given, list) else [given]
    tests = [_test(each, sheet) for each in conditions]
    return lambda cells: all(test(cells) for test in tests)


def _test(given: Condition, sheet: Sheet) -> Callable[[Cells], bool]:
    get = getter(given.column, sheet)
    among = None if given.among is None else frozenset(given.among)
    not_among = frozenset(given.not_among or ())
    pattern = re.compile(given.matches) if given.matches is not None else None

    def test(cells: Cells) -> bool:
        text = get(cells).strip()
        if among is not None and text not in among:
            return False
        if text in not_among:
            return False
        if given.empty is not None and given.empty != (text in ("", "NULL", "null")):
            return False
        return pattern is None or pattern.search(text) is not None

    return test


def getter(name: str, sheet: Sheet) -> Callable[[Cells], str]:
    """Reads a column, or a fact of the file's name where it begins with @."""
    if name.startswith("@"):
        said = sheet.facts.get(name[1:])
        if said is None:
            raise MissingColumn(name)
        return lambda _cells: said
    index = sheet.index(name)
    return lambda cells: cells[index]


def template(text: str, sheet: Sheet) -> tuple[Callable[[Cells], str], tuple[str, ...]]:
    """Fills a text such as "{First} {Last}"; and the names in it."""
    names = tuple(found[1] for found in PLACEHOLDER.finditer(text))
    getters = {name: getter(name, sheet) for name in names}

    def fill(cells: Cells) -> str:
        return PLACEHOLDER.sub(lambda found: getters[found[1]](cells).strip(), text).strip()

    return fill, names


def rule_of(given: str | FieldRule) -> FieldRule:
    """A text alone is the name of a column."""
    return FieldRule(column=given) if isinstance(given, str) else given


def rules_of(mapping: Mapping, recipe: Recipe) -> dict[str, FieldRule]:
    """The recipe's rules with the defaults of its entity filled in."""
    rules = {field: rule_of(rule) for field, rule in recipe.fields.items()}
    for name, field in FIELDS[recipe.entity].items():
        if name in rules:
            continue
        if name == "cost_centre" and "org_unit" in rules:
            rules[name] = rules["org_unit"]
        elif field.default == "@currency":
            rules[name] = FieldRule(constant=mapping.currency)
        elif field.default == "@opening":
            if mapping.opening is None:
                raise MappingRefused(
                    f"{recipe.entity} needs {name!r}: map a column, or say `opening`"
                )
            rules[name] = FieldRule(constant=mapping.opening.isoformat(), date="YYYY-MM-DD")
        elif field.default is not None:
            rules[name] = FieldRule(constant=field.default)
    return rules


class Prepared:
    """A recipe for the sheets of one shape."""

    def __init__(self, mapping: Mapping, number: int, sheet: Sheet, readings: "Readings") -> None:
        self.number = number
        self.recipe = mapping.records[number]
        self.entity: Entity = self.recipe.entity
        self.takes = condition(self.recipe.when, sheet)
        self.slots = tuple(
            self._slot(sheet, field, rule, readings)
            for field, rule in rules_of(mapping, self.recipe).items()
        )
        self.fixed: Counter[tuple[str, str]] = readings.fixed[self.number]
        self._place = {slot.field: place for place, slot in enumerate(self.slots)}
        self._key = [self._place[field] for field in KEYS[self.entity]]
        self._begins = self._place.get(BEGINS.get(self.entity, ""))
        self._ends = self._place.get(ENDS.get(self.entity, ""))
        self._subject = self._place.get("subject_kind")
        self._refers = [self._place.get(name) for name in REFERENCES]
        if self.entity == "person":
            self._refers[0] = None
        if self.entity == "employment":
            self._refers[1] = None
        self._state = self._state_places()
        match = self.recipe.match
        self._within = getter(match.within, sheet) if match and match.within else None
        self._near = [self._place[field] for field in match.near_same] if match else []
        self._like = getter(match.near_like, sheet) if match and match.near_like else None

    def _state_places(self) -> list[int]:
        if self.recipe.merge not in ("same", "changes"):
            return []
        left_out = {BEGINS.get(self.entity), ENDS.get(self.entity)}
        return [
            place
            for field, place in self._place.items()
            if self.recipe.merge == "same" or field not in left_out
        ]

    def _slot(self, sheet: Sheet, field: str, rule: FieldRule, readings: "Readings") -> Slot:
        known = field_of(self.entity, field)
        if known is None:
            raise MappingRefused(f"{self.entity} has no field {field!r}")
        reading = readings.of(self.number, self.entity, field, known, rule)
        if rule.constant is not None:
            outcome = reading.of(str(rule.constant))
            if outcome.problem is not None and outcome.problem.severity == "error":
                raise MappingRefused(
                    f"records[{self.number}].fields.{field}: constant {rule.constant!r}: "
                    f"{outcome.problem.rule}"
                )
            return Slot(field, (), (), None, reading, outcome.text)
        if rule.template is not None:
            get, names = template(rule.template, sheet)
        else:
            name = rule.column if rule.column is not None else f"@{rule.fact}"
            get, names = getter(name, sheet), (name,)
        indexes = tuple(sheet.index(each) for each in names if not each.startswith("@"))
        unless = getter(rule.none_if_equals, sheet) if rule.none_if_equals else None
        return Slot(field, names, indexes, get, reading, None, unless)

    def make(self, cells: Cells) -> Made:
        """The record that the row tells, or what keeps it from telling one."""
        texts: list[str | None] = []
        body: list[Any] = []
        problems: list[tuple[Slot, str, Problem]] = []
        for slot in self.slots:
            if slot.get is None:
                texts.append(slot.constant)
                continue
            raw = slot.get(cells)
            if slot.unless is not None and slot.unless(cells).strip() == raw.strip():
                texts.append(None)
                body.append([raw, None, ["none-if-equal"], []])
                continue
            outcome: Outcome = slot.reading.of(raw)
            texts.append(outcome.text)
            body.append(outcome.packed)
            if outcome.fixes:
                self.fixed[slot.field, outcome.fixes] += 1
            if outcome.problem is not None:
                problems.append((slot, raw, outcome.problem))
        keys = [texts[place] for place in self._key]
        return Made(
            None if None in keys else KEY_SEPARATOR.join(key or "" for key in keys),
            None if self._begins is None else texts[self._begins],
            None if self._ends is None else texts[self._ends],
            self._references(texts),
            self._state_of(texts),
            None if self._within is None else self._within(cells).strip(),
            "\x1f".join(texts[place] or "" for place in self._near) if self._near else None,
            None if self._like is None else tidied(self._like(cells), "name"),
            body,
            problems,
        )

    def _references(self, texts: list[str | None]) -> tuple[str | None, ...]:
        if self._subject is not None:
            subject = texts[self._place["subject"]]
            if texts[self._subject] == "org-unit":
                return None, None, subject, None, None, None
            return None, subject, None, None, None, None
        return tuple(None if place is None else texts[place] for place in self._refers)

    def _state_of(self, texts: list[str | None]) -> int:
        if not self._state:
            return 0
        said = "\x1f".join(texts[place] or "" for place in self._state)
        return int.from_bytes(blake2b(said.encode(), digest_size=7).digest(), "big")


class Readings:
    """The readings of a mapping, shared by all of its sheets, so that each text is read once."""

    def __init__(self, mapping: Mapping, tables: Tables) -> None:
        self._mapping, self._tables = mapping, tables
        self._made: dict[tuple[int, str], Reading] = {}
        self.fixed: list[Counter[tuple[str, str]]] = [Counter() for _ in mapping.records]
        """By recipe: how often which rules changed a field."""

    def of(self, number: int, entity: Entity, name: str, field: Field, rule: FieldRule) -> Reading:
        """The reading of a field of a recipe."""
        key = (number, name)
        if key not in self._made:
            lookup = rule.lookup
            table = (
                None if lookup is None else self._tables[lookup.source, lookup.key, lookup.value]
            )
            self._made[key] = Reading(f"{entity}.{name}", field, rule, self._mapping, table)
        return self._made[key]


def facts_of(source: Source, name: str) -> dict[str, str] | None:
    """What the file's name tells; None where it does not have the form."""
    if source.facts is None:
        return {}
    found = re.search(source.facts, name)
    return None if found is None else {key: text or "" for key, text in found.groupdict().items()}
