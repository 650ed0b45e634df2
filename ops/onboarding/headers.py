"""Which row of a sheet is its header, if any; and what the words of headers mean."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from ops.onboarding.shapes import NUMBER, outline, shape_of
from ops.onboarding.words import WORDS

LOOK_AT = 10
FILLED_SHARE = 0.6
LABEL_LENGTH_MAX = 80
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
BREAKS = re.compile(r"[\s_\-./\\:()（）\[\]【】#*?？，,]+")
OWNERS = ("员工", "职工", "雇员", "人员", "本月", "当月", "emp", "employee", "staff", "worker")


def normal(header: str) -> str:
    """Words in lower case: `EmpHourlyRate` and `emp_hourly_rate` are both "emp hourly rate"."""
    text = unicodedata.normalize("NFKC", header).strip()
    words = BREAKS.sub(" ", CAMEL.sub(" ", text)).lower().split()
    return " ".join(words)


def meaning(header: str) -> tuple[str, int] | None:
    """The concept that the header names, and how surely: 3 exactly, 2 without its owner, 1 in part.

    >>> meaning("员工入职时间"), meaning("HireDate"), meaning("Shoe size")
    (('hired_on', 2), ('hired_on', 3), None)
    """
    text = normal(header)
    compact = text.replace(" ", "")
    for said in (text, compact):
        if said in WORDS:
            return WORDS[said], 3
    for owner in OWNERS:
        for rest in (compact.removeprefix(owner), compact.removesuffix(owner)):
            if rest != compact and rest in WORDS:
                return WORDS[rest], 2
    held = [
        (len(word), concept)
        for word, concept in WORDS.items()
        if (word in compact if not word.isascii() else f" {word} " in f" {text} ")
    ]
    return (max(held)[1], 1) if held else None


def header_row(rows: Sequence[Sequence[str]]) -> int | None:
    """The header's number from 1, None where the sheet begins with data.

    Titles above a header are narrower than the table; a header names what stands below it, and so
    looks unlike it.
    """
    look = [[cell.strip() for cell in row] for row in rows[: LOOK_AT * 3]]
    widths = [sum(1 for cell in row if cell) for row in look]
    if not any(widths):
        return None
    wide = max(widths)
    for place, row in enumerate(look[:LOOK_AT]):
        if widths[place] < max(1, FILLED_SHARE * wide):
            continue
        return place + 1 if _names(row, look[place + 1 :]) else None
    return None


def _names(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    said = [cell for cell in row if cell]
    if any(NUMBER.fullmatch(cell) or len(cell) > LABEL_LENGTH_MAX for cell in said):
        return False
    if shape_of(said) in ("date", "money", "clock", "email"):
        return False
    if max(Counter(said).values()) > 1 and len(set(said)) < len(said) - len(said) // 3:
        return False
    known = sum(1 for cell in said if (found := meaning(cell)) and found[1] >= 2)  # noqa: PLR2004
    if known >= max(1, len(said) / 3) and not _again(row, below):
        return True
    unlike = alike = 0
    for place, cell in enumerate(row):
        column = [other[place] for other in below if place < len(other) and other[place]]
        if not cell or not column:
            continue
        shapes = {outline(other) for other in column}
        if outline(cell) in shapes and any(character.isdigit() for character in cell):
            alike += 1
        elif shape_of(column) in ("date", "whole", "number", "money", "email", "clock") or all(
            any(character.isdigit() for character in other) for other in column
        ):
            unlike += 1
    if alike or unlike:
        return unlike > alike
    # Words above words: a header is not said again below.
    return not _again(row, below) and all(len(cell) < LABEL_LENGTH_MAX // 2 for cell in said)


def _again(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    return any(
        cell and any(place < len(other) and other[place] == cell for other in below)
        for place, cell in enumerate(row)
    )


def columns_of(header: Sequence[str]) -> tuple[str, ...]:
    """Names of columns: unnamed ones by their place, repeated ones told apart.

    >>> columns_of(["姓名", "", "姓名"])
    ('姓名', '#2', '姓名 (2)')
    """
    seen: Counter[str] = Counter()
    names = []
    for place, cell in enumerate(header, start=1):
        name = " ".join(cell.replace("\ufeff", "").split()) or f"#{place}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)
