"""A Patroni cluster of three PostgreSQL nodes on loopback, with TLS, for the failover drill.

It runs `ops/deploy/patroni/patroni.yml`, the file that production runs. Every process is a child
of ours, remembered by its pid, ended by its pid, and told by the kernel when we are gone.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ops.children import dying_with_parent
from ops.failover.certificates import make_certificates
from ops.failover.processes import send, tree

DEPLOYED: Final = Path(__file__).parent.parent / "deploy" / "patroni" / "patroni.yml"
PATRONI: Final = Path("build/patroni")
POSTGRES_PORT: Final = 15432
REST_PORT: Final = 18008
ETCD_CLIENT_PORT: Final = 12379
ETCD_PEER_PORT: Final = 12380
CONTROL: Final = "from patroni.ctl import ctl; ctl(prog_name='patronictl')"
STOP_S_MAX: Final = 25.0
DATABASE: Final = "merit"
LOGINS: Final = ("postgres", "replicator", "rewind", "merit_owner", "merit")
STANDBY_ROLES: Final = frozenset({"replica", "sync_standby", "quorum_standby"})

SCHEMA: Final = """
CREATE ROLE merit_app NOLOGIN;
CREATE ROLE merit_auditor NOLOGIN;
CREATE ROLE merit_owner LOGIN PASSWORD '{merit_owner}';
CREATE ROLE merit LOGIN NOINHERIT PASSWORD '{merit}';
GRANT merit_app, merit_auditor TO merit;
GRANT merit_auditor TO merit_owner;
"""


class ClusterFailed(RuntimeError):
    """The cluster is not as it should be in time; the text says what was waited for."""


class Cluster:
    """Three nodes n1..n3 and `etcd` members, below a folder of its own.

    Args:
        base: the folder; made, and owned by the user that the servers run as.
        net: the first three numbers of the loopback addresses: two drills can go side by side.
        etcd: members of etcd, 1 or 3.
        dcs: settings of Patroni that differ from the deployed file, such as `synchronous_mode`.
        user: whom the servers run as when we are root.
    """

    def __init__(
        self,
        base: Path,
        *,
        net: str = "127.0.20",
        etcd: int = 3,
        dcs: Mapping[str, Any] | None = None,
        user: str = "postgres",
    ) -> None:
        self.base = base
        self.nodes: Final = {f"n{number}": f"{net}.{number}" for number in (1, 2, 3)}
        self.members: Final = {
            f"e{number}": f"{net}.{10 + number}" for number in range(1, etcd + 1)
        }
        self._dcs = dict(dcs or {})
        self._user = pwd.getpwnam(user) if os.geteuid() == 0 else None
        self._secrets = {login: secrets.token_urlsafe(18) for login in (*LOGINS, "rest")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._python = str(PATRONI.absolute() / "bin" / "python")

    # -- addresses

    @property
    def bindir(self) -> Path:
        """The newest PostgreSQL of the distribution: the wheel's has no TLS."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            raise ClusterFailed("no PostgreSQL in /usr/lib/postgresql: run tools/postgresql")
        return found[-1].parent

    def url(self, login: str, *nodes: str, database: str = DATABASE) -> str:
        """The address of these nodes, of all of them where none is named."""
        hosts = ",".join(f"{self.nodes[node]}:{POSTGRES_PORT}" for node in nodes or self.nodes)
        tls = f"sslmode=verify-full&sslrootcert={self.base / 'tls' / 'ca.crt'}"
        return f"postgresql://{login}:{self._secrets[login]}@{hosts}/{database}?{tls}"

    # -- life

    def start(self) -> None:
        """Make everything anew, and wait until there is a primary with two standbys.

        Raises:
            ClusterFailed: it does not come up.
        """
        self.base.mkdir(parents=True, exist_ok=True)
        self.base.chmod(0o755)
        make_certificates(self.base / "tls", self.nodes)
        for node in self.nodes:
            (self.base / node).mkdir(mode=0o700)
        (self.base / "patroni.yml").write_text(self._configuration(), encoding="utf-8")
        self._own()
        for member in self.members:
            self.start_member(member)
        for node in self.nodes:
            self.start_node(node)
        self.wait(self.healthy, 120, "a primary with two standbys")

    def prepare(self) -> None:
        """The roles and the database of Meritledger; the schema is for `merit migrate`."""
        primary = self.primary()
        self.sql(primary, SCHEMA.format(**self._secrets), database="postgres")
        self.sql(primary, f"CREATE DATABASE {DATABASE} OWNER merit_owner", database="postgres")

    def stop(self) -> None:
        """End everything; what does not end is killed."""
        for node in self.nodes:
            self.thaw(self.pids(node))
            self._signal_child(node, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S_MAX
        for node in self.nodes:
            process = self._processes.get(node)
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.1, deadline - time.monotonic()))
            send(self.pids(node), signal.SIGKILL)
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def start_node(self, node: str) -> None:
        """Patroni of a node, and by it PostgreSQL."""
        self._spawn(node, [self._python, "-m", "patroni", "patroni.yml"], self._environment(node))

    def start_member(self, member: str) -> None:
        """One etcd."""
        address = self.members[member]
        peers = ",".join(
            f"{name}=http://{host}:{ETCD_PEER_PORT}" for name, host in self.members.items()
        )
        client, peer = f"http://{address}:{ETCD_CLIENT_PORT}", f"http://{address}:{ETCD_PEER_PORT}"
        self._spawn(
            member,
            [
                "etcd", "--name", member, "--data-dir", str(self.base / member),
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", peers, "--initial-cluster-state", "new",
                "--heartbeat-interval", "100", "--election-timeout", "1000",
                "--log-level", "warn",
            ],
            {},
        )  # fmt: skip

    # -- faults

    def kill_node(self, node: str) -> None:
        """As a host that loses its power: Patroni and PostgreSQL at once."""
        send(self.pids(node), signal.SIGKILL)
        self._reap(node)

    def kill_postgres(self, node: str) -> None:
        """PostgreSQL alone."""
        send(self._postgres(node), signal.SIGKILL)

    def kill_patroni(self, node: str) -> None:
        """Patroni alone: its PostgreSQL stays, an orphan that thinks it is the primary."""
        keep = set(self._postgres(node))
        send([pid for pid in self.pids(node) if pid not in keep], signal.SIGKILL)
        self._reap(node)

    def kill_member(self, member: str) -> None:
        """One etcd."""
        self._signal_child(member, signal.SIGKILL)
        self._reap(member)

    def freeze(self, node: str) -> list[int]:
        """As a host that hangs: everything of the node is stopped. Answers what `thaw` needs."""
        frozen = self.pids(node)
        send(frozen, signal.SIGSTOP)
        return frozen

    def thaw(self, frozen: Iterable[int]) -> None:
        send(frozen, signal.SIGCONT)

    def stop_replication(self, node: str) -> int:
        """Let nothing leave a node any more; answers how many senders were stopped."""
        senders = []
        for pid in self._postgres(node):
            with contextlib.suppress(OSError):
                if b"walsender" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    senders.append(pid)
        send(senders, signal.SIGSTOP)
        return len(senders)

    def switch(self, candidate: str) -> str:
        """A planned switchover; answers what patronictl said.

        Raises:
            ClusterFailed: the candidate is not the primary afterwards.
        """
        leader = self.primary()
        arguments = ("switchover", "--leader", leader, "--candidate", candidate, "--force")
        said = self.control(*arguments)
        self.wait(lambda: self.primary() == candidate, 30, f"{candidate} as the primary: {said}")
        return said

    def control(self, *arguments: str) -> str:
        """Run patronictl.

        Raises:
            ClusterFailed: it failed.
        """
        done = subprocess.run(
            [self._python, "-c", CONTROL, "-c", str(self.base / "patroni.yml"), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.base,
            env=self._environment("n1"),
        )
        if done.returncode:
            raise ClusterFailed(f"patronictl {arguments[0]}: {(done.stdout + done.stderr)[-400:]}")
        return done.stdout

    # -- state

    def state(self) -> list[dict[str, Any]]:
        """The members as Patroni sees them."""
        for node in self.nodes:
            status, body = self._rest(node, "/cluster")
            if status == 200:  # noqa: PLR2004
                members: list[dict[str, Any]] = json.loads(body)["members"]
                return members
        return []

    def primary(self) -> str:
        """Raises `ClusterFailed` where there is none."""
        for member in self.state():
            if member["role"] == "leader":
                return str(member["name"])
        raise ClusterFailed("there is no primary")

    def synchronous_standby(self) -> str:
        """Raises `ClusterFailed` where there is none."""
        for member in self.state():
            if member["role"] == "sync_standby":
                return str(member["name"])
        raise ClusterFailed("there is no synchronous standby")

    def healthy(self) -> bool:
        """One primary, two streaming standbys, one of them synchronous where that is wanted."""
        members = self.state()
        leaders = [each for each in members if each["role"] == "leader"]
        standbys = [each for each in members if each["role"] in STANDBY_ROLES]
        synchronous = self._dcs.get("synchronous_mode", True)
        return (
            len(leaders) == 1
            and leaders[0]["state"] == "running"
            and [each["state"] for each in standbys] == ["streaming"] * (len(self.nodes) - 1)
            and (not synchronous or any(each["role"] == "sync_standby" for each in standbys))
            and all(self._rest(node, "/health")[0] == 200 for node in self.nodes)  # noqa: PLR2004
        )

    def wait(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something holds.

        Raises:
            ClusterFailed: it does not in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(ClusterFailed, OSError, ValueError):
                if holds():
                    return
            time.sleep(0.2)
        raise ClusterFailed(f"{what}: not within {seconds:.0f} s; members: {self.state()}")

    def sql(self, node: str, statement: str, *, database: str = DATABASE) -> str:
        """What psql says as superuser of a node, one row a line, columns parted by `|`."""
        done = subprocess.run(
            [
                str(self.bindir / "psql"), "--no-psqlrc", "-XAtq", "-v", "ON_ERROR_STOP=1",
                "-d", self.url("postgres", node, database=database), "-c", statement,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise ClusterFailed(f"{node}: {done.stderr.strip()[-400:]}")
        return done.stdout.strip()

    # -- inner works

    def _configuration(self) -> str:
        text = DEPLOYED.read_text(encoding="utf-8")
        text = text.replace("/etc/meritledger/tls", str(self.base / "tls"))
        for name, value in self._dcs.items():
            line = next(each for each in text.splitlines() if each.strip().startswith(f"{name}:"))
            text = text.replace(line, f"{line.partition(':')[0]}: {json.dumps(value)}")
        return text

    def _environment(self, node: str) -> dict[str, str]:
        address, home = self.nodes[node], self.base / node
        known = {
            "NAME": node,
            "ETCD3_HOSTS": ",".join(f"{host}:{ETCD_CLIENT_PORT}" for host in self.members.values()),
            "RESTAPI_LISTEN": f"{address}:{REST_PORT}",
            "RESTAPI_CONNECT_ADDRESS": f"{address}:{REST_PORT}",
            "RESTAPI_USERNAME": "patroni",
            "RESTAPI_PASSWORD": self._secrets["rest"],
            "POSTGRESQL_LISTEN": f"{address}:{POSTGRES_PORT}",
            "POSTGRESQL_CONNECT_ADDRESS": f"{address}:{POSTGRES_PORT}",
            "POSTGRESQL_DATA_DIR": str(home / "data"),
            "POSTGRESQL_BIN_DIR": str(self.bindir),
            "POSTGRESQL_PGPASS": str(home / "pgpass"),
        }
        for role, login in (
            ("SUPERUSER", "postgres"),
            ("REPLICATION", "replicator"),
            ("REWIND", "rewind"),
        ):
            known[f"{role}_USERNAME"] = login
            known[f"{role}_PASSWORD"] = self._secrets[login]
            known[f"{role}_SSLMODE"] = "verify-ca"
            known[f"{role}_SSLROOTCERT"] = str(self.base / "tls" / "ca.crt")
        return {f"PATRONI_{name}": value for name, value in known.items()}

    def _spawn(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        identity: dict[str, Any] = {}
        if self._user is not None:
            identity = {
                "user": self._user.pw_uid,
                "group": self._user.pw_gid,
                "extra_groups": [],
            }
        with (self.base / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.base,
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509 - it calls nothing but prctl
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.base), "LANG": "C.UTF-8"}
                | dict(environment),
                **identity,
            )

    def _own(self) -> None:
        """The servers' user owns the folder, and can read Patroni itself."""
        if self._user is None:
            return
        shutil.chown(self.base, self._user.pw_uid, self._user.pw_gid)
        for path in self.base.rglob("*"):
            shutil.chown(path, self._user.pw_uid, self._user.pw_gid)
        try:
            subprocess.run(
                [self._python, "-c", "import patroni"],
                user=self._user.pw_uid,
                group=self._user.pw_gid,
                cwd="/",
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):  # a checkout below /root
            shutil.copytree(PATRONI, self.base / "patroni", symlinks=True)
            self._python = str(self.base / "patroni" / "bin" / "python")

    def _postgres(self, node: str) -> list[int]:
        pid_file = self.base / node / "data" / "postmaster.pid"
        try:
            return tree(int(pid_file.read_text(encoding="utf-8").split("\n", 1)[0]))
        except (FileNotFoundError, ValueError):
            return []

    def pids(self, node: str) -> list[int]:
        """Every process of a node."""
        process = self._processes.get(node)
        patroni = tree(process.pid) if process is not None and process.poll() is None else []
        return list(dict.fromkeys([*patroni, *self._postgres(node)]))

    def running(self, name: str) -> bool:
        """Whether a node's Patroni, or an etcd, runs."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def _signal_child(self, name: str, number: int) -> None:
        process = self._processes.get(name)
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def _reap(self, name: str) -> None:
        process = self._processes.get(name)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)

    def _rest(self, node: str, path: str) -> tuple[int, bytes]:
        url = f"http://{self.nodes[node]}:{REST_PORT}{path}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return int(answer.status), answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()
        except OSError:
            return 0, b""


def available() -> str | None:
    """What the drill lacks on this machine, in words; None when it can run."""
    if not (PATRONI / "bin" / "python").exists():
        return "Patroni is not installed: run tools/patroni"
    if shutil.which("etcd") is None:
        return "etcd is not installed: run tools/patroni"
    if not sys.platform.startswith("linux"):
        return "the drill needs Linux"
    return None
