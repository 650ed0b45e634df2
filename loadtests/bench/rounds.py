"""Alternating rounds, medians, and ratios of one round each; what every benchmark has in common."""

import importlib.metadata
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from loadtests.bench import report
from loadtests.bench.server import machine


class Run(msgspec.Struct, frozen=True):
    """One measurement: operations a second, and the latencies of each, sorted, in ms."""

    rate: float
    latencies_ms: list[float] = []
    notes: dict[str, float] = {}
    """What else was measured."""

    def percentile(self, share: float) -> float:
        """The latency that this share of operations did not exceed."""
        last = len(self.latencies_ms) - 1
        return self.latencies_ms[round(share * last)]


Runs = Mapping[str, Sequence[Run]]


def alternating(contenders: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Everybody once before anybody twice, and not always in the same order."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for round_ in range(rounds):
        for name in sorted(contenders, reverse=bool(round_ % 2)):
            runs[name].append(contenders[name]())
            say(name, runs[name][-1].rate)
    return runs


def say(name: str, rate: float, unit: str = "/s") -> None:
    """A line of progress."""
    print(f"{name:>32}  {rate:>12,.1f}{unit}", file=sys.stderr, flush=True)


def over(runs: Runs, mine: str, peer: str) -> float:
    """The median of each round's own ratio: what slows one round down slows both sides."""
    pairs = zip(runs[mine], runs[peer], strict=True)
    return round(statistics.median(one.rate / other.rate for one, other in pairs), 3)


def median(values: Sequence[float], digits: int = 2) -> float:
    """The median, rounded."""
    return round(statistics.median(values), digits)


def figures(runs: Runs) -> dict[str, float]:
    """Medians of the rates and latencies."""
    found: dict[str, float] = {}
    for name, measured in runs.items():
        found[f"{name}_per_s"] = round(statistics.median(each.rate for each in measured))
        for share in (50, 99):
            if len(measured[0].latencies_ms) > 1:
                found[f"{name}_p{share}_ms"] = median(
                    [each.percentile(share / 100) for each in measured]
                )
        for note in measured[0].notes:
            found[f"{name}_{note}"] = median([each.notes[note] for each in measured], 3)
    return found


def versions(*packages: str, **others: str) -> dict[str, str]:
    """Of Python, of these packages of our environment, and of what else took part."""
    return {
        **others,
        "python": sys.version.split()[0],
        **{package: importlib.metadata.version(package) for package in packages},
    }


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a benchmark found, as build/bench/NAME.json has it."""

    benchmark: str
    quick: bool
    machine: dict[str, Any] = msgspec.field(default_factory=machine)
    versions: dict[str, str]
    ratios: dict[str, float]
    figures: dict[str, Any]


def told(result: Result, section: str) -> Result:
    """Keep the result; where it was not a quick one, put its section into the document."""
    report.write(result.benchmark, msgspec.json.encode(result))
    if not result.quick:
        where = result.machine
        measured = (
            f"Measured on {where['cores']} cores of {where['cpu']}, {where['memory_gb']} GB,"
            f" {where['system']}; load average before: {where['load_before']}. "
            + ", ".join(f"{name} {version}" for name, version in result.versions.items())
            + ". fsync, synchronous_commit and full_page_writes were on; clients and server"
            " shared the cores."
        )
        report.update(result.benchmark, f"{section}\n\n{measured}")
    return result


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of the document."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
