"""Child processes that are started again when they fall, and that never outlive us."""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence

BACKOFF_S = 0.2
BACKOFF_S_MAX = 10.0
STEADY_S = 30.0
"""A child that lived this long was well: its next fall counts as the first."""
FALLS_MAX = 6
DRAIN_S_MAX = 30.0
"""How long a child may take to finish what it has begun."""

_SET_PDEATHSIG = 1


class ChildFailed(Exception):
    """A child does not stay up; the text names it."""


def ask_for_death_signal(number: int, parent: int) -> None:
    """In a child: let the kernel send `number` when the thread that started us ends."""
    _asking(number, parent)()


def dying_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """For `preexec_fn` of a process started in the main thread."""
    return _asking(number, os.getpid())


def _asking(number: int, parent: int) -> Callable[[], None]:
    # Looked up before the fork: between fork and exec as little as possible should happen.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux only

    def ask() -> None:
        if prctl is not None:
            prctl(_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)  # the parent ended before we asked

    return ask


class Child:
    """One program, kept running until it is told to stop."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.name = name
        self._argv = argv
        self._env = env
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self.restarts = 0

    async def run(self) -> None:
        """Keep the program running.

        Raises:
            ChildFailed: it falls again and again.
        """
        falls = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                env=dict(self._env),
                stdin=asyncio.subprocess.DEVNULL,
                preexec_fn=dying_with_parent(),
                # Ctrl-C reaches us alone; we then let each child finish, in order.
                start_new_session=True,
            )
            if self._stopping.is_set():  # asked to stop while it was being started
                self._signal(signal.SIGTERM)
            code = await self._process.wait()
            if self._stopping.is_set():
                return
            self.restarts += 1
            falls = 1 if time.monotonic() - began > STEADY_S else falls + 1
            if falls >= FALLS_MAX:
                raise ChildFailed(f"{self.name} does not stay up: it ended with {code}")
            await asyncio.sleep(min(BACKOFF_S * 2 ** (falls - 1), BACKOFF_S_MAX))

    async def stop(self) -> None:
        """Ask it to finish; kill it where it does not."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        if self._process is None:
            return
        try:
            async with asyncio.timeout(DRAIN_S_MAX):
                await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    @property
    def pid(self) -> int | None:
        """The running process; None between two of them."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
