"""One command at a time for each stream of a process, so that they do not overtake each other."""

import asyncio
from collections import deque
from uuid import UUID

from tenancy.errors import Unavailable

WAITING_MAX = 1000
"""Behind one stream; more than that would wait longer than anybody is willing to."""


class Gates:
    """Turns at streams, in the order of asking. Other processes have gates of their own."""

    def __init__(self, waiting_max: int = WAITING_MAX) -> None:
        self._waiting_max = waiting_max
        # By the integer, because comparing UUIDs is slow. None is a turn that nobody waits for.
        self._held: dict[int, deque[asyncio.Future[None]] | None] = {}

    def free(self, stream_id: UUID) -> bool:
        """Take the turn if nobody has it; whoever has it must `leave`."""
        key = stream_id.int
        if key in self._held:
            return False
        self._held[key] = None
        return True

    async def turn(self, stream_id: UUID) -> None:
        """Wait for the turn, then have it.

        Raises:
            Unavailable: too many wait, or whoever was before us found the log unavailable.
        """
        if self.free(stream_id):
            return
        waiting = self._held[stream_id.int]
        if waiting is None:
            waiting = self._held[stream_id.int] = deque()
        if len(waiting) >= self._waiting_max:
            raise Unavailable("too many commands are waiting for the same stream")
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                self.leave(stream_id)  # the turn came together with the cancellation
            raise

    def leave(self, stream_id: UUID) -> None:
        """Give the turn to whoever has waited longest."""
        key = stream_id.int
        waiting = self._held[key]
        while waiting:
            following = waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        del self._held[key]

    def turn_away(self, stream_id: UUID) -> None:
        """Tell all who wait that the log is unavailable; each would only find the same."""
        for following in self._held[stream_id.int] or ():
            if not following.done():
                following.set_exception(
                    Unavailable("the database cannot be written now; nothing was carried out")
                )
        self._held[stream_id.int] = None
