"""The API's server: granian, with workers that are started again and that never outlive it."""

import gc
import os
import signal
import threading
from pathlib import Path
from typing import Any

from granian.constants import Interfaces, Loops
from granian.server.mp import MPServer

from api.app import create_app
from api.public import draining_mark
from ops.children import ask_for_death_signal
from tenancy.settings import Settings

BACKLOG = 2048
COLLECTED_AFTER = (20_000, 20, 50)
"""New objects, then young and old collections."""
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"_granian": {"level": "WARNING", "handlers": [], "propagate": True}},
}
"""Granian's own lines take the shape of ours: the workers set up the root logger."""
KILL_S = 20
"""A worker that has not finished its requests by then is killed."""


def application() -> Any:
    """What each worker process serves; called once in its main thread."""
    # Granian's own processes do not die with a killed server, and would keep its port.
    ask_for_death_signal(signal.SIGTERM, os.getppid())
    app = create_app()
    unlittered()
    return app


def unlittered() -> None:
    """Let the collector of cycles look at new objects alone, and not so often.

    Modules and routes stay for good, states are remembered by the ten thousand and hold no cycles:
    looking at all of them again and again took a tenth of the time of a loaded worker.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


class DrainingServer(MPServer):
    """On the first signal it says that it is not ready, and only after a while stops listening.

    Balancers and clients that look at /health/ready have gone elsewhere by then. A second signal
    ends the wait.
    """

    mark: Path
    drain_s: float
    _timer: threading.Timer | None = None

    def signal_handler_interrupt(self, *_given: Any, **_named: Any) -> None:
        if self.drain_s and self._timer is None:
            self.mark.parent.mkdir(parents=True, exist_ok=True)
            self.mark.touch()
            self._timer = threading.Timer(self.drain_s, self._end)
            self._timer.start()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._end()

    def _end(self) -> None:
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]  # granian has no types here


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun are finished."""
    server = DrainingServer(
        "ops.serving:application",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=settings.workers,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=KILL_S,
        websockets=False,
        backlog=BACKLOG,
        log_dictconfig=LOGGING,
    )
    server.mark, server.drain_s = draining_mark(settings, os.getpid()), settings.drain_s
    try:
        server.serve()
    finally:
        server.mark.unlink(missing_ok=True)
