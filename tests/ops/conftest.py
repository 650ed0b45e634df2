"""A running product, as `merit up` starts it, and the command as people run it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import psutil
import pytest

MERIT = [sys.executable, "-P", "-m", "ops.cli"]
START_S_MAX = 90.0
STOP_S_MAX = 60.0


def environment(**given: str) -> dict[str, str]:
    """Ours, without settings that whoever runs the tests may have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MERIT_")}
    return kept | given


class Merit:
    """The merit command, run as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MERIT, *arguments],
            cwd=self._folder,
            env=environment(**given),
            capture_output=True,
            text=True,
            timeout=START_S_MAX,
            check=False,
        )

    def json(self, *arguments: str, **given: str) -> Any:
        """What it answers with --json; it must succeed."""
        done = self(*arguments, "--json", **given)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


class Running:
    """A `merit up`."""

    def __init__(self, data_dir: Path, *options: str, port: int = 0, **given: str) -> None:
        self.data_dir = data_dir
        self._log = (data_dir.parent / f"{data_dir.name}.log").open("ab")
        self.process = subprocess.Popen(
            [*MERIT, "up", "--port", str(port), "--json", "--data-dir", str(data_dir), *options],
            env=environment(**given),
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        line = cast("IO[bytes]", self.process.stdout).readline()
        assert line, f"it did not start; see {self._log.name}"
        self.answer: dict[str, Any] = json.loads(line)
        self.address: str = self.answer["address"]

    def children(self) -> list[psutil.Process]:
        """Every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, *words: str) -> psutil.Process:
        """The first process below it whose command line has all these words."""
        for each in self.children():
            command = each.cmdline()
            if all(any(word in part for part in command) for word in words):
                return each
        raise AssertionError(f"no child with {words}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(STOP_S_MAX)
        cast("IO[bytes]", self.process.stdout).close()
        self._log.close()
        return code


def eventually(holds: Callable[[], bool], *, within_s: float = 30.0) -> bool:
    """Whether it holds soon; asked again and again."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


@pytest.fixture
def merit(tmp_path: Path) -> Merit:
    return Merit(tmp_path)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One `merit up` for the tests of a module."""
    running = Running(tmp_path_factory.mktemp("up") / "data", "--demo")
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a `merit up` that ends with the test, again on the same data each time."""
    started: list[Running] = []

    def start(*options: str, port: int = 0, **given: str) -> Running:
        running = Running(tmp_path / "data", *options, port=port, **given)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()  # closes its files, also where it was killed


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., bool]:
    return eventually
