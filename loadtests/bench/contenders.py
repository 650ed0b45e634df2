"""How each contender is run once: a process of its own, and the rate and latencies that it says."""

import asyncio
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import msgspec

from loadtests.bench.rounds import Run
from loadtests.bench.server import BUILD, Server, address
from ops.place import free_port

ROOT = Path(__file__).parents[2]
EMMETT = Path(__file__).parent / "peers" / "emmett"
TEXT = secrets.token_hex(105)
"""What makes an event about 300 bytes long."""
PAYLOAD_BYTES = 300
COPY_ROWS = 10_000
RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
LATENCY = re.compile(r"^latency average = ([\d.]+) ms", re.MULTILINE)

CREATE_RAW = """
CREATE TABLE IF NOT EXISTS raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload bytea)
"""

Contender = Callable[[Server, float], Run]

UMADB = ROOT / "build" / "umadb" / "bin"
STARTED_S_MAX = 20


def said(command: list[str], environ: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """What a program prints; the end of everything where it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | (environ or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def ours(clients: int, *, tenants: int = 1, scenario: str = "till") -> Contender:
    """`store.execute`, by so many at once."""

    def run(server: Server, seconds: float) -> Run:
        arguments = [server.ours, str(clients), str(tenants), str(seconds), scenario, TEXT]
        text = said([sys.executable, "-m", "loadtests.bench.ours", *arguments])
        try:
            return msgspec.json.decode(text, type=Run)
        except msgspec.DecodeError as error:
            begin, end = text[:100], text[-100:]
            raise SystemExit(
                f"loadtests.bench.ours said {len(text)} characters that are no result ({error}): "
                f"{begin!r} ... {end!r}"
            ) from error

    return run


def single_row(clients: int) -> Contender:
    """pgbench: one INSERT of one row per transaction, prepared; the limit of that way to write."""

    def run(server: Server, seconds: float) -> Run:
        url = server.peers["raw"]
        asyncio.run(_execute(url, CREATE_RAW))
        script = BUILD / "insert.sql"
        script.write_text(
            f"INSERT INTO raw (payload) VALUES ('\\x{secrets.token_hex(PAYLOAD_BYTES)}');\n"
        )
        text = said(
            [
                *(_binary("pgbench"), "--no-vacuum", "--protocol=prepared"),
                *(f"--client={clients}", f"--jobs={min(2, clients)}", f"--time={seconds:.0f}"),
                f"--file={script}",
            ],
            address(url),
        )
        rate, latency = RATE.search(text), LATENCY.search(text)
        if rate is None or latency is None:
            raise SystemExit(f"pgbench said something new:\n{text}")
        # It tells the mean only.
        return Run(float(rate[1]), [float(latency[1])])

    return run


def copied(server: Server, seconds: float) -> Run:
    """COPY, binary, 10,000 rows a transaction: the limit of any way to write."""
    return asyncio.run(_copy(server.peers["raw"], seconds))


def library(clients: int, *, db_functions: bool = False, together: int = 1) -> Contender:
    """The eventsourcing library's recorder; `together` events in each transaction."""

    def run(server: Server, seconds: float) -> Run:
        environ = library_environ(server)
        arguments = [str(clients), str(seconds), TEXT]
        arguments += ["--db-functions"] if db_functions else []
        arguments += ["--together", str(together)]
        text = said([sys.executable, "-m", "loadtests.bench.peers.library", *arguments], environ)
        return msgspec.json.decode(text, type=Run)

    return run


def emmett(clients: int) -> Contender:
    """emmett-postgresql, on node."""

    def run(server: Server, seconds: float) -> Run:
        folder = emmett_folder()
        arguments = [server.peers["emmett"], str(clients), str(seconds), TEXT]
        return msgspec.json.decode(said(["node", "append.mjs", *arguments], cwd=folder), type=Run)

    return run


def library_environ(server: Server) -> dict[str, str]:
    """Where the eventsourcing library finds its own database."""
    parts = address(server.peers["library"])
    return {
        "POSTGRES_HOST": parts["PGHOST"],
        "POSTGRES_PORT": parts["PGPORT"],
        "POSTGRES_USER": parts["PGUSER"],
        "POSTGRES_PASSWORD": parts["PGPASSWORD"],
        "POSTGRES_DBNAME": parts["PGDATABASE"],
    }


def uma(clients: int) -> Contender:
    """UmaDB: its own server, which keeps its own file, and its own client."""

    def run(_: Server, seconds: float) -> Run:
        port = free_port("127.0.0.1")
        file = BUILD / "uma.db"
        file.unlink(missing_ok=True)
        with subprocess.Popen(
            [UMADB / "umadb", f"--listen=127.0.0.1:{port}", f"--db-path={file}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as serving:
            try:
                await_port(port)
                arguments = [f"http://127.0.0.1:{port}", str(clients), str(seconds), TEXT]
                program = Path(__file__).parent / "peers" / "uma.py"
                text = said([str(UMADB / "python"), str(program), *arguments])
            finally:
                serving.terminate()
        return msgspec.json.decode(text, type=Run)

    return run


def uma_version() -> str | None:
    """The version of UmaDB; None where it is not there, as where no wheel fits the machine."""
    if not (UMADB / "umadb").exists():
        return None
    return said([str(UMADB / "umadb"), "--version"]).split()[-1]


def await_port(port: int) -> None:
    """Wait until somebody listens there."""
    until = time.monotonic() + STARTED_S_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def emmett_folder() -> Path:
    """Its packages, as its lock names them, installed outside the sources."""
    folder = BUILD / "emmett"
    folder.mkdir(parents=True, exist_ok=True)
    for file in EMMETT.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    if not (folder / "node_modules").exists():
        said(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder)
    return folder


def emmett_version() -> str:
    """The version of emmett-postgresql that is installed."""
    package = emmett_folder() / "node_modules/@event-driven-io/emmett-postgresql/package.json"
    return str(msgspec.json.decode(package.read_bytes())["version"])


def node_version() -> str:
    """The version of node."""
    return said(["node", "--version"]).strip()


def _binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} is missing: apt-get install postgresql-15")
    return path


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _copy(url: str, seconds: float) -> Run:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(CREATE_RAW)
        rows = [(secrets.token_bytes(PAYLOAD_BYTES),) for _ in range(COPY_ROWS)]
        latencies: list[float] = []
        began = time.perf_counter()
        while (now := time.perf_counter()) - began < seconds:
            await connection.copy_records_to_table("raw", records=rows, columns=["payload"])
            latencies.append(1000 * (time.perf_counter() - now))
        took = time.perf_counter() - began
    finally:
        await connection.close()
    return Run(COPY_ROWS * len(latencies) / took, sorted(latencies))
