"""The figures as tables, and how they grow as a picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.retrieval.runs import FLOAT, INT8, Measured
from quire.retrieval.retriever import CANDIDATES

AIM = 20  # ms
_MB = 1e6


def searches(measured: Sequence[Measured]) -> Table:
    """What both searches of a turn take at each size, and what is held in memory for them."""
    table = _table(f"both searches of a turn, {CANDIDATES} of each; ms, p50 and p95")
    for who in ("engine", "Index.search"):
        for narrowed in ("a tenant", "filtered"):
            table.add_column(f"{who},\n{narrowed}", justify="right")
    for heading in ("own MB", "mapped MB"):
        table.add_column(heading, justify="right")
    for one in measured:
        times = [of[filtered] for of in (one.engine, one.turn) for filtered in (False, True)]
        held = [f"{size / _MB:,.0f}" for size in (one.own, one.mapped)]
        table.add_row(*_which(one), *map(_both, times), *held)
    return table


def loading(measured: Sequence[Measured]) -> Table:
    """What it takes to get there."""
    table = _table("how it was written")
    for heading in ("chunks / s", "optimised, s", "disk MB"):
        table.add_column(heading, justify="right")
    for one in measured:
        figures = (one.loaded, one.optimised, one.disk / _MB)
        table.add_row(*_which(one), *(f"{value:,.0f}" for value in figures))
    return table


def recall(measured: Sequence[Measured]) -> Table:
    """What the dense search of a tenant finds of what an exact one does."""
    table = _table("the dense search of a tenant, engine alone")
    for heading in ("scored by", "recall@10", f"recall@{CANDIDATES}", "ms, p50 and p95"):
        table.add_column(heading, justify="right")
    for one in measured:
        for look, found in one.looks.items():
            shares = [f"{share:.3f}" for share in found.recall.values()]
            table.add_row(*_which(one), look, *shares, _both(found.seconds))
    return table


def line(one: Measured) -> str:
    """What is told while the rest is measured."""
    return (
        f"{one.dimensions} × {one.size:,}, {one.kept}: filtered {_both(one.engine[True])} ms, "
        f"{(one.own + one.mapped) / _MB:,.0f} MB"
    )


def plot(measured: Sequence[Measured], path: Path) -> None:
    """p95 of a filtered search, and memory, by size."""
    with mpl.rc_context({"font.size": 9, "svg.hashsalt": "quire"}):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        times, memory = figure.subplots(1, 2)
        for dimensions in sorted({one.dimensions for one in measured}):
            for kept, style in ((FLOAT, "-o"), (INT8, "--s")):
                of = [one for one in _of(dimensions, measured) if one.kept == kept]
                sizes = [one.size for one in of]
                name = f"{dimensions}, {kept}"
                p95 = [_ms(one.engine[True], 95) for one in of]
                times.plot(sizes, p95, style, label=name)
                memory.plot(sizes, [(one.own + one.mapped) / _MB for one in of], style, label=name)
        times.axhline(AIM, color="gray", linewidth=0.8)
        times.set(title="filtered search on the engine, p95", ylabel="ms", ylim=(0, None))
        memory.set(title="memory", ylabel="MB", yscale="log")
        for axes in (times, memory):
            axes.set(xscale="log", xlabel="chunks")
            axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})


def _table(title: str) -> Table:
    table = Table(title=title)
    table.add_column("dimensions", justify="right")
    table.add_column("chunks", justify="right")
    table.add_column("kept as")
    return table


def _which(one: Measured) -> tuple[str, str, str]:
    return f"{one.dimensions:,}", f"{one.size:,}", one.kept


def _both(seconds: Sequence[float]) -> str:
    return f"{_ms(seconds, 50):.1f}, {_ms(seconds, 95):.1f}"


def _of(dimensions: int, measured: Sequence[Measured]) -> list[Measured]:
    of = [one for one in measured if one.dimensions == dimensions]
    return sorted(of, key=lambda one: (one.size, one.kept))


def _ms(seconds: Sequence[float], percent: int) -> float:
    return float(1_000 * np.percentile(seconds, percent))
