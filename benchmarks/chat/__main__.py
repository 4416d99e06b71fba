"""`make bench-chat`: what a turn takes on this machine, beside LangChain in the same run."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.chat import report, runs
from benchmarks.chat.runs import BUFFERED, STREAMED, Measured, Side
from benchmarks.cloud import Cloud, cloud
from benchmarks.comparison import HINT
from benchmarks.corpus import lay_out
from benchmarks.profile import Profile

_BOOK = Path("examples/book")
_PROFILE_RATE = 500
_SHOWN = 60
_SHOWN_OWN = 30

console = Console()


def main(
    turns: Annotated[int, typer.Option(help="Of each run.")] = 200,
    connections: Annotated[str, typer.Option(help="At once, a run for each.")] = "1,8,32",
    dimensions: Annotated[int, typer.Option(help="Of a vector.")] = 1536,
    pace: Annotated[float, typer.Option(help="Seconds between the model's tokens.")] = 0.0,
    langchain: Annotated[bool, typer.Option(help="Compare with LangChain.")] = True,
    profile: Annotated[Path | None, typer.Option(help="py-spy the chat app, into here.")] = None,
) -> None:
    """Ask questions about a small book here, and tell what the answers took."""
    numbers = [int(number) for number in connections.split(",")]
    with tempfile.TemporaryDirectory(prefix="quire-bench-", ignore_cleanup_errors=True) as name:
        # The unprivileged servers reach their own folders in it.
        folder = Path(name)
        folder.chmod(0o755)
        load = " ".join(f"{load:.1f}" for load in os.getloadavg())
        console.print(f"{os.cpu_count()} cores; load before: {load}")
        asyncio.run(_run(folder, turns, numbers, dimensions, pace, langchain, profile))


async def _run(
    folder: Path,
    turns: int,
    connections: list[int],
    dimensions: int,
    pace: float,
    langchain: bool,
    profile: Path | None,
) -> None:
    files = folder / "book"
    count = lay_out(_BOOK, files, limit=None)
    async with cloud(folder / "state", dimensions=dimensions, pace=pace) as running:
        with console.status("reading the book …"):
            await runs.read(running, files, count=count)
        measured: list[Measured] = []
        for side in runs.quire(running):
            measured += await _ask(running, side, turns, connections)
        if langchain:
            async with runs.langchain(running, files) as other:
                if other:
                    measured += await _ask(running, other, turns, connections)
                else:
                    console.print(HINT)
        for path in (BUFFERED, STREAMED):
            console.print(report.comparison(path, measured))
        console.print(report.processes([m for m in measured if m.connections == connections[0]]))
        if failed := sum(m.asked.failed for m in measured):
            console.print(f"[red]{failed} turns failed")
        if profile:
            await _profile(running, runs.quire(running)[0], turns, profile)


async def _ask(running: Cloud, side: Side, turns: int, connections: list[int]) -> list[Measured]:
    """All runs of one side."""
    with console.status(f"{side.role}: warming up …") as status:
        await runs.warm_up(running, side)
        measured = []
        for path in side.paths:
            for number in connections:
                status.update(f"{side.role}: {path}, {number} at once …")
                one = await runs.ask(running, side, path, connections=number, turns=turns)
                measured.append(one)
    return measured


async def _profile(running: Cloud, side: Side, turns: int, folder: Path) -> None:
    """Runs of their own: being watched costs something too."""
    for path, name in ((BUFFERED, "buffered"), (STREAMED, "streamed")):
        spy = Profile(folder / name, rate=_PROFILE_RATE)
        with console.status(f"{name}, watched …"):
            one = await runs.ask(running, side, path, connections=1, turns=turns, profile=spy)
        title = f"{side.role}, {name}: where its CPU goes"
        console.print(report.profile(spy.top(_SHOWN), one.paid, title=title))
        found = spy.top(_SHOWN_OWN, own=True)
        console.print(report.profile(found, one.paid, title=f"{title}, each function alone"))


if __name__ == "__main__":
    typer.run(main)
