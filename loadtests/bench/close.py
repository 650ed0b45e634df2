"""A cycle scored, locked and paid in bulk over HTTP, against COPYing the rows that this writes."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from api import auth
from domain.catalogue import EVENTS
from domain.cycle import CYCLE, AdvanceCycle
from loadtests.bench import plots
from loadtests.bench.company import CYCLE_ID, HR, Company, template
from loadtests.bench.http import serving
from loadtests.bench.rounds import Result, Run, alternating, figures, median, table, told, versions
from loadtests.bench.server import BUILD, Server, machine, running
from ops.client import Api
from ops.closing import Order, over_all, prepared
from ops.place import free_port
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import install
from projections.runner import Runner
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.records import Stamp
from tenancy.registry import Registry
from tenancy.store import Histories

NAME = "close"
QUICK_SIZES = (200, 2_000)
SIZES = (1_000, 10_000)
LARGE_SIZES = (*SIZES, 100_000)
STEPS = ("score", "lock", "pay")
VIEWS = ("planning", "scores", "pay_ledger", "directory")
TABLES = ("events", "streams", "commands")


def run(*, quick: bool, large: bool = False) -> Result:
    """Measure; the result as build/bench/close.json has it."""
    sizes = QUICK_SIZES if quick else LARGE_SIZES if large else SIZES
    before = machine()
    with running() as server:
        runs = alternating(
            {f"close_{size}": partial(closed, server, size) for size in sizes}, 2 if quick else 3
        )
        version = server.version
    found = figures(runs)
    ratios = {
        f"close_vs_copy_{size}": median([each.notes["vs_copy"] for each in runs[f"close_{size}"]])
        for size in sizes
    }
    growth = [
        small.rate / large.rate
        for small, large in zip(runs[f"close_{sizes[0]}"], runs[f"close_{sizes[-1]}"], strict=True)
    ]
    result = Result(
        benchmark=f"{NAME}-large" if large else NAME,
        quick=quick,
        machine=before,
        versions=versions("asyncpg", "msgspec", "granian", "litestar", postgresql=version),
        ratios={
            "close_vs_copy": ratios[f"close_vs_copy_{sizes[-1]}"],
            "close_growth": median(growth, 3),
            **ratios,
        },
        figures=found,
    )
    if not quick:
        points = {
            step: {size: found[f"close_{size}_{step}_ms_per_person"] for size in sizes}
            for step in (*STEPS, "copy")
        }
        plots.line(result.benchmark, "people", "ms a person", points)
    return told(result, _section(result, sizes) if not quick else "")


def _section(result: Result, sizes: tuple[int, ...]) -> str:
    found = result.figures
    rows: list[list[object]] = [
        [
            f"{size:,}",
            *(found[f"close_{size}_{step}_ms_per_person"] for step in (*STEPS, "copy")),
            f"{found[f'close_{size}_per_s']:,}",
            f"{result.ratios[f'close_vs_copy_{size}']:.1f}",
        ]
        for size in sizes
    ]
    header = ["people", *(f"{step}, ms a person" for step in STEPS)]
    header += ["COPY of the same rows", "people/s", "times COPY"]
    growth = (
        f"A person of the largest company costs **{result.ratios['close_growth']:.2f} times** one"
        " of the smallest."
    )
    drawn = f"![Milliseconds a person by size of the company](img/{result.benchmark}.svg)"
    return f"{table(header, rows)}\n\n{growth}\n\n{drawn}"


def closed(server: Server, people: int) -> Run:
    """Everything from data to payout lines, for so many people of a new tenant."""
    return asyncio.run(_closed(server, people))


async def _closed(server: Server, people: int) -> Run:
    await install(server.owner, PROJECTIONS)
    master = BUILD / "close-master.key"
    port = free_port("127.0.0.1")
    async with await Database.open(server.ours, size=4) as database:
        keyring = Keyring.open(database, MasterKey.from_file(master))
        registry = Registry(database)
        tenant_id = (await registry.create_tenant("bench")).tenant_id
        company = Company(tenant_id, people, await template(), server.owner)
        await company.write(keyring, "organised", "appraised", "agreed", "measured")
        keys = {
            role: await registry.issue_key(tenant_id, uuid4(), role, [role])
            for role in (auth.HR, auth.FINANCE)
        }
        settings = {
            "MERIT_DATABASE_URL": server.ours,
            "MERIT_MASTER_KEY_FILE": str(master),
            "MERIT_DATA_DIR": str(BUILD / "data"),
            "MERIT_PORT": str(port),
            "MERIT_WORKERS": "1",
        }
        with serving([sys.executable, "-m", "ops.cli", "serve"], port, settings):
            between = _Between(database, keyring, company)
            stop = asyncio.Event()
            following = asyncio.create_task(between.runner.run(stop))
            async with Api(f"http://127.0.0.1:{port}") as api:
                spent = await _timed(api, keys, between)
            stop.set()
            await following
        notes = {f"{step}_ms_per_person": 1000 * took / people for step, took in spent.items()}
        wrote = await _copied(server.owner, tenant_id, between.own)
    whole = sum(spent.values())
    notes |= {"copy_ms_per_person": 1000 * wrote / people, "vs_copy": whole / wrote}
    return Run(people / whole, notes=notes)


async def _timed(api: Api, keys: dict[str, str], between: "_Between") -> dict[str, float]:
    """How long each step took, in seconds."""

    def silent(_more: int, _total: int) -> None:
        """Nobody watches."""

    spent: dict[str, float] = {}
    for step in STEPS:
        await between.before(step)
        head = await between.head()
        began = time.perf_counter()
        if step == "pay":
            order = Order(cycle=CYCLE_ID, code="2025Q1-all")
            await prepared(api, keys[auth.FINANCE], order, silent)
        else:
            answer = await over_all(api, keys[auth.HR], CYCLE_ID, step, silent)
            if answer.refused:
                raise SystemExit(f"{step}: {answer.refused[0]}")
        spent[step] = time.perf_counter() - began
        between.own.append((head, await between.head()))
    return spent


class _Between:
    """What others do between the steps: views follow, people rate, the cycle goes on."""

    def __init__(self, database: Database, keyring: Keyring, company: Company) -> None:
        self._company = company
        self._keyring = keyring
        self._logs = TenantLogs(database, keyring, EVENTS)
        views = [each for each in PROJECTIONS if each.name in VIEWS]
        self.runner = Runner(database, self._logs, views)
        self._committer = Committer.of(database)
        self._histories = Histories(database, keyring, EVENTS, self._committer)
        self.own: list[tuple[int, int]] = []
        """Positions before and after what was measured."""

    async def head(self) -> int:
        return await (await self._logs.of(self._company.tenant_id)).head()

    async def before(self, step: str) -> None:
        """Everything up to where this step can begin."""
        if step == "lock":
            await self._company.write(self._keyring, "rated")
        stages: dict[str, tuple[Any, ...]] = {
            "score": ("rating",),
            "lock": ("comparison", "calibration"),
            "pay": ("locked", "paying"),
        }
        store = await self._histories.of(self._company.tenant_id)
        for stage in stages[step]:
            stamp = Stamp(now=datetime.now(UTC), actor=HR)
            await store.execute(CYCLE, CYCLE_ID, AdvanceCycle(to=stage), stamp)
        await self.runner.catch_up(self._company.tenant_id)
        if step == "pay":
            await self._committer.close()


ROWS = "SELECT * FROM merit.{} WHERE tenant_id = $1 AND position > $2 AND position <= $3"


async def _copied(owner: str, tenant_id: UUID, own: list[tuple[int, int]]) -> float:
    """Seconds that COPY takes for the same rows, into the same tables, for another tenant."""
    connection = await asyncpg.connect(owner, command_timeout=900)
    other = await connection.fetchval(
        "INSERT INTO merit.tenants (tenant_id, name) VALUES (gen_random_uuid(), 'copy')"
        " RETURNING tenant_id"
    )
    try:
        took = 0.0
        for name in TABLES:
            rows = [
                (other, *tuple(row)[1:])
                for before, after in own
                for row in await connection.fetch(ROWS.format(name), tenant_id, before, after)
            ]
            columns = [each["attname"] for each in await connection.fetch(COLUMNS, f"merit.{name}")]
            began = time.perf_counter()
            await connection.copy_records_to_table(
                name, schema_name="merit", records=rows, columns=columns, timeout=900
            )
            took += time.perf_counter() - began
        return took
    finally:
        await connection.close()


COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
