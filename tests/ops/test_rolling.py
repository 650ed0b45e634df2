"""Nobody notices a release: servers are replaced one by one, the schema grows, views are rebuilt.

Two API servers; whoever asks looks at /health/ready, as a balancer does. Not one request may fail.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from api.services import opened
from domain.catalogue import EVENTS
from ops.embedded import EmbeddedPostgres
from ops.failover.drill import crews_of
from ops.place import free_port, prepare
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.rebuild import rebuild
from tenancy.migrate import SCHEMA, migrate
from tenancy.settings import Settings

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("rolling")]

DRAIN_S = 1.5
LOOK_S = 0.25


class Servers:
    """Two API servers and a worker on one database."""

    def __init__(self, folder: Path, database: EmbeddedPostgres) -> None:
        self.settings = Settings.read(
            {
                "MERIT_DATABASE_URL": database.database_url,
                "MERIT_DATA_DIR": str(folder),
                "MERIT_LOG_LEVEL": "error",
            }
        )
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MERIT_")
        } | {
            "MERIT_DATABASE_URL": database.database_url,
            "MERIT_DATA_DIR": str(folder),
            "MERIT_LOG_LEVEL": "error",
            "MERIT_DRAIN_S": str(DRAIN_S),
        }
        self.owner_url = database.owner_database_url
        self.ports = [free_port("127.0.0.1"), free_port("127.0.0.1")]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, port: int | None = None) -> None:
        argv = [sys.executable, "-P", "-m", "ops.cli", "worker" if port is None else "serve"]
        argv += [] if port is None else ["--port", str(port)]
        self.processes[name] = subprocess.Popen(argv, env=self._environment, cwd="/")

    def end(self, name: str) -> int:
        process = self.processes[name]
        process.send_signal(signal.SIGTERM)
        return process.wait(40)

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            process.wait(40)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with EmbeddedPostgres(tmp_path / "pg") as database:
        asyncio.run(prepare(database.owner_database_url))
        made = Servers(tmp_path / "state", database)
        (tmp_path / "state").mkdir()
        try:
            yield made
        finally:
            made.stop()


class Balancer:
    """Sends to servers that say they are ready, in turn; remembers every answer that was none."""

    def __init__(self, ports: list[int], secret: str) -> None:
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._ports = ports
        self.ready: list[int] = []
        self.failed: list[str] = []
        self.answered = 0
        self.written = 0
        self.positions: list[int] = []
        self._stop = asyncio.Event()

    async def run(self) -> None:
        async with (
            httpx.AsyncClient(timeout=15, headers=self._headers) as client,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._look())
            for number in range(3):
                group.create_task(self._ask(client, number))

    def stop(self) -> None:
        self._stop.set()

    async def until(self, count: int) -> None:
        """Wait until so many servers are ready."""
        for _ in range(400):
            if len(self.ready) == count:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"ready: {self.ready}, wanted: {count}")

    async def _look(self) -> None:
        # A connection for each look: what keeps one open would never see a server stop listening.
        while not self._stop.is_set():
            ready = []
            async with httpx.AsyncClient(timeout=5) as client:
                for port in self._ports:
                    try:
                        answer = await client.get(f"http://127.0.0.1:{port}/health/ready")
                    except httpx.TransportError:
                        continue
                    if answer.is_success:
                        ready.append(port)
            self.ready = ready
            await asyncio.sleep(LOOK_S)

    async def _ask(self, client: httpx.AsyncClient, number: int) -> None:
        for turn in itertools.count():
            if self._stop.is_set():
                return
            if not self.ready:
                await asyncio.sleep(0.05)
                continue
            base = f"http://127.0.0.1:{self.ready[turn % len(self.ready)]}/api/v1"
            try:
                if turn % 3:
                    answer = await client.get(f"{base}/people?limit=5")
                else:
                    body = {"number": f"R-{number}-{turn}", "name": "滚动"}
                    key = {"Idempotency-Key": f"{number}-{turn}"}
                    answer = await client.post(f"{base}/people", json=body, headers=key)
            except httpx.TransportError as error:
                self.failed.append(f"{type(error).__name__} {base}")
                continue
            if not answer.is_success:
                self.failed.append(f"{answer.status_code} {answer.text[:200]}")
                continue
            self.answered += 1
            if answer.request.method == "POST":
                self.written += 1
            elif position := answer.headers.get("merit-position"):
                self.positions.append(int(position))
            await asyncio.sleep(0.01)


async def test_a_release_under_load_fails_no_request(servers: Servers, tmp_path: Path) -> None:
    for index, port in enumerate(servers.ports):
        servers.start(f"api-{index}", port)
    servers.start("worker")
    async with opened(servers.settings) as services:
        async with httpx.AsyncClient() as client:
            await _ready(client, servers.ports)
        [crew, _] = await crews_of(services, f"http://127.0.0.1:{servers.ports[0]}")
        balancer = Balancer(servers.ports, crew.secret)
        running = asyncio.create_task(balancer.run())
        await balancer.until(2)
        await asyncio.sleep(2)

        # The schema of the next release, beside the servers of this one.
        folder = tmp_path / "schema"
        await asyncio.to_thread(shutil.copytree, SCHEMA, folder)
        await asyncio.to_thread(
            (folder / "9000_next.sql").write_text,
            "CREATE TABLE merit.next_release (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));",
        )
        applied = await migrate(servers.owner_url, folder=folder)
        assert applied == ["9000_next.sql"]
        await asyncio.sleep(1)

        # A view is built anew beside the live one, and switched.
        logs = TenantLogs(services.database, services.keyring, EVENTS)
        [directory] = [each for each in PROJECTIONS if each.name == "directory"]
        assert (await rebuild(services.database, logs, directory, crew.tenant_id)).switched
        await asyncio.sleep(1)

        # The servers one by one; the database is of the next release, so as this program knows
        # it the new ones would rightly not be ready: it goes back first.
        owner = await asyncpg.connect(servers.owner_url)
        await owner.execute(
            "DROP TABLE merit.next_release;"
            " DELETE FROM merit.schema_migrations WHERE name = '9000_next.sql'"
        )
        await owner.close()
        for index, port in enumerate(servers.ports):
            assert await asyncio.to_thread(servers.end, f"api-{index}") == 0
            await balancer.until(1)
            servers.start(f"api-{index}", port)
            await balancer.until(2)
        await asyncio.sleep(1)
        balancer.stop()
        await running
    assert balancer.failed == []
    assert balancer.answered > 200
    assert balancer.written > 50


async def _ready(client: httpx.AsyncClient, ports: list[int]) -> None:
    for port in ports:
        for _ in range(300):
            try:
                if (await client.get(f"http://127.0.0.1:{port}/health/ready")).is_success:
                    break
            except httpx.TransportError:
                continue
            finally:
                await asyncio.sleep(0.1)
