"""Durable appends a second: ours beside the raw limits and two event stores, on one server."""

import importlib.metadata
import statistics
import sys
from collections.abc import Mapping
from typing import Any

import psycopg

from loadtests.bench import plots, report
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
)
from loadtests.bench.ours import Run
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


def run(*, quick: bool) -> dict[str, Any]:
    """Measure in alternating rounds; the result as build/bench/append.json has it."""
    contenders = QUICK if quick else FULL
    rounds, seconds = (2, 1.5) if quick else (3, 4.0)
    before = machine()
    emmett_folder()  # not while anything is measured
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    with running() as server:
        for round_ in range(rounds):
            # Everybody once before anybody twice, and not always in the same order.
            for name in sorted(contenders, reverse=bool(round_ % 2)):
                runs[name].append(contenders[name](server, seconds))
                print(f"{name:>28}  {runs[name][-1].rate:>10,.0f}/s", file=sys.stderr, flush=True)
        version = server.version
    figures = _figures(runs)
    result = {
        "benchmark": NAME,
        "quick": quick,
        "machine": before,
        "versions": {
            "postgresql": version,
            "python": sys.version.split()[0],
            "asyncpg": importlib.metadata.version("asyncpg"),
            "eventsourcing": importlib.metadata.version("eventsourcing"),
            "psycopg": f"{psycopg.__version__} ({psycopg.pq.__impl__})",
            "emmett-postgresql": emmett_version(),
            "node": node_version(),
        },
        "ratios": _ratios(runs),
        "figures": figures,
    }
    report.write(result)
    if not quick:
        plots.appends(figures)
        report.update(NAME, _section(result))
    return result


def _figures(runs: Mapping[str, list[Run]]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, measured in runs.items():
        figures[f"{name}_per_s"] = round(statistics.median(each.rate for each in measured))
        for share in (50, 99):
            if len(measured[0].latencies_ms) > 1:
                value = statistics.median(each.percentile(share / 100) for each in measured)
                figures[f"{name}_p{share}_ms"] = round(value, 2)
    figures["append_128_p99_ms"] = figures["ours_128_p99_ms"]
    return figures


def _ratios(runs: Mapping[str, list[Run]]) -> dict[str, float]:
    """Medians of each round's own ratio: what slows one round down slows both sides."""

    def over(peer: str) -> float:
        pairs = zip(runs["ours_32"], runs[peer], strict=True)
        return round(statistics.median(mine.rate / theirs.rate for mine, theirs in pairs), 2)

    ratios = {
        "append_32_vs_single_row": over("single_row_32"),
        "append_32_vs_eventsourcing": over("eventsourcing_32"),
        "append_32_vs_emmett": over("emmett_32"),
        "append_32_vs_copy": over("copy"),
    }
    if "eventsourcing_functions_32" in runs:
        ratios["append_32_vs_eventsourcing_functions"] = over("eventsourcing_functions_32")
    return ratios


ROWS = (
    ("**ours, 1 tenant**", "ours_{}", (1, 8, 32, 128, 512)),
    ("**ours, 50 tenants**", "ours_{}_tenants_50", (1, 8, 32, 128, 512)),
    ("ours, each command with an idempotency key", "ours_keyed_{}", (32, 128)),
    ("ours, each command begins a stream (`ReceiveFeed`)", "ours_feed_{}", (32,)),
    ("limit: pgbench, one row per transaction", "single_row_{}", (1, 8, 32)),
    ("eventsourcing, default recorder", "eventsourcing_{}", (1, 8, 32)),
    ("eventsourcing, its insert function (unsafe)", "eventsourcing_functions_{}", (32,)),
    ("emmett-postgresql", "emmett_{}", (1, 8, 32)),
)
CLIENTS = (1, 8, 32, 128, 512)


def _section(result: Mapping[str, Any]) -> str:
    """The section of docs/performance.md."""
    figures, ratios, versions = result["figures"], result["ratios"], result["versions"]

    def cell(pattern: str, clients: int, measured: tuple[int, ...]) -> str:
        name = pattern.format(clients)
        if clients not in measured:
            return ""
        text = f"{figures[f'{name}_per_s']:,}"
        if f"{name}_p99_ms" in figures:
            text += f" ({figures[f'{name}_p50_ms']:g} / {figures[f'{name}_p99_ms']:g})"
        return text

    table = [
        "| | " + " | ".join(f"{clients} at once" for clients in CLIENTS) + " |",
        "|---" * (1 + len(CLIENTS)) + "|",
    ]
    for title, pattern, measured in ROWS:
        cells = (cell(pattern, clients, measured) for clients in CLIENTS)
        table.append(f"| {title} | " + " | ".join(cells) + " |")
    where = result["machine"]
    return "\n".join(
        [
            (
                "Events a second, and in brackets p50 / p99 of a command in milliseconds;"
                " medians of three alternating rounds on one server."
            ),
            "",
            *table,
            f"| limit: COPY, 10,000 rows per transaction | {figures['copy_per_s']:,} | | | | |",
            "",
            (
                "At 32 at once, the median of each round's own ratio:"
                f" **{ratios['append_32_vs_single_row']} times** single-row INSERT,"
                f" **{ratios['append_32_vs_eventsourcing']} times** the eventsourcing library's"
                " default recorder"
                f" ({ratios['append_32_vs_eventsourcing_functions']} times its insert function),"
                f" **{ratios['append_32_vs_emmett']} times** emmett-postgresql."
            ),
            "",
            f"![Appends a second by commands at once](img/{NAME}.svg)",
            "",
            f"Measured on {where['cores']} cores of {where['cpu']}, {where['memory_gb']} GB,"
            f" {where['system']}; load average before: {where['load_before']}. "
            + ", ".join(f"{name} {version}" for name, version in versions.items())
            + ". fsync, synchronous_commit and full_page_writes were on; clients and server shared"
            " the cores.",
        ]
    )
