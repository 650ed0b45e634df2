"""Reads of a tenant's streams by many commands at once: one question to the database for all.

What is asked while a question is under way forms the next one, as the committer does with writes.
At 64 requests at once that is one round trip for some twenty of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tenancy.failover import note_standby, noting_reads
from tenancy.records import Sealed

STREAMS_MAX = 200
"""Of one question that others are put together with; who asks for more asks alone."""


class _Waiting(NamedTuple):
    """Who asked, for what."""

    after: Mapping[UUID, int]
    future: "asyncio.Future[_Answer]"


class _Answer(NamedTuple):
    """The rows by stream; up to when whoever answered knew, where it was a standby."""

    rows: Mapping[UUID, Sequence[Sealed]]
    as_of: datetime | None


Fetch = Callable[[Mapping[UUID, int]], Awaitable[list[Sealed]]]


class Together:
    """Puts the questions of one tenant together.

    Args:
        fetch: the events of these streams above these versions, by stream and version.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._waiting: list[_Waiting] = []
        self._asking: asyncio.Task[None] | None = None

    async def streams(self, after: Mapping[UUID, int]) -> list[Sealed]:
        """The events of these streams above these versions, by stream and version.

        All are of one moment, which is after the call. Errors are those of `fetch`.
        """
        if len(after) > STREAMS_MAX:
            return await self._fetch(after)
        future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(after, future))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        answer = await future
        if answer.as_of is not None:
            note_standby(answer.as_of)
        return [
            row
            for stream_id, version in after.items()
            for row in answer.rows.get(stream_id, ())
            if row.version > version
        ]

    async def _ask(self) -> None:
        try:
            while self._waiting:
                await self._ask_for(self._next())
        finally:
            self._asking = None

    def _next(self) -> list[_Waiting]:
        count = streams = 0
        for each in self._waiting:
            streams += len(each.after)
            if streams > STREAMS_MAX and count:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return [each for each in taken if not each.future.done()]

    async def _ask_for(self, asked: Sequence[_Waiting]) -> None:
        wanted: dict[UUID, int] = {}
        for each in asked:
            for stream_id, version in each.after.items():
                wanted[stream_id] = min(version, wanted.get(stream_id, version))
        try:
            with noting_reads() as reads:
                found = await self._fetch(wanted) if wanted else []
        except BaseException as error:
            for each in asked:
                if not each.future.done():
                    each.future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        rows: dict[UUID, list[Sealed]] = {}
        for row in found:
            rows.setdefault(row.stream_id, []).append(row)
        for each in asked:
            if not each.future.done():
                each.future.set_result(_Answer(rows, reads.as_of))
