"""A cycle is locked and paid by commands that are killed half-way, and run again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from api import auth
from domain.catalogue import EVENTS
from domain.cycle import CYCLE, AdvanceCycle
from loadtests.bench.company import CYCLE_ID, HR, STAGES, Company, template
from loadtests.bench.contenders import await_port
from ops.place import free_port
from projections.catalogue import PROJECTIONS
from projections.kernel import install
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.migrate import migrate
from tenancy.records import Stamp
from tenancy.registry import Registry
from tenancy.store import Histories

PEOPLE = 400
PORTION = 50
TESTED_S_MAX = 240
MERIT = (
    "import ops.closing as c; c.PORTION = {}; c.LINES_MAX = 90; from ops.cli import main; main()"
)
TOPICS = "SELECT topic, stream_id FROM merit.events WHERE tenant_id = $1 AND topic = ANY($2)"


class Place(msgspec.Struct, frozen=True):
    """A company whose scores can be locked, and where it is served."""

    tenant_id: UUID
    keys: dict[str, str]
    address: str
    environ: dict[str, str]
    owner_url: str

    def merit(self, *arguments: str, role: str) -> "subprocess.Popen[bytes]":
        """The merit command, in portions that are small enough to be killed between."""
        return subprocess.Popen(
            [sys.executable, "-c", MERIT.format(PORTION), *arguments, "--json"],
            env={**self.environ, "MERIT_API_URL": self.address, "MERIT_API_KEY": self.keys[role]},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def done(self, *arguments: str, role: str) -> Any:
        """What it answers when nobody disturbs it."""
        process = self.merit(*arguments, role=role)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        return json.loads(out)

    def events(self, *topics: str) -> Counter[tuple[str, UUID]]:
        """How often each of these was written to each stream."""

        async def ask() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.owner_url)
            try:
                return await connection.fetch(TOPICS, self.tenant_id, list(topics))
            finally:
                await connection.close()

        return Counter((row["topic"], row["stream_id"]) for row in asyncio.run(ask()))

    def killed_when(self, topic: str, least: int, *arguments: str, role: str) -> int:
        """Kill the command as soon as so many of these are written; how many were by then."""
        process = self.merit(*arguments, role=role)
        until = time.monotonic() + 60
        while (count := len(self.events(topic))) < least and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return count


@contextmanager
def served(what: str, environ: dict[str, str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with log.open("ab") as kept:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", what],
            env=environ,
            stdout=kept,
            stderr=kept,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


@pytest.fixture
def addresses(new_database: Callable[[], Awaitable[Any]]) -> Any:
    """A database of its own: a worker works for all tenants of one."""

    async def make() -> Any:
        made = await new_database()
        await migrate(made.owner)
        return made

    return asyncio.run(make())


@pytest.fixture
def environ(addresses: Any, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MERIT_")}
    return kept | {
        "MERIT_DATABASE_URL": addresses.app,
        "MERIT_MASTER_KEY_FILE": str(tmp_path / "master.key"),
        "MERIT_DATA_DIR": str(tmp_path / "data"),
        "MERIT_PORT": str(free_port("127.0.0.1")),
    }


@pytest.fixture
def place(environ: dict[str, str], addresses: Any) -> Place:
    owner_url = addresses.owner

    async def prepare() -> tuple[UUID, dict[str, str]]:
        await install(owner_url, PROJECTIONS)
        async with await Database.open(environ["MERIT_DATABASE_URL"], size=4) as database:
            master = MasterKey.from_file(Path(environ["MERIT_MASTER_KEY_FILE"]))
            keyring = Keyring.open(database, master)
            registry = Registry(database)
            tenant_id = (await registry.create_tenant("closing")).tenant_id
            company = Company(tenant_id, PEOPLE, await template(), owner_url)
            await company.write(keyring, *STAGES[: STAGES.index("locked")])
            committer = Committer.of(database)
            store = await Histories(database, keyring, EVENTS, committer).of(tenant_id)
            for stage in ("comparison", "calibration"):
                stamp = Stamp(now=datetime.now(UTC), actor=HR)
                await store.execute(CYCLE, CYCLE_ID, AdvanceCycle(to=stage), stamp)
            await committer.close()
            keys = {
                role: await registry.issue_key(tenant_id, uuid4(), role, [role])
                for role in (auth.HR, auth.FINANCE)
            }
        return tenant_id, keys

    tenant_id, keys = asyncio.run(prepare())
    address = f"http://127.0.0.1:{environ['MERIT_PORT']}"
    return Place(tenant_id, keys, address, environ, owner_url)


@pytest.mark.timeout(TESTED_S_MAX)
def test_nothing_is_left_out_and_nothing_done_twice(place: Place, tmp_path: Path) -> None:
    """The command is killed, then the server under it, then both are started again."""
    port, cycle = int(place.environ["MERIT_PORT"]), str(CYCLE_ID)
    locked = "appraisal.score-locked"
    with served("worker", place.environ, tmp_path / "worker.log"):
        with served("serve", place.environ, tmp_path / "serve.log") as server:
            await_port(port)
            by_then = place.killed_when(locked, 60, "cycle", "lock", cycle, role=auth.HR)
            assert 60 <= by_then < PEOPLE
            second = place.merit("cycle", "lock", cycle, role=auth.HR)
            while len(place.events(locked)) < by_then + 60:
                time.sleep(0.02)
            os.killpg(server.pid, signal.SIGKILL)  # workers and all, with requests under way
            second.kill()
            second.communicate()
        with served("serve", place.environ, tmp_path / "serve.log"):
            await_port(port)
            assert place.done("cycle", "lock", cycle, role=auth.HR) == {
                "done": PEOPLE,
                "refused": [],
            }
            assert sorted(Counter(place.events(locked).values()).items()) == [(1, PEOPLE)]

            _advance(place, "locked", "paying")
            paid = "payout.calculated"
            prepare = ("payout", "prepare", cycle, "--code", "2025Q1-all")
            assert 0 < place.killed_when(paid, 1, *prepare, role=auth.FINANCE) < PEOPLE
            answer = place.done(*prepare, role=auth.FINANCE)
    lines = [each["batch"]["lines"] for each in answer["batches"]]
    assert sum(lines) == PEOPLE
    assert max(lines) <= 90
    for topic in (paid, "settlement.posted"):
        assert sorted(Counter(place.events(topic).values()).items()) == [(1, PEOPLE)]


def _advance(place: Place, *stages: Any) -> None:
    async def work() -> None:
        async with await Database.open(place.environ["MERIT_DATABASE_URL"], size=4) as database:
            master = MasterKey.from_file(Path(place.environ["MERIT_MASTER_KEY_FILE"]))
            committer = Committer.of(database)
            keyring = Keyring.open(database, master)
            store = await Histories(database, keyring, EVENTS, committer).of(place.tenant_id)
            for stage in stages:
                stamp = Stamp(now=datetime.now(UTC), actor=HR)
                await store.execute(CYCLE, CYCLE_ID, AdvanceCycle(to=stage), stamp)
            await committer.close()

    asyncio.run(work())
