"""From commit to view: how old is what a question sees, while events keep coming."""

import asyncio
import itertools
import secrets
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from functools import partial
from uuid import uuid4

from domain.catalogue import EVENTS
from domain.feeds import FEED, ReceiveFeed
from domain.ids import feed_id
from loadtests.bench import plots
from loadtests.bench.contenders import ROOT
from loadtests.bench.rounds import Result, Run, alternating, figures, table, told, versions
from loadtests.bench.server import BUILD, Server, machine, running
from projections import planning
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import install
from projections.views import Views
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.records import Stamp
from tenancy.registry import Registry
from tenancy.store import Histories, Store

NAME = "freshness"
RATES = (500, 2_000, 5_000)
TENANTS = 20
TOGETHER = 10
"""Events that come at once: arrivals are bursts, not a metronome."""
SAMPLED = 20
"""Of so many bursts one is followed to its view."""
BEHIND_S_MAX = 10.0
VIEWS = (planning.NAME, "audit_trail")


def run(*, quick: bool) -> Result:
    """Measure in alternating rounds; the result as build/bench/freshness.json has it."""
    rounds, seconds = (1, 4.0) if quick else (3, 10.0)
    before = machine()
    with running() as server:
        runs = alternating(
            {f"at_{rate}": partial(fresh, server, rate, seconds) for rate in RATES},
            rounds,
        )
        version = server.version
    found = figures(runs)
    found["commit_to_view_p99_ms"] = found[f"at_{RATES[-1]}_p99_ms"]
    result = Result(
        benchmark=NAME,
        quick=quick,
        machine=before,
        versions=versions("asyncpg", "msgspec", postgresql=version),
        ratios={f"reached_{rate}": round(found[f"at_{rate}_per_s"] / rate, 2) for rate in RATES},
        figures=found,
    )
    if not quick:
        plots.line(
            NAME,
            "events a second",
            "ms from commit to view",
            {
                share: {rate: found[f"at_{rate}_{share}_ms"] for rate in RATES}
                for share in ("p50", "p99")
            },
        )
    return told(result, _section(result) if not quick else "")


def _section(result: Result) -> str:
    found = result.figures
    rows = [
        [
            f"{rate:,}",
            f"{found[f'at_{rate}_per_s']:,}",
            found[f"at_{rate}_p50_ms"],
            found[f"at_{rate}_p99_ms"],
        ]
        for rate in RATES
    ]
    header = ["events/s asked for", "reached", "p50 ms", "p99 ms"]
    drawn = f"![Milliseconds from commit to view by events a second](img/{NAME}.svg)"
    return f"{table(header, rows)}\n\n{drawn}"


def fresh(server: Server, rate: int, seconds: float) -> Run:
    """Feeds arrive at this rate over all tenants; a worker of its own keeps every view."""
    master = BUILD / "fresh-master.key"
    MasterKey.from_file(master)
    asyncio.run(install(server.owner, PROJECTIONS))
    command = [sys.executable, "-m", "loadtests.bench.following", server.ours, str(master)]
    with subprocess.Popen(command, cwd=ROOT) as worker:
        try:
            return asyncio.run(_measured(server, MasterKey.from_file(master), rate, seconds))
        finally:
            worker.terminate()


async def _measured(server: Server, master: MasterKey, rate: int, seconds: float) -> Run:
    async with await Database.open(server.ours, size=8) as database:
        keyring = Keyring.open(database, master)
        registry = Registry(database)
        committer = Committer.of(database)
        histories = Histories(database, keyring, EVENTS, committer)
        views = await Views.open(database, TenantLogs(database, keyring, EVENTS))
        tenants = [(await registry.create_tenant("bench")).tenant_id for _ in range(TENANTS)]
        stores = itertools.cycle([await histories.of(each) for each in tenants])
        latencies: list[float] = []
        tasks: set[asyncio.Task[None]] = set()
        done = 0

        async def burst(store: Store, *, sampled: bool, counted: bool) -> None:
            nonlocal done
            receipts = await asyncio.gather(*(_feed(store) for _ in range(TOGETHER)))
            done += TOGETHER if counted else 0
            if sampled and counted:
                began = time.perf_counter()
                position = max(receipts)
                if not await views.wait_for(store.tenant_id, VIEWS, position, BEHIND_S_MAX):
                    raise SystemExit(f"views are more than {BEHIND_S_MAX} s behind")
                latencies.append(1000 * (time.perf_counter() - began))

        async def bursts(during_s: float, *, counted: bool) -> None:
            began = time.perf_counter()
            for number in itertools.count():
                due = began + number * TOGETHER / rate
                if due > began + during_s:
                    return
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sampled = number % SAMPLED == 0
                task = asyncio.create_task(burst(next(stores), sampled=sampled, counted=counted))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        await bursts(1.5, counted=False)
        began = time.perf_counter()
        await bursts(seconds, counted=True)
        reached = done / (time.perf_counter() - began)
        await asyncio.gather(*tasks)
        await committer.close()
    return Run(reached, sorted(latencies))


_NUMBERS = itertools.count()
_SOURCE = secrets.token_hex(8)


async def _feed(store: Store) -> int:
    name = f"feed-{next(_NUMBERS)}"
    command = ReceiveFeed(
        source=_SOURCE,
        name=name,
        checksum=f"sha256:{secrets.token_hex(32)}",
        rows=10,
        as_of=date(2025, 3, 31),
    )
    stamp = Stamp(now=datetime.now(UTC), actor=uuid4())
    receipt = await store.execute(FEED, feed_id(_SOURCE, name), command, stamp)
    return receipt.position
