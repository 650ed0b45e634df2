"""The worker: keeps every tenant's views up to the log, and seals every tenant's history."""

import asyncio
import contextlib
import signal
from uuid import UUID

import structlog

from api.ending import Ender
from api.services import settle
from domain.catalogue import EVENTS
from ops.delivering import Delivering
from ops.ending import Ending
from ops.erasing import Erasing
from ops.exporting import Exporting
from ops.onboarding.jobs import JobRunner
from ops.reporting.capacity import Measuring
from ops.reporting.monthly import Sources, keep_reporting
from ops.rescoring import Rescoring
from ops.watch import keep_watching
from ops.witnessing import Witnessing
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.keeping import Keeping
from projections.kernel import WAKE_CHANNEL
from projections.runner import Runner
from projections.snapshots import Snapshots
from tenancy.committer import Committer
from tenancy.database import Database, is_retryable
from tenancy.erasures import ErasureList
from tenancy.keyring import KEY_CHANNEL, Keyring
from tenancy.metrics import REWRITTEN, figures_of
from tenancy.registry import Registry
from tenancy.root import root_of, trust_of
from tenancy.settings import Settings
from tenancy.signing import Signers
from tenancy.store import Histories
from tenancy.transparency import HistoryRewritten, Sealer, Transparency

SEAL_EVERY_S = 0.5
"""The promise is a checkpoint a second while there is something new."""
SWEEP_EVERY = 20
"""Rounds after which all tenants are looked at, woken or not."""

log = structlog.get_logger(__name__)


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run projections and sealer until `stop` is set; a batch that has begun is finished.

    Raises:
        OSError, DatabaseMisused: the database cannot be used at the start. Later it may come and
            go: the work goes on when it is back.
    """
    async with contextlib.AsyncExitStack() as cleanup:
        database = await Database.open(settings.database_url or "", size=8)
        cleanup.push_async_callback(database.close)
        keyring = Keyring.open(database, root_of(settings), trust_of(settings))
        await database.listen(KEY_CHANNEL, keyring.rung)
        logs = TenantLogs(database, keyring, EVENTS)
        runner = Runner(database, logs, PROJECTIONS)
        witnessing = Witnessing.of(settings, Transparency(database), Signers(keyring))
        sealing = Sealing(database, logs, Sealer(database, Signers(keyring)), witnessing)
        erasures = ErasureList(settings.erasures_file, keyring, Signers(keyring))
        await settle(erasures, Registry(database), database)
        committer = Committer.of(database)
        cleanup.push_async_callback(committer.close)
        histories = Histories(database, keyring, EVENTS, committer)
        async with asyncio.TaskGroup() as group:
            group.create_task(runner.run(stop))
            keeping = Keeping(logs, Snapshots(database, keyring), PROJECTIONS)
            group.create_task(keeping.run(stop))
            group.create_task(Rescoring.following(database, logs, histories).run(stop))
            delivering = Delivering(database, keyring, logs, histories, settings=settings)
            group.create_task(delivering.run(stop))
            group.create_task(sealing.run(stop))
            if witnessing is not None:
                group.create_task(witnessing.run(stop))
            group.create_task(Erasing(database, logs, histories, erasures).run(stop))
            ender = Ender(
                database=database,
                keyring=keyring,
                registry=Registry(database),
                histories=histories,
                erasures=erasures,
            )
            group.create_task(Ending(ender).run(stop))
            group.create_task(Exporting(database, keyring, logs, histories).run(stop))
            if settings.data_dir is not None:
                sources = Sources(registry=Registry(database), histories=histories)
                group.create_task(keep_reporting(sources, settings.data_dir / "reports", stop))
            measuring = Measuring(database, Registry(database), histories, settings.data_dir)
            group.create_task(measuring.run(stop))
            group.create_task(keep_watching(database, logs, settings.data_dir, stop))
            group.create_task(JobRunner(database, logs, settings).run(stop))
            group.create_task(figures_of(settings.figures_dir, "worker").keep_writing(stop))


class Sealing:
    """Seals tenants that have something new: those it was woken for, and all of them in turn."""

    def __init__(
        self,
        database: Database,
        logs: TenantLogs,
        sealer: Sealer,
        witnessing: Witnessing | None = None,
    ) -> None:
        self._witnessing = witnessing
        self._database = database
        self._logs = logs
        self._sealer = sealer
        self._due: set[UUID] = set()
        self._rewritten: set[UUID] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Seal until `stop` is set, and once more then."""
        listener = await self._database.listen(WAKE_CHANNEL, self._rung)
        rounds = 0
        try:
            while not stop.is_set():
                if rounds % SWEEP_EVERY == 0:
                    await self._look_at_all()
                rounds += 1
                await self._round()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), SEAL_EVERY_S)
            await self._round()
        finally:
            await listener.close()

    def _rung(self, payload: str) -> None:
        if payload:
            self._due.add(UUID(payload))

    async def _look_at_all(self) -> None:
        try:
            self._due.update(await self._logs.tenants())
        except Exception as error:
            if not is_retryable(error):
                raise
            log.warning("sealer-waits", error=type(error).__name__)

    async def _round(self) -> None:
        due, self._due = self._due - self._rewritten, set()
        for tenant_id in due:
            try:
                newest = await self._sealer.advance(tenant_id)
                if self._witnessing is not None:
                    self._witnessing.offer(tenant_id, newest)
            except HistoryRewritten as error:
                # Nothing more is signed for this tenant: somebody must look at it.
                self._rewritten.add(tenant_id)
                REWRITTEN.add(1)
                log.critical("history-rewritten", tenant=str(tenant_id), detail=str(error))
            except Exception as error:  # noqa: BLE001 - one tenant's trouble stays its own
                self._due.add(tenant_id)
                log.warning("not-sealed", tenant=str(tenant_id), error=type(error).__name__)


async def until_told(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await work(settings, stop)
