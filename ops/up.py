"""Everything on one machine with one command: database, API and worker under one supervisor."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import httpx
import msgspec
import structlog

from ops.children import Child
from ops.embedded import EmbeddedPostgres
from ops.place import (
    Running,
    folder_of,
    leave_note,
    postgres_of,
    prepare,
    running_in,
    take_note_away,
)
from tenancy.settings import Settings

READY_S_MAX = 60.0
LOOK_S = 0.1
WATCH_S = 1.0

log = structlog.get_logger(__name__)


Ready: TypeAlias = Callable[[Running, Settings], Awaitable[None]]
"""Told where things are, and the settings that reach the database."""


class NotUp(Exception):
    """It could not be started; the text says why."""


class Stack:
    """What `merit up` runs.

    Args:
        settings: with the address to serve at; without a database, an embedded one is started.
        ready: told once, when requests are answered.
    """

    def __init__(self, settings: Settings, ready: Ready) -> None:
        self._settings = settings
        self._ready = ready
        self._stop = asyncio.Event()

    @property
    def address(self) -> str:
        """Where the API listens."""
        return f"http://{self._settings.host}:{self._settings.port}"

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or `stop`; then let requests finish, and stop everything.

        Raises:
            NotUp: it is running already, or the API does not get ready.
            ChildFailed: a part does not stay up.
            DatabaseNotStarted, MigrationRefused: as they say.
        """
        data_dir = folder_of(self._settings)
        if there := running_in(data_dir):
            raise NotUp(f"{data_dir} is served already, by process {there.pid} at {there.address}")
        data_dir.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        async with self._database() as (server, settings):
            children = [
                Child(name, [sys.executable, "-P", "-m", "ops.cli", name], environment(settings))
                for name in ("serve", "worker")
            ]
            try:
                await self._watch(children, server, settings)
            finally:
                take_note_away(data_dir)
                # The API first: what it still accepts, the worker still shows and seals.
                for child in children:
                    await child.stop()

    def stop(self) -> None:
        """Begin to end."""
        self._stop.set()

    @contextlib.asynccontextmanager
    async def _database(self) -> AsyncIterator[tuple[EmbeddedPostgres | None, Settings]]:
        settings = self._settings
        if settings.database_url is not None:
            await prepare(settings.owner_database_url or settings.database_url)
            yield None, settings
            return
        async with postgres_of(settings) as server:
            await prepare(server.owner_database_url)
            yield (
                server,
                msgspec.structs.replace(
                    settings,
                    database_url=server.database_url,
                    owner_database_url=server.owner_database_url,
                ),
            )

    async def _watch(
        self, children: list[Child], server: EmbeddedPostgres | None, settings: Settings
    ) -> None:
        running = [asyncio.create_task(child.run()) for child in children]
        stopped = asyncio.create_task(self._stop.wait())
        ready = asyncio.create_task(self._until_ready())
        try:
            pending: set[asyncio.Task[object]] = {*running, stopped, ready}
            while not self._stop.is_set():
                done, pending = await asyncio.wait(
                    pending, timeout=WATCH_S, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()  # raises what a part fell over
                if ready in done:
                    await self._tell(settings)
                if server is not None and not server.alive and not self._stop.is_set():
                    log.warning("database-supervisor-lost")
                    server.stop()
                    await asyncio.to_thread(server.start)
        finally:
            for task in (stopped, ready):
                task.cancel()
            await asyncio.gather(stopped, ready, return_exceptions=True)

    async def _until_ready(self) -> None:
        async with httpx.AsyncClient(base_url=self.address, timeout=5.0) as client:
            try:
                async with asyncio.timeout(READY_S_MAX):
                    # Another process says when: there is no event to wait for.
                    while not await _answers(client):  # noqa: ASYNC110
                        await asyncio.sleep(LOOK_S)
            except TimeoutError:
                raise NotUp(f"the API at {self.address} does not get ready") from None

    async def _tell(self, settings: Settings) -> None:
        running = Running(
            pid=os.getpid(),
            address=self.address,
            database_url=settings.database_url or "",
            owner_database_url=settings.owner_database_url,
        )
        leave_note(folder_of(settings), running)
        await self._ready(running, settings)


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready")).is_success
    except httpx.TransportError:
        return False


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a child: ours, and these settings in place of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MERIT_")}
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if value is not None:
            text = str(value) if isinstance(value, Path) else msgspec.to_builtins(value)
            kept[f"MERIT_{field.encode_name.upper()}"] = str(text)
    return kept
