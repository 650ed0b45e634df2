"""Figures of docs/performance.md, drawn from the results."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

IMAGES = Path("docs/img")
SERIES = (
    ("ours, 1 tenant", "ours_{}_per_s", (1, 8, 32, 128, 512), "o-", "#0b6e4f"),
    ("ours, 50 tenants", "ours_{}_tenants_50_per_s", (1, 8, 32, 128, 512), "s-", "#5fb49c"),
    ("pgbench, one row per transaction", "single_row_{}_per_s", (1, 8, 32), "^--", "#555555"),
    ("emmett-postgresql", "emmett_{}_per_s", (1, 8, 32), "v-", "#c1666b"),
    ("eventsourcing, default", "eventsourcing_{}_per_s", (1, 8, 32), "x-", "#d4a017"),
)


def appends(figures: Mapping[str, float]) -> Path:
    """Events a second over commands at once, both on logarithmic axes."""
    mpl.rcParams["svg.hashsalt"] = "meritledger"  # the same figures draw the same file
    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    for label, pattern, clients, style, colour in SERIES:
        rates = [figures[pattern.format(each)] for each in clients]
        axes.loglog(clients, rates, style, label=label, color=colour)
    axes.set_xticks([1, 8, 32, 128, 512], labels=["1", "8", "32", "128", "512"])
    axes.minorticks_off()
    axes.set_xlabel("commands at once")
    axes.set_ylabel("durable events a second")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    return _saved(figure, "append")


def line(name: str, across: str, up: str, series: Mapping[str, Mapping[int, float]]) -> Path:
    """Each series over a logarithmic axis, from nothing upwards."""
    mpl.rcParams["svg.hashsalt"] = "meritledger"
    figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
    for label, points in series.items():
        axes.plot(list(points), list(points.values()), "o-", label=label)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    return _saved(figure, name)


def logarithmic(name: str, across: str, up: str, series: Mapping[str, Mapping[int, float]]) -> Path:
    """Each series, both axes logarithmic."""
    mpl.rcParams["svg.hashsalt"] = "meritledger"
    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    for label, points in series.items():
        axes.loglog(list(points), list(points.values()), "o-", label=label)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    return _saved(figure, name)


def bars(name: str, up: str, values: Mapping[str, float]) -> Path:
    """One bar each, with its value."""
    mpl.rcParams["svg.hashsalt"] = "meritledger"
    figure, axes = plt.subplots(figsize=(7.5, 3.5), layout="constrained")
    drawn = axes.bar(list(values), list(values.values()), color="#0b6e4f", width=0.5)
    axes.bar_label(drawn, fmt="{:,.4g}", fontsize="small")
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    return _saved(figure, name)


def _saved(figure: Figure, name: str) -> Path:
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
