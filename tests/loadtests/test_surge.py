"""A short surge against the real product, and what its limits say."""

import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.surge.__main__ import Limits, broken, limits_of

ROOT = Path(__file__).parents[2]
SURGE_S_MAX = 240


def row(name: str, *, count: int = 100, failed: int = 0, p99: str = "50") -> dict[str, str]:
    return {
        "Name": name,
        "Request Count": str(count),
        "Failure Count": str(failed),
        "Requests/s": "20.0",
        "95%": "40",
        "99%": p99,
    }


LIMITS: Limits = {
    "all": {"failures_share": 0.01, "p95_ms": 100, "requests_per_s": 10},
    "rating: self": {"p99_ms": 60},
}


def test_limits_that_are_kept() -> None:
    assert broken([row("rating: self"), row("Aggregated")], LIMITS) == []


@pytest.mark.parametrize(
    ("stats", "sentence"),
    [
        ([row("rating: self", p99="61"), row("Aggregated")], "rating: self: p99_ms 61"),
        ([row("rating: self"), row("Aggregated", failed=2)], "all: 2.00% failed"),
        ([row("Aggregated")], "rating: self: there was no such request"),
        ([row("rating: self", count=0), row("Aggregated")], "rating: self: there was no"),
    ],
)
def test_limits_that_are_broken(stats: list[dict[str, str]], sentence: str) -> None:
    (told,) = broken(stats, LIMITS)
    assert told.startswith(sentence)


def test_every_limit_is_one_that_is_judged() -> None:
    known = {"failures_share", "p95_ms", "p99_ms", "requests_per_s"}
    for part in ("full", "smoke"):
        for limits in limits_of(part).values():
            assert limits.keys() <= known


@pytest.mark.timeout(SURGE_S_MAX)
def test_thirty_seconds_of_a_surge() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.surge", "--smoke"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SURGE_S_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    folder = ROOT / "build" / "load"
    assert (folder / "surge.html").stat().st_size > 10_000
    assert "rating: manager" in (folder / "surge_stats.csv").read_text()
