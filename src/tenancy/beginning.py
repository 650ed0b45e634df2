"""The beginning of a log: what a store reads when it is asked for the past."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from tenancy.idempotency import Remembered
from tenancy.recorder import Reading
from tenancy.records import Sealed


class Beginning:
    """A tenant's log up to a position, as if nothing had come after it; a `Reading`."""

    def __init__(self, log: Reading, position: int) -> None:
        self.tenant_id = log.tenant_id
        self._log = log
        self._position = position

    async def check_tenant(self) -> None:
        """Raises UnknownTenant where there is no such tenant."""
        await self._log.check_tenant()

    async def streams(self, after: Mapping[UUID, int], *, primary: bool = False) -> list[Sealed]:
        """The events of these streams above these versions, by stream and version."""
        return self._within(await self._log.streams(after, primary=primary))

    async def stream(
        self,
        stream_id: UUID,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        desc: bool = False,
    ) -> list[Sealed]:
        """Events of a stream with after < version <= upto, ascending unless `desc`."""
        # Ascending, what is too late comes last; descending it would use up the limit.
        rows = await self._log.stream(
            stream_id, after=after, upto=upto, limit=None if desc else limit, desc=desc
        )
        return self._within(rows)[:limit]

    async def log(
        self,
        after: int = 0,
        limit: int | None = None,
        *,
        topics: Sequence[str] | None = None,
        upto: int | None = None,
    ) -> list[Sealed]:
        """Events with after < position <= upto, in the order of the log."""
        until = self._position if upto is None else min(upto, self._position)
        return await self._log.log(after, limit, topics=topics, upto=until)

    async def head(self) -> int:
        """The position of the last event."""
        return min(await self._log.head(), self._position)

    async def remembered(self, key: str) -> Remembered | None:
        """What a key was used for."""
        return await self._log.remembered(key)

    def _within(self, rows: Sequence[Sealed]) -> list[Sealed]:
        return [row for row in rows if row.position <= self._position]


class _Closed:
    """The committer of the past."""

    async def commit(self, tenant_id: UUID, _append: object) -> Any:
        raise RuntimeError(f"nothing is written into the past of {tenant_id}")


CLOSED: Any = _Closed()
