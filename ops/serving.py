"""The API's server: granian, with workers that are started again and that never outlive it."""

import os
import signal
from typing import Any

from granian.constants import Interfaces, Loops
from granian.server import Server

from api.app import create_app
from ops.children import ask_for_death_signal
from tenancy.settings import Settings

BACKLOG = 2048
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
    return create_app()


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun are finished."""
    Server(
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
    ).serve()
