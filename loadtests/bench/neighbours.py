"""One tenant floods, 49 work: what do the others notice?"""

import asyncio
import random
import time
from uuid import UUID

from domain.catalogue import EVENTS
from loadtests.bench import plots
from loadtests.bench.ours import TakenIn, till
from loadtests.bench.rounds import Result, Run, alternating, figures, median, table, told, versions
from loadtests.bench.server import Server, machine, running
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.registry import Registry
from tenancy.store import Histories

NAME = "neighbours"
NEIGHBOURS = 49
PAUSE_S = 0.1
"""Between two commands of a neighbour, on average."""
FLOOD = 256
"""Commands that the flooding tenant has under way all the time."""
TEXT = "x" * 150


def run(*, quick: bool) -> Result:
    """Measure in alternating rounds; the result as build/bench/neighbours.json has it."""
    rounds, seconds = (2, 3.0) if quick else (3, 8.0)
    before = machine()
    with running() as server:
        runs = alternating(
            {
                "quiet": lambda: working(server, seconds, flood=0),
                "flooded": lambda: working(server, seconds, flood=FLOOD),
            },
            rounds,
        )
        version = server.version
    pairs = list(zip(runs["flooded"], runs["quiet"], strict=True))
    found = figures(runs)
    result = Result(
        benchmark=NAME,
        quick=quick,
        machine=before,
        versions=versions("asyncpg", "msgspec", postgresql=version),
        ratios={
            f"neighbour_{share}_vs_quiet": median(
                [one.percentile(at) / other.percentile(at) for one, other in pairs]
            )
            for share, at in (("p50", 0.5), ("p99", 0.99))
        },
        figures=found,
    )
    if not quick:
        values = {
            f"{name}, {share}": found[f"{name}_{share}_ms"]
            for name in ("quiet", "flooded")
            for share in ("p50", "p99")
        }
        plots.bars(NAME, "ms a command of a neighbour", values)
    return told(result, _section(result) if not quick else "")


def _section(result: Result) -> str:
    found = result.figures
    rows = [
        [
            title,
            f"{found[f'{name}_per_s']:,}",
            found[f"{name}_p50_ms"],
            found[f"{name}_p99_ms"],
            f"{found[f'{name}_flood_per_s']:,.0f}",
        ]
        for name, title in (("quiet", "49 alone"), ("flooded", "beside one that floods"))
    ]
    header = ["", "their commands/s", "p50 ms", "p99 ms", "the flood's commands/s"]
    ratio = result.ratios["neighbour_p99_vs_quiet"]
    return (
        f"{table(header, rows)}\n\nTheir p99 is **{ratio:.1f} times** that of a quiet run.\n\n"
        f"![A neighbour's latency](img/{NAME}.svg)"
    )


def working(server: Server, seconds: float, *, flood: int) -> Run:
    """Every neighbour has one command at a time; the flood has `flood` of them."""
    return asyncio.run(_working(server, seconds, flood))


async def _working(server: Server, seconds: float, flood: int) -> Run:
    async with await Database.open(server.ours, size=8) as database:
        registry = Registry(database)
        committer = Committer.of(database)
        keyring = Keyring.open(database, MasterKey.generate())
        histories = Histories(database, keyring, [*EVENTS, TakenIn], committer)

        async def tenant() -> UUID:
            return (await registry.create_tenant("bench")).tenant_id

        latencies: list[float] = []
        flooded, stop = 0, False

        async def neighbour() -> None:
            once = till(await histories.of(await tenant()), TEXT, keyed=True)
            while not stop:
                await asyncio.sleep(random.expovariate(1 / PAUSE_S))
                began = time.perf_counter()
                await once()
                latencies.append(1000 * (time.perf_counter() - began))

        flooding = await histories.of(await tenant())

        async def flooder() -> None:
            nonlocal flooded
            once = till(flooding, TEXT, keyed=True)
            while not stop:
                await once()
                flooded += 1

        works = [neighbour() for _ in range(NEIGHBOURS)] + [flooder() for _ in range(flood)]
        tasks = [asyncio.ensure_future(work) for work in works]
        await asyncio.sleep(1.5)
        latencies.clear()
        flooded, began = 0, time.perf_counter()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - began
        counted, by_flood = sorted(latencies), flooded / took
        stop = True
        await asyncio.gather(*tasks)
        await committer.close()
    return Run(len(counted) / took, counted, {"flood_per_s": by_flood})
