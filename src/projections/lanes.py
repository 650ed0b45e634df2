"""Turns for tenants: those that have something new are served side by side, none by two at once."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from projections.kernel import WAKE_CHANNEL
from tenancy.database import Database

# Tenants looked at per tick without having been woken: missed wake-ups, and back-offs that end.
SWEEP_TENANTS_MAX = 200

STOP = UUID(int=0)
"""No tenant's id: ends a lane."""

log = structlog.get_logger(__name__)


class Lanes:
    """Gives each tenant a turn whenever its log has grown, and now and then without that.

    Args:
        database: where the log's doorbell rings.
        tenants: all of them.
        turn: serves one tenant; truthy where there is more to do.
        what: names the work where it fails.
        lanes: tenants served side by side.
        poll_s: between two ticks.
    """

    def __init__(
        self,
        database: Database,
        tenants: Callable[[], Awaitable[list[UUID]]],
        turn: Callable[[UUID], Awaitable[int]],
        what: str,
        *,
        lanes: int,
        poll_s: float,
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._turn = turn
        self._what = what
        self._lanes = lanes
        self._poll_s = poll_s
        self._due: asyncio.Queue[UUID] = asyncio.Queue()
        self._queued: set[UUID] = set()
        self._busy: set[UUID] = set()
        self._again: set[UUID] = set()
        self._swept = 0
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a turn that has begun is finished first."""
        listener = await self._database.listen(WAKE_CHANNEL, self._rung)
        lanes = [asyncio.create_task(self._lane()) for _ in range(self._lanes)]
        sweeper = asyncio.create_task(self._sweep())
        try:
            await stop.wait()
        finally:
            self._stopping = True
            sweeper.cancel()
            for _ in lanes:
                self._due.put_nowait(STOP)
            await asyncio.gather(sweeper, *lanes, return_exceptions=True)
            await listener.close()

    def _rung(self, payload: str) -> None:
        # Empty after a lost connection: the sweep will find what was missed.
        if payload:
            self._wake(UUID(payload))

    def _wake(self, tenant_id: UUID) -> None:
        if tenant_id in self._busy:
            self._again.add(tenant_id)
        elif tenant_id not in self._queued:
            self._queued.add(tenant_id)
            self._due.put_nowait(tenant_id)

    async def _lane(self) -> None:
        while (tenant_id := await self._due.get()) != STOP and not self._stopping:
            self._queued.discard(tenant_id)
            self._busy.add(tenant_id)
            try:
                if await self._turn(tenant_id):
                    self._again.add(tenant_id)
            except Exception as error:  # noqa: BLE001  one tenant's trouble stays his own
                # The next wake-up or sweep tries again.
                log.warning(self._what, tenant=str(tenant_id), error=repr(error))
            finally:
                self._busy.discard(tenant_id)
                if tenant_id in self._again:
                    self._again.discard(tenant_id)
                    self._wake(tenant_id)

    async def _sweep(self) -> None:
        while True:
            try:
                tenants = sorted(await self._tenants())
                window = tenants[self._swept : self._swept + SWEEP_TENANTS_MAX]
                self._swept += len(window)
                if self._swept >= len(tenants):
                    self._swept = 0
                for tenant_id in window:
                    self._wake(tenant_id)
            except Exception as error:  # noqa: BLE001  the sweep is what everything recovers by
                log.warning("tenants-not-listed", error=repr(error))
            await asyncio.sleep(self._poll_s)
