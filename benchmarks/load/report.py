"""What a load did, as tables, and over time as a picture."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import linear_regression

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.load.asking import Told
from benchmarks.load.runs import Run
from benchmarks.load.sandboxes import Waited

AIM_RATE, AIM_MS = 100, 200
_MB = 1e6
_BIN = 5.0
# What a process grows by at first is its pools and caches.
_WARM_SHARE = 0.25


def figures(run: Run) -> Table:
    table = Table(title=f"{run.name}: {len(run.told):,} turns, {run.at_once:,} at once")
    table.add_column("")
    table.add_column("", justify="right")
    kinds = Counter(f"{told.kind} {told.why}".strip() for told in run.told)
    for kind, number in kinds.most_common():
        table.add_row(kind, f"{number:,}")
    table.add_row("lost of what was acknowledged", f"{run.lost}")
    table.add_section()
    table.add_row(f"turns a second (aim: {AIM_RATE})", f"{run.rate:.1f}")
    took = [1_000 * (told.ended - told.began) for told in run.served]
    database = [told.opening + told.closing for told in run.served]
    for name, values in {
        "ms a turn": took,
        "ms to open it": [told.opening for told in run.served],
        "ms to close it": [told.closing for told in run.served],
        f"ms, both: the database's part (aim, p95: {AIM_MS})": database,
    }.items():
        shown = " / ".join(f"{percentile(values, percent):,.0f}" for percent in (50, 95, 99))
        table.add_row(f"{name}, p50 / p95 / p99", shown)
    table.add_section()
    held = [held / _MB for _, held in run.memory]
    table.add_row("MB held: first, most, last", f"{held[0]:.0f}, {max(held):.0f}, {held[-1]:.0f}")
    table.add_row("bytes more a turn, once it is warm", f"{growth(run):,.0f}")
    return table


def processes(run: Run) -> Table:
    """CPU of every process, and how many cores would do what is aimed at."""
    table = Table(title=f"{run.name}: CPU ms a turn, by process")
    table.add_column("")
    table.add_column("ms", justify="right")
    table.add_column(f"cores at {AIM_RATE} turns a second", justify="right")
    spent = {role: 1_000 * cpu / max(1, len(run.told)) for role, cpu in run.cpu.items()}
    for role, ms in sorted(spent.items(), key=lambda item: -item[1]):
        if ms >= 0.05:
            table.add_row(role, f"{ms:.1f}", f"{ms * AIM_RATE / 1_000:.1f}")
    table.add_section()
    whole = sum(spent.values())
    table.add_row("all", f"{whole:.1f}", f"{whole * AIM_RATE / 1_000:.1f}")
    return table


def waits(waited: Waited) -> Table:
    table = Table(title=f"{waited.sandboxes:,} sandboxes with pools of their own")
    for heading in ("ms", "p50", "p95", "longest", "failed"):
        table.add_column(heading, justify="left" if heading == "ms" else "right")
    for name, values in waited.waits.items():
        ms = [1_000 * value for value in values]
        shown = (percentile(ms, 50), percentile(ms, 95), max(ms, default=0.0))
        failed = str(waited.failed.get(name, 0))
        table.add_row(name, *(f"{value:,.0f}" for value in shown), failed)
    table.add_section()
    table.add_row("clients of PgBouncer, at most", "", "", f"{waited.clients:,}")
    table.add_row("connections to PostgreSQL, at most", "", "", f"{waited.servers}")
    return table


def growth(run: Run) -> float:
    """Bytes a turn, by a straight line through what was held after the beginning."""
    warm = run.began + _WARM_SHARE * run.seconds
    kept = [(at, held) for at, held in run.memory if at >= warm]
    if len(kept) < 2 or not run.rate:
        return 0.0
    return linear_regression(*zip(*kept, strict=True)).slope / run.rate


def percentile(values: Sequence[float], percent: int) -> float:
    """The least of the values that so many per cent do not exceed; 0 of none."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)] if values else 0.0


def draw(run: Run, path: Path) -> None:
    """Throughput, latency, the database's part and memory over time, as a picture."""
    bins = {
        _BIN * number: list(ended)
        for number, ended in groupby(
            sorted(run.served, key=lambda told: told.ended),
            key=lambda told: int((told.ended - run.began) / _BIN),
        )
    }
    figure = Figure(figsize=(9, 10), layout="constrained")
    rates, latencies, database, memory = figure.subplots(4, sharex=True)
    rates.plot([*bins], [len(told) / _BIN for told in bins.values()])
    rates.axhline(AIM_RATE, linestyle="dotted", color="grey")
    rates.set_ylabel("turns a second")
    for percent in (50, 95):
        label = f"p{percent}"
        latencies.plot([*bins], [percentile(_took(b), percent) for b in bins.values()], label=label)
        parts = [percentile([t.opening + t.closing for t in b], percent) for b in bins.values()]
        database.plot([*bins], parts, label=label)
    database.axhline(AIM_MS, linestyle="dotted", color="grey")
    latencies.set_ylabel("s a turn")
    database.set_ylabel("ms of the database")
    memory.plot([at - run.began for at, _ in run.memory], [held / _MB for _, held in run.memory])
    memory.set_ylabel("MB held by the app")
    memory.set_xlabel("s")
    for axes in (latencies, database):
        axes.legend(frameon=False)
    for axes in (rates, latencies, database, memory):
        axes.set_ylim(bottom=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _took(told: Sequence[Told]) -> list[float]:
    return [one.ended - one.began for one in told]
