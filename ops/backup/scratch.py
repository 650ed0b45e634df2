"""A PostgreSQL on a folder that was restored: reachable by one socket in a closed folder."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from ops.backup.pgbackrest import BackupFailed, Repository

START_S_MAX = 600.0
BEYOND = "recovery ended before configured recovery target was reached"
HBA = "local all all trust\n"
"""Only who may enter the socket's folder can connect: the server's account and root."""


class Scratch:
    """The server.

    Args:
        data: its data folder.
        bindir: PostgreSQL's programs.
        repository: says whom it runs as.
        settings: in place of those of the folder.
    """

    def __init__(
        self, data: Path, bindir: Path, repository: Repository, settings: dict[str, str]
    ) -> None:
        self._data = data
        self._bindir = bindir
        self._as: dict[str, Any] = repository.as_user()
        self._user = repository.user
        self._settings = settings
        self._socket = Path(tempfile.mkdtemp(prefix="merit-scratch-"))
        if self._user is not None:
            os.chown(self._socket, self._user.pw_uid, self._user.pw_gid)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._socket, ignore_errors=True)

    def url(self, login: str, database: str = "merit") -> str:
        """The address of a database, as one of its logins."""
        return f"postgresql://{login}@/{database}?host={quote(str(self._socket), safe='')}"

    def start(self) -> None:
        """Start it, and wait until recovery has reached its target, or the end of the log.

        Raises:
            BackupFailed: it does not come up; with the last lines of its log.
        """
        try:
            self._start()
        except BackupFailed as failed:
            if BEYOND not in str(failed):
                raise
            # Nothing was committed after the target: all that there is, is what it asks for.
            self.stop()
            self._settings["recovery_target_time"] = ""
            self._start()

    def _start(self) -> None:
        (self._data / "pg_hba.conf").write_text(HBA, encoding="utf-8")
        settings = {
            "unix_socket_directories": str(self._socket),
            "listen_addresses": "",
            "port": "5432",
            "archive_mode": "off",
            "ssl": "off",
            "shared_preload_libraries": "",
            **self._settings,
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._program("pg_ctl", "-D", str(self._data), "-w", "-t", str(int(START_S_MAX)),
                      "-l", str(self._socket / "log"), "-o", options, "start")  # fmt: skip
        deadline = time.monotonic() + START_S_MAX
        while self.sql("SELECT pg_is_in_recovery()") != "f":
            if time.monotonic() > deadline:
                raise BackupFailed("recovery did not reach its target")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it; harmless where it does not run."""
        with contextlib.suppress(BackupFailed):
            self._program("pg_ctl", "-D", str(self._data), "-m", "fast", "-w", "stop")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql says to a superuser."""
        return self._program(
            "psql",
            "-XAtq",
            "-h",
            str(self._socket),
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statement,
        )

    def examine(self, database: str = "merit") -> list[str]:
        """What pg_amcheck finds wrong in tables and indexes; empty when nothing is."""
        self.sql("CREATE EXTENSION IF NOT EXISTS amcheck", database)
        try:
            self._program(
                "pg_amcheck", "-h", str(self._socket), "-U", "postgres", "--heapallindexed",
                "-d", database,
            )  # fmt: skip
        except BackupFailed as found:
            return [str(found)]
        return []

    def _program(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._bindir / name), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_S_MAX + 60,
            check=False,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            **self._as,
        )
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}\n{self._log()}"
            raise BackupFailed(f"{name}: {' / '.join(said.strip().splitlines()[-6:])[-800:]}")
        return str(done.stdout).strip()

    def _log(self) -> str:
        with contextlib.suppress(OSError):
            return (self._socket / "log").read_text(encoding="utf-8", errors="replace")[-1500:]
        return ""
