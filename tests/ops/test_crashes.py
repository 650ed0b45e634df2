"""Parts of an installation are killed under load: nothing acknowledged is lost or doubled.

API worker, projection worker, postmaster, and everything at once, with SIGKILL and in random order;
whoever sends a command repeats it with its key until it is answered.
"""

import asyncio
import os
import random
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from api.services import opened
from domain.bonus_pool import PoolWithdrawn
from ops.failover.drill import crews_of
from ops.failover.findings import Stored, account, proofs_hold, views_equal
from ops.failover.load import Crew, Load
from ops.place import free_port, settings_of, with_database

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("crashes")]

PAUSE_S = 2.0
LOG = "SELECT position, stream_id, version, topic FROM merit.events ORDER BY position"


def killed(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def everything(running: Any) -> list[int]:
    """The installation's processes, the database's supervisor and server among them."""
    return [running.process.pid, *(each.pid for each in running.children())]


async def log_of(services: Any, crew: Crew) -> list[Stored]:
    async with services.database.transaction(crew.tenant_id) as connection:
        return [Stored(*row.values()) for row in await connection.fetch(LOG)]


async def test_whatever_is_killed_nothing_acknowledged_is_lost(start: Any, tmp_path: Path) -> None:
    chance = random.Random(7)
    port = free_port("127.0.0.1")
    running = await asyncio.to_thread(start, port=port)
    address = running.address
    settings = settings_of(running.data_dir)
    async with with_database(settings) as reached, opened(reached) as services:
        crews = await crews_of(services, address)
    load = Load(address, crews, writers=2, run="crash")
    loading = asyncio.create_task(load.run())
    victims = ["serve", "worker", "postgres", "worker", "serve", "postgres"]
    chance.shuffle(victims)
    try:
        for victim in victims:
            await asyncio.sleep(PAUSE_S * chance.uniform(0.5, 1.5))
            await asyncio.to_thread(_kill, running, victim)
        await asyncio.sleep(PAUSE_S)
        before = len(load.acks)
        # Everything at once, as if the machine had lost its power; then it is started again.
        await asyncio.to_thread(killed, everything(running))
        await asyncio.to_thread(running.process.wait)
        running = await asyncio.to_thread(start, port=port)
        for _ in range(300):
            if len(load.acks) > before + 20:
                break
            await asyncio.sleep(0.1)
        assert len(load.acks) > before + 20, "nothing was answered after the restart"
    finally:
        load.stop()
        await asyncio.wait_for(loading, 90)
    assert load.refused == []
    assert any(ack.attempts > 1 for ack in load.acks), "no command met a crash"

    async with with_database(settings) as reached, opened(reached) as services:
        for crew in crews:
            log = await log_of(services, crew)
            acks = [ack for ack in load.acks if ack.tenant_id == crew.tenant_id]
            found = account(acks, log, 0, PoolWithdrawn.TOPIC)
            assert found.acknowledged > 50
            assert (found.lost, found.duplicated, found.gapless) == (0, 0, True)
            headers = {"Authorization": f"Bearer {crew.secret}"}
            async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as http:
                balance = await _settled(http, "/api/v1/ledger/trial-balance", len(log))
                assert balance["balanced"]
                pool = await _settled(http, f"/api/v1/pools/{crew.pool_id}", len(log))
            withdrawn = sum(each.topic == PoolWithdrawn.TOPIC for each in log)
            assert pool["amount"]["amount"] == f"{1_000_000 - withdrawn}.00"
            assert await proofs_hold(services, crew.tenant_id, tmp_path / "bundle")
            assert await views_equal(services, crew.tenant_id, every=False)


async def _settled(http: httpx.AsyncClient, path: str, position: int) -> Any:
    for _ in range(60):
        answer = await http.get(path, params={"wait_for": position})
        if answer.is_success:
            return answer.json()
        await asyncio.sleep(0.5)
    raise AssertionError(answer.text)


def _kill(running: Any, victim: str) -> None:
    if victim == "postgres":
        postmaster = running.data_dir / "postgres" / "data" / "postmaster.pid"
        killed([int(postmaster.read_text().split("\n", 1)[0])])
        return
    children = [
        each for each in psutil.Process(running.process.pid).children() if victim in each.cmdline()
    ]
    # Of the API its worker, which answers requests; the server above it starts another.
    below = [grandchild for each in children for grandchild in each.children()]
    killed([(below or children)[-1].pid])
