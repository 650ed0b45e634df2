"""One request of a directory: who calls, and what it may."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from scim2_models import NotFoundException

from api import auth
from api.auth import Caller
from api.noting import read_by
from api.problems import Said
from api.services import Services
from tenancy.records import Stamp
from tenancy.store import Store

BASE = "/scim/v2"
CALLERS = frozenset({auth.INTEGRATION})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request after authentication."""

    services: Services
    caller: Caller
    stamp: Stamp
    method: str
    template: str
    """Of the path, for logs and audits."""
    address: str
    """Of ours, as the caller reached it."""
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @property
    def tenant_id(self) -> UUID:
        return self.caller.tenant_id

    def location(self, kind: str, resource_id: UUID) -> str:
        """Where a resource is."""
        return f"{self.address}{BASE}/{kind}/{resource_id}"

    async def store(self) -> Store:
        """The company's history."""
        return await self.services.histories.of(self.tenant_id)

    def permit(self, *, writes: bool, takes_away: bool = False) -> None:
        """Let it go on where its key was made for this.

        Args:
            writes: whether it changes anything.
            takes_away: whether all that it does is to end somebody's access: that is done even
                while the company has suspended itself.

        Raises:
            Said: `not-allowed`, `out-of-scope` or `tenant-read-only`.
        """
        scope = "scim:write" if writes else "scim:read"
        # Said explicitly: no key of a machine opens the directory by having no scopes.
        if scope not in self.caller.scopes:
            raise Said("out-of-scope", f"this needs the scope {scope}")
        auth.permit(self.caller, CALLERS, scope, while_suspended=takes_away)

    async def note(self, people: tuple[UUID, ...], rows: int, fields: tuple[str, ...]) -> None:
        """Write down who reads about whom, before it is told."""
        entry = read_by(
            self.caller,
            self.stamp,
            self.method,
            self.template,
            subjects=people,
            fields=fields,
            row_count=rows,
        )
        await self.services.reads.note(self.tenant_id, entry)


def id_of(text: str) -> UUID:
    """The id in a path.

    Raises:
        NotFoundException: it is none, so there is nothing of this name.
    """
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundException(detail="there is nothing of this id") from None
