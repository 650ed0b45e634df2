"""Two real workers: a revoked key is nowhere good for long, and a limit is one limit."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple, cast
from uuid import uuid4

import httpx
import pytest

RATE = 5
STOP_S_MAX = 60.0
REVOKED_S_MAX = 5.0
SELF = "/api/v1/tenants/self"


class Running(NamedTuple):
    """A `merit up` of two workers, and the administrator's key of its one company."""

    address: str
    administrator: str
    limit: Callable[[], Any]
    """Sets the company's limit from the command line."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("two-workers")
    merit = [sys.executable, "-P", "-m", "ops.cli"]
    environment = {name: kept for name, kept in os.environ.items() if not name.startswith("MERIT_")}
    environment |= {"MERIT_WORKERS": "2", "MERIT_DATA_DIR": str(folder / "data")}
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*merit, "up", "--port", "0", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        line = cast("IO[bytes]", process.stdout).readline()
        assert line, (folder / "up.log").read_text()[-2000:]
        made = _merit([*merit, "tenant", "create", "two"], environment)
        tenant = made["tenant"]["tenant_id"]
        limit = [*merit, "tenant", "limit", tenant, "--requests-per-s", str(RATE)]
        yield Running(
            json.loads(line)["address"],
            made["administrator"]["secret"],
            lambda: _merit(limit, environment),
        )
    finally:
        process.terminate()
        process.wait(STOP_S_MAX)
        cast("IO[bytes]", process.stdout).close()


def _merit(command: list[str], environment: dict[str, str]) -> Any:
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", "Connection": "close"}


async def _statuses(running: Running, secret: str, count: int) -> list[int]:
    """Of so many requests, each on a connection of its own: every worker gets some."""
    async with httpx.AsyncClient(base_url=running.address, headers=_bearer(secret)) as client:
        answers = await asyncio.gather(*(client.get(SELF) for _ in range(count)))
    return [answer.status_code for answer in answers]


def _did(running: Running, path: str, body: Any) -> Any:
    headers = {**_bearer(running.administrator), "Idempotency-Key": str(uuid4())}
    answer = httpx.post(f"{running.address}/api/v1{path}", json=body, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


async def test_a_revoked_key_opens_nothing_on_any_worker_within_seconds(running: Running) -> None:
    issued = _did(running, "/keys", {"name": "erp", "roles": ["integration"]})
    # Every worker has let it in, and remembers it.
    assert set(await _statuses(running, issued["secret"], 16)) == {200}
    _did(running, f"/keys/{issued['id']}/revoke", {"reason": "lost"})
    began = time.monotonic()
    while 200 in await _statuses(running, issued["secret"], 4):
        assert time.monotonic() - began < REVOKED_S_MAX
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    assert set(await _statuses(running, issued["secret"], 16)) == {401}


async def test_old_and_new_key_work_side_by_side_until_the_old_one_ends(running: Running) -> None:
    issued = _did(running, "/keys", {"name": "erp 2", "roles": ["integration"]})
    rotated = _did(running, f"/keys/{issued['id']}/rotate", {"overlap_h": 1})
    assert rotated["secret"] != issued["secret"]
    for secret in (issued["secret"], rotated["secret"]):
        assert set(await _statuses(running, secret, 6)) == {200}
    _did(running, f"/keys/{rotated['id']}/rotate", {"overlap_h": 0})
    began = time.monotonic()
    while 200 in await _statuses(running, rotated["secret"], 4):
        assert time.monotonic() - began < REVOKED_S_MAX
        await asyncio.sleep(0.1)


async def test_the_limit_is_one_limit_over_both_workers(running: Running) -> None:
    running.limit()
    await asyncio.sleep(10.5)
    await _statuses(running, running.administrator, 16)  # now every worker looks it up,
    await asyncio.sleep(3.5)  # and then all is saved up
    began, statuses = time.monotonic(), []
    while time.monotonic() - began < 3:
        statuses += await _statuses(running, running.administrator, 20)
    took = time.monotonic() - began
    allowed = statuses.count(200)
    assert set(statuses) == {200, 429}
    # What was saved up, the rate, and a share of each worker.
    assert allowed <= 2 * RATE + RATE * took + 2 + 2
    assert allowed >= RATE
