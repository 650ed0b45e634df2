"""What a worker process holds open: the database, the keys, the histories, the views."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import structlog

from api.auth import Door
from api.limits import Limits
from api.outside import Outside
from api.provider import Providers
from api.sessions import Sessions
from domain.catalogue import EVENTS
from projections.ending import empty_views
from projections.history import TenantLogs
from projections.snapshots import Snapshots
from projections.views import Views
from tenancy.allowances import Allowances
from tenancy.committer import Committer
from tenancy.database import Database, is_retryable
from tenancy.directory import Directory
from tenancy.erasures import ErasureList
from tenancy.keyring import KEY_CHANNEL, Keyring
from tenancy.read_audit import ReadAudit
from tenancy.registry import Registry
from tenancy.root import root_of, trust_of
from tenancy.sessions import ACCESS_CHANNEL, SessionTable
from tenancy.settings import Settings, SettingsRefused
from tenancy.sign_ins import SignIns
from tenancy.signing import Signers
from tenancy.store import Histories
from tenancy.transparency import Transparency

LOG = structlog.get_logger("api.services")

NOTED_EVERY_S = 15.0


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that outlives a request; each worker has its own."""

    settings: Settings
    database: Database
    keyring: Keyring
    registry: Registry
    histories: Histories
    views: Views
    transparency: Transparency
    door: Door
    sessions: Sessions
    sign_ins: SignIns
    directory: Directory
    providers: Providers
    limits: Limits
    reads: ReadAudit
    erasures: ErasureList


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """Open everything, and close it again.

    Raises:
        SettingsRefused: no database or no master key is named.
        DatabaseMisused, OSError: the database cannot be used, or is not there.
        MasterKeyRefused: the master key cannot be used.
        ErasureListDamaged: what was erased before cannot be erased again.
    """
    if settings.database_url is None:
        raise SettingsRefused("set MERIT_DATABASE_URL, or start with `merit up`")
    # Views have connections of their own: a reader that holds one asks the log for names, and
    # must not wait for a connection that another such reader holds.
    size = settings.database_connections
    async with (
        await Database.open(settings.database_url, size=size) as database,
        await Database.open(settings.database_url, size=size) as reading,
    ):
        keyring = Keyring.open(database, root_of(settings), trust_of(settings))
        committer = Committer.of(database)
        registry = Registry(database)
        spool = None if settings.data_dir is None else settings.data_dir / "read-audit"
        reads = ReadAudit(database, spool)
        histories = Histories(database, keyring, EVENTS, committer)
        # What was erased by another process is forgotten in this one.
        keyring.on_doubt(histories.forget)
        await database.listen(KEY_CHANNEL, keyring.rung)
        erasures = ErasureList(settings.erasures_file, keyring, Signers(keyring))
        door = Door(registry.find_key, registry.closed)
        sessions = Sessions(SessionTable(database))
        # So is what was revoked or ended by another one.
        await database.listen(ACCESS_CHANNEL, door.rung)
        await database.listen(ACCESS_CHANNEL, sessions.rung)
        # This may be a copy from before an erasure: nobody sees it before that is done again.
        await settle(erasures, registry, database)
        noting = asyncio.create_task(_note_used(door, registry))
        try:
            yield Services(
                settings=settings,
                database=database,
                keyring=keyring,
                registry=registry,
                histories=histories,
                views=await Views.open(
                    reading,
                    TenantLogs(database, keyring, EVENTS),
                    Snapshots(reading, keyring),
                ),
                transparency=Transparency(database),
                door=door,
                sessions=sessions,
                sign_ins=SignIns(database),
                directory=Directory(database),
                providers=Providers(Outside(settings.issuers)),
                limits=Limits(Allowances(database), settings),
                reads=reads,
                erasures=erasures,
            )
        finally:
            noting.cancel()
            await asyncio.wait([noting])
            await reads.close()
            await committer.close()
            await keyring.close()


async def _note_used(door: Door, registry: Registry) -> None:
    """Write down now and then which keys were used: not with every request."""
    while True:
        await asyncio.sleep(NOTED_EVERY_S)
        if used := door.used():
            try:
                await registry.note_used(used)
            except Exception as error:
                if not is_retryable(error):
                    raise
                LOG.warning("key-use-not-noted", keys=len(used))


async def settle(erasures: ErasureList, registry: Registry, database: Database) -> None:
    """Carry out again every erasure that this database does not know of.

    Raises:
        ErasureListDamaged: an order cannot be read, or is not signed by its tenant.
    """
    for order in await erasures.carry_out():
        LOG.warning("erased-again", tenant=str(order.tenant_id), scope=order.scope)
    ended = {order.tenant_id for order, _ in erasures.orders() if order.scope == "tenant"}
    if not ended:
        return
    for tenant in await registry.tenants():
        if tenant.tenant_id in ended and tenant.status != "erased":
            await registry.erase_tenant(tenant.tenant_id)
            await empty_views(database, tenant.tenant_id)
