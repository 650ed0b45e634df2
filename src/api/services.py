"""What a worker process holds open: the database, the keys, the histories, the views."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from api.auth import Door
from domain.catalogue import EVENTS
from projections.history import TenantLogs
from projections.views import Views
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.registry import Registry
from tenancy.settings import Settings, SettingsRefused
from tenancy.store import Histories
from tenancy.transparency import Transparency


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


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """Open everything, and close it again.

    Raises:
        SettingsRefused: no database or no master key is named.
        DatabaseMisused, OSError: the database cannot be used, or is not there.
        MasterKeyRefused: the master key cannot be used.
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
        keyring = Keyring.open(database, MasterKey.from_file(settings.key_file))
        committer = Committer.of(database)
        registry = Registry(database)
        try:
            yield Services(
                settings=settings,
                database=database,
                keyring=keyring,
                registry=registry,
                histories=Histories(database, keyring, EVENTS, committer),
                views=await Views.open(reading, TenantLogs(database, keyring, EVENTS)),
                transparency=Transparency(database),
                door=Door(registry.find_key, registry.suspended),
            )
        finally:
            await committer.close()
