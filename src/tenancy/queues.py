"""What waits to be written: a queue for each tenant, and whose turn it is."""

import asyncio
from collections import deque
from collections.abc import Callable
from uuid import UUID

from tenancy.appending import Append, Outcome

EVENTS_MAX = 1000
"""Of a flush, which always has one command at least; longer ones only add to the latency."""

Answer = Outcome | Exception


class Waiting:
    """A command in the queue, and who waits for it."""

    __slots__ = ("append", "future")

    def __init__(self, append: Append, future: asyncio.Future[Outcome]) -> None:
        self.append = append
        self.future = future

    def answer(self, answer: Answer) -> None:
        if self.future.done():
            return  # whoever waited was cancelled; what was written stays written
        if isinstance(answer, Exception):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)


class Queues:
    """The queues of all tenants.

    A tenant has one flush under way at most: a second one would only wait at the head row. So
    whoever floods keeps one connection busy and leaves the others to the others.

    Args:
        start: is called when something waits and nobody is idle.
    """

    def __init__(self, start: Callable[[], None]) -> None:
        self._start = start
        self._queues: dict[UUID, list[Waiting]] = {}
        # Tenants with something to write and nothing under way, the longest waiting first.
        self._turns: deque[UUID] = deque()
        self._busy: set[UUID] = set()
        self._idle: deque[asyncio.Future[None]] = deque()
        self.waiting = 0
        """Commands in all queues."""

    def __bool__(self) -> bool:
        """Whether it is anybody's turn."""
        return bool(self._turns)

    def add(self, tenant_id: UUID, waiting: Waiting) -> None:
        """Behind what waits for the tenant."""
        queue = self._queues.get(tenant_id)
        if queue is None:
            queue = self._queues[tenant_id] = []
            if tenant_id not in self._busy:
                self._turn(tenant_id)
        queue.append(waiting)
        self.waiting += 1

    def take(self) -> tuple[UUID, list[Waiting]] | None:
        """The next flush, of the tenant that has waited longest; `done` is due afterwards."""
        if not self._turns:
            return None
        tenant_id = self._turns.popleft()
        queue = self._queues.pop(tenant_id)
        events = count = 0
        for each in queue:
            events += len(each.append.events)
            if events > EVENTS_MAX and count:
                break
            count += 1
        if count < len(queue):
            self._queues[tenant_id] = queue[count:]
            queue = queue[:count]
        self.waiting -= count
        self._busy.add(tenant_id)
        return tenant_id, [each for each in queue if not each.future.done()]

    def done(self, tenant_id: UUID) -> None:
        """The tenant's flush is no longer under way; who says so takes the next one itself."""
        self._busy.discard(tenant_id)
        if tenant_id in self._queues:
            self._turns.append(tenant_id)

    def drain(self) -> list[Waiting]:
        """Everything that waits, taken out."""
        waiting = [each for queue in self._queues.values() for each in queue]
        self._queues.clear()
        self._turns.clear()
        self.waiting = 0
        return waiting

    async def turn(self) -> None:
        """Wait until it may be somebody's turn."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(woken)
        await woken

    def wake(self) -> None:
        """Wake all who wait for a turn."""
        while self._idle:
            self._rouse()

    def _turn(self, tenant_id: UUID) -> None:
        self._turns.append(tenant_id)
        if self._idle:
            self._rouse()
        else:
            self._start()

    def _rouse(self) -> None:
        woken = self._idle.popleft()
        if not woken.done():
            woken.set_result(None)
