"""One PostgreSQL cluster in a folder of its own: made, owned by the right account, launched."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ops.children import dying_with_parent
from ops.postgres_binaries import (
    Account,
    DatabaseNotStarted,
    closed_to,
    find_binaries,
    hand_over,
    service_account,
)

SUPERUSER = "postgres"
OWNER = "merit_owner"
LOGIN = "merit"
DATABASE = "merit"

PORT = 5432
SOCKET_PATH_BYTES_MAX = 107
STATE_FOLDER = Path("/var/lib/meritledger")
"""Where root keeps the copies of programs that its service user cannot reach."""
STOP_S_MAX = 60.0
LEAVE_S_MAX = 30.0
"""How long a predecessor whose parent was killed may take to shut down."""
LOG_BYTES_MAX = 16 * 1024 * 1024
ROOM_BYTES_MIN = 32 * 1024 * 1024
"""Two segments of WAL: recovery ends with a new one."""

SERVER_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # every statement here is short; compiling it costs more than it runs
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # Statements and their parameters carry people's data; the log is no place for either.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "cluster_name": "meritledger",
}

HBA = """\
# Written by meritledger: a password for everyone, and nobody from another machine.
local   all           all                    scram-sha-256
local   replication   all                    scram-sha-256
host    all           all   127.0.0.1/32     scram-sha-256
host    replication   all   127.0.0.1/32     scram-sha-256
"""

# Single-user mode reads one statement up to each empty line. The group roles own nothing and
# bypass nothing; the login has no right of its own (NOINHERIT), only those of the role it takes.
BOOTSTRAP = """\
ALTER ROLE postgres PASSWORD '{postgres}';

CREATE ROLE merit_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;

CREATE ROLE merit_auditor NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;

CREATE ROLE merit_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS
  PASSWORD '{merit_owner}';

CREATE ROLE merit LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS
  PASSWORD '{merit}';

GRANT merit_app, merit_auditor TO merit;

CREATE DATABASE merit OWNER merit_owner TEMPLATE template0 ENCODING 'UTF8';

REVOKE ALL ON DATABASE merit FROM PUBLIC;

GRANT CONNECT ON DATABASE merit TO merit;
"""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor process is told to run."""

    directory: str
    parent: int
    bindir: str | None = None
    tcp_port: int | None = None
    settings: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one line that the supervisor says: where the server listens, or why there is none."""

    host: str = ""
    port: int = PORT
    version: str = ""
    error: str = ""


class Cluster:
    """The supervisor's side: one data folder, its socket folder, its passwords, its postmaster."""

    def __init__(self, order: Order) -> None:
        self.directory = Path(order.directory)
        self.order = order
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._lock = self._claim()
        self.log = self._open_log()
        self.account = service_account(self.directory / "data")
        self.data = self.directory / "data"
        # A closed folder above, such as root's own home, is not ours to open. The server is then
        # handed its data folder opened, and never has to find the way.
        self.handed = self.account is not None and closed_to(self.directory, self.account)
        self._leave_behind_the_dead()
        self.bindir, self.version = find_binaries(
            order.bindir, data=self.data, account=self.account, copies=STATE_FOLDER / "binaries"
        )
        if not (self.data / "PG_VERSION").exists():
            self._create()
        elif not (self.directory / "passwords.json").exists():
            raise DatabaseNotStarted(f"{self.directory} has data but no passwords.json")
        self.socket = self._socket_folder()
        self.process: subprocess.Popen[bytes] | None = None

    def _claim(self) -> BinaryIO:
        """Be the only supervisor of this folder, for as long as this process lives."""
        lock = (self.directory / "supervisor.lock").open("a+b")
        deadline = time.monotonic() + LEAVE_S_MAX
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().decode().split() or ["0", "0"]
                # One whose parent is gone is on its way out: that is worth waiting for.
                if _lives(int(holder[-1])) or time.monotonic() > deadline:
                    raise DatabaseNotStarted(
                        f"{self.directory} is in use: the supervisor with process id {holder[0]}"
                        " runs a server there already"
                    ) from None
                time.sleep(0.1)
            else:
                lock.seek(0)
                lock.truncate()
                lock.write(f"{os.getpid()} {self.order.parent}".encode())
                lock.flush()
                return lock

    def _open_log(self) -> BinaryIO:
        path = self.directory / "postgres.log"
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.1"))
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", 0)

    def _leave_behind_the_dead(self) -> None:
        """Wait for a postmaster that outlived its supervisor; drop the trace of one long gone."""
        trace = self.data / "postmaster.pid"
        deadline = time.monotonic() + LEAVE_S_MAX
        while trace.exists():
            pid = int(trace.read_text().split("\n", 1)[0] or 0)
            if not (_lives(pid) and _serves(pid, self.data)):
                # Its number may belong to a stranger by now, which PostgreSQL would take for
                # a running server; we hold the lock and have looked, so the trace is stale.
                trace.unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise DatabaseNotStarted(
                    f"{self.data} is in use: the PostgreSQL with process id {pid} runs on it"
                )
            time.sleep(0.1)

    def _socket_folder(self) -> Path:
        folder = self.directory / "socket"
        if len(os.fsencode(folder / f".s.PGSQL.{65535}")) > SOCKET_PATH_BYTES_MAX:
            folder = Path(tempfile.mkdtemp(prefix="merit-", dir="/tmp"))
        else:
            folder.mkdir(mode=0o700, exist_ok=True)
        hand_over(folder, self.account)
        return folder

    def _create(self) -> None:
        """Make the cluster beside its place and move it there whole, so half of one never runs."""
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        hand_over(fresh, self.account)
        self._run(fresh, "initdb", "-U", SUPERUSER, "-A", "reject", "-E", "UTF8", "--locale=C",
                  "--data-checksums")  # fmt: skip
        (fresh / "pg_hba.conf").write_text(HBA)
        passwords = {role: secrets.token_urlsafe(32) for role in (SUPERUSER, OWNER, LOGIN)}
        self._run(fresh, "postgres", "--single", "-j", "-c", "exit_on_error=true", "postgres",
                  said=BOOTSTRAP.format(**passwords))  # fmt: skip
        secret = self.directory / "passwords.json"
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(passwords, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self.data)

    @contextlib.contextmanager
    def _opened(self, *folders: Path) -> Iterator[tuple[list[str], list[int]]]:
        """What a program calls these folders, and the file descriptors that it needs for that."""
        if not self.handed:
            yield [str(folder) for folder in folders], []
            return
        opened = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in folders]
        try:
            yield [f"/proc/self/fd/{number}" for number in opened], opened
        finally:
            for number in opened:
                os.close(number)

    def _run(self, data: Path, program: str, *arguments: str, said: str = "") -> None:
        mode = arguments[:1] if arguments[:1] == ("--single",) else ()
        with self._opened(data) as ([place], passed):
            done = subprocess.run(
                [str(self.bindir / program), *mode, "-D", place, *arguments[len(mode) :]],
                input=said.encode(),
                capture_output=True,
                check=False,
                cwd="/",
                env=_environment(),
                pass_fds=passed,
                **_as(self.account),
            )
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip()
            raise DatabaseNotStarted(f"{program} failed: {reason}")

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the postmaster; it is not ready yet."""
        tcp = self.order.tcp_port
        with self._opened(self.data, self.socket) as ([place, socket], passed):
            settings = (
                SERVER_SETTINGS
                | self.order.settings
                | {
                    "unix_socket_directories": socket,
                    "listen_addresses": "" if tcp is None else "127.0.0.1",
                    "port": str(self.port),
                }
            )
            options = [part for name in settings for part in ("-c", f"{name}={settings[name]}")]
            self.process = subprocess.Popen(
                [str(self.bindir / "postgres"), "-D", place, *options],
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
                cwd="/",
                env=_environment(),
                pass_fds=passed,
                preexec_fn=dying_with_parent(signal.SIGINT),  # noqa: PLW1509 - we have one thread
                **_as(self.account),
            )
        return self.process

    @property
    def port(self) -> int:
        return PORT if self.order.tcp_port is None else self.order.tcp_port

    @property
    def ready(self) -> bool:
        """What pg_ctl looks at: the eighth line of the postmaster's trace."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return (
            self.process is not None
            and lines[0] == str(self.process.pid)
            and len(lines) > 7  # noqa: PLR2004 - the eighth line
            and lines[7].strip() == "ready"
        )

    def note(self, sentence: str) -> None:
        """Write a line to the server's log, where there is room for it."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        with contextlib.suppress(OSError):
            self.log.write(f"{stamp} UTC [supervisor] {sentence}\n".encode())

    @property
    def full(self) -> bool:
        """Whether the disk has no room for what a server writes when it starts."""
        return shutil.disk_usage(self.data).free < ROOM_BYTES_MIN

    def last_words(self) -> str:
        """The end of the server's log."""
        return "\n".join(
            (self.directory / "postgres.log").read_text(errors="replace").splitlines()[-8:]
        )

    def close(self) -> None:
        """Fast shutdown; after a minute, an immediate one, which recovers at the next start."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.note("the server does not stop; it will recover at the next start")
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        if self.socket.parent != self.directory:
            shutil.rmtree(self.socket, ignore_errors=True)


def _environment() -> dict[str, str]:
    # Nothing of ours: PGDATA, PGPORT and the application's secrets are no business of the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _as(account: Account | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _lives(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists()  # no /proc here: believe the trace
