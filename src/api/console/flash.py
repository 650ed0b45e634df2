"""What the page after a form has to know of it: what was done, and how far the log had come."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response

from api.console.page import HOME

NAME: Final = "merit_flash"
SECONDS: Final = 60
"""How long one's own write is waited for on the pages that follow it."""


class Flash(msgspec.Struct, frozen=True, kw_only=True):
    """Kept in a cookie for moments."""

    tenant: str
    """Positions of another tenant mean nothing."""
    position: int
    done: str = ""
    """A text of the catalogue; empty once it was shown."""
    form: str = ""
    """Whose draft is not needed any more."""


def flash_of(cookies: Mapping[str, str], tenant: str) -> Flash | None:
    """What the form before left; None where there was none."""
    try:
        flash = msgspec.json.decode(bytes.fromhex(cookies.get(NAME, "")), type=Flash)
    except (ValueError, msgspec.MsgspecError):
        return None
    return flash if flash.tenant == tenant and flash.position >= 0 else None


def remember(response: Response[Any], flash: Flash) -> None:
    """Leave it for the next page."""
    response.set_cookie(
        key=NAME,
        value=msgspec.json.encode(flash).hex(),
        max_age=SECONDS,
        path=HOME,
        httponly=True,
        samesite="lax",
    )
