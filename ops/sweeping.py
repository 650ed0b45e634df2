"""Looking for work when it is rung for, and now and then in any case."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from tenancy.database import Database, is_retryable

SWEEP_S: Final = 15.0
"""A bell may be missed while the database is away."""

log = structlog.get_logger(__name__)


async def swept(
    database: Database,
    channel: str,
    sweep: Callable[[asyncio.Event], Awaitable[Any]],
    stop: asyncio.Event,
) -> None:
    """Call `sweep(stop)` at once, at each NOTIFY of `channel`, and every `SWEEP_S`, until `stop`.

    A database that is away is waited for; whatever else goes wrong is raised.
    """
    rung = asyncio.Event()
    listener = await database.listen(channel, lambda _: rung.set())
    try:
        while not stop.is_set():
            rung.clear()
            try:
                await sweep(stop)
            except Exception as error:
                if not is_retryable(error):
                    raise
                log.warning("sweep-waits", channel=channel, error=type(error).__name__)
            waiting = [asyncio.create_task(each.wait()) for each in (stop, rung)]
            await asyncio.wait(waiting, timeout=SWEEP_S, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
    finally:
        await listener.close()
