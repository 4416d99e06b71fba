"""`make bench-faults`: one fault after the other while turns are asked for, and a table of them."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.chat import runs as chat_runs
from benchmarks.cloud import cloud
from benchmarks.corpus import lay_out
from benchmarks.faults import runs
from benchmarks.faults.faults import faults
from benchmarks.faults.names import Names
from benchmarks.faults.runs import Borne
from benchmarks.load.apps import serving

_BOOK = Path("examples/book")
_WIDE = 130  # in a log too

console = Console()


def main(
    at_once: Annotated[int, typer.Option(help="Turns at once.")] = 64,
    only: Annotated[str, typer.Option(help="Faults whose name has this.")] = "",
) -> None:
    """Have everything go wrong once, under load, and tell what became of the turns."""
    with tempfile.TemporaryDirectory(prefix="quire-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        borne = asyncio.run(bear_all(folder, at_once=at_once, only=only))
    Console(width=max(_WIDE, console.width)).print(table(borne, at_once))


async def bear_all(folder: Path, *, at_once: int, only: str = "") -> list[Borne]:
    files = folder / "book"
    count = lay_out(_BOOK, files, limit=None)
    names: Names | None = Names(folder)
    if names and not await names.possible():
        names = None
    async with (
        runs.small_disk(folder / "disk") as disk,
        cloud(folder / "disk" / "state", dimensions=384) as running,
    ):
        await chat_runs.read(running, files, count=count)
        wanted = [fault for fault in faults(running, names, disk) if only in fault.name]
        around = names.around if names else list
        async with serving(
            running, "faults", settings=runs.settings(running, names), around=around
        ) as app:
            with console.status("") as status:
                return await runs.bear(
                    running, app.url, wanted, at_once=at_once, each=lambda name: status.update(name)
                )


def table(borne: list[Borne], at_once: int) -> Table:
    made = Table(title=f"Faults, {at_once} turns at once")
    made.add_column("fault", no_wrap=True)
    for heading in (
        *("requests", "served", "degraded", "incomplete", "refused", "neither", "lost"),
        *("longest, s", "recovered, s"),
    ):
        made.add_column(heading, justify="right")
    for one in borne:
        kinds = ("served", "degraded", "incomplete", "refused", "broken")
        counts = [len(one.told), *(len(one.of(kind)) for kind in kinds), one.lost]
        made.add_row(one.fault, *map(str, counts), f"{one.longest:.1f}", f"{one.recovered:.1f}")
    return made


if __name__ == "__main__":
    typer.run(main)
