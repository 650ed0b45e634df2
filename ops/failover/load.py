"""Load on the real API for the drill: each command is repeated with its key until it is answered.

Two kinds of commands: people are registered (streams of their own), and 1.00 after 1.00 is
withdrawn from a pool (the same body again and again, and a ledger posting each: only the key keeps
one that was sent twice from counting twice).
"""

import asyncio
import itertools
import time
from typing import Any, Final
from uuid import UUID

import httpx
import msgspec

BACKOFF_S: Final = 0.02
BACKOFF_S_MAX: Final = 0.5
ANSWER_S_MAX: Final = 10.0
NOT_NOW: Final = frozenset({429, 500, 502, 503, 504})
READ_EVERY_S: Final = 0.05
PACE_S: Final = 0.01
FUNDED: Final = "1000000.00"


class Crew(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant of the drill, and who acts in it."""

    tenant_id: UUID
    secret: str
    pool_id: UUID


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """A command that the API said was carried out."""

    at: float
    """time.monotonic() when the answer was there."""
    tenant_id: UUID
    kind: str
    stream_id: UUID
    version: int
    position: int
    attempts: int


class _Post(msgspec.Struct, frozen=True):
    """A command that is to be carried out once."""

    kind: str
    path: str
    body: dict[str, Any]
    key: str


class Load:
    """Keeps commands and questions coming until it is told to stop.

    Args:
        address: the API.
        crews: the tenants.
        writers: loops of each kind in each tenant.
        run: makes keys and numbers of this run its own.
    """

    def __init__(self, address: str, crews: list[Crew], *, writers: int, run: str) -> None:
        self._address = address
        self._crews = crews
        self._writers = writers
        self._run = run
        self._stop = asyncio.Event()
        self.acks: list[Ack] = []
        self.refused: list[str] = []
        self.reads: list[float] = []
        """When a question was answered."""
        self.reads_failed = 0
        self.reads_from_standby = 0

    def stop(self) -> None:
        """Begin nothing more; what has begun is repeated until it is answered."""
        self._stop.set()

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=None)
        async with (
            httpx.AsyncClient(
                base_url=self._address, timeout=ANSWER_S_MAX, limits=limits
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for crew in self._crews:
                for writer in range(self._writers):
                    group.create_task(self._register(client, crew, writer))
                    group.create_task(self._withdraw(client, crew, writer))
                group.create_task(self._read(client, crew))

    async def _register(self, client: httpx.AsyncClient, crew: Crew, writer: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            number = f"{self._run}-{writer}-{count}"
            body = {"number": number, "name": f"演练 {number}"}
            await self._until_answered(client, crew, _Post("register", "/people", body, number))
            await asyncio.sleep(PACE_S)

    async def _withdraw(self, client: httpx.AsyncClient, crew: Crew, writer: int) -> None:
        count = 0
        path = f"/pools/{crew.pool_id}/withdraw"
        body = {"amount": {"amount": "1.00", "currency": "CNY"}, "reason": "演练"}
        while not self._stop.is_set():
            count += 1
            key = f"{self._run}-w{writer}-{count}"
            await self._until_answered(client, crew, _Post("withdraw", path, body, key))
            await asyncio.sleep(PACE_S)

    async def _until_answered(self, client: httpx.AsyncClient, crew: Crew, post: "_Post") -> None:
        headers = {"Authorization": f"Bearer {crew.secret}", "Idempotency-Key": post.key}
        attempts, pause_s = 0, BACKOFF_S
        while True:
            attempts += 1
            try:
                answer = await client.post(f"/api/v1{post.path}", json=post.body, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                said = answer.json()
                self.acks.append(
                    Ack(
                        at=time.monotonic(),
                        tenant_id=crew.tenant_id,
                        kind=post.kind,
                        stream_id=UUID(said["id"]),
                        version=said["version"],
                        position=said["position"],
                        attempts=attempts,
                    )
                )
                return
            if answer is not None and answer.status_code not in NOT_NOW:
                self.refused.append(f"{post.path} {answer.status_code} {answer.text[:200]}")
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.6, BACKOFF_S_MAX)

    async def _read(self, client: httpx.AsyncClient, crew: Crew) -> None:
        headers = {"Authorization": f"Bearer {crew.secret}"}
        while not self._stop.is_set():
            try:
                answer = await client.get("/api/v1/people?limit=1", headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                self.reads.append(time.monotonic())
                self.reads_from_standby += "x-data-as-of" in answer.headers
            else:
                self.reads_failed += 1
            await asyncio.sleep(READ_EVERY_S)


def outage_s(moments: list[float], since: float) -> float:
    """The longest time without an answer that ended after `since`."""
    ordered = sorted(moments)
    gaps = (later - earlier for earlier, later in itertools.pairwise(ordered) if later > since)
    return round(max(gaps, default=0.0), 2)
