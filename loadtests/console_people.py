"""`python -m loadtests.console_people [PEOPLE]`: pages of the console in a company of 100,000.

The company is written as the benchmarks write theirs, all views follow it, and then its lists are
asked one request at a time. Everybody is led by one manager: no list is longer anywhere.
"""

import asyncio
import sys
import time
from uuid import uuid4

import httpx

from api import auth
from api.sessions import COOKIE_HERE
from domain.catalogue import EVENTS
from loadtests.bench.company import CYCLE_ID, MANAGER_ID, Company, Person, template
from loadtests.bench.http import serving
from loadtests.bench.server import BUILD, Server, running
from ops.place import free_port
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import install
from projections.runner import Runner
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.registry import Registry

PEOPLE, ROUNDS = 100_000, 15


async def measured(server: Server, people: int) -> None:
    """Write the company, serve it, ask its pages, print how long they took."""
    await install(server.owner, PROJECTIONS)
    master, port = BUILD / "people-master.key", free_port("127.0.0.1")
    async with await Database.open(server.ours, size=4) as database:
        keyring, registry = Keyring.open(database, MasterKey.from_file(master)), Registry(database)
        tenant_id = (await registry.create_tenant("people")).tenant_id
        company = Company(tenant_id, people, await template(), server.owner)
        began = time.perf_counter()
        await company.write(keyring, "organised", "appraised", "agreed", "measured")
        print(f"{people:,} people written in {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        await Runner(database, TenantLogs(database, keyring, EVENTS), PROJECTIONS).catch_up(
            tenant_id
        )
        print(f"all views followed in {time.perf_counter() - began:.0f} s")
        hr = await registry.issue_key(tenant_id, uuid4(), "hr", [auth.HR])
        manager = await registry.issue_key(
            tenant_id, uuid4(), "manager", [auth.MANAGER], person_id=MANAGER_ID
        )
    settings = {
        "MERIT_DATABASE_URL": server.ours,
        "MERIT_MASTER_KEY_FILE": str(master),
        "MERIT_DATA_DIR": str(BUILD / "data"),
        "MERIT_PORT": str(port),
        "MERIT_WORKERS": "1",
    }
    half = Person(people // 2)
    with serving([sys.executable, "-m", "ops.cli", "serve"], port, settings):
        print("| page | asked by | median ms | slowest ms |\n|---|---|---|---|")
        for who, key, path in (
            ("hr", hr, ""),
            ("hr", hr, "/organisation"),
            ("hr", hr, f"/organisation?number=E-1{half.number:06}"),
            ("hr", hr, f"/people/{half.person_id}"),
            ("hr", hr, f"/cycles/{CYCLE_ID}"),
            ("hr", hr, "/approvals"),
            ("hr", hr, "/time-off"),
            ("manager", manager, ""),
            ("manager", manager, "/team"),
            ("manager", manager, "/approvals"),
        ):
            times = _asked(f"http://127.0.0.1:{port}", key, f"/console{path}")
            shown = path.split("?")[0].replace(str(half.person_id), "...")
            shown = shown.replace(str(CYCLE_ID), "...") + ("?number=" if "?" in path else "")
            print(f"| `{shown or '/'}` | {who} | {times[len(times) // 2]:.0f} | {times[-1]:.0f} |")


def _asked(address: str, key: str, path: str) -> list[float]:
    """Milliseconds, in ascending order."""
    found: list[float] = []
    with httpx.Client(base_url=address, timeout=120) as http:
        token = http.post("/console/sign-in", data={"key": key}).cookies[COOKIE_HERE]
        http.cookies.clear()
        for number in range(ROUNDS + 1):
            began = time.perf_counter()
            answer = http.get(path, headers={"Cookie": f"{COOKIE_HERE}={token}"})
            assert answer.status_code == 200, (path, answer.status_code, answer.text[:400])
            if number:
                found.append((time.perf_counter() - began) * 1000)
    return sorted(found)


def main() -> None:
    """A company of as many as are asked for."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE
    with running() as server:
        asyncio.run(measured(server, people))


if __name__ == "__main__":
    main()
