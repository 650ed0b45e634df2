"""Our side of the replay benchmark: writes histories in bulk, reads them, rebuilds views of them.

Run as `python -m loadtests.bench.replaying write|read|rebuild ...`; prints one line of JSON.
"""

import argparse
import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from domain.catalogue import EVENTS
from loadtests.bench.company import HEAD, SEALED, SET_HEAD, STAGES, STREAMS, Company, template
from loadtests.bench.ours import TILL, TakenIn
from loadtests.bench.replay import Written, memory_mb
from loadtests.bench.rounds import Run
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import install
from projections.rebuild import rebuild
from projections.runner import Runner
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.mapper import Mapper
from tenancy.records import Metadata
from tenancy.registry import Registry

CATALOGUE: tuple[type[Any], ...] = (*EVENTS, TakenIn)
EVENTS_PER_STREAM = 100
ROWS_AT_ONCE = 20_000
TEXT = "x" * 150
VIEWS = ("scores", "pay_ledger")


async def write(url: str, owner: str, master: Path, kind: str, size: int) -> Written:
    """A new tenant with so many events of a till, or with so many people."""
    async with await Database.open(url, size=4) as database:
        keyring = Keyring.open(database, MasterKey.from_file(master))
        tenant = await Registry(database).create_tenant("bench")
        views_per_cpu_s = 0.0
        if kind == "till":
            count = await _tills(keyring, tenant.tenant_id, owner, size)
        else:
            await install(owner, PROJECTIONS)
            company = Company(tenant.tenant_id, size, await template(), owner)
            count = await company.write(keyring, *STAGES)
            logs = TenantLogs(database, keyring, CATALOGUE)
            began = time.process_time()
            await Runner(database, logs, PROJECTIONS).catch_up(tenant.tenant_id)
            views_per_cpu_s = count / (time.process_time() - began)
    return Written(tenant.tenant_id, count, str(master), round(views_per_cpu_s))


async def _tills(keyring: Keyring, tenant_id: UUID, owner: str, size: int) -> int:
    keys = await keyring.of(tenant_id)
    mapper = Mapper(tenant_id, keys, CATALOGUE)
    connection = await asyncpg.connect(owner, command_timeout=900)
    actor, now = uuid4(), datetime.now(UTC)
    streams = [uuid4() for _ in range(max(1, size // EVENTS_PER_STREAM))]
    try:
        for begin in range(0, size, ROWS_AT_ONCE):
            await keys.sealing(ROWS_AT_ONCE)
            rows = []
            for position in range(begin + 1, min(begin + ROWS_AT_ONCE, size) + 1):
                stream_id = streams[position % len(streams)]
                version = 1 + (position - 1) // len(streams)
                event = TakenIn(amount=1, balance=version, text=TEXT)
                metadata = Metadata(event_id=uuid4(), actor=actor)
                row = mapper.seal(stream_id, version, event, metadata, now)
                rows.append((tenant_id, position, *(getattr(row, name) for name in SEALED)))
            await connection.copy_records_to_table(
                "events",
                schema_name="merit",
                records=rows,
                columns=["tenant_id", "position", *SEALED],
                timeout=900,
            )
        async with connection.transaction():
            await connection.execute(STREAMS, tenant_id, 0)
            await connection.execute(SET_HEAD, tenant_id, size)
        await connection.execute("VACUUM ANALYZE merit.events", timeout=900)
        return int(await connection.fetchval(HEAD, tenant_id))
    finally:
        await connection.close()


async def read(url: str, master: Path, tenant_id: UUID) -> Run:
    """Fetch, open, decode and fold the whole log; the states of all streams are kept."""
    async with await Database.open(url, size=4) as database:
        keyring = Keyring.open(database, MasterKey.from_file(master))
        history = await TenantLogs(database, keyring, CATALOGUE).of(tenant_id)
        states: dict[UUID, Any] = {}
        evolve = TILL.evolve
        count = 0
        began = time.perf_counter()
        async for batch in history.batches(0):
            count += len(batch)
            for recorded in batch:
                stream_id = recorded.stream_id
                if recorded.topic == TakenIn.TOPIC:
                    states[stream_id] = evolve(states.get(stream_id, TILL.initial), recorded)
        took = time.perf_counter() - began
    return Run(count / took, notes={"memory_mb": memory_mb(), "streams": len(states)})


async def rebuilt(url: str, master: Path, tenant_id: UUID) -> Run:
    """Rebuild the views beside those that serve, compare them, and switch."""
    async with await Database.open(url, size=4) as database:
        keyring = Keyring.open(database, MasterKey.from_file(master))
        logs = TenantLogs(database, keyring, CATALOGUE)
        events = await (await logs.of(tenant_id)).head()
        cpu, began = time.process_time(), time.perf_counter()
        for projection in PROJECTIONS:
            if projection.name in VIEWS:
                report = await rebuild(database, logs, projection, tenant_id)
                if not report.switched:
                    raise SystemExit(f"{projection.key} was not what its history says")
        took, spent = time.perf_counter() - began, time.process_time() - cpu
    # Each event is read by both views; it counts once.
    notes = {"memory_mb": memory_mb(), "events_per_cpu_s": round(events / spent)}
    return Run(events / took, notes=notes)


def main() -> None:
    """Do one of them, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["write", "read", "rebuild"])
    parser.add_argument("url")
    parser.add_argument("rest", nargs="*")
    asked = parser.parse_args()
    work: Coroutine[Any, Any, Written | Run]
    if asked.what == "write":
        owner, master, kind, size = asked.rest
        work = write(asked.url, owner, Path(master), kind, int(size))
    else:
        how = read if asked.what == "read" else rebuilt
        work = how(asked.url, Path(asked.rest[0]), UUID(asked.rest[1]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(msgspec.json.encode(runner.run(work)).decode())


if __name__ == "__main__":
    main()
