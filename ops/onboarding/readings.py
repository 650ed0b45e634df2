"""How the texts of old systems say days, numbers and money: exactly, or not at all."""

import re
import unicodedata
from calendar import monthrange
from datetime import date
from decimal import Decimal
from fractions import Fraction

MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: place for place, name in enumerate(MONTH_NAMES, start=1)}
TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<short>\d{2})",
    "MON": r"(?P<name>[A-Za-z]{3,9})\.?",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{2})",
    "D": r"(?P<day>\d{1,2})",
}
TOKEN = re.compile("|".join(TOKENS))
TIME_OF_DAY = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d\d:?\d\d)?)?"
SERIAL = "excel-serial"
EPOCH = date(1899, 12, 30).toordinal()
SERIAL_MIN, SERIAL_MAX = 61, 2_958_465
"""From March 1900, where spreadsheets begin to be right, to the end of 9999."""


class Unreadable(Exception):
    """The text says nothing of the kind; `suggestion` says what would."""

    def __init__(self, code: str, suggestion: str, replacement: str | None = None) -> None:
        super().__init__(code)
        self.code, self.suggestion, self.replacement = code, suggestion, replacement


class Form:
    """A form of writing days, such as "D/M/YYYY" or "YYYY年M月D日".

    >>> Form("M/D/YY", pivot=2016).read("10/24/79 0:00")
    datetime.date(1979, 10, 24)
    """

    def __init__(self, form: str, pivot: int | None = None) -> None:
        self.form, self._pivot = form, pivot
        self.has_day = "D" in form.upper().replace("MON", "")
        self.serial = form == SERIAL
        at, pattern = 0, ""
        for match in TOKEN.finditer(form):
            pattern += re.escape(form[at : match.start()]) + TOKENS[match[0]]
            at = match.end()
        self._pattern = re.compile(pattern + re.escape(form[at:]) + TIME_OF_DAY)

    @property
    def two_digits(self) -> bool:
        """Whether its years need a pivot."""
        return "YY" in self.form.replace("YYYY", "")

    def read(self, text: str) -> date | None:
        """The day, None where the text has another form or there is no such day."""
        if self.serial:
            return self._serial(text)
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        said = found.groupdict()
        try:
            month = MONTHS[said["name"][:3].lower()] if said.get("name") else int(said["month"])
            return date(self._year(said), month, int(said.get("day") or 1))
        except (KeyError, ValueError):
            return None

    def _year(self, said: dict[str, str | None]) -> int:
        if said.get("year"):
            return int(said["year"] or 0)
        pivot = self._pivot or 0
        year = pivot - pivot % 100 + int(said["short"] or 0)
        return year - 100 if year > pivot else year

    @staticmethod
    def _serial(text: str) -> date | None:
        if not re.fullmatch(r"\d{2,7}(?:\.\d+)?", text):
            return None
        days = int(text.partition(".")[0])
        return date.fromordinal(EPOCH + days) if SERIAL_MIN <= days <= SERIAL_MAX else None


def day_of(text: str, forms: list[Form]) -> date:
    """The day that the text says in the first form that fits.

    Raises:
        Unreadable: in none of them.
    """
    for form in forms:
        found = form.read(text)
        if found is not None:
            return found
    raise Unreadable("bad-date", _about_day(text, forms))


def last_of(day: date, what: str) -> date:
    """The last day of its month or year.

    >>> last_of(date(2024, 2, 10), "month")
    datetime.date(2024, 2, 29)
    """
    month = day.month if what == "month" else len(MONTHS)
    return day.replace(month=month, day=monthrange(day.year, month)[1])


def _about_day(text: str, forms: list[Form]) -> str:
    expected = ", ".join(form.form for form in forms)
    if re.match(r"\d{1,2}:\d{2}", text):
        return f"this is a time without a day (expected {expected}); export the column again"
    parts = re.fullmatch(r"(\d{4})\D(\d{1,2})\D(\d{1,2}).*", text)
    if parts:
        year, month, day = (int(part) for part in parts.groups())
        if 1 <= month <= 12 and year:  # noqa: PLR2004  # the months of a year
            last = monthrange(year, month)[1]
            if day > last:
                return f"that month has {last} days"
    return f"write it as {expected}, or add its form to `dates`"


CURRENCY_SIGNS = re.compile(r"[¥￥$€£₹]|US\$|HK\$|RMB|CNY|USD|EUR|人民币|元整?|圆", re.IGNORECASE)
PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?")
GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
GROUPED_WEST = re.compile(r"[+-]?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?")
UNITS = {"万": 10_000, "亿": 100_000_000, "k": 1_000, "K": 1_000}
LENGTH_MAX = 60


def number_of(text: str, decimal: str = ".") -> tuple[Decimal, bool]:
    """The number, exact, and whether it was written plainly.

    >>> number_of('($1,234.50) ')
    (Decimal('-1234.50'), False)
    >>> number_of('1,234.56元')
    (Decimal('1234.56'), False)

    Raises:
        Unreadable: no number.
    """
    if PLAIN.fullmatch(text) and len(text) <= LENGTH_MAX and decimal == ".":
        return Decimal(text), True
    if len(text) > LENGTH_MAX:
        raise Unreadable("bad-number", f"a number has at most {LENGTH_MAX} characters")
    said = unicodedata.normalize("NFKC", text).strip()
    negative = False
    if said.startswith("(") and said.endswith(")"):
        negative, said = True, said[1:-1].strip()
    said = CURRENCY_SIGNS.sub("", said).replace("\u2212", "-")
    said = re.sub(r"[\s'_]", "", said)
    if said.endswith("-"):
        negative, said = not negative, said[:-1]
    factor = Fraction(1)
    if said.endswith(("%", "‰")):
        factor, said = Fraction(1, 100 if said[-1] == "%" else 1000), said[:-1]
    elif said[-1:] in UNITS:
        factor, said = Fraction(UNITS[said[-1]]), said[:-1]
    if decimal == ",":
        said = said.replace(".", "").replace(",", ".")
    elif GROUPED.fullmatch(said) or GROUPED_WEST.fullmatch(said):
        said = said.replace(",", "")
    if not PLAIN.fullmatch(said):
        raise Unreadable("bad-number", _about_number(text))
    value = Decimal(said)
    if factor != 1:
        value = exactly(Fraction(value) * factor) or Decimal(0)
    return (-value if negative else value), False


def _about_number(text: str) -> str:
    if re.search(r"\d", text) and text.translate(str.maketrans("OoIl", "0011")) != text:
        return "letters O or l stand where digits should"
    if text.count(",") == 1 and re.search(r",\d{1,2}$", text):
        return 'a decimal comma? say `decimal: ","` for this column'
    return "a number such as 1234.56; currency signs, thousands separators and (x) are understood"


def plain(value: Decimal) -> str:
    """In canonical form: no exponent, no zeros at the end of the fraction.

    >>> plain(Decimal("1E+3")), plain(Decimal("179.50")), plain(Decimal("-0.0"))
    ('1000', '179.5', '0')
    """
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def rounded(value: Fraction, decimals: int) -> Decimal:
    """Half to even, exact.

    >>> rounded(Fraction(51862, 12), 2)
    Decimal('4321.83')
    """
    units = round(value * 10**decimals)
    return Decimal(units).scaleb(-decimals)


def exactly(value: Fraction) -> Decimal | None:
    """The fraction as a decimal, None where it has no end."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return None
    digits = 0
    while (value.denominator != 1) and digits < LENGTH_MAX:
        value *= 10
        digits += 1
    return Decimal(value.numerator).scaleb(-digits)


def tidied(text: str, how: str) -> str:
    """Blanks and widths as they should be; "name" also closes up commas and drops midnight.

    >>> tidied("Aaron ,  Patricia G", "name")
    'Aaron,Patricia G'
    """
    if how == "none":
        return text
    said = unicodedata.normalize("NFKC", text)
    said = " ".join(said.split())
    if how != "name":
        return said
    # A day that a spreadsheet has made a time of is the same day.
    return re.sub(r"\s*,\s*", ",", re.sub(r"\s+0?0:00(:00)?$", "", said))
