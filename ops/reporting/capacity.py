"""Measures once a day how much room there is, and tells each tenant's history."""

import asyncio
import contextlib
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from domain.capacity import CAPACITY, RecordCapacity
from domain.health_report import ZONE
from domain.ids import capacity_id
from ops.tenants import stamp
from tenancy.database import Database
from tenancy.registry import Registry
from tenancy.store import Histories

SAMPLE_EVERY_S: Final = 600.0
SAMPLES_MAX: Final = 150
"""A day of them."""
PROCESSOR: Final = Path("/proc/stat")
_IDLE: Final = (3, 4)
"""Columns of idle time, and of waiting for the disk."""
_P95: Final = 95

SIZES = """
SELECT pg_database_size(current_database()) AS bytes,
       (SELECT sum(numbackends)::bigint FROM pg_stat_database) AS used,
       current_setting('max_connections')::int AS most
"""

log = structlog.get_logger(__name__)


class Processor:
    """How busy the machine's processors were, span by span."""

    def __init__(self, path: Path = PROCESSOR) -> None:
        self._path = path
        self._samples: list[int] = []
        self._before = self._read()

    def sample(self) -> None:
        """A span is over."""
        now = self._read()
        if now is not None and self._before is not None:
            busy, in_all = (after - before for after, before in zip(now, self._before, strict=True))
            if in_all > 0:
                self._samples = [*self._samples, 1000 * busy // in_all][-SAMPLES_MAX:]
        self._before = now

    def p95(self) -> int | None:
        """In thousandths; None where no span is over yet."""
        if not self._samples:
            return None
        ordered = sorted(self._samples)
        return ordered[-(-len(ordered) * _P95 // 100) - 1]

    def _read(self) -> tuple[int, int] | None:
        try:
            first = self._path.read_text(encoding="ascii").split("\n", 1)[0]
        except OSError:
            return None
        ticks = [int(word) for word in first.split()[1:9]]
        return sum(ticks) - sum(ticks[each] for each in _IDLE), sum(ticks)


class Measuring:
    """Tells every tenant of each day once it is over.

    Args:
        database: as the application.
        registry: knows all tenants.
        histories: of all tenants.
        folder: whose disk is looked at; None where there is none.
    """

    def __init__(
        self, database: Database, registry: Registry, histories: Histories, folder: Path | None
    ) -> None:
        self._database = database
        self._registry = registry
        self._histories = histories
        self._folder = folder
        self._processor = Processor()
        self._told: dict[UUID, date] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Measure until `stop` is set."""
        while not stop.is_set():
            try:
                await self.tell(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 - what is not told now is told in a while
                log.warning("capacity-not-told", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), SAMPLE_EVERY_S)
            self._processor.sample()

    async def tell(self, now: datetime) -> int:
        """Tell those who were not told yet of the day that is over; how many."""
        midnight = now.astimezone(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
        day = (midnight - timedelta(days=1)).date()
        found = [
            tenant.tenant_id
            for tenant in await self._registry.tenants()
            if tenant.status == "active" and self._told.get(tenant.tenant_id) != day
        ]
        command = await self._measured(day) if found else None
        done = 0
        for tenant_id in found:
            store = await self._histories.of(tenant_id)
            first = await store.log(0, 1)
            if command is not None and first and first[0].recorded_at < midnight:
                await store.execute(CAPACITY, capacity_id(day.year), command, stamp())
                done += 1
            self._told[tenant_id] = day
        return done

    async def _measured(self, day: date) -> RecordCapacity:
        async with self._database.connection(read_only=True) as connection:
            sizes = await connection.fetchrow(SIZES)
        if sizes is None:
            raise LookupError("the database does not tell its size")
        disk = None
        if self._folder is not None:
            disk = await asyncio.to_thread(shutil.disk_usage, self._folder)
        return RecordCapacity(
            day=day,
            database_bytes=sizes["bytes"],
            disk_bytes=None if disk is None else disk.total,
            disk_free_bytes=None if disk is None else disk.free,
            connections=sizes["used"],
            connections_max=sizes["most"],
            processor_p95=self._processor.p95(),
        )
