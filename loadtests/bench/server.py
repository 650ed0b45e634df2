"""The server that all contenders share: durable, fresh, with a database for each of them."""

import asyncio
import contextlib
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import psutil

from ops.embedded import EmbeddedPostgres
from ops.place import free_port
from tenancy.migrate import migrate

BUILD = Path("build/bench").absolute()
PEERS = ("raw", "library", "emmett")


class Server(msgspec.Struct, frozen=True):
    """Where everybody connects, over TCP so that the way is the same for all."""

    version: str
    ours: str
    """Address of our database, as the application's login."""
    owner: str
    """The same, as its owner."""
    peers: dict[str, str]
    """Address of each peer's own database, as its owner."""


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server with fsync, on a new cluster."""
    folder = BUILD / "postgres"
    shutil.rmtree(folder, ignore_errors=True)
    with EmbeddedPostgres(
        folder, tcp_port=free_port("127.0.0.1"), settings={"max_connections": "300"}
    ) as up:
        asyncio.run(_prepare(up))
        yield Server(
            version=up.version,
            ours=up.database_url,
            owner=up.owner_database_url,
            peers={peer: up.url("merit_owner", database=f"bench_{peer}") for peer in PEERS},
        )


async def _prepare(server: EmbeddedPostgres) -> None:
    await migrate(server.owner_database_url)
    connection = await asyncpg.connect(server.superuser_url)
    try:
        for peer in PEERS:
            await connection.execute(f"CREATE DATABASE bench_{peer} OWNER merit_owner")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            if await connection.fetchval(f"SHOW {setting}") != "on":
                raise SystemExit(f"{setting} is off: these would not be durable appends")
    finally:
        await connection.close()


def address(url: str) -> dict[str, str]:
    """An address in the variables that libpq and the eventsourcing library read."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.removeprefix("/"),
    }


def machine() -> dict[str, str | int | float]:
    """What the figures were measured on, and how busy it was before."""
    model = "unknown"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "cpu": model,
        "cores": psutil.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(psutil.getloadavg()[0], 2),
    }
