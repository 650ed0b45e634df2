"""How numbers, money and times are written: exact, in the visitor's language and time zone."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.numbers import format_currency, format_decimal

from api.console.language import LOCALES, Language

_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+){0,2}")
_DIGITS_MAX = 10


class Formats(msgspec.Struct, frozen=True, kw_only=True):
    """Writes values for one visitor."""

    language: Language
    zone: ZoneInfo
    told: bool = True
    """The browser has said its zone; before, it is asked to by the first page with times."""

    def money(self, value: Any) -> str:
        """{"amount": "26928.00", "currency": "CNY"} as people write it; empty for nothing."""
        if value is None:
            return ""
        amount = Decimal(value["amount"])
        # Its own number of decimals, which is the currency's: nothing is rounded here.
        return str(
            format_currency(
                amount,
                value["currency"],
                locale=LOCALES[self.language],
                decimal_quantization=False,
            )
        )

    def number(self, value: Any) -> str:
        """An exact number with its thousands grouped; empty for nothing, a text as it is."""
        if value is None:
            return ""
        try:
            exact = Decimal(str(value))
        except InvalidOperation:
            return str(value)
        locale = LOCALES[self.language]
        return str(format_decimal(exact, locale=locale, decimal_quantization=False))

    def short(self, value: Any, digits: int = 2) -> str:
        """A number or a fraction ("2244/25") rounded for reading; its exact value is elsewhere."""
        try:
            above, _, below = str(value).partition("/")
            told = Decimal(above) / Decimal(below or "1")
        except InvalidOperation:
            return str(value)
        told = round(told, min(digits, _DIGITS_MAX))
        return self.number(told.normalize() if told == told.to_integral_value() else told)

    def day(self, value: Any) -> str:
        """A business date: 2025-03-31; it has no zone."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        return str(value or "")[:10]

    def moment(self, value: Any) -> str:
        """A moment in the visitor's zone, and which zone that is."""
        if not value:
            return ""
        told = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        here = told.astimezone(self.zone)
        offset = here.strftime("%z")
        zone = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:]}"
        return f"{here:%Y-%m-%d %H:%M:%S} {zone}"


def formats(language: Language, cookies: Mapping[str, str]) -> Formats:
    """The formats of a request; its zone is what the browser said, else UTC."""
    name = cookies.get("merit_zone", "")
    return Formats(language=language, zone=_zone(name), told=bool(name))


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return ZoneInfo("UTC")


def iso(value: Any) -> str:
    """A moment for a <time datetime>."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value or "")
