"""The terminal: what is printed goes through here. Without a terminal all of it is plain."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console, JustifyMethod
from rich.measure import measure_renderables
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cli.client import Failed, Json

# Without a terminal nobody is served by wrapped or cut lines.
_ENDLESS = 100_000
_NUMBERS = frozenset(
    "version chunks messages sessions ms removed missing extra moved requests prompt cached "
    "completion embedding exported cost won lost tied".split()
)
_WHOLE = frozenset({"id", "begins"})
# In columns: a longer word may be folded, as a model's name.
_LONGEST_WHOLE = 12
_STYLES = {
    "ready": "green",
    "ok": "green",
    "done": "green",
    "failed": "red",
    "failing": "red",
    "unfinished": "yellow",
    "deleting": "dim",
    "deleted": "dim",
}


def _console(*, stderr: bool = False) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        width=None if terminal else _ENDLESS,
        markup=False,
        highlight=False,
        emoji=False,
    )


out = _console()
err = _console(stderr=True)


def raw(answer: Any) -> None:
    out.print_json(data=answer)


def failed(error: Failed) -> None:
    line = Text.assemble(("Error: ", "bold red"), plain(error.message))
    if error.request_id:
        line.append(f" (request {plain(error.request_id)})", "dim")
    err.print(line)


def aside(text: str) -> None:
    """Said to the person, but no part of the output."""
    err.print(plain(text), style="yellow")


def sentence(text: str, style: str = "") -> None:
    out.print(plain(text), style=style)


def caused(outcome: str, name: str, cause: str) -> None:
    """A line of its own: a cause is a sentence, and would squeeze a table's other columns."""
    out.print(Text.assemble(status(outcome), plain(f" {name}: {cause}")))


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    )


def table(rows: Sequence[Mapping[str, str | Text]]) -> Table:
    """A row a line; a column that is empty throughout is left out.

    Numbers and ids stay whole, words fold where the terminal is narrow. Where even that leaves too
    little room, each row is shown as names and values, one below another.
    """
    named = [name for name in (rows[0] if rows else {}) if any(row[name] for row in rows)]
    columns = {name: [_cell(row[name]) for row in rows] for name in named}
    measured = {
        name: measure_renderables(out, out.options, [Text(name), *cells])
        for name, cells in columns.items()
    }
    widths = {name: width.maximum for name, width in measured.items()}
    least = {
        name: width.maximum
        if name in _NUMBERS | _WHOLE
        else max(cell_len(name), min(width.minimum, _LONGEST_WHOLE))
        for name, width in measured.items()
    }
    gaps = len(columns) - 1
    gap = 2 if sum(widths.values()) + 2 * gaps <= out.width else 1
    room = out.width - gap * gaps
    if sum(least.values()) > room:
        return _one_below_another(columns)
    while sum(widths.values()) > room:
        widths[max(widths, key=lambda name: (widths[name] > least[name], widths[name]))] -= 1
    shown = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for name, width in widths.items():
        justify: JustifyMethod = "right" if name in _NUMBERS else "left"
        shown.add_column(name, justify=justify, overflow="fold", width=width)
    for cells in zip(*columns.values(), strict=True):
        shown.add_row(*cells)
    return shown


def grid() -> Table:
    """Names, and beside each what is so named."""
    shown = Table.grid(padding=(0, 1))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    return shown


def plain(text: str) -> str:
    """Documents may hold what a terminal would obey."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def status(name: str) -> Text:
    return Text(plain(name), _STYLES.get(name, "yellow"))


def amount(progress: Json) -> str:
    return f"{progress['done']}/{progress['total']}" if progress["total"] else ""


def dollars(usage: Json) -> str:
    return f"${usage['cost_usd']:.6f}".rstrip("0").rstrip(".")


def when(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")


def shortened(text: str, width: int) -> str:
    """The text in as many columns, its middle left out: names differ at the start and the end."""
    text = plain(text)
    if cell_len(text) <= width:
        return text
    head, tail = width // 2, (width - 1) // 2
    return f"{set_cell_size(text, head).rstrip()}…{set_cell_size(text[::-1], tail)[::-1].lstrip()}"


def _one_below_another(columns: Mapping[str, Sequence[Text]]) -> Table:
    shown = grid()
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        if number:
            shown.add_row()
        for name, value in zip(columns, row, strict=True):
            if value:
                shown.add_row(Text(name, "dim"), value)
    return shown


def _cell(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(plain(value))
