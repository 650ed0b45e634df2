"""What a service of many companies would need, computed from what was measured here.

`python -m loadtests.model` reads build/bench/*.json and writes the tables and plots of
docs/scale.md. A figure that was not measured on this machine is not made up: it comes from the
committed results in docs/scale-inputs.toml, and the document says which they are.
"""

import math
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from loadtests.bench import plots, report
from loadtests.bench.rounds import table
from loadtests.bench.server import BUILD

INPUTS = Path("docs/scale-inputs.toml")
DOCUMENT = Path("docs/scale.md")
SECONDS_PER_MONTH = 30 * 24 * 3600


class Assumed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no benchmark can tell; docs/scale-inputs.toml says why."""

    people_per_company: int
    events_per_person_month: float
    peak_over_mean: float
    """Of the busiest hour of a month end."""
    reads_per_command: float
    bytes_per_event: int
    """On disk, with its indexes and its part of streams and commands."""
    view_bytes_per_person: int
    replicas: int
    """Copies of everything, the primary among them."""
    headroom: float
    """Share of its capacity that a node may use at peak."""
    cores_per_node: int
    node_per_month: float
    disk_gb_per_month: float
    disk_gb_per_node_max: int
    """More would take too long to copy to a new standby."""


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one machine with `cores` cores, client and server sharing them."""

    cores: int
    appends_per_s: float
    """Durable, of fifty tenants, 128 at once."""
    requests_per_s_per_worker: float
    """Commands over HTTP, of one worker."""
    views_per_cpu_s: float
    """Events that a worker folds into all views, of one core."""
    replay_us_per_event: float


class Needed(msgspec.Struct, frozen=True, kw_only=True):
    """For so many companies."""

    companies: int
    events_per_month: float
    events_per_s_mean: float
    events_per_s_peak: float
    requests_per_s_peak: float
    storage_gb_per_month: float
    """Of one copy."""
    database_nodes: int
    api_cores: int
    worker_cores: int
    cost_per_month: float
    """After a year of history."""
    cost_per_person: float
    first_limit: str


def needed(companies: int, assumed: Assumed, measured: Measured) -> Needed:
    """What so many companies need; every line of it can be followed with a pencil."""
    people = companies * assumed.people_per_company
    events = people * assumed.events_per_person_month
    mean = events / SECONDS_PER_MONTH
    peak = mean * assumed.peak_over_mean
    requests = peak * (1 + assumed.reads_per_command)
    gb_a_month = events * assumed.bytes_per_event / 1e9
    after_a_year = 12 * gb_a_month + people * assumed.view_bytes_per_person / 1e9
    # Half of a machine wrote what was measured: the client had the other half.
    writes_per_core = measured.appends_per_s / (measured.cores / 2)
    views_per_core = measured.views_per_cpu_s
    for_writing = peak / (writes_per_core * assumed.headroom)
    for_disk = after_a_year / assumed.disk_gb_per_node_max
    shards = max(1, math.ceil(max(for_writing / assumed.cores_per_node, for_disk)))
    api = math.ceil(requests / (measured.requests_per_s_per_worker * assumed.headroom))
    workers = math.ceil(peak / (views_per_core * assumed.headroom))
    database = shards * assumed.replicas
    stateless = math.ceil((api + workers) / assumed.cores_per_node)
    cost = (
        database + stateless
    ) * assumed.node_per_month + after_a_year * assumed.replicas * assumed.disk_gb_per_month
    limits = {
        "disk of one primary": for_disk,
        "writes of one primary": for_writing / assumed.cores_per_node,
        "views: workers of one node": workers / assumed.cores_per_node,
        "API workers of one node": api / assumed.cores_per_node,
    }
    first, share = max(limits.items(), key=lambda item: item[1])
    return Needed(
        companies=companies,
        events_per_month=events,
        events_per_s_mean=mean,
        events_per_s_peak=peak,
        requests_per_s_peak=requests,
        storage_gb_per_month=gb_a_month,
        database_nodes=database,
        api_cores=api,
        worker_cores=workers,
        cost_per_month=cost,
        cost_per_person=cost / people,
        first_limit=f"{first} ({share:.0%})",
    )


def measured_here(fallback: Mapping[str, Any]) -> tuple[Measured, list[str]]:
    """From build/bench where it is, else as committed; and which ones were committed."""
    found = dict(fallback)
    committed = set(found)

    def take(name: str, bench: str, figure: str, scale: float = 1.0) -> None:
        path = BUILD / f"{bench}.json"
        if path.exists() and figure in (
            figures := msgspec.json.decode(path.read_bytes())["figures"]
        ):
            found[name] = figures[figure] * scale
            committed.discard(name)

    take("appends_per_s", "append", "ours_128_tenants_50_per_s")
    take("requests_per_s_per_worker", "http", "command_64_per_s")
    take("views_per_cpu_s", "replay", "views_per_cpu_s")
    take("replay_us_per_event", "replay", "replay_1000000_us_per_event")
    return msgspec.convert(found, Measured), sorted(committed - {"cores"})


SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)


def main() -> None:
    """Write the tables and plots of docs/scale.md."""
    inputs = tomllib.loads(INPUTS.read_text(encoding="utf-8"))
    assumed = msgspec.convert(inputs["assumed"], Assumed)
    measured, committed = measured_here(inputs["measured"])
    every = [needed(companies, assumed, measured) for companies in SIZES]
    report.update("model", tables(every, assumed, measured, committed), DOCUMENT)
    plots.logarithmic(
        "scale",
        "companies",
        "",
        {
            "events/s at peak": {each.companies: each.events_per_s_peak for each in every},
            "GB a month": {each.companies: each.storage_gb_per_month for each in every},
            "database nodes": {each.companies: each.database_nodes for each in every},
            "API cores": {each.companies: each.api_cores for each in every},
            "worker cores": {each.companies: each.worker_cores for each in every},
        },
    )
    plots.logarithmic(
        "scale-cost",
        "companies",
        "cost of a person in a month",
        {"cost": {each.companies: each.cost_per_person for each in every}},
    )
    print(f"wrote {DOCUMENT}", file=sys.stderr)


def tables(every: list[Needed], assumed: Assumed, measured: Measured, committed: list[str]) -> str:
    """The tables of the document."""
    rows: list[list[object]] = [
        [
            f"{each.companies:,}",
            f"{each.companies * assumed.people_per_company:,}",
            f"{each.events_per_month / 1e6:,.0f} M",
            f"{each.events_per_s_mean:,.0f} / {each.events_per_s_peak:,.0f}",
            f"{each.requests_per_s_peak:,.0f}",
            f"{each.storage_gb_per_month:,.0f}",
            each.database_nodes,
            each.api_cores,
            each.worker_cores,
            f"{each.cost_per_month:,.0f}",
            f"{each.cost_per_person:.3f}",
            each.first_limit,
        ]
        for each in every
    ]
    header = [
        "companies",
        "people",
        "events a month",
        "events/s mean / peak",
        "requests/s peak",
        "GB a month",
        "database nodes",
        "API cores",
        "worker cores",
        "cost a month",
        "cost a person",
        "first limit (share of one node)",
    ]
    given = [[name, value] for name, value in msgspec.structs.asdict(measured).items()]
    note = (
        "All measured on this machine."
        if not committed
        else f"Not measured in this run, but as committed: {', '.join(committed)}."
    )
    return f"{table(header, rows)}\n\n{table(['measured', 'value'], given)}\n\n{note}"


if __name__ == "__main__":
    main()
