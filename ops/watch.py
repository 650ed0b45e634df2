"""What the worker measures now and then for those who look: lags of views and of the seal."""

import asyncio
import contextlib
from datetime import UTC, datetime

import structlog

from projections.catalogue import PROJECTIONS
from projections.health import lag
from projections.history import TenantLogs, Unreadable
from tenancy import metrics
from tenancy.database import Database
from tenancy.transparency import Transparency

LOOK_EVERY_S = 10.0

log = structlog.get_logger(__name__)


async def keep_watching(database: Database, logs: TenantLogs, stop: asyncio.Event) -> None:
    """Measure until `stop` is set; what cannot be measured now keeps its last figure."""
    while not stop.is_set():
        try:
            await look(database, logs)
        except Exception as error:  # noqa: BLE001 - watching must not end the work
            log.warning("not-measured", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def look(database: Database, logs: TenantLogs) -> None:
    """Measure once."""
    found = await lag(database, logs, PROJECTIONS)
    views = [(each, {"projection": each.projection}) for each in found]
    metrics.set_view_lag_events([(each.events, name) for each, name in views])
    metrics.set_view_lag_seconds([(each.seconds, name) for each, name in views])
    metrics.set_views_stuck([(len(each.stuck), name) for each, name in views])
    events, oldest = 0, None
    transparency = Transparency(database)
    for tenant_id in await logs.tenants():
        history = await logs.of(tenant_id)
        head = await history.head()
        checkpoint = await transparency.checkpoint(tenant_id)
        sealed = 0 if checkpoint is None else checkpoint.tree_size
        if head <= sealed:
            continue
        events += head - sealed
        with contextlib.suppress(Unreadable, IndexError):
            waiting = (await history.after(sealed, 1))[0].recorded_at
            oldest = waiting if oldest is None else min(oldest, waiting)
    behind_s = max(0.0, (datetime.now(UTC) - oldest).total_seconds()) if oldest else 0.0
    metrics.set_seal_lag_events([(events, {})])
    metrics.set_seal_lag_seconds([(behind_s, {})])
