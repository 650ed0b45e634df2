"""Reading views in a process: transactions for questions, and waiting for one's own writes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import msgspec

from projections.catalogue import PROJECTIONS
from projections.history import Logs
from projections.kernel import VIEW_CHANNEL, Moved
from projections.past import (
    Cut,
    Moment,
    Nearest,
    NotWritten,
    PastView,
    Replayed,
    Twins,
    digested,
)
from projections.questions import View
from tenancy.database import Database

# How long a waiter trusts the doorbell before it looks itself.
LOOK_AGAIN_S = 0.25
TENANTS_REMEMBERED_MAX = 10_000

_KEYS = {projection.name: projection.key for projection in PROJECTIONS}

POSITIONS = """
SELECT projection || '_v' || version AS key, position FROM merit.cursors
WHERE tenant_id = $1 AND live
"""


class Views:
    """The views of all tenants, for one process. `open` it once, `close` the database after."""

    def __init__(self, database: Database, logs: Logs, kept: Nearest | None = None) -> None:
        self._database = database
        self._logs = logs
        self.twins = Twins(kept)
        # What a replay says is to be found from the events alone.
        self._replays = Twins()
        self._reached: dict[UUID, dict[str, int]] = {}
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)

    @classmethod
    async def open(cls, database: Database, logs: Logs, kept: Nearest | None = None) -> "Views":
        """Begin to listen for moved views; the past goes on from what is `kept`."""
        views = cls(database, logs, kept)
        await database.listen(VIEW_CHANNEL, views._rung)
        return views

    @asynccontextmanager
    async def of(self, tenant_id: UUID) -> AsyncIterator[View]:
        """One tenant's views, ready to be asked."""
        log = await self._logs.of(tenant_id)
        yield View(database=self._database, tenant_id=tenant_id, reopen=log.at)

    async def moment(
        self, tenant_id: UUID, *, known_at: datetime | None = None, position: int | None = None
    ) -> Moment:
        """The beginning of the log that was known at a time, and that ends at a position.

        Raises:
            NotWritten: the log does not reach so far yet.
        """
        log = await self._logs.of(tenant_id)
        until = await log.head() if known_at is None else await log.known(known_at)
        if position is not None:
            if position > until and position > (head := await log.head()):
                raise NotWritten(head)
            until = min(until, position)
        return Moment(position=until, recorded_at=await log.recorded_at(until))

    @asynccontextmanager
    async def then(self, tenant_id: UUID, moment: Moment) -> AsyncIterator[PastView]:
        """One tenant's views as they were, ready to be asked."""
        log = await self._logs.of(tenant_id)
        yield PastView(
            database=self._database,
            tenant_id=tenant_id,
            reopen=log.at,
            log=log,
            twins=self.twins,
            position=moment.position,
        )

    async def replayed(
        self, tenant_id: UUID, moment: Moment, cut: Cut | None = None
    ) -> tuple[Replayed, ...]:
        """Every view folded up to a moment, as digests.

        Raises:
            TooFar: it would cost too much.
        """
        log = await self._logs.of(tenant_id)
        told = []
        for projection in PROJECTIONS:
            twin = await self._replays.of(log, projection, tenant_id, moment.position)
            told.append(digested(projection, twin, cut))
        return tuple(told)

    async def wait_for(
        self, tenant_id: UUID, projections: Sequence[str], position: int, timeout_s: float
    ) -> bool:
        """Whether all of `projections` have reached `position`, waiting at most `timeout_s`.

        Raises:
            KeyError: there is no projection of that name.
        """
        if self._has_reached(tenant_id, projections, position):
            return True
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        rung = asyncio.Event()
        self._waiting[tenant_id].add(rung)
        try:
            while not await self._look(tenant_id, projections, position):
                # Only the waiting is cut short: cutting off a query costs its connection.
                await _ring(rung, min(LOOK_AGAIN_S, deadline - now()))
                if self._has_reached(tenant_id, projections, position):
                    return True
                if now() >= deadline:
                    return False
        finally:
            self._waiting[tenant_id].discard(rung)
            if not self._waiting[tenant_id]:
                del self._waiting[tenant_id]
        return True

    async def reached(self, tenant_id: UUID) -> int:
        """The position that every live view of a tenant has come to; 0 before the first event."""
        async with self._database.transaction(tenant_id, read_only=True) as connection:
            records = await connection.fetch(POSITIONS, tenant_id)
        return min((int(record["position"]) for record in records), default=0)

    def _rung(self, payload: str) -> None:
        if not payload:
            # The connection was lost, perhaps with the server and the last moments of its views.
            self._reached.clear()
            return
        moved = msgspec.json.decode(payload, type=Moved)
        self._remember(moved.tenant_id, moved.positions)
        for rung in self._waiting.get(moved.tenant_id, ()):
            rung.set()

    def _remember(self, tenant_id: UUID, positions: dict[str, int]) -> None:
        if tenant_id not in self._reached and len(self._reached) >= TENANTS_REMEMBERED_MAX:
            self._reached.clear()
        reached = self._reached.setdefault(tenant_id, {})
        for key, position in positions.items():
            reached[key] = max(position, reached.get(key, 0))

    def _has_reached(self, tenant_id: UUID, projections: Sequence[str], position: int) -> bool:
        reached = self._reached.get(tenant_id, {})
        return all(reached.get(_KEYS[name], 0) >= position for name in projections)

    async def _look(self, tenant_id: UUID, projections: Sequence[str], position: int) -> bool:
        async with self._database.transaction(tenant_id) as connection:
            records = await connection.fetch(POSITIONS, tenant_id)
        self._remember(tenant_id, {record["key"]: record["position"] for record in records})
        return self._has_reached(tenant_id, projections, position)


async def _ring(rung: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await rung.wait()
    rung.clear()
