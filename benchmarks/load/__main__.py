"""`make bench-load`: what many turns at once do to one process of the streaming app, here."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.chat import report as chat_report
from benchmarks.chat import runs as chat_runs
from benchmarks.cloud import Cloud, cloud
from benchmarks.corpus import lay_out
from benchmarks.load import report
from benchmarks.load.apps import serving
from benchmarks.load.runs import Run, load
from benchmarks.load.sandboxes import open_turns
from benchmarks.profile import Profile

_BOOK = Path("examples/book")
_PICTURE = Path("build/load/load.png")
_WARM_TURNS, _WARM_AT_ONCE = 100, 20
# A machine that bears a hundred turns a second keeps nobody at the door for more than ten seconds,
# which is the app's patience; a smaller one is to tell how far it comes.
_PATIENT = {"QUIRE_DOOR_SECONDS": "200", "QUIRE_STREAM_SECONDS": "300"}
_SHOWN = 40

console = Console()


def main(
    turns: Annotated[int, typer.Option(help="Of the streaming app.")] = 20_000,
    at_once: Annotated[int, typer.Option(help="Turns at once.")] = 1_000,
    sandboxes: Annotated[int, typer.Option(help="With pools of their own.")] = 1_000,
    blocking: Annotated[int, typer.Option(help="Turns of the app that blocks; 0: none.")] = 60,
    pace: Annotated[float, typer.Option(help="Seconds between tokens, beside that app.")] = 0.01,
    dimensions: Annotated[int, typer.Option(help="Of a vector.")] = 1536,
    profile: Annotated[Path | None, typer.Option(help="py-spy the app, into here.")] = None,
) -> None:
    """Ask a small book many questions at once, and tell what became of them."""
    with tempfile.TemporaryDirectory(prefix="quire-bench-", ignore_cleanup_errors=True) as name:
        # The unprivileged servers reach their own folders in it.
        folder = Path(name)
        folder.chmod(0o755)
        before = " ".join(f"{load:.1f}" for load in os.getloadavg())
        console.print(f"{os.cpu_count()} cores; load before: {before}")
        if turns:
            asyncio.run(_load(folder / "load", turns, at_once, sandboxes, dimensions, profile))
        if blocking:
            asyncio.run(_compare(folder / "blocking", blocking, at_once, pace, dimensions))


async def _load(
    folder: Path, turns: int, at_once: int, sandboxes: int, dimensions: int, profile: Path | None
) -> None:
    async with cloud(folder / "state", dimensions=dimensions) as running:
        await _read(running, folder)
        async with serving(running, "streaming app", settings=_PATIENT) as app:
            await load(running, app, at_once=_WARM_AT_ONCE, turns=_WARM_TURNS)
            with _bar("turns", turns) as bar:
                run = await load(running, app, at_once=at_once, turns=turns, each=bar)
            _show(run)
            console.print(report.processes(run))
            report.draw(run, _PICTURE)
            console.print(f"Over time: {_PICTURE}")
            if profile:
                spy = Profile(profile, rate=200)
                watched = await load(
                    running, app, at_once=at_once, turns=min(turns, 2_000), profile=spy
                )
                paid = watched.cpu["Quire, function URL"] / len(watched.told)
                for own in (False, True):
                    title = "alone" if own else "with what it calls"
                    console.print(chat_report.profile(spy.top(_SHOWN, own=own), paid, title=title))
        if sandboxes:
            with _bar("statements of sandboxes", 3 * sandboxes) as bar:
                waited = await open_turns(
                    running.stack.app_url,
                    running.stack.owner_url,
                    tenant=running.stack.configuration.tenant,
                    sandboxes=sandboxes,
                    each=lambda: bar(None),
                )
            console.print(report.waits(waited))


async def _compare(folder: Path, turns: int, at_once: int, pace: float, dimensions: int) -> None:
    """The same app twice, once with calls that block, while a model takes its time."""
    rates = []
    async with cloud(folder / "state", dimensions=dimensions, pace=pace) as running:
        await _read(running, folder)
        for name, number, blocks in (
            ("streaming app, model at its pace", 20 * turns, False),
            ("the same app, blocking", turns, True),
        ):
            async with serving(running, name, settings=_PATIENT, blocking=blocks) as app:
                await load(running, app, at_once=2, turns=4)
                at_most = min(at_once, number)
                with _bar(name, number) as bar:
                    run = await load(running, app, at_once=at_most, turns=number, each=bar)
                _show(run)
                rates.append(run.rate)
    console.print(f"Turns a second, against blocking calls (aim: 4): {rates[0] / rates[1]:.1f}")


async def _read(running: Cloud, folder: Path) -> None:
    files = folder / "book"
    count = lay_out(_BOOK, files, limit=None)
    with console.status("reading the book …"):
        await chat_runs.read(running, files, count=count)


def _show(run: Run) -> None:
    console.print(report.figures(run))


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[object], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(what, total=total)
        yield lambda _: progress.advance(task)


if __name__ == "__main__":
    typer.run(main)
