"""Carries out erasures that were decided when whoever decided them could not finish."""

import asyncio
import contextlib
from uuid import UUID

import structlog

from api.erasing import carried_out
from domain.erasure import SubjectErased
from projections.history import TenantLogs
from tenancy.database import Database
from tenancy.erasures import ErasureList, decided
from tenancy.registry import Registry
from tenancy.store import Histories

LOOK_EVERY_S = 60.0

log = structlog.get_logger(__name__)


class Erasing:
    """Looks at every tenant's decisions now and then; each is carried out once.

    Args:
        database: the database.
        logs: of all tenants.
        histories: of all tenants.
        erasures: the list.
    """

    def __init__(
        self, database: Database, logs: TenantLogs, histories: Histories, erasures: ErasureList
    ) -> None:
        self._database = database
        self._logs = logs
        self._histories = histories
        self._erasures = erasures
        self._seen: dict[UUID, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 - the database may be away; look again later
                log.warning("erasing-waits", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)

    async def round(self) -> int:
        """Look at every tenant once; how many people were erased."""
        done = 0
        for tenant_id in await self._logs.tenants():
            done += await self._of(tenant_id)
        return done

    async def _of(self, tenant_id: UUID) -> int:
        after = self._seen.get(tenant_id, 0)
        positions = [each for each in await decided(self._database, tenant_id) if each > after]
        done = 0
        found = await (await self._logs.of(tenant_id)).at(positions) if positions else {}
        for position in positions:
            event: SubjectErased = found[position].event
            if await self._erasures.certified(tenant_id, event.person_id) is None:
                await carried_out(
                    self._histories,
                    self._erasures,
                    Registry(self._database),
                    tenant_id,
                    event.person_id,
                )
                log.info("erased", tenant=str(tenant_id), position=position)
                done += 1
            self._seen[tenant_id] = position
        return done
