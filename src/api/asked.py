"""One request of one caller: everything that a handler may know and ask for."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec

from api.auth import Caller
from api.problems import Said
from api.services import Services
from domain.delegation import ApprovalKind
from projections.past import Moment
from projections.questions import View
from tenancy.records import Stamp
from tenancy.store import Store

_POSITION = re.compile("[1-9][0-9]{0,17}")


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """A delegation, and the kind of approvals that it is used for."""

    delegation_id: UUID
    kind: ApprovalKind


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
    stream: AsyncIterator[bytes] | None = None
    """Of a body that is received as it comes."""
    acting: Acting | None = None
    """Where the caller acts in another's name: by what."""
    then: Moment | None = None
    """Asked of the past: everything is read as it was at this moment."""

    async def store(self) -> Store:
        """The caller's tenant's history; up to the moment that was asked for."""
        store = await self.services.histories.of(self.caller.tenant_id)
        return store if self.then is None else store.until(self.then.position)

    @asynccontextmanager
    async def view(self) -> AsyncIterator[View]:
        """The caller's tenant's views; as they were at the moment that was asked for."""
        views, tenant_id = self.services.views, self.caller.tenant_id
        if self.then is None:
            async with views.of(tenant_id) as view:
                yield view
        else:
            async with views.then(tenant_id, self.then) as past:
                yield past

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


def ids_of(parameters: Mapping[str, str]) -> tuple[dict[str, UUID], int]:
    """The ids and the log position (0 for none) among the parameters of a path.

    Raises:
        Said: one of them is not, so there cannot be anything of this name.
    """
    ids = {name: uuid_of(text) for name, text in parameters.items() if name != "position"}
    return ids, position_of(parameters["position"]) if "position" in parameters else 0
