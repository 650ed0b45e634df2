"""`python -m loadtests.bench [NAME] [--quick | --large]`: run one benchmark, or all of them."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from loadtests.bench import append, asof, close, freshness, goals, http, neighbours, replay
from loadtests.bench.rounds import Result

BENCHMARKS: dict[str, Callable[..., Result]] = {
    each.NAME: each.run for each in (append, http, replay, close, freshness, asof, neighbours)
}
LARGE = frozenset({replay.NAME, close.NAME})


def main() -> None:
    """Run what was asked for; print ratios and figures."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("name", nargs="?", choices=sorted(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="a short run that changes no document")
    parser.add_argument(
        "--large", action="store_true", help="replay and close with ten times as much, too"
    )
    asked = parser.parse_args()
    if asked.large and asked.name not in LARGE:
        parser.error(f"--large is for one of {', '.join(sorted(LARGE))}")
    sizes = {"large": True} if asked.large else {}
    os.chdir(Path(__file__).parents[2])
    for name in [asked.name] if asked.name else sorted(BENCHMARKS):
        result = BENCHMARKS[name](quick=asked.quick, **sizes)
        told = {name: result.ratios | result.figures}
        print(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
    if not asked.quick:
        goals.write()


if __name__ == "__main__":
    main()
