"""The figures as tables."""

import statistics
from collections.abc import Callable, Sequence

from rich.table import Table

from benchmarks.chat.runs import BUFFERED, STREAMED, Measured
from benchmarks.comparison import LANGCHAIN
from benchmarks.meter import CHAT_URL

_TITLES = {
    BUFFERED: "A buffered turn (POST /v1/chat)",
    STREAMED: "A streamed turn (POST /v1/chat/stream), 40 tokens",
}
Figure = Callable[[Measured], float]


def comparison(path: str, measured: Sequence[Measured]) -> Table:
    """Every side at one path, and how many times as much as LangChain the function URL takes."""
    at = {(m.side.role, m.connections): m for m in measured if m.path == path}
    roles = list(dict.fromkeys(role for role, _ in at))
    compared = LANGCHAIN in roles
    table = Table(title=_TITLES[path])
    table.add_column("connections", justify="right")
    table.add_column("")
    for role in roles:
        table.add_column(role.replace(", ", "\n"), justify="right")
    if compared:
        table.add_column("function URL\n/ LangChain", justify="right")
    for connections in dict.fromkeys(connections for _, connections in at):
        table.add_section()
        for name, figure in _figures(path).items():
            values = {role: figure(at[role, connections]) for role in roles}
            cells = [f"{value:,.1f}" for value in values.values()]
            if compared:
                cells.append(_ratio(values[CHAT_URL], values[LANGCHAIN]))
            table.add_row(str(connections), name, *cells)
    return table


def processes(measured: Sequence[Measured]) -> Table:
    """CPU of every process, one column a run."""
    table = Table(title="CPU ms / turn by process")
    table.add_column("", ratio=1)
    for one in measured:
        kind = "buffered" if one.path == BUFFERED else "streamed"
        table.add_column("\n".join([*one.side.role.split(", "), kind]), justify="right")
    spent = [{role: _each(one, seconds) for role, seconds in one.cpu.items()} for one in measured]
    for role in dict.fromkeys(role for run in spent for role in run):
        row = [run.get(role, 0.0) for run in spent]
        if max(row) >= 0.05:
            table.add_row(role, *(f"{value:,.1f}" for value in row))
    return table


def profile(found: Sequence[tuple[str, float, float]], paid: float, *, title: str) -> Table:
    """Functions by what they take of a turn, of which `paid` CPU seconds are paid for."""
    table = Table(title=title)
    for heading in ("with its calls, ms", "its own, ms"):
        table.add_column(heading, justify="right")
    table.add_column("", overflow="fold")
    for name, own, whole in found:
        table.add_row(f"{1_000 * paid * whole:.2f}", f"{1_000 * paid * own:.2f}", name)
    return table


def _figures(path: str) -> dict[str, Figure]:
    figures: dict[str, Figure] = {
        "CPU ms, what is paid for": lambda m: 1_000 * m.paid,
        "CPU ms, all processes": lambda m: _each(m, sum(m.cpu.values())),
        "turns / s": lambda m: m.turns / m.asked.seconds,
        "ms, p50": lambda m: _percentile(m.asked.turns, 50),
        "ms, p95": lambda m: _percentile(m.asked.turns, 95),
    }
    if path == STREAMED:
        figures |= {
            "ms to the first word, p50 (aim alone: 15)": lambda m: _percentile(m.asked.firsts, 50),
            "ms behind the model's, p50 (aim: 30)": lambda m: _percentile(m.asked.behind, 50),
        }
    return figures


def _each(measured: Measured, seconds: float) -> float:
    return 1_000 * seconds / max(1, measured.turns)


def _percentile(seconds: Sequence[float], percent: int) -> float:
    if len(seconds) < 2:
        return 1_000 * sum(seconds)
    return 1_000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def _ratio(mine: float, theirs: float) -> str:
    return f"{mine / theirs:.2f}" if theirs else ""
