"""The figures as tables."""

from collections.abc import Callable, Mapping

from rich.table import Table

from benchmarks.comparison import LANGCHAIN
from benchmarks.ingest.runs import Measured

_AIM = 100_000


def comparison(quire: Measured, other: Measured | None) -> Table:
    """Quire beside LangChain, and how many times as much."""
    table = Table(title="A corpus, from the first put until all is served")
    table.add_column("")
    table.add_column("Quire", justify="right")
    if other:
        table.add_column(LANGCHAIN, justify="right")
        table.add_column("Quire / LangChain", justify="right")

    def row(name: str, digits: int, mine: float, theirs: float | None) -> None:
        cells = [name, f"{mine:,.{digits}f}"]
        if other:
            cells.append("" if theirs is None else f"{theirs:,.{digits}f}")
            cells.append(f"{mine / theirs:.2f}" if theirs else "")
        table.add_row(*cells)

    def both(name: str, digits: int, figures: Mapping[bool, float]) -> None:
        row(name, digits, figures[True], figures.get(False))

    sides = {True: quire, **({False: other} if other else {})}
    both("documents", 0, {k: m.documents for k, m in sides.items()})
    both("chunks", 0, {k: m.chunks for k, m in sides.items()})
    both("seconds", 1, {k: m.seconds for k, m in sides.items()})
    both(f"documents / hour (aim: {_AIM:,})", 0, {k: m.hourly for k, m in sides.items()})
    both("CPU ms / document, all processes", 2, {k: _each(m) for k, m in sides.items()})
    both(
        "CPU ms / document, what is paid for",
        2,
        {k: _each(m, m.worker) for k, m in sides.items()},
    )
    both(
        "the same / chunk",
        2,
        {k: 1_000 * m.cpu.get(m.worker, 0) / max(1, m.chunks) for k, m in sides.items()},
    )
    both("model calls", 0, {k: m.served.calls for k, m in sides.items()})
    both(
        "texts / model call",
        1,
        {k: m.served.inputs / max(1, m.served.calls) for k, m in sides.items()},
    )
    if quire.invocations:
        table.add_section()
        busy = sum(quire.invocations)
        row("invocations", 0, len(quire.invocations), None)
        row("documents / invocation", 1, quire.documents / len(quire.invocations), None)
        row("worker seconds (wall) / 1,000 documents", 1, 1_000 * busy / quire.documents, None)
        row("peak memory of a worker, MB", 0, quire.peak / 2**20, None)
    return table


def processes(quire: Measured) -> Table:
    table = Table(title="CPU by process")
    table.add_column("")
    table.add_column("s", justify="right")
    table.add_column("ms / document", justify="right")
    table.add_column("%", justify="right")
    total = sum(quire.cpu.values())
    for role, seconds in sorted(quire.cpu.items(), key=lambda item: -item[1]):
        if seconds >= 0.005:
            each = 1_000 * seconds / max(1, quire.documents)
            table.add_row(role, f"{seconds:,.1f}", f"{each:,.2f}", f"{100 * seconds / total:.1f}")
    return table


def long_pdf(runs: Mapping[str, Measured], proofs: Mapping[str, bool], *, pages: int) -> Table:
    table = Table(title=f"One PDF of {pages:,} pages, invocations of 60 s")
    table.add_column("")
    for name in runs:
        table.add_column(name, justify="right")
    figures: Mapping[str, Callable[[Measured], str]] = {
        "seconds until ready": lambda m: f"{m.seconds:,.1f}",
        "chunks": lambda m: f"{m.chunks:,}",
        "invocations": lambda m: str(len(m.invocations)),
        "peak memory of a worker, MB (512)": lambda m: f"{m.peak / 2**20:,.0f}",
        "CPU seconds of the worker": lambda m: f"{m.cpu.get(m.worker, 0):,.1f}",
        "model calls": lambda m: str(m.served.calls),
    }
    for name, figure in figures.items():
        table.add_row(name, *(figure(measured) for measured in runs.values()))
    table.add_row("proof holds", *("yes" if proofs[name] else "NO" for name in runs))
    return table


def _each(measured: Measured, role: str | None = None) -> float:
    seconds = measured.cpu.get(role, 0.0) if role else sum(measured.cpu.values())
    return 1_000 * seconds / max(1, measured.documents)
