"""The worker's side of snapshots: every so many events each view is kept as it is then."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog

from projections.history import TenantLog, TenantLogs
from projections.kernel import Projection
from projections.past import NOTHING, TooFar, folded
from projections.snapshots import Kept, Snapshots

EVERY_EVENTS: Final = 50_000
"""A question about the past folds at most about so many: a second."""
ROWS_MAX: Final = 200_000
"""What is folded stands in memory; some hundred megabytes."""
LESS_OFTEN: Final = 4
"""A view that was passed over is looked at again when the log is so many times as long."""
ROUND_S: Final = 60.0
"""Between two looks at all tenants: nobody waits for a snapshot."""

log = structlog.get_logger(__name__)


class Keeping:
    """Makes snapshots for all tenants, one after the other, beside everything else.

    Args:
        logs: whence the events come.
        snapshots: where they are kept.
        projections: the views.
        every: events between two snapshots of a view, at least; as many as it has rows where those
            are more, so that all snapshots together grow no faster than the log.
    """

    def __init__(
        self,
        logs: TenantLogs,
        snapshots: Snapshots,
        projections: Sequence[Projection],
        *,
        every: int = EVERY_EVENTS,
    ) -> None:
        self._logs = logs
        self._snapshots = snapshots
        self._projections = projections
        self._every = every
        self._next: dict[UUID, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is cut off is made anew later."""
        working = asyncio.create_task(self._rounds())
        await stop.wait()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    async def _rounds(self) -> None:
        while True:
            tenants: list[UUID] = []
            try:
                tenants = await self._logs.tenants()
            except Exception as error:  # noqa: BLE001  the database may be away for a while
                log.warning("snapshots-wait", error=repr(error))
            for tenant_id in tenants:
                try:
                    await self.advance(tenant_id)
                except Exception as error:  # noqa: BLE001  one tenant's trouble stays his own
                    log.warning("snapshot-not-made", tenant=str(tenant_id), error=repr(error))
            await asyncio.sleep(ROUND_S)

    async def advance(self, tenant_id: UUID, upto: int | None = None) -> int:
        """Make what is due of a tenant's views; how many snapshots were made.

        Args:
            tenant_id: whose.
            upto: as if the log ended here; None is its real end.
        """
        history = await self._logs.of(tenant_id)
        head = await history.head() if upto is None else upto
        if head < self._next.get(tenant_id, self._every):
            return 0
        # The same for all workers, so that each is made by one of them.
        position = head // self._every * self._every
        last = await self._snapshots.last(tenant_id)
        made = 0
        for projection in self._projections:
            if self._is_due(last.get(projection.key), position):
                now = datetime.now(UTC)
                if await self._snapshots.take(tenant_id, projection, position, now):
                    made += await self._make(history, tenant_id, projection, position)
        await self._snapshots.forget_others(tenant_id, [each.key for each in self._projections])
        self._next[tenant_id] = position + self._every
        return made

    def _is_due(self, kept: Kept | None, position: int) -> bool:
        if kept is None:
            return True
        if kept.parts == 0:
            return position >= kept.position * LESS_OFTEN
        return position >= kept.position + max(self._every, kept.row_count)

    async def _make(
        self, history: TenantLog, tenant_id: UUID, projection: Projection, position: int
    ) -> bool:
        begun = await self._snapshots.nearest(tenant_id, projection, after=0, upto=position)
        rows_max = min(ROWS_MAX, position // 2)  # with more, the log itself is as soon folded
        try:
            twin = await folded(
                history, projection, tenant_id, position, begun or NOTHING, rows_max=rows_max
            )
        except TooFar:
            now = datetime.now(UTC)
            await self._snapshots.pass_over(tenant_id, projection, position, rows_max, now)
            return False
        await self._snapshots.keep(tenant_id, projection, twin, datetime.now(UTC))
        return True
