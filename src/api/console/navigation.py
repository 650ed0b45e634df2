"""The navigation: the pages of a visitor's roles, in their groups."""

import msgspec

from api.console.catalogue import PAGES
from api.console.page import MENU, Page
from api.console.visit import Visit


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of the navigation."""

    title: str
    pages: tuple[Page, ...]


def menu_of(visit: Visit) -> list[Group]:
    """What the visitor may open from everywhere."""
    open_to = [
        page for page in PAGES if page.menu and not page.roles.isdisjoint(visit.caller.roles)
    ]
    groups = (
        Group(title=title, pages=tuple(page for page in open_to if page.menu == code))
        for code, title in MENU
    )
    return [group for group in groups if group.pages]
