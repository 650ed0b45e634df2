"""What the worker measures now and then for those who look: all who follow the logs, the disk."""

import asyncio
import contextlib
import shutil
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from ops import rescoring
from projections.catalogue import PROJECTIONS
from projections.health import Overview, WebhookLag, overview
from projections.history import TenantLogs, Unreadable
from tenancy import metrics
from tenancy.database import Database
from tenancy.transparency import Transparency

LOOK_EVERY_S = 10.0
REACTIONS: Final[Mapping[str, Collection[str]]] = {rescoring.NAME: rescoring.TOPICS}
"""The process managers that run here, and what they answer."""

log = structlog.get_logger(__name__)


async def keep_watching(
    database: Database, logs: TenantLogs, folder: Path | None, stop: asyncio.Event
) -> None:
    """Measure until `stop` is set; what cannot be measured now keeps its last figure."""
    while not stop.is_set():
        try:
            await look(database, logs, folder)
        except Exception as error:  # noqa: BLE001 - watching must not end the work
            log.warning("not-measured", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def look(database: Database, logs: TenantLogs, folder: Path | None = None) -> None:
    """Measure once."""
    if folder is not None:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)
        metrics.set_disk_free_ratio([(usage.free / usage.total, {})])
    found = await overview(database, logs, PROJECTIONS, REACTIONS)
    views = [(each, {"projection": each.projection}) for each in found.views]
    metrics.set_view_lag_events([(each.events, name) for each, name in views])
    metrics.set_view_lag_seconds([(each.seconds, name) for each, name in views])
    metrics.set_views_stuck([(len(each.stuck), name) for each, name in views])
    _tell_process_managers(found)
    _tell_webhooks(found.webhooks)
    await _tell_seal(database, logs)


def _tell_process_managers(found: Overview) -> None:
    names = {name: {"process_manager": name} for name in REACTIONS}
    troubled = {name: found.unanswered.get(name, ()) for name in REACTIONS}
    metrics.set_reactions_lag_seconds(
        [(found.unanswered_s[name], label) for name, label in names.items()]
    )
    # Tried again and again, or given up and passed over.
    stuck = {name: sum(each.attempts > 0 for each in troubled[name]) for name in REACTIONS}
    metrics.set_reactions_stuck([(stuck[name], label) for name, label in names.items()])
    metrics.set_reactions_passed_over(
        [(len(troubled[name]) - stuck[name], label) for name, label in names.items()]
    )


def _tell_webhooks(found: WebhookLag) -> None:
    metrics.set_webhooks_waiting([(found.waiting, {})])
    metrics.set_webhooks_dead([(found.dead, {})])
    metrics.set_webhook_oldest_seconds([(found.oldest_s, {})])
    metrics.set_webhook_lag_seconds([(found.untried_s, {})])


async def _tell_seal(database: Database, logs: TenantLogs) -> None:
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
