"""A field's text from a cell: trimmed, mapped, looked up, read; with each rule that was applied."""

import re
import unicodedata
from collections.abc import Mapping as MappingOf
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from domain.currencies import DIGITS
from ops.onboarding.entities import Field
from ops.onboarding.mapping import FieldRule, Mapping, MappingRefused
from ops.onboarding.readings import (
    Form,
    Unreadable,
    day_of,
    exactly,
    last_of,
    number_of,
    plain,
    rounded,
    tidied,
)

CACHE_MAX = 50_000
DECIMALS_MAX = 6
MONEY_MAX = Decimal(10) ** 15
WHOLE_MAX = 1000
FORMULA = ("=", "@", "+", "-", "\t", "\r")
LookupTable = MappingOf[str, tuple[str, list[Any]]]


class Problem(msgspec.Struct, frozen=True, gc=False):
    """What is wrong with a text."""

    code: str
    rule: str
    suggestion: str | None = None
    replacement: str | None = None
    severity: str = "error"


class Outcome(msgspec.Struct, frozen=True):
    """What came of a cell; `packed` is how the workspace keeps it."""

    text: str | None
    packed: Any
    problem: Problem | None = None
    fixes: str = ""
    """The rules that changed the text, for counting."""


class Reading:
    """One field of one recipe: from raw text to `Outcome`, each different text only once."""

    def __init__(
        self,
        about: str,
        field: Field,
        rule: FieldRule,
        mapping: Mapping,
        table: LookupTable | None,
    ) -> None:
        self._about, self._field, self._rule, self._table = about, field, rule, table
        self._nulls = frozenset(mapping.nulls)
        self._cache: dict[str, Outcome] = {}
        self._pattern = re.compile(rule.pattern) if rule.pattern else None
        forms = mapping.dates if rule.date is None else rule.date
        self._forms = [
            Form(form, mapping.pivot) for form in ([forms] if isinstance(forms, str) else forms)
        ]
        if field.kind == "date" and mapping.pivot is None:
            for form in self._forms:
                if form.two_digits:
                    raise MappingRefused(
                        f"{about}: {form.form} has years of two digits; "
                        "say with `pivot` which year is the last that they can mean"
                    )
        self._scale = Fraction(rule.scale) if rule.scale else None
        self._digits = DIGITS.get(mapping.currency, 2)

    def of(self, raw: str) -> Outcome:
        """What the text says."""
        found = self._cache.get(raw)
        if found is None:
            if len(self._cache) >= CACHE_MAX:
                self._cache.clear()
            found = self._cache[raw] = self._read(raw)
        return found

    def _read(self, raw: str) -> Outcome:
        fixes: list[str] = []
        looked: list[Any] = []
        text: str | None
        try:
            text = self._prepared(raw, fixes, looked)
            if text is None:
                problem = (
                    self._problem("missing", "must not be empty") if self._field.required else None
                )
                return Outcome(None, [raw, None, fixes, looked], problem)
            text = self._typed(text, fixes)
        except Unreadable as error:
            problem = self._problem(error.code, self._wanted(), error.suggestion, error.replacement)
            return Outcome(None, [raw, None, fixes, looked], problem)
        packed = raw if text == raw and not fixes and not looked else [raw, text, fixes, looked]
        return Outcome(text, packed, self._remark(text), ", ".join(fixes))

    def _problem(
        self, code: str, rule: str, suggestion: str | None = None, replacement: str | None = None
    ) -> Problem:
        return Problem(code, f"{self._about}: {rule}", suggestion, replacement)

    def _wanted(self) -> str:
        match self._field.kind:
            case "date":
                return "must be a day as " + ", ".join(form.form for form in self._forms)
            case "one-of":
                return "must be one of " + ", ".join(self._field.values)
            case kind:
                return f"must be a {kind}"

    def _remark(self, text: str) -> Problem | None:
        if self._field.kind in ("name", "text", "code") and text[0:1] in FORMULA and len(text) > 1:
            if text[0] in "+-" and re.fullmatch(r"[+-][\d ().-]+", text):
                return None
            return Problem(
                "formula-text",
                f"{self._about}: begins like a formula; it is kept as text and never evaluated",
                severity="warning",
            )
        return None

    def _prepared(self, raw: str, fixes: list[str], looked: list[Any]) -> str | None:
        """The text before its type is read, or its default; None where there is none."""
        text = self._found(raw, fixes, looked)
        if text is None and self._rule.default is not None:
            fixes.append("default")
            return str(self._rule.default)
        return text

    def _found(self, raw: str, fixes: list[str], looked: list[Any]) -> str | None:
        rule = self._rule
        text = raw.strip()
        if text in self._nulls:
            return None
        if text != raw:
            fixes.append("trim")
        if self._pattern is not None:
            found = self._pattern.search(text)
            if found is None:
                raise Unreadable("bad-pattern", f"must match {self._pattern.pattern}")
            picked = found[1] if self._pattern.groups else found[0]
            if picked != text:
                fixes.append("pattern")
                text = picked
        tidy = tidied(text, rule.tidy)
        if tidy != text:
            fixes.append("tidy")
            text = tidy
        if rule.upper and text.upper() != text:
            fixes.append("upper")
            text = text.upper()
        if rule.codes is not None:
            text = self._coded(text, rule.codes, fixes)
        if rule.lookup is not None and text:
            return self._looked_up(text, fixes, looked)
        return text or None

    def _coded(self, text: str, codes: dict[str, str], fixes: list[str]) -> str:
        if text in codes:
            if codes[text] != text:
                fixes.append("code-list")
            return codes[text]
        if self._rule.other == "keep":
            return text
        near = [code for code in codes if code.casefold() == text.casefold()]
        raise Unreadable(
            "unknown-code",
            f"the code list has {', '.join(list(codes)[:12])}",
            near[0] if near else None,
        )

    def _looked_up(self, text: str, fixes: list[str], looked: list[Any]) -> str | None:
        lookup = self._rule.lookup
        if lookup is None or self._table is None:
            return text
        found = self._table.get(text)
        if found is None:
            if lookup.missing == "keep":
                return text
            if lookup.missing == "empty":
                return None
            raise Unreadable("unknown-reference", f"{lookup.source} has no {lookup.key} {text!r}")
        fixes.append("look-up")
        looked.append(found[1])
        return None if found[0].strip() in self._nulls else found[0].strip()

    def _typed(self, text: str, fixes: list[str]) -> str:
        if "\ufffd" in text:
            raise Unreadable(
                "bad-encoding", "bytes that are no text in the file's encoding; say `encoding`"
            )
        match self._field.kind:
            case "date":
                day = day_of(text, self._forms)
                if self._rule.end_of is not None:
                    day = last_of(day, self._rule.end_of)
                    fixes.append(f"end of {self._rule.end_of}")
                said = day.isoformat()
                if said != text:
                    fixes.append("date")
                return said
            case "money" | "number" | "share" | "whole":
                return self._number(text, fixes)
            case "one-of":
                if self._field.values and text not in self._field.values:
                    raise Unreadable("unknown-code", "add a code list: `codes`")
                return text
            case _:
                return self._words(text, fixes)

    def _words(self, text: str, fixes: list[str]) -> str:
        breaks = self._field.kind == "text"
        if any(
            unicodedata.category(each) == "Cc" and not (breaks and each in "\n\t") for each in text
        ):
            cleaned = " ".join(
                "".join(each if each.isprintable() else " " for each in text).split()
            )
            fixes.append("control-characters")
            text = cleaned
        if self._field.kind == "code" and not text.isprintable():
            raise Unreadable("bad-code", "a code has printable characters only")
        if len(text) > self._field.length_max:
            raise Unreadable("too-long", f"at most {self._field.length_max} characters")
        return text

    def _number(self, text: str, fixes: list[str]) -> str:
        value, was_plain = number_of(text, self._rule.decimal or ".")
        if not was_plain:
            fixes.append("number-text")
        if self._scale is not None:
            scaled = Fraction(value) * self._scale
            exact = exactly(scaled) if self._rule.round is None else None
            if exact is None and self._rule.round is None:
                raise Unreadable("no-end", f"times {self._rule.scale} it has no end: say `round`")
            fixes.append(f"scale {self._rule.scale}")
            value = exact if exact is not None else rounded(scaled, self._rule.round or 0)
            if Fraction(value) != scaled:
                fixes.append(f"round {self._rule.round}")
        elif self._rule.round is not None:
            whole = rounded(Fraction(value), self._rule.round)
            if whole != value:
                fixes.append(f"round {self._rule.round}")
                value = whole
        self._limits(value)
        return plain(value)

    def _limits(self, value: Decimal) -> None:
        kind = self._field.kind
        decimals = {"money": self._digits, "whole": 0}.get(kind, DECIMALS_MAX)
        whole = rounded(Fraction(value), decimals)
        if whole != value:
            raise Unreadable(
                "too-many-decimals",
                f"at most {decimals} decimals; `round: {decimals}` rounds all of the column",
                plain(whole),
            )
        if abs(value) >= MONEY_MAX:
            raise Unreadable("out-of-range", "too large")
        if kind == "share" and not 0 <= value <= 1:
            raise Unreadable("out-of-range", "from 0 to 1; `scale: 1/100` reads per cent")
        if kind == "whole" and not 0 <= value <= WHOLE_MAX:
            raise Unreadable("out-of-range", f"from 0 to {WHOLE_MAX}")
