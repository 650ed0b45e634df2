"""What stands in the approvals inbox: something that waits, and the ways to decide it."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from api.console.visit import Visit

OF_ANY: Final = "00000000-0000-0000-0000-000000000000"
"""Stands for any id where it is asked whether a role opens a route."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that is made on this page."""

    path: str
    """Of the API's command."""
    label: str
    tone: str = ""
    hidden: tuple[tuple[str, str], ...] = ()
    reason: bool = False
    """Whether the command wants one."""
    warning: str = ""
    """What is to be thought of before."""
    version: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits."""

    kind: str
    key: str
    """Tells its forms from those of others."""
    what: str
    people: tuple[str, ...] = ()
    """Ids of those whom it concerns."""
    by: str = ""
    """The id of who asked."""
    at: str = ""
    """Since when; empty where the API does not tell."""
    lines: tuple[str, ...] = ()
    href: str = ""
    acts: tuple[Act, ...] = ()
    lent: str = ""
    """The delegation by which it is decided; empty where it is one's own to decide."""
    owner: str = ""
    """In whose name."""


Waiting = Callable[[Visit], Awaitable[list[Item]]]


def no(
    path: str, label: str, *, hidden: tuple[tuple[str, str], ...] = (), version: str = ""
) -> Act:
    """To refuse it, with a reason."""
    return Act(path=path, label=label, tone="bad", reason=True, hidden=hidden, version=version)
