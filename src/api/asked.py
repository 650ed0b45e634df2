"""One request of one caller: everything that a handler may know and ask for."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec

from api.auth import Caller
from api.problems import Said
from api.services import Services
from projections.questions import View
from tenancy.records import Stamp
from tenancy.store import Store

_POSITION = re.compile("[1-9][0-9]{0,17}")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request after authentication; lines of a bulk request are requests too."""

    services: Services
    caller: Caller
    stamp: Stamp
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    query: tuple[tuple[str, str], ...] = ()
    ids: Mapping[str, UUID] = {}
    """The ids in the path."""
    position: int = 0
    """The log position in the path, where it has one."""
    body: bytes = b""

    async def store(self) -> Store:
        """The caller's tenant's history."""
        return await self.services.histories.of(self.caller.tenant_id)

    @asynccontextmanager
    async def view(self) -> AsyncIterator[View]:
        """The caller's tenant's views, in one reading transaction."""
        async with self.services.views.of(self.caller.tenant_id) as view:
            yield view

    def one_id(self) -> UUID:
        """The id of a path that has exactly one."""
        (only,) = self.ids.values()
        return only


def position_of(text: str) -> int:
    """The log position in a path.

    Raises:
        Said: not a position, so there cannot be anything at it.
    """
    if not _POSITION.fullmatch(text):
        raise Said("not-found", "there is nothing at this position")
    return int(text)


def uuid_of(text: str) -> UUID:
    """The id in a path.

    Raises:
        Said: not an id, so there cannot be anything of this name.
    """
    try:
        found = UUID(text)
    except ValueError as error:
        raise Said("not-found", "there is nothing of this id") from error
    if str(found) != text.lower():
        raise Said("not-found", "there is nothing of this id")
    return found
