"""What a column's texts look like: whole numbers, money, days and in which form, codes, names."""

import re
from collections import Counter
from collections.abc import Sequence

NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
MONEY = re.compile(
    r"\(?-?(?:[$€£¥￥]|RMB|CNY|USD|US\$)\s?-?[\d,]+(?:\.\d*)?\)?|\(?-?\d{1,3}(?:,\d{3})+(?:\.\d*)?\)?"
    r"|\(?-?[\d,]+(?:\.\d+)?\s?(?:元|万元?|圆)\)?"
)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
TIME = r"(?:[ T]\d{1,2}:\d{2}.*)?"
DAY_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (form, re.compile(pattern + TIME))
    for form, pattern in (
        ("YYYY-MM-DD", r"\d{4}-\d{2}-\d{2}"),
        ("YYYY-M-D", r"\d{4}-\d{1,2}-\d{1,2}"),
        ("YYYY/M/D", r"\d{4}/\d{1,2}/\d{1,2}"),
        ("YYYY.M.D", r"\d{4}\.\d{1,2}\.\d{1,2}"),
        ("YYYY年M月D日", r"\d{4}年\d{1,2}月\d{1,2}日"),
        ("YYYYMMDD", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
        ("D-MON-YYYY", r"\d{1,2}-[A-Za-z]{3,9}-\d{4}"),
        ("D-MON-YY", r"\d{1,2}-[A-Za-z]{3,9}-\d{2}"),
        ("D MON YYYY", r"\d{1,2} [A-Za-z]{3,9} \d{4}"),
        ("MON D, YYYY", r"[A-Za-z]{3,9}\.? \d{1,2}, \d{4}"),
    )
)
SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})" + TIME)
CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?")
ODD = re.compile(r"[a-z]+|[\u3400-\u9fff]+|[0-9]+|\s+", re.IGNORECASE)
MOSTLY = 0.9
FEW = 12
"""So many different values are a list of codes, if they come again and again."""


def outline(text: str) -> str:
    """Its kinds of characters: `d001` is a9, `2024-01-31` is 9-9-9, 技术部 is c."""

    def kind(found: re.Match[str]) -> str:
        first = found[0][0]
        if first.isdigit():
            return "9"
        if first.isspace():
            return " "
        return "a" if first.isascii() else "c"

    return ODD.sub(kind, text.strip())


def day_forms(texts: Sequence[str]) -> list[str]:
    """The forms in which these days are written; empty where most are no days."""
    forms: Counter[str] = Counter()
    slashed: list[re.Match[str]] = []
    for text in texts:
        found = SLASHED.fullmatch(text)
        if found:
            slashed.append(found)
            continue
        for form, pattern in DAY_FORMS:
            if pattern.fullmatch(text):
                forms[form] += 1
                break
    if sum(forms.values()) + len(slashed) < MOSTLY * len(texts) or not texts:
        return []
    if forms["YYYY-M-D"] and forms["YYYY-MM-DD"]:
        del forms["YYYY-MM-DD"]
    return [*(form for form, _ in forms.most_common()), *_slashed_forms(slashed)]


def _slashed_forms(found: list[re.Match[str]]) -> list[str]:
    """Day or month first? A number above 12 tells; where none does, the month comes first."""
    if not found:
        return []
    firsts = max(int(match[1]) for match in found)
    seconds = max(int(match[3]) for match in found)
    day_first = firsts > FEW or (seconds <= FEW and found[0][2] != "/")
    forms = []
    for separator in dict.fromkeys(match[2] for match in found):
        for length in sorted({len(match[4]) for match in found if match[2] == separator}):
            year = "Y" * length
            parts = ("D", "M", year) if day_first else ("M", "D", year)
            forms.append(separator.join(parts))
    return forms


def ambiguous_days(texts: Sequence[str]) -> bool:
    """Whether nothing tells the day from the month."""
    found = [match for match in map(SLASHED.fullmatch, texts) if match]
    return bool(found) and all(int(m[1]) <= FEW and int(m[3]) <= FEW for m in found)


def shape_of(texts: Sequence[str]) -> str:
    """One of empty, date, clock, whole, number, money, email, flag, list, code, text."""
    said = [text for text in texts if text]
    if not said:
        return "empty"
    many = MOSTLY * len(said)
    if day_forms(said):
        return "date"
    if sum(1 for text in said if CLOCK.fullmatch(text)) >= many:
        return "clock"
    numbers = [text for text in said if NUMBER.fullmatch(text)]
    if len(numbers) >= many:
        return "whole" if all(text.lstrip("+-").isdigit() for text in numbers) else "number"
    if sum(1 for text in said if MONEY.fullmatch(text) or NUMBER.fullmatch(text)) >= many:
        return "money"
    if sum(1 for text in said if EMAIL.fullmatch(text)) >= many:
        return "email"
    different = len(set(said))
    if different <= FEW and len(said) >= 2 * different:
        return "flag" if different <= 2 else "list"  # noqa: PLR2004  # yes and no
    outlines = Counter(outline(text) for text in said)
    shape, times = outlines.most_common(1)[0]
    if times >= many and "9" in shape and max(len(text) for text in said) <= 40:  # noqa: PLR2004
        return "code"
    return "text"
