"""What was asked for, beside what was measured: the first table of docs/performance.md."""

from typing import Any, Final, Literal

import msgspec

from loadtests.bench import report
from loadtests.bench.rounds import table
from loadtests.bench.server import BUILD

NAME: Final = "goals"


class Goal(msgspec.Struct, frozen=True):
    """One figure of one benchmark, and the bound that was set for it."""

    words: str
    bench: str
    figure: str
    kind: Literal["at least", "at most"]
    bound: float
    unit: str = ""

    def met(self, found: float) -> bool:
        return found >= self.bound if self.kind == "at least" else found <= self.bound


GOALS: Final = (
    Goal("appends at 32 over pgbench's single row", "append", "append_32_vs_single_row",
         "at least", 1.8, "x"),
    Goal("over eventsourcing's default recorder", "append", "append_32_vs_eventsourcing",
         "at least", 20, "x"),
    Goal("over UmaDB", "append", "append_32_vs_umadb", "at least", 3, "x"),
    Goal("p99 of an append at 128", "append", "ours_128_p99_ms", "at most", 10, "ms"),
    Goal("a command over HTTP against a bare handler", "http", "command_vs_bare_handler",
         "at least", 0.35, "x"),
    Goal("replay over eventsourcing's", "replay", "replay_vs_eventsourcing", "at least", 4, "x"),
    Goal("an event of the largest history over one of the smallest", "replay",
         "replay_cost_growth", "at most", 1.15, "x"),
    Goal("rebuilding scores and pay, events of a core's second", "replay",
         "rebuild_events_per_cpu_s", "at least", 100_000),
    Goal("closing a cycle over COPY of its rows", "close", "close_vs_copy", "at most", 3, "x"),
    Goal("a person of the largest close over one of the smallest", "close", "close_growth",
         "at most", 1.15, "x"),
    Goal("p99 from commit to view at 5,000 events/s", "freshness", "at_5000_p99_ms", "at most",
         100, "ms"),
    Goal("p99 of one person's past", "asof", "person_p99_ms", "at most", 200, "ms"),
    Goal("p99 of a company's past", "asof", "company_p99_ms", "at most", 5_000, "ms"),
)  # fmt: skip


def write() -> None:
    """Put the table where the document has its place; goals without a full run are told so."""
    rows = []
    for goal in GOALS:
        found = _found(goal)
        if found is None:
            told, verdict = "not measured", ""
        else:
            told = f"{found:,}{f' {goal.unit}' if goal.unit else ''}"
            verdict = "met" if goal.met(found) else "**not met**"
        bound = f"{goal.kind} {goal.bound:,}{f' {goal.unit}' if goal.unit else ''}"
        rows.append([goal.words, bound, told, verdict])
    report.update(NAME, table(["goal", "asked for", "measured", ""], rows))


def _found(goal: Goal) -> float | None:
    path = BUILD / f"{goal.bench}.json"
    if not path.exists():
        return None
    result: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    if result["quick"]:
        return None
    every = result["ratios"] | result["figures"]
    value = every.get(goal.figure)
    return None if value is None else float(value)
