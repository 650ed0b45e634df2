"""What a worker process holds open: the database, the keys, the histories, the views."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from api.auth import Door
from domain.catalogue import EVENTS
from projections.views import Views
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.registry import Registry
from tenancy.settings import Settings
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
        DatabaseMisused, OSError: the database cannot be used, or is not there.
        MasterKeyRefused: the master key cannot be used.
    """
    raise NotImplementedError
