"""Rules of the old system's own that each row must keep, such as 应发 = the sum of its parts."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ops.onboarding.mapping import Mapping, Order, Range, RowRule, Sum
from ops.onboarding.readings import PLAIN, Form, Unreadable, day_of, number_of, plain
from ops.onboarding.recipes import Cells, Sheet, getter, template
from ops.onboarding.values import Problem

Verdict = tuple[str, str, Problem] | None
"""(column, its text, what is wrong)."""
Test = Callable[[Cells], Verdict]


def tests_of(mapping: Mapping, source: str, sheet: Sheet, seen: "Seen") -> list[Test]:
    """The rules of a source, ready for one of its sheets."""
    return [
        _severe(rule, _test(mapping, rule, sheet, seen.of(place)))
        for place, rule in enumerate(mapping.rules)
        if rule.source == source
    ]


class Seen:
    """What rules that speak of all rows have seen so far, across sheets."""

    def __init__(self) -> None:
        self._by_rule: dict[int, dict[int, int]] = {}

    def of(self, rule: int) -> dict[int, int]:
        """The memory of a rule: hash of the cells, how often."""
        return self._by_rule.setdefault(rule, {})


def _severe(rule: RowRule, test: Test) -> Test:
    def judged(cells: Cells) -> Verdict:
        found = test(cells)
        if found is None:
            return None
        column, text, problem = found
        named = f"{rule.name}: {problem.rule}"
        return (
            column,
            text,
            Problem(problem.code, named, problem.suggestion, problem.replacement, rule.severity),
        )

    return judged


def _test(mapping: Mapping, rule: RowRule, sheet: Sheet, seen: dict[int, int]) -> Test:
    if rule.sum is not None:
        return _sum(rule.sum, sheet)
    if rule.order is not None:
        return _order(mapping, rule.order, sheet)
    if rule.range is not None:
        return _range(rule.range, sheet)
    if rule.pattern is not None:
        return _pattern(rule.pattern, sheet)
    if rule.among is not None:
        return _among(rule.among, sheet)
    if rule.equals is not None:
        return _equals(rule.equals, sheet)
    return _unique(rule.unique or [], sheet, seen)


def _number(text: str) -> Decimal | None:
    said = text.strip()
    if said in ("", "NULL", "null", "-"):
        return Decimal(0)
    try:
        return number_of(said)[0]
    except Unreadable:
        return None


def _factor(text: str, sheet: Sheet) -> Callable[[Cells], Decimal | None]:
    name = text.strip()
    if name not in sheet.columns and PLAIN.fullmatch(name):
        constant = Decimal(name)
        return lambda _cells: constant
    get = getter(name, sheet)
    return lambda cells: _number(get(cells))


def _term(part: str, sheet: Sheet) -> Callable[[Cells], Decimal | None]:
    """A column, a number, or a product of some, perhaps taken off."""
    said = part.strip()
    negative = said.startswith("-") and said not in sheet.columns
    factors = [_factor(each, sheet) for each in (said[1:] if negative else said).split(" * ")]

    def read(cells: Cells) -> Decimal | None:
        result = Decimal(-1 if negative else 1)
        for factor in factors:
            value = factor(cells)
            if value is None:
                return None
            result *= value
        return result

    return read


def _off(column: str, text: str, said: Decimal, right: Decimal, what: str) -> Verdict:
    gap = said - right
    return (
        column,
        text,
        Problem(
            "sum-differs",
            f"{what} is {plain(right)}, {plain(abs(gap))} {'less' if gap > 0 else 'more'}",
            "ask which of the two is right; where the total is, exclude or correct a part",
            plain(right),
        ),
    )


def _sum(rule: Sum, sheet: Sheet) -> Test:
    terms = [_term(part, sheet) for part in rule.parts]
    total = getter(rule.total, sheet)
    tolerance = Decimal(rule.tolerance)

    def test(cells: Cells) -> Verdict:
        text = total(cells)
        said = _number(text)
        if said is None:
            return None
        right = Decimal(0)
        for term in terms:
            value = term(cells)
            if value is None:
                return None
            right += value
        if abs(said - right) <= tolerance:
            return None
        return _off(rule.total, text, said, right, f"{' + '.join(rule.parts)}")

    return test


def _order(mapping: Mapping, rule: Order, sheet: Sheet) -> Test:
    first, second = getter(rule.first, sheet), getter(rule.second, sheet)
    given = mapping.dates if rule.date is None else rule.date
    forms = [Form(form, mapping.pivot) for form in ([given] if isinstance(given, str) else given)]
    nulls = frozenset(mapping.nulls)

    def value(text: str) -> Any:
        said = text.strip()
        if said in nulls:
            return None
        try:
            return day_of(said, forms) if rule.kind == "date" else number_of(said)[0]
        except Unreadable:
            return None

    def test(cells: Cells) -> Verdict:
        text = second(cells)
        before, after = value(first(cells)), value(text)
        if before is None or after is None or before <= after:
            return None
        return (
            rule.second,
            text,
            Problem(
                "out-of-order",
                f"{rule.second} must not be before {rule.first} ({first(cells).strip()})",
                "perhaps the two are exchanged",
            ),
        )

    return test


def _range(rule: Range, sheet: Sheet) -> Test:
    get = getter(rule.column, sheet)
    least = None if rule.least is None else Decimal(rule.least)
    most = None if rule.most is None else Decimal(rule.most)

    def test(cells: Cells) -> Verdict:
        text = get(cells)
        value = _number(text) if text.strip() else None
        if value is None:
            return None
        if (least is None or value >= least) and (most is None or value <= most):
            return None
        limits = f"from {rule.least or 'any'} to {rule.most or 'any'}"
        return rule.column, text, Problem("out-of-range", f"{rule.column} must be {limits}")

    return test


def _pattern(rule: dict[str, str], sheet: Sheet) -> Test:
    tests = [(column, getter(column, sheet), re.compile(said)) for column, said in rule.items()]

    def test(cells: Cells) -> Verdict:
        for column, get, pattern in tests:
            text = get(cells).strip()
            if text and not pattern.fullmatch(text):
                return (
                    column,
                    text,
                    Problem("bad-pattern", f"{column} must match {pattern.pattern}"),
                )
        return None

    return test


def _among(rule: dict[str, list[str]], sheet: Sheet) -> Test:
    tests = [(column, getter(column, sheet), frozenset(said)) for column, said in rule.items()]

    def test(cells: Cells) -> Verdict:
        for column, get, values in tests:
            text = get(cells).strip()
            if text not in values:
                said = ", ".join(sorted(values)[:12])
                return column, text, Problem("unknown-code", f"{column} must be one of {said}")
        return None

    return test


def _equals(rule: dict[str, str], sheet: Sheet) -> Test:
    tests = [
        (column, getter(column, sheet), template(said, sheet)[0]) for column, said in rule.items()
    ]

    def test(cells: Cells) -> Verdict:
        for column, get, expected in tests:
            text, right = get(cells).strip(), expected(cells)
            if text != right:
                return (
                    column,
                    text,
                    Problem("not-equal", f"{column} must be {right!r}", None, right),
                )
        return None

    return test


def _unique(columns: list[str], sheet: Sheet, seen: dict[int, int]) -> Test:
    getters = [getter(column, sheet) for column in columns]

    def test(cells: Cells) -> Verdict:
        said = tuple(get(cells).strip() for get in getters)
        known = hash(said)
        seen[known] = seen.get(known, 0) + 1
        if seen[known] == 1:
            return None
        names = ", ".join(columns)
        return (
            columns[0],
            said[0],
            Problem("not-unique", f"{names} must be unique; this is the {seen[known]}. time"),
        )

    return test
