"""Reading a whole history again: into the states of streams, and into whole views."""

import resource
import sys
from functools import partial
from uuid import UUID

import msgspec

from loadtests.bench import plots
from loadtests.bench.contenders import library_environ, said
from loadtests.bench.rounds import (
    Result,
    Run,
    alternating,
    figures,
    median,
    over,
    table,
    told,
    versions,
)
from loadtests.bench.server import BUILD, Server, machine, running

NAME = "replay"
PEER_EVENTS = 100_000
QUICK_SIZES = (10_000, 100_000)
SIZES = (10_000, 100_000, 1_000_000)
LARGE_SIZES = (*SIZES, 10_000_000)
"""Of histories whose events are those of the append benchmark, about 300 bytes each."""
REBUILT = {True: 2_000, False: 20_000}
"""People whose quarter makes the views that are rebuilt; 20 events each."""


class Written(msgspec.Struct, frozen=True):
    """A history that waits to be read."""

    tenant_id: UUID
    events: int
    master: str
    views_per_cpu_s: int = 0
    """Events that its views took in, all of them for the first time, of one core."""


def run(*, quick: bool, large: bool = False) -> Result:
    """Measure in alternating rounds; the result as build/bench/replay.json has it."""
    sizes = QUICK_SIZES if quick else LARGE_SIZES if large else SIZES
    before = machine()
    with running() as server:
        histories = {size: _written(server, "till", size) for size in sizes}
        company = _written(server, "company", REBUILT[quick])
        peer = library_environ(server)
        said([*_peer("--write", str(PEER_EVENTS))], peer)
        runs = alternating(
            {
                **{f"replay_{size}": partial(_read, server, histories[size]) for size in sizes},
                "eventsourcing": lambda: _run(_peer("--read", str(PEER_EVENTS)), peer),
                "quarter": partial(_read, server, company),
                "rebuild": partial(_rebuilt, server, company),
            },
            2 if quick else 3,
        )
        version = server.version
    found = figures(runs)
    costs = {size: [1e6 / each.rate for each in runs[f"replay_{size}"]] for size in sizes}
    growth = [
        largest / smallest
        for largest, smallest in zip(costs[sizes[-1]], costs[sizes[0]], strict=True)
    ]
    found["rebuild_events_per_s"] = found["rebuild_per_s"]
    found["views_per_cpu_s"] = company.views_per_cpu_s
    for size in sizes:
        found[f"replay_{size}_us_per_event"] = median(costs[size])
    result = Result(
        benchmark=f"{NAME}-large" if large else NAME,
        quick=quick,
        machine=before,
        versions=versions("asyncpg", "eventsourcing", "psycopg", "msgspec", postgresql=version),
        ratios={
            "replay_vs_eventsourcing": over(runs, f"replay_{PEER_EVENTS}", "eventsourcing"),
            "replay_cost_growth": median(growth, 3),
        },
        figures=found,
    )
    if not quick:
        points = {size: found[f"replay_{size}_us_per_event"] for size in sizes}
        plots.line(result.benchmark, "events in the history", "us an event", {"replay": points})
    return told(result, _section(result, sizes) if not quick else "")


def _section(result: Result, sizes: tuple[int, ...]) -> str:
    found = result.figures
    rows: list[list[object]] = [
        [
            f"ours, {size:,} events",
            f"{found[f'replay_{size}_per_s']:,}",
            found[f"replay_{size}_us_per_event"],
            found[f"replay_{size}_memory_mb"],
        ]
        for size in sizes
    ]
    for name, title in (
        ("quarter", "ours, a company's quarter, with every explanation"),
        (
            "rebuild",
            "ours, the views of scores and pay rebuilt from it, each compared and switched",
        ),
        ("eventsourcing", f"eventsourcing, {PEER_EVENTS:,} events: select_notifications, mapper"),
    ):
        rate = found[f"{name}_per_s"]
        rows.append([title, f"{rate:,}", round(1e6 / rate, 2), found[f"{name}_memory_mb"]])
    ratios = (
        f"Replay is **{result.ratios['replay_vs_eventsourcing']:.1f} times** eventsourcing's."
        " An event of the largest history costs"
        f" **{result.ratios['replay_cost_growth']:.2f} times** one of the smallest."
    )
    drawn = f"![Microseconds an event by length of the history](img/{result.benchmark}.svg)"
    header = ["", "events/s", "us an event", "memory of the process, MB"]
    return f"{table(header, rows)}\n\n{ratios}\n\n{drawn}"


# -- each in a process of its own, so that its memory is its own


def _ours(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "loadtests.bench.replaying", *arguments]


def _peer(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "loadtests.bench.peers.library_replay", *arguments]


def _written(server: Server, kind: str, size: int) -> Written:
    master = str(BUILD / "replay-master.key")
    text = said(_ours("write", server.ours, server.owner, master, kind, str(size)))
    return msgspec.json.decode(text, type=Written)


def _read(server: Server, history: Written) -> Run:
    return _run(_ours("read", server.ours, history.master, str(history.tenant_id)))


def _rebuilt(server: Server, history: Written) -> Run:
    return _run(_ours("rebuild", server.ours, history.master, str(history.tenant_id)))


def _run(command: list[str], environ: dict[str, str] | None = None) -> Run:
    return msgspec.json.decode(said(command, environ), type=Run)


def memory_mb() -> float:
    """The most that this process has had in memory."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
