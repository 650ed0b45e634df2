"""Carries out ends of tenants that were decided, and takes away copies that nobody finishes."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import structlog

from api.ending import Ender
from api.forking import is_whole
from domain.ids import TENANT_ID
from domain.tenant_life import TENANT
from tenancy.registry import TenantRecord

LOOK_EVERY_S = 60.0
LEFT_ALONE = timedelta(hours=1)
"""A copy that was cut short waits so long for whoever asked for it; then it is erased."""

log = structlog.get_logger(__name__)


class Ending:
    """Looks at all tenants now and then.

    Args:
        ender: ends them.
    """

    def __init__(self, ender: Ender) -> None:
        self._ender = ender

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 - the database may be away; look again later
                log.warning("ending-waits", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)

    async def round(self) -> int:
        """Look at every tenant once; how many were ended."""
        done = 0
        ended = {order.tenant_id for order, _ in self._ender.erasures.orders()}
        for tenant in await self._ender.registry.tenants():
            if tenant.status == "erased":
                # Closed, and died before its keys were destroyed.
                due = tenant.tenant_id not in ended
            elif tenant.forked_from is not None and not await self._is_whole(tenant):
                done += await self._forgotten(tenant)
                continue
            else:
                due = tenant.read_only_since is not None and await self._confirmed(tenant)
            if due:
                await self._end(tenant)
                done += 1
        return done

    async def _is_whole(self, tenant: TenantRecord) -> bool:
        return await is_whole(self._ender.registry, tenant.tenant_id)

    async def _forgotten(self, tenant: TenantRecord) -> int:
        if tenant.created_at > datetime.now(UTC) - LEFT_ALONE:
            return 0
        async with self._ender.registry.making(tenant.tenant_id) as ours:
            if not ours or await self._is_whole(tenant):
                return 0
            await self._end(tenant)
            return 1

    async def _confirmed(self, tenant: TenantRecord) -> bool:
        store = await self._ender.histories.of(tenant.tenant_id)
        ending = (await store.load(TENANT, TENANT_ID))[0].ending
        return ending is not None and ending.confirmed

    async def _end(self, tenant: TenantRecord) -> None:
        await self._ender.end(tenant.tenant_id)
        log.info("tenant-ended", tenant=str(tenant.tenant_id), fork=tenant.forked_from is not None)
