"""Durable appends a second: ours beside the raw limits and two event stores, on one server."""

from collections.abc import Mapping
from functools import partial

from loadtests.bench import plots
from loadtests.bench.contenders import (
    Contender,
    copied,
    emmett,
    emmett_folder,
    emmett_version,
    library,
    node_version,
    ours,
    single_row,
    uma,
    uma_version,
)
from loadtests.bench.rounds import Result, alternating, figures, over, table, told, versions
from loadtests.bench.server import machine, running

NAME = "append"

QUICK: Mapping[str, Contender] = {
    "ours_1": ours(1),
    "ours_32": ours(32),
    "ours_128": ours(128),
    "single_row_1": single_row(1),
    "single_row_32": single_row(32),
    "copy": copied,
    "eventsourcing_32": library(32),
    "emmett_32": emmett(32),
    "umadb_32": uma(32),
}

FULL: Mapping[str, Contender] = {
    "ours_1": ours(1),
    "single_row_1": single_row(1),
    "eventsourcing_1": library(1),
    "emmett_1": emmett(1),
    "ours_8": ours(8),
    "single_row_8": single_row(8),
    "eventsourcing_8": library(8),
    "emmett_8": emmett(8),
    "ours_32": ours(32),
    "single_row_32": single_row(32),
    "eventsourcing_32": library(32),
    "emmett_32": emmett(32),
    "eventsourcing_functions_32": library(32, db_functions=True),
    "eventsourcing_together_32": library(32, db_functions=True, together=100),
    "umadb_1": uma(1),
    "umadb_8": uma(8),
    "umadb_32": uma(32),
    "umadb_128": uma(128),
    "ours_128": ours(128),
    "ours_512": ours(512),
    "ours_1_tenants_50": ours(1, tenants=50),
    "ours_8_tenants_50": ours(8, tenants=50),
    "ours_32_tenants_50": ours(32, tenants=50),
    "ours_128_tenants_50": ours(128, tenants=50),
    "ours_512_tenants_50": ours(512, tenants=50),
    "ours_keyed_32": ours(32, scenario="keyed"),
    "ours_keyed_128": ours(128, scenario="keyed"),
    "ours_feed_32": ours(32, scenario="feed"),
    "copy": copied,
}


def run(*, quick: bool) -> Result:
    """Measure in alternating rounds; the result as build/bench/append.json has it."""
    contenders = dict(QUICK if quick else FULL)
    if (umadb := uma_version()) is None:
        contenders = {name: each for name, each in contenders.items() if "umadb" not in name}
    rounds, seconds = (2, 1.5) if quick else (3, 4.0)
    before = machine()
    emmett_folder()  # not while anything is measured
    with running() as server:
        runs = alternating(
            {name: partial(each, server, seconds) for name, each in contenders.items()}, rounds
        )
        version = server.version
    found = figures(runs)
    found["append_128_p99_ms"] = found["ours_128_p99_ms"]
    result = Result(
        benchmark=NAME,
        quick=quick,
        machine=before,
        versions=versions(
            "asyncpg",
            "eventsourcing",
            "psycopg",
            "psycopg-binary",
            postgresql=version,
            emmett_postgresql=emmett_version(),
            node=node_version(),
            umadb=umadb or "does not run here",
        ),
        ratios={
            f"append_32_vs_{peer}": over(runs, "ours_32", f"{peer}_32" if here else peer)
            for peer, here in PEERS.items()
            if (f"{peer}_32" if here else peer) in runs
        },
        figures=found,
    )
    if not quick:
        plots.appends(found)
    return told(result, _section(result) if not quick else "")


PEERS = {
    "single_row": True,
    "eventsourcing": True,
    "eventsourcing_functions": True,
    "eventsourcing_together": True,
    "emmett": True,
    "umadb": True,
    "copy": False,
}
"""Whether it was measured at 32 at once."""

ROWS = (
    ("**ours, 1 tenant**", "ours_{}", (1, 8, 32, 128, 512)),
    ("**ours, 50 tenants**", "ours_{}_tenants_50", (1, 8, 32, 128, 512)),
    ("ours, each command with an idempotency key", "ours_keyed_{}", (32, 128)),
    ("ours, each command begins a stream (`ReceiveFeed`)", "ours_feed_{}", (32,)),
    ("limit: pgbench, one row per transaction", "single_row_{}", (1, 8, 32)),
    ("eventsourcing, default recorder", "eventsourcing_{}", (1, 8, 32)),
    ("eventsourcing, its insert function (unsafe)", "eventsourcing_functions_{}", (32,)),
    ("eventsourcing, 100 events a transaction", "eventsourcing_together_{}", (32,)),
    ("emmett-postgresql", "emmett_{}", (1, 8, 32)),
    ("UmaDB, with a condition", "umadb_{}", (1, 8, 32, 128)),
)
CLIENTS = (1, 8, 32, 128, 512)


def _section(result: Result) -> str:
    """The section of docs/performance.md."""
    figures, ratios = result.figures, result.ratios

    def cell(pattern: str, clients: int, measured: tuple[int, ...]) -> str:
        name = pattern.format(clients)
        if clients not in measured:
            return ""
        text = f"{figures[f'{name}_per_s']:,}"
        if f"{name}_p99_ms" in figures:
            text += f" ({figures[f'{name}_p50_ms']:g} / {figures[f'{name}_p99_ms']:g})"
        return text

    rows = [
        [title, *(cell(pattern, clients, measured) for clients in CLIENTS)]
        for title, pattern, measured in ROWS
        if f"{pattern.format(32)}_per_s" in figures
    ]
    rows.append(["limit: COPY, 10,000 rows per transaction", f"{figures['copy_per_s']:,}"])
    times = {
        "single_row": "single-row INSERT",
        "eventsourcing": "the eventsourcing library's default recorder",
        "eventsourcing_functions": "its insert function",
        "eventsourcing_together": "the same with 100 events in each transaction",
        "emmett": "emmett-postgresql",
        "umadb": "UmaDB with a condition",
    }
    compared = [
        f"**{ratios[f'append_32_vs_{peer}']} times** {name}"
        for peer, name in times.items()
        if f"append_32_vs_{peer}" in ratios
    ]
    return "\n\n".join(
        [
            (
                "Events a second, and in brackets p50 / p99 of a command in milliseconds;"
                " medians of three alternating rounds on one server."
            ),
            table(["", *(f"{clients} at once" for clients in CLIENTS)], rows),
            f"At 32 at once, the median of each round's own ratio: {', '.join(compared)}.",
            f"![Appends a second by commands at once](img/{NAME}.svg)",
        ]
    )
