"""`make load`: a server, three tenants, a surge; CSV, HTML, and whether the limits were kept."""

import argparse
import asyncio
import csv
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

import msgspec

from api import auth
from domain.catalogue import EVENTS
from loadtests.bench.company import CYCLE_ID, MANAGER_ID, STAGES, Company, template
from loadtests.bench.contenders import ROOT, await_port
from loadtests.bench.server import Server, running
from ops.place import free_port
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import install
from projections.runner import Runner
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.registry import Registry

FOLDER = Path("build/load").absolute()
THRESHOLDS = Path(__file__).parent / "thresholds.toml"
LOCUSTFILE = Path(__file__).parent / "locustfile.py"
COLUMNS = {"p95_ms": "95%", "p99_ms": "99%"}


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large a surge is."""

    people: int
    """Of each of the two companies."""
    users: int
    seconds: int
    limits: str
    """The part of thresholds.toml that it is held to."""


SMOKE = Size(people=150, users=12, seconds=30, limits="smoke")
FULL = Size(people=2_000, users=80, seconds=120, limits="full")


def main() -> int:
    """Run it; 0 where every limit was kept."""
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--smoke", action="store_true", help="thirty seconds, limits of CI")
    asked = parser.parse_args()
    os.chdir(ROOT)
    broken = surge(SMOKE if asked.smoke else FULL)
    for each in broken:
        print(f"broken: {each}", file=sys.stderr)
    print(f"report: {FOLDER / 'surge.html'}; table: {FOLDER / 'surge_stats.csv'}")
    return 1 if broken else 0


def surge(size: Size) -> list[str]:
    """Everything, from an empty folder; which limits were broken."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with running() as server:
        master = FOLDER / "master.key"
        place = asyncio.run(prepared(server, master, size.people))
        (FOLDER / "place.json").write_bytes(msgspec.json.encode(place))
        port = free_port("127.0.0.1")
        settings = {
            "MERIT_DATABASE_URL": server.ours,
            "MERIT_MASTER_KEY_FILE": str(master),
            "MERIT_DATA_DIR": str(FOLDER / "data"),
            "MERIT_PORT": str(port),
        }
        with _running("serve", settings), _running("worker", settings):
            await_port(port)
            _locust(size, port)
    return broken(_stats(), limits_of(size.limits))


def _running(what: str, settings: Mapping[str, str]) -> "_Child":
    return _Child([sys.executable, "-m", "ops.cli", what], os.environ | settings, what)


class _Child:
    """A part of the product, ended with the block."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], name: str) -> None:
        with (FOLDER / f"{name}.log").open("wb") as log:
            self._process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)


def _locust(size: Size, port: int) -> None:
    command = [
        *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
        *("--locustfile", str(LOCUSTFILE), "--host", f"http://127.0.0.1:{port}"),
        *("--users", str(size.users), "--spawn-rate", str(max(1, size.users // 5))),
        *("--run-time", f"{size.seconds}s", "--exit-code-on-error=0"),
        *("--csv", str(FOLDER / "surge"), "--html", str(FOLDER / "surge.html")),
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    environ["MERIT_LOAD_PLACE"] = str(FOLDER / "place.json")
    subprocess.run(command, env=environ, check=True)


async def prepared(server: Server, master: Path, people: int) -> dict[str, Any]:
    """Three tenants: goals to be set, results to be rated, people to be taken over."""
    await install(server.owner, PROJECTIONS)
    async with await Database.open(server.ours, size=4) as database:
        keyring = Keyring.open(database, MasterKey.from_file(master))
        registry = Registry(database)
        place: dict[str, Any] = {"cycle": CYCLE_ID}
        for name, stages in (("goals", STAGES[:2]), ("ratings", STAGES[:5])):
            tenant_id = (await registry.create_tenant(name)).tenant_id
            company = Company(tenant_id, people, await template(), server.owner)
            await company.write(keyring, *stages)
            await Runner(database, TenantLogs(database, keyring, EVENTS), PROJECTIONS).catch_up(
                tenant_id
            )
            place[name] = {
                "hr": await _key(registry, tenant_id, auth.HR),
                "manager": await _key(registry, tenant_id, auth.MANAGER, MANAGER_ID),
                "people": [
                    {
                        "appraisal": each.appraisal_id,
                        "key": await _key(registry, tenant_id, auth.EMPLOYEE, each.person_id),
                    }
                    for each in company.people
                ],
            }
        tenant_id = (await registry.create_tenant("onboarding")).tenant_id
        place["onboarding"] = {"hr": await _key(registry, tenant_id, auth.HR)}
    return place


async def _key(
    registry: Registry, tenant_id: UUID, role: str, person_id: UUID | None = None
) -> str:
    return await registry.issue_key(tenant_id, uuid4(), role, [role], person_id=person_id)


# -- what came out, and what may


Limits = Mapping[str, Mapping[str, float]]


def limits_of(part: str) -> Limits:
    """The limits of thresholds.toml, by the name of the request."""
    found: dict[str, dict[str, float]] = tomllib.loads(THRESHOLDS.read_text())[part]
    return found


def _stats() -> list[dict[str, str]]:
    with (FOLDER / "surge_stats.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def broken(stats: Sequence[Mapping[str, str]], limits: Limits) -> list[str]:
    """Which limits were not kept, as sentences; a request that never came breaks its limit too."""
    rows = {"all" if row["Name"] == "Aggregated" else row["Name"]: row for row in stats}
    found: list[str] = []
    for name, allowed in limits.items():
        row = rows.get(name)
        count = int(row["Request Count"]) if row is not None else 0
        if row is None or not count:
            found.append(f"{name}: there was no such request")
            continue
        share = int(row["Failure Count"]) / count
        for limit, most in allowed.items():
            if limit == "failures_share" and share > most:
                found.append(f"{name}: {share:.2%} failed, {most:.2%} may")
            elif limit == "requests_per_s" and float(row["Requests/s"]) < most:
                found.append(f"{name}: {float(row['Requests/s']):.1f} requests/s, not {most:g}")
            elif limit in COLUMNS and float(row[COLUMNS[limit]]) > most:
                found.append(f"{name}: {limit} {row[COLUMNS[limit]]}, {most:g} at most")
    return found


if __name__ == "__main__":
    sys.exit(main())
