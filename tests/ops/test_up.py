"""`merit up`: everything comes up, what falls is started again, and nothing is left behind."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

# One `merit up` for most of them.
pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("up")]


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def gone(processes: list[psutil.Process]) -> bool:
    return not any(
        each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes
    )


def test_it_serves_and_tells_where(up: Any) -> None:
    assert answers(up.address)
    assert httpx.get(up.answer["docs"]).status_code == 200
    assert httpx.get(f"{up.address}/schema/openapi.json").json()["openapi"].startswith("3.1")
    key = up.answer["logins"][0]["secret"]
    found = httpx.get(
        f"{up.address}/api/v1/tenants/self", headers={"Authorization": f"Bearer {key}"}
    )
    assert found.status_code == 200


def test_what_it_leaves_for_other_commands_is_private(up: Any) -> None:
    for name in ("running.json", "master.key", "demo-logins.json"):
        assert (up.data_dir / name).stat().st_mode & 0o077 == 0, name


def test_a_second_one_on_the_same_folder_is_refused(up: Any, merit: Any) -> None:
    done = merit("up", "--port", "0", "--data-dir", str(up.data_dir))
    assert done.returncode == 1
    assert "is served already" in done.stderr


@pytest.mark.parametrize("part", ["serve", "worker", "postgres"])
def test_what_falls_is_started_again(up: Any, eventually: Callable[..., bool], part: str) -> None:
    words = ("bin/postgres", "-D") if part == "postgres" else ("ops.cli", part)
    before = up.child(*words)
    before.kill()
    assert eventually(lambda: not before.is_running())
    assert eventually(lambda: answers(up.address), within_s=60)

    def another() -> bool:
        try:
            return bool(up.child(*words).pid != before.pid)
        except (AssertionError, psutil.NoSuchProcess):
            return False

    assert eventually(another)


def test_views_go_on_after_the_worker_fell(
    up: Any, merit: Any, eventually: Callable[..., bool]
) -> None:
    tenant = merit.json("tenant", "create", "falls", "--data-dir", str(up.data_dir))
    bearer = {"Authorization": f"Bearer {tenant['administrator']['secret']}"}
    up.child("ops.cli", "worker").kill()

    def shown() -> bool:
        found = httpx.get(
            f"{up.address}/api/v1/audit/events", params={"wait_for": 1}, headers=bearer, timeout=30
        )
        return found.status_code == 200 and len(found.json()["data"]) == 1

    assert eventually(shown, within_s=60)

    def sealed() -> bool:
        found = httpx.get(f"{up.address}/api/v1/audit/checkpoint", headers=bearer, timeout=30)
        return found.status_code == 200 and found.json()["tree_size"] == 1

    assert eventually(sealed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind(
    start: Callable[..., Any], eventually: Callable[..., bool], number: int
) -> None:
    running = start()
    children = running.children()
    assert len(children) >= 5  # supervisor, postmaster and its own, serve and its own, worker
    code = running.stop(number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert eventually(lambda: gone(children))
    assert not answers(running.address)
    if number != signal.SIGKILL:
        assert not (running.data_dir / "running.json").exists()


def test_after_a_kill_it_comes_up_again_with_what_was_stored(
    start: Callable[..., Any], merit: Any
) -> None:
    running = start()
    made = merit.json("tenant", "create", "kept", "--data-dir", str(running.data_dir))
    running.stop(signal.SIGKILL)
    again = start()
    bearer = {"Authorization": f"Bearer {made['administrator']['secret']}"}
    found = httpx.get(f"{again.address}/api/v1/tenants/self", headers=bearer)
    assert found.json()["name"] == "kept"


def test_a_folder_above_keeps_its_mode(start: Callable[..., Any], tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    before = tmp_path.stat()
    start()
    assert (tmp_path.stat().st_mode, tmp_path.stat().st_uid) == (before.st_mode, os.getuid())
