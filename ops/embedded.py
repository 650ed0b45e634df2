"""PostgreSQL as our own child: one folder, nothing to install, nothing left behind.

The programs come from a wheel, else from the machine; `ops.supervisor` runs them.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast
from urllib.parse import quote

import msgspec

from ops.cluster import (
    DATABASE,
    LEAVE_S_MAX,
    LOGIN,
    OWNER,
    STOP_S_MAX,
    SUPERUSER,
    Answer,
    Order,
)
from ops.postgres_binaries import DatabaseNotStarted

__all__ = ["DatabaseNotStarted", "EmbeddedPostgres"]


class EmbeddedPostgres:
    """A PostgreSQL of our own, in `directory`; start and stop it, or use it as a context.

    Args:
        directory: the folder of the cluster; made with all its parents where it is missing.
        bindir: a folder with `postgres` and `initdb`; None takes the wheel's, else the machine's.
        tcp_port: also listen on this port of 127.0.0.1; None listens on the socket alone.
        settings: server settings over `SERVER_SETTINGS`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        bindir: Path | None = None,
        tcp_port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self._order = Order(
            directory=str(self.directory),
            parent=os.getpid(),
            bindir=None if bindir is None else str(bindir.absolute()),
            tcp_port=tcp_port,
            settings=dict(settings or {}),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._answer = Answer()

    def start(self) -> Self:
        """Start the server and wait until it takes connections.

        Raises:
            DatabaseNotStarted: with the reason in a sentence.
        """
        if self._process is not None:
            raise DatabaseNotStarted(f"{self.directory} was started already")
        order = msgspec.structs.replace(self._order, parent=os.getpid())
        # -P: the current folder must not be able to shadow a module. Its own session: Ctrl-C
        # reaches the application, which then stops the server when it is done with it.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.supervisor", msgspec.json.encode(order).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
        self._process = process
        try:
            line = cast("IO[bytes]", process.stdout).readline()
        except BaseException:
            self.stop()
            raise
        answer = (
            msgspec.json.decode(line, type=Answer)
            if line
            else Answer(error=f"the supervisor ended; see {self.log_file}")
        )
        if answer.error:
            self.stop()
            raise DatabaseNotStarted(answer.error)
        self._answer = answer
        return self

    def stop(self) -> None:
        """Shut the server down in order; harmless where none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            cast(
                "IO[bytes]", process.stdin
            ).close()  # the end of its input is the supervisor's signal to leave
        try:
            process.wait(STOP_S_MAX + LEAVE_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()  # the parent-death signal takes the server with it
            process.wait()
        cast("IO[bytes]", process.stdout).close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def alive(self) -> bool:
        """Whether the supervisor watches; a server that is being restarted counts as alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def supervisor_pid(self) -> int:
        if self._process is None:
            raise DatabaseNotStarted(f"{self.directory} was not started")
        return self._process.pid

    @property
    def postmaster_pid(self) -> int:
        """The server's process id; another one after each restart."""
        return int((self.directory / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    @property
    def version(self) -> str:
        """The server's version, as in "18.6"."""
        return self._answer.version

    @property
    def log_file(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def database_url(self) -> str:
        """For the application: a login that may take the roles merit_app and merit_auditor."""
        return self.url(LOGIN)

    @property
    def owner_database_url(self) -> str:
        """For migrations only."""
        return self.url(OWNER)

    @property
    def superuser_url(self) -> str:
        """For what only a superuser may do; the application never connects with it."""
        return self.url(SUPERUSER, database="postgres")

    def url(self, role: str, *, database: str = DATABASE) -> str:
        """The address of `database` for one of the logins merit, merit_owner, postgres."""
        password = json.loads((self.directory / "passwords.json").read_text())[role]
        if self._order.tcp_port is not None:
            return f"postgresql://{role}:{password}@127.0.0.1:{self._answer.port}/{database}"
        host = quote(self._answer.host, safe="")
        return f"postgresql://{role}:{password}@/{database}?host={host}&port={self._answer.port}"
