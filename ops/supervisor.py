"""The process that keeps one postmaster alive, and dies with whoever started it.

It is a process of its own, because the kernel's parent-death signal is tied to the *thread* that
starts a child, and because only the main thread of a process that does nothing else can promise
to be there when the postmaster falls. Started by `ops.embedded`.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable

import msgspec

from ops.cluster import Answer, Cluster, Order
from ops.postgres_binaries import DatabaseNotStarted

START_S_MAX = 300.0
"""Crash recovery of a large cluster is slow; a server that only hangs is caught in the end."""
RESTARTS_MAX = 10
STARTS_MAX = 5
"""A server that never came up is most likely told something wrong: give up sooner."""
BACKOFF_S = 0.05
BACKOFF_S_MAX = 5.0
STEADY_S = 30.0
"""A server that lived this long was well: its next fall counts as the first."""
POLL_S = 0.5
FULL_S_MAX = 30.0
"""How long a server waits for room on its disk before it is tried without."""


class Watch:
    """Tells the supervisor when to look: a child fell, a signal came, or the parent is gone."""

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._left = False
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)

    def _leave(self, *_: object) -> None:
        self._left = True

    def over(self) -> bool:
        # The pipe alone would not do: processes that the parent forked may hold its other end.
        return self._left or os.getppid() != self._parent

    def pause(self, seconds: float) -> None:
        """Wait, but not past the next thing that happens."""
        readable, _, _ = select.select([self._wake, sys.stdin.fileno()], [], [], seconds)
        if self._wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        if sys.stdin.fileno() in readable and not os.read(sys.stdin.fileno(), 4096):
            self._left = True


def supervise(cluster: Cluster, watch: Watch, tell: Callable[[Answer], None]) -> None:
    """Keep the postmaster running until it is time to leave.

    Raises:
        DatabaseNotStarted: it does not come up, again and again.
    """
    failures, restarts_max = 0, STARTS_MAX
    while not watch.over():
        began, well = time.monotonic(), False
        process = cluster.launch()
        while process.poll() is None and not watch.over():
            if not well and cluster.ready:
                well, restarts_max = True, RESTARTS_MAX
                tell(Answer(host=str(cluster.socket), port=cluster.port, version=cluster.version))
            if not well and time.monotonic() - began > START_S_MAX:
                process.send_signal(signal.SIGQUIT)
            watch.pause(POLL_S if well else 0.01)
        if watch.over():
            return
        failures = 1 if well and time.monotonic() - began > STEADY_S else failures + 1
        cluster.note(f"the server ended with {process.returncode}, {failures} in a row")
        if restarts_max == RESTARTS_MAX and cluster.full:
            # It is not the server that is broken: it comes back when somebody has made room.
            _wait_for_room(cluster, watch)
            failures = 0
            continue
        if failures >= restarts_max:
            raise DatabaseNotStarted(f"the server does not stay up:\n{cluster.last_words()}")
        # Backends of a killed postmaster may hold its shared memory a moment longer.
        watch.pause(min(BACKOFF_S * 2 ** (failures - 1), BACKOFF_S_MAX))


def _wait_for_room(cluster: Cluster, watch: Watch) -> None:
    cluster.note("the disk is full: the server waits for room")
    deadline = time.monotonic() + FULL_S_MAX
    while cluster.full and not watch.over() and time.monotonic() < deadline:
        watch.pause(POLL_S)


def main(argv: list[str]) -> int:
    """Run one order; the first line on standard output says how it went."""
    order = msgspec.json.decode(argv[0], type=Order)
    watch = Watch(order.parent)
    answers: list[Answer] = []

    def tell(answer: Answer) -> None:
        # Only the first is waited for; nobody reads the pipe after that.
        if not answers:
            answers.append(answer)
            with contextlib.suppress(BrokenPipeError):
                sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
                sys.stdout.buffer.flush()

    try:
        cluster = Cluster(order)
        try:
            supervise(cluster, watch, tell)
        except DatabaseNotStarted as failed:
            cluster.note(str(failed))
            raise
        finally:
            cluster.close()
    except DatabaseNotStarted as failed:
        tell(Answer(error=str(failed)))
        return 1
    except OSError as failed:
        tell(Answer(error=f"{order.directory}: {failed}"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
