"""Checks that every aggregate makes on what it is given, each a `Refused` with its code."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar
from unicodedata import category

from domain.kernel import Refused

T = TypeVar("T")

CODE_LENGTH_MAX = 100
NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 4000
DECIMALS_MAX = 6
NUMBER_LIMIT = Decimal(10) ** 15


def known(state: T | None, code: str, what: str) -> T:
    """The state of something that must have begun, else `Refused(code)`."""
    if state is None:
        raise Refused(code, f"There is no {what}.")
    return state


def begun(state: T | None) -> T:
    """The state of a stream that has begun, when folding its later events.

    Raises:
        ValueError: the history itself is broken; no command can lead here.
    """
    if state is None:
        raise ValueError("a history begins with the event that creates its aggregate")
    return state


def absent(state: object | None, what: str) -> None:
    """Refuse `already-exists` unless nothing has been written yet."""
    if state is not None:
        raise Refused("already-exists", f"There is {what} with this key already.")


def checked_code(code: str, what: str = "code") -> str:
    """`code`, if it is 1 to 100 printable characters without space around it."""
    # Stream ids join codes by a control character, so one in a code could forge another's id.
    if not code or not code.isprintable() or code != code.strip() or len(code) > CODE_LENGTH_MAX:
        raise Refused(
            "bad-code",
            f"The {what} must be 1 to {CODE_LENGTH_MAX} printable characters, "
            "without control characters and without space around it.",
        )
    return code


def checked_name(name: str, what: str = "name") -> str:
    """`name`, if it has 1 to 200 characters, none of them a control character."""
    if not name.strip() or len(name) > NAME_LENGTH_MAX or _unprintable(name, allowed=""):
        raise Refused("bad-name", f"The {what} must be 1 to {NAME_LENGTH_MAX} characters.")
    return name


def checked_text(text: str, what: str) -> str:
    """Free `text` of at most 4000 characters; line breaks and tabs are its only controls."""
    if len(text) > TEXT_LENGTH_MAX or _unprintable(text, allowed="\n\r\t"):
        raise Refused(
            "bad-text",
            f"The {what} must have at most {TEXT_LENGTH_MAX} characters "
            "and no control characters but line breaks and tabs.",
        )
    return text


def checked_reason(reason: str, what: str = "reason") -> str:
    """`reason`, if it says anything."""
    if not reason.strip():
        raise Refused("reason-missing", f"The {what} must not be empty.")
    return checked_text(reason, what)


def checked_number(
    value: Decimal,
    what: str,
    *,
    least: Decimal = -NUMBER_LIMIT,
    most: Decimal = NUMBER_LIMIT,
    decimals: int = DECIMALS_MAX,
    code: str = "bad-number",
) -> Decimal:
    """`value`, if it is finite, within `least`..`most` and has at most `decimals` decimals."""
    exponent = value.as_tuple().exponent
    # Asked of the exponent first: "0E+999999999" is in range, and far too long to write out.
    if (
        not isinstance(exponent, int)
        or not -decimals <= exponent <= NUMBER_LIMIT.adjusted()
        or not least <= value <= most
    ):
        raise Refused(
            code,
            f"The {what} must be a number from {least:f} to {most:f} "
            f"with at most {decimals} decimals.",
        )
    return value


def checked_indicators(given: Iterable[str], wanted: Iterable[str], what: str) -> None:
    """Refuse `indicators-mismatch` unless `given` names exactly the `wanted`, each once."""
    given, wanted = sorted(given), sorted(wanted)
    if given != wanted:
        raise Refused(
            "indicators-mismatch",
            f"The {what} must name exactly these indicators, each once: {', '.join(wanted)}.",
        )


def _unprintable(text: str, *, allowed: str) -> bool:
    # Cc: control characters, among them NUL, which PostgreSQL's text cannot hold; Cs: halves of
    # surrogate pairs, which UTF-8 cannot.
    return any(category(sign) in {"Cc", "Cs"} and sign not in allowed for sign in text)
