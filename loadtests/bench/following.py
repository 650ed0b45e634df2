"""A worker that keeps every view, as the product's does: `python -m ... URL MASTER-KEY-FILE`."""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from domain.catalogue import EVENTS
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.runner import Runner
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey


async def follow(url: str, master: Path) -> None:
    """Until told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await Database.open(url, size=6) as database:
        keyring = Keyring.open(database, MasterKey.from_file(master))
        await Runner(database, TenantLogs(database, keyring, EVENTS), PROJECTIONS).run(stop)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(follow(sys.argv[1], Path(sys.argv[2])))
