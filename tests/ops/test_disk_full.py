"""The database's disk fills up under load: refused clearly, nothing lost, well again by itself.

The whole installation lies on a file system of its own of 320 MB, filled to the last byte.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import psutil
import pytest

from domain.organisation import PersonRegistered
from ops.place import running_in

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("disk-full")]

SIZE_MB = 320
REFUSED_MIN = 3
PARTS_MIN = 2
LONG_S = 3.0
"""Without looking at the disk, the supervisor would have started the server five times by then."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; it needs the right to mount one."""
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(
            f"a small file system cannot be mounted here, run this as root: {done.stderr}",
            pytrace=False,
        )
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        step = 1 << 20
        while step >= 1 << 12:
            try:
                os.posix_fallocate(file.fileno(), file.tell(), step)
                file.seek(step, os.SEEK_CUR)
            except OSError:
                step >>= 1
    return filler


class Hr:
    """Registers people under keys of their own, and remembers what was acknowledged."""

    def __init__(self, address: str, secret: str) -> None:
        self._http = httpx.Client(
            base_url=f"{address}/api/v1",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=30,
        )
        self.acknowledged: dict[str, int] = {}
        """Positions by the people's numbers."""
        self.refused: list[str] = []

    def register(self, number: str) -> httpx.Response:
        """The number is the key as well: a repeat is the same command."""
        body = {"number": number, "name": "王小明" * 20}
        answer = self._http.post("/people", json=body, headers={"Idempotency-Key": number})
        if answer.is_success:
            self.acknowledged[number] = answer.json()["position"]
        else:
            self.refused.append(number)
        return answer

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self._http.get(path, params=query)

    def events(self) -> list[dict[str, Any]]:
        """The whole history, as the views show it once they have all that was acknowledged."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"wait_for": max(self.acknowledged.values()), "limit": 100}
        while True:
            answer = self.get("/audit/events", **query)
            assert answer.is_success, answer.text
            page = answer.json()
            found += page["data"]
            if not page.get("next_cursor"):
                return found
            query["cursor"] = page["next_cursor"]


async def _use_up_wal(url: str) -> None:
    """Write behind the end of the last segment that there was room for."""
    with contextlib.suppress(asyncpg.PostgresError, OSError):
        connection = await asyncpg.connect(url)
        try:
            for _ in range(3):
                await connection.execute("SELECT pg_switch_wal()")
                await connection.execute("SELECT pg_logical_emit_message(true, 'x', 'x')")
        finally:
            connection.terminate()


def test_a_full_disk_refuses_and_then_goes_on(
    small_disk: Path, start: Any, merit: Any, eventually: Callable[..., bool]
) -> None:
    running = start()
    made = merit.json("tenant", "create", "full", "--data-dir", str(running.data_dir))
    with contextlib.closing(Hr(running.address, made["administrator"]["secret"])) as hr:
        _through_a_full_disk(small_disk, running, hr, eventually)


def _through_a_full_disk(
    small_disk: Path, running: Any, hr: Hr, eventually: Callable[..., bool]
) -> None:
    numbers = (f"E{count:05}" for count in range(100_000))
    for _ in range(20):
        assert hr.register(next(numbers)).is_success

    parts = [each.pid for each in running.children() if _is_part(each)]
    assert len(parts) >= PARTS_MIN
    filler = fill(small_disk)
    deadline = time.monotonic() + 20
    answers: list[httpx.Response] = []
    while len(answers) < REFUSED_MIN and time.monotonic() < deadline:
        answer = hr.register(next(numbers))
        if not answer.is_success:
            answers.append(answer)
    assert len(answers) == REFUSED_MIN, "the disk never was full"
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("/disk-full")
        assert answer.headers["Retry-After"] == "10"
    assert hr.get("/tenants/self").is_success  # questions are answered all the time

    # It gets worse: no new WAL can be begun, the server crashes and cannot even recover.
    server = running_in(running.data_dir)
    assert server is not None
    superuser = _superuser_url(running.data_dir, server.database_url)
    asyncio.run(_use_up_wal(superuser))
    log = small_disk / "postgres" / "postgres.log"
    assert eventually(lambda: not _lives(running), within_s=5), log.read_text()[-3000:]
    answer = hr.register(next(numbers))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    # It waits for room. Ten starts in a row that fail would end the whole installation.
    assert not eventually(lambda: _lives(running), within_s=LONG_S)
    assert running.process.poll() is None

    filler.unlink()
    for number in hr.refused:
        assert eventually(lambda number=number: hr.register(number).is_success), log.read_text()
    assert running.process.poll() is None
    assert [each.pid for each in running.children() if _is_part(each)] == parts
    _nothing_lost(hr)


def _nothing_lost(hr: Hr) -> None:
    events = hr.events()
    positions = sorted(event["position"] for event in events)
    assert positions == list(range(1, len(events) + 1))
    registered = [each for each in events if each["topic"] == PersonRegistered.TOPIC]
    at = {each["position"] for each in registered}
    assert set(hr.acknowledged.values()) == at  # each once: none lost, none twice
    assert len(registered) == len(hr.acknowledged)


def _is_part(process: psutil.Process) -> bool:
    return process.cmdline()[-1] in {"serve", "worker"}


def _lives(running: Any) -> bool:
    return any("postgres" in each.name() for each in running.children())


def _superuser_url(data_dir: Path, database_url: str) -> str:
    passwords = json.loads((data_dir / "postgres" / "passwords.json").read_text())
    parts = urlsplit(database_url)
    address = parts.netloc.rpartition("@")[2]
    netloc = f"postgres:{passwords['postgres']}@{address}"
    return urlunsplit(parts._replace(netloc=netloc))
