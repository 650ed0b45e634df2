"""What a page is: one row that routing, navigation, authorisation and tests all read."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from api.auth import ROLES
from api.console.visit import Visit

HOME: Final = "/console"

Load = Callable[[Visit], Awaitable[Mapping[str, Any]]]
"""Asks what a page shows; the names of its mapping are the template's."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the console."""

    path: str
    """Below `HOME`, with {ids}."""
    title: str
    """English; a key of the catalogue."""
    template: str
    load: Load
    roles: frozenset[str] = ROLES
    """Who may open it; what it shows is decided by the API's routes that it asks."""
    does: tuple[str, ...] = ()
    """Paths of the API's commands that its forms may send, as the API's table writes them."""
    menu: str = ""
    """The group of the navigation that it stands in; none for pages that others lead to."""

    @property
    def address(self) -> str:
        """Its path from the root, with {ids}."""
        return HOME + self.path


MENU: Final = (
    ("mine", "My work"),
    ("team", "My team"),
    ("people", "Personnel"),
    ("money", "Money"),
    ("company", "Company"),
    ("audit", "Audit"),
    ("system", "System"),
)
"""Groups of the navigation in their order; titles are keys of the catalogue."""
