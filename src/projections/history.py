"""Reading a tenant's log for views: in order, opened, and without what is personal."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from tenancy.records import Recorded


class Unreadable(Exception):
    """The event at `position` does not open; nothing after it can be applied."""

    def __init__(self, position: int, cause: Exception) -> None:
        super().__init__(f"position {position} does not open: {type(cause).__name__}: {cause}")
        self.position = position


class Log(Protocol):
    """One tenant's log, as far as views need it."""

    async def after(self, position: int, limit: int) -> list[Recorded]:
        """At most `limit` events after `position`, ascending, personal fields left sealed.

        Raises:
            Unreadable: the very next event does not open. A later one ends the list instead.
        """
        ...

    async def head(self) -> int:
        """The position of the last event; 0 for none."""
        ...

    async def at(self, positions: Sequence[int]) -> dict[int, Recorded]:
        """The events at these positions with their personal fields, None where erased."""
        ...


class Logs(Protocol):
    """Every tenant's log."""

    async def of(self, tenant_id: UUID) -> Log: ...
    async def tenants(self) -> list[UUID]: ...
