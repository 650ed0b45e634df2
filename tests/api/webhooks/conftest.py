"""A receiver of webhooks that really listens, and what a worker does for it."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from domain.catalogue import EVENTS
from ops.delivering import Delivering, Patience
from projections.history import TenantLogs

SOON_S = 60.0
HASTE = Patience(
    answer_s=0.5, first_s=0.02, most_s=0.1, quiet_s=0.1, lease_s=20.0, poll_s=0.05, idle_s=0.1
)
"""As the product, in less time."""


class Got(NamedTuple):
    """What came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def position(self) -> int:
        return int(self.event["position"])


class Receiver:
    """One address of the server below: what it got, and how it answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.got: list[Got] = []
        self.statuses: list[int] = []
        """Of the next answers; then 204."""
        self.status_of: Callable[[Got], int] | None = None
        self.hold: threading.Event | None = None
        """Nothing is answered before it is set."""
        self.answers: list[int] = []

    def take(self, got: Got) -> int:
        """Note it; the status of the answer."""
        self.got.append(got)
        if self.hold is not None:
            self.hold.wait(SOON_S)
        if self.status_of is not None:
            status = self.status_of(got)
        else:
            status = self.statuses.pop(0) if self.statuses else 204
        self.answers.append(status)
        return status

    @property
    def took(self) -> list[Got]:
        """What it answered well."""
        return [got for got, status in zip(self.got, self.answers, strict=False) if status < 300]

    @property
    def positions(self) -> list[int]:
        return [got.position for got in self.got]

    async def has(self, count: int) -> list[Got]:
        """What it got, once it is so much."""
        await until(lambda: len(self.got) >= count)
        return self.got


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + SOON_S
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, "it does not come"
        await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def server(receiver_port: int) -> Iterator[Any]:
    receivers: dict[str, Receiver] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receivers[self.path].take(Got(headers, body))
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                self.close_connection = True  # nobody waits for it any more

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    running = ThreadingHTTPServer(("127.0.0.1", receiver_port), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield receivers
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def receiver(server: Any, receiver_port: int) -> Callable[[], Receiver]:
    """Makes one more receiver."""

    def make() -> Receiver:
        path = f"/{uuid4().hex}"
        made = server[path] = Receiver(f"http://127.0.0.1:{receiver_port}{path}")
        return made

    return make


class Hook(NamedTuple):
    """A webhook and who listens to it."""

    id: str
    secret: str
    listens: Receiver
    path: str


class Hooks:
    """Everything that a test of webhooks needs beside a company."""

    haste = HASTE

    def __init__(self, services: Any, receiver: Callable[[], Receiver]) -> None:
        self._services = services
        self.receiver = receiver

    async def subscribe(self, company: Any, *topics: str) -> Hook:
        """A new receiver is told of a company's events."""
        listens = self.receiver()
        admin = await company.client("admin")
        body = {"code": uuid4().hex[:8], "url": listens.url, "topics": list(topics)}
        made = await admin.did("/webhooks", body)
        return Hook(made["id"], made["secret"], listens, f"/webhooks/{made['id']}")

    @asynccontextmanager
    async def delivering(self, patience: Patience = HASTE) -> AsyncIterator[None]:
        """What a worker does for webhooks, beside the application."""
        services = self._services
        made = Delivering(
            services.database,
            services.keyring,
            TenantLogs(services.database, services.keyring, EVENTS),
            services.histories,
            settings=services.settings,
            patience=patience,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(made.run(stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def happens(self, company: Any, count: int = 1) -> list[int]:
        """So many people are registered; the positions of that."""
        hr = await company.client("hr")
        positions = []
        for _ in range(count):
            person = {"number": uuid4().hex[:10], "name": "王晓明"}
            positions.append((await hr.did("/people", person))["position"])
        return positions

    async def until(self, holds: Callable[[], bool | Awaitable[bool]]) -> None:
        """Wait for something that comes soon."""
        await until(holds)


@pytest.fixture
def hooks(app: Any, receiver: Callable[[], Receiver]) -> Hooks:
    return Hooks(app.state.services, receiver)
