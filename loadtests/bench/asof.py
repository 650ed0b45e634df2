"""The past, asked for: one person, and a whole company, as they were known at some moment."""

import asyncio
import random
import time
from functools import partial
from uuid import UUID

from domain.catalogue import EVENTS
from loadtests.bench import plots
from loadtests.bench.company import CYCLE_ID, STAGES, Company, template
from loadtests.bench.rounds import Result, Run, alternating, figures, table, told, versions
from loadtests.bench.server import BUILD, Server, machine, running
from projections import scores
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.keeping import EVERY_EVENTS, Keeping
from projections.kernel import install
from projections.past import Twins
from projections.questions import LIMIT_MAX
from projections.runner import Runner
from projections.snapshots import Snapshots
from projections.views import Views
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.registry import Registry

NAME = "asof"
PEOPLE = {True: 1_000, False: 50_000}
"""Of a company with 20 events each: a quick history has 20,000 of them, a long one a million."""
ASKED = {True: 500, False: 10_000}
"""People whose results a question for the company answers."""
PERSONS = {True: 20, False: 60}
MASTER = "asof-master.key"


def run(*, quick: bool) -> Result:
    """Measure in alternating rounds; the result as build/bench/asof.json has it."""
    before = machine()
    with running() as server:
        tenant_id, events = asyncio.run(written(server, PEOPLE[quick]))
        runs = alternating(
            {
                "person": partial(persons, server, tenant_id, PERSONS[quick]),
                "company": partial(company, server, tenant_id, ASKED[quick]),
            },
            1 if quick else 3,
        )
        version = server.version
    found = {"events": events, "asked": ASKED[quick], **figures(runs)}
    found["company_10000_p99_ms"] = found["company_p99_ms"]
    result = Result(
        benchmark=NAME,
        quick=quick,
        machine=before,
        versions=versions("asyncpg", "msgspec", postgresql=version),
        ratios={},
        figures=found,
    )
    if not quick:
        names = ("person_p50_ms", "person_p99_ms", "company_p50_ms", "company_p99_ms")
        plots.bars(NAME, "ms", {name.replace("_", " "): found[name] for name in names})
    return told(result, _section(result) if not quick else "")


def _section(result: Result) -> str:
    found = result.figures
    rows = [
        ["one person's appraisal", found["person_p50_ms"], found["person_p99_ms"]],
        [
            f"the appraisals of {found['asked']:,} people",
            found["company_p50_ms"],
            found["company_p99_ms"],
        ],
    ]
    header = [f"known at some moment of {found['events']:,} events", "p50 ms", "p99 ms"]
    return f"{table(header, rows)}\n\n![Latency of questions about the past](img/{NAME}.svg)"


async def written(server: Server, people: int) -> tuple[UUID, int]:
    """A tenant with such a company, and how long its history is."""
    await install(server.owner, PROJECTIONS)
    async with await Database.open(server.ours, size=4) as database:
        keyring = Keyring.open(database, MasterKey.from_file(BUILD / MASTER))
        tenant_id = (await Registry(database).create_tenant("bench")).tenant_id
        made = Company(tenant_id, people, await template(), server.owner)
        events = await made.write(keyring, *STAGES)
        logs = TenantLogs(database, keyring, EVENTS)
        views = [each for each in PROJECTIONS if each.name == scores.NAME]
        await Runner(database, logs, views).catch_up(tenant_id)
        # As a worker makes them while the log grows.
        keeping = Keeping(logs, Snapshots(database, keyring), views)
        for position in range(EVERY_EVENTS, events + 1, EVERY_EVENTS):
            await keeping.advance(tenant_id, position)
    return tenant_id, events


def persons(server: Server, tenant_id: UUID, count: int) -> Run:
    """One person after the other, each at another moment."""
    return asyncio.run(_asked(server, tenant_id, count, 1))


def company(server: Server, tenant_id: UUID, people: int) -> Run:
    """A whole company, three times, each at another moment; nothing is remembered of before."""
    return asyncio.run(_asked(server, tenant_id, 3, people))


async def _asked(server: Server, tenant_id: UUID, count: int, people: int) -> Run:
    dice = random.Random(7)
    latencies = []
    async with await Database.open(server.ours, size=4) as database:
        keyring = Keyring.open(database, MasterKey.from_file(BUILD / MASTER))
        kept = Snapshots(database, keyring)
        views = await Views.open(database, TenantLogs(database, keyring, EVENTS), kept)
        async with views.of(tenant_id) as live:
            every = await scores.appraisal_ids(live, CYCLE_ID)
        head = await views.reached(tenant_id)
        for _ in range(count):
            position = dice.randrange(head // 2, head)
            began = time.perf_counter()
            moment = await views.moment(tenant_id, position=position)
            async with views.then(tenant_id, moment) as past:
                if people == 1:
                    await scores.appraisal(past, dice.choice(every))
                else:
                    cursor, told = None, 0
                    while told < people:
                        page = await scores.appraisals(
                            past, cycle_id=CYCLE_ID, limit=LIMIT_MAX, cursor=cursor
                        )
                        told += len(page.items)
                        cursor = page.next
                        if cursor is None:
                            break
            latencies.append(1000 * (time.perf_counter() - began))
            if people > 1:
                views.twins = Twins(kept)
    return Run(1000 * count / sum(latencies), sorted(latencies))
