"""A command over HTTP, end to end, against a handler that does nothing, on the same server."""

import asyncio
import contextlib
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec

from api import auth
from loadtests.bench.company import MANAGER_ID, Company, template
from loadtests.bench.contenders import ROOT, await_port, said
from loadtests.bench.rounds import Result, Run, alternating, figures, over, table, told, versions
from loadtests.bench.server import BUILD, Server, machine, running
from ops.place import free_port
from projections.catalogue import PROJECTIONS
from projections.kernel import install
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.registry import Registry

NAME = "http"
CONNECTIONS = 64
PEOPLE_A_SECOND = 4_000
"""Nobody is rated twice, so that many are there to be rated."""
STAGES = ("organised", "appraised", "agreed", "measured", "scored")
BODY = '{"ratings": [{"indicator": "duty", "points": "88"}], "comment": "Quarterly result 2025Q1"}'

# Each connection asks for other ids than the others; wrk runs one thread, so one script is enough.
SCRIPT = """
local paths = {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
local number = 0
wrk.method = "POST"
wrk.body = '%(body)s'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %(key)s"
request = function()
  number = number + 1
  wrk.headers["Idempotency-Key"] = "%(prefix)s-" .. number
  return wrk.format(nil, paths[(number - 1) %% #paths + 1])
end
"""
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
SPENT = re.compile(r"(50|99)%\s+([\d.]+)(us|ms|s)")
FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
COUNT = re.compile(r"(\d+) requests in")
UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Rated(msgspec.Struct, frozen=True):
    """A company that waits to be rated."""

    company: Company
    key: str
    """Of the manager of everybody."""
    master: Path


def run(*, quick: bool) -> Result:
    """Measure in alternating rounds; the result as build/bench/http.json has it."""
    rounds, seconds = (2, 2) if quick else (3, 5)
    before = machine()
    with running() as server:
        people = PEOPLE_A_SECOND * (seconds + 1)
        runs = alternating(
            {
                "command_64": lambda: command(server, seconds, people),
                "bare_64": lambda: bare(seconds),
            },
            rounds,
        )
        version = server.version
    result = Result(
        benchmark=NAME,
        quick=quick,
        machine=before,
        versions=versions(
            "litestar", "granian", "asyncpg", "msgspec", postgresql=version, wrk=wrk()
        ),
        ratios={"command_vs_bare_handler": over(runs, "command_64", "bare_64")},
        figures=figures(runs),
    )
    return told(result, _section(result) if not quick else "")


def _section(result: Result) -> str:
    found = result.figures
    rows = [
        [title, f"{found[f'{name}_per_s']:,}", found[f"{name}_p50_ms"], found[f"{name}_p99_ms"]]
        for title, name in (
            ("a handler that does nothing", "bare_64"),
            ("**a manager's rating**", "command_64"),
        )
    ]
    header = [f"{CONNECTIONS} connections, one worker", "requests/s", "p50 ms", "p99 ms"]
    ratio = (
        f"The command makes **{result.ratios['command_vs_bare_handler']:.2f}** of the requests"
        " of the handler that does nothing (median of each round's own ratio)."
    )
    return f"{table(header, rows)}\n\n{ratio}"


def wrk() -> str:
    """The version of the load generator."""
    told = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    return told.split()[1]


# -- the two


def bare(seconds: float) -> Run:
    """Nothing but the server and the framework."""
    port = free_port("127.0.0.1")
    command = [
        *(sys.executable, "-m", "granian", "--interface=asgi", "--loop=uvloop", "--workers=1"),
        *(f"--port={port}", "--no-ws", "--log-level=error", "loadtests.bench.peers.bare:app"),
    ]
    with serving(command, port, {}):
        return _driven(port, seconds, ["/a", "/b"], "none")


def command(server: Server, seconds: float, people: int) -> Run:
    """Managers' ratings, each of another person: in by a key, decided, kept for good."""
    rated = asyncio.run(ready_to_rate(server, people))
    port = free_port("127.0.0.1")
    settings = {
        "MERIT_DATABASE_URL": server.ours,
        "MERIT_MASTER_KEY_FILE": str(rated.master),
        "MERIT_DATA_DIR": str(BUILD / "data"),
        "MERIT_PORT": str(port),
        "MERIT_WORKERS": "1",
    }
    paths = [
        f"/api/v1/appraisals/{each.appraisal_id}/manager-rating" for each in rated.company.people
    ]
    with serving([sys.executable, "-m", "ops.cli", "serve"], port, settings):
        return _driven(port, seconds, paths, rated.key, once=True)


async def ready_to_rate(server: Server, people: int) -> Rated:
    """A new tenant with a company whose goals are agreed and whose data are in."""
    await install(server.owner, PROJECTIONS)
    master = BUILD / "bench-master.key"
    master.unlink(missing_ok=True)
    async with await Database.open(server.ours, size=2) as database:
        keyring = Keyring.open(database, MasterKey.from_file(master))
        registry = Registry(database)
        tenant = await registry.create_tenant("bench")
        company = Company(tenant.tenant_id, people, await template(), server.owner)
        await company.write(keyring, *STAGES)
        key = await registry.issue_key(
            tenant.tenant_id, uuid4(), "bench", [auth.MANAGER], person_id=MANAGER_ID
        )
    return Rated(company, key, master)


# -- how they are driven


@contextlib.contextmanager
def serving(command: list[str], port: int, settings: dict[str, str]) -> Iterator[None]:
    """A server of one worker, ended afterwards."""
    log = BUILD / "serving.log"
    with (
        log.open("w") as kept,
        subprocess.Popen(
            command, cwd=ROOT, env=os.environ | settings, stdout=kept, stderr=kept
        ) as process,
    ):
        try:
            await_port(port)
            yield
        finally:
            process.terminate()


def _driven(port: int, seconds: float, paths: list[str], key: str, *, once: bool = False) -> Run:
    """Drive for a second, then measure; `once` says that each path may be asked once."""
    share = len(paths) // 5 if once else 0
    _wrk(port, 1, paths[:share] or paths, key, once=once)
    return _wrk(port, seconds, paths[share:], key, once=once)


def _wrk(port: int, seconds: float, paths: list[str], key: str, *, once: bool) -> Run:
    listed = BUILD / "paths.txt"
    listed.write_text("\n".join(paths) + "\n")
    script = BUILD / "post.lua"
    script.write_text(
        SCRIPT % {"paths": listed, "body": BODY, "key": key, "prefix": secrets.token_hex(8)}
    )
    told = said(
        [
            *("wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s"),
            *("--latency", f"--script={script}", f"http://127.0.0.1:{port}"),
        ]
    )
    rate, count, failed = RATE.search(told), COUNT.search(told), FAILED.search(told)
    if rate is None or count is None:
        raise SystemExit(f"wrk said something new:\n{told}")
    if failed is not None or (once and int(count[1]) > len(paths)):
        raise SystemExit(f"not every request was carried out:\n{told}")
    spent = {share: float(value) * UNIT_MS[unit] for share, value, unit in SPENT.findall(told)}
    return Run(float(rate[1]), notes={f"p{share}_ms": value for share, value in spent.items()})
