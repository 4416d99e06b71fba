"""`make bench-ingest`: what ingestion takes on this machine, beside LangChain in the same run."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.cloud import cloud
from benchmarks.comparison import HINT
from benchmarks.corpus import lay_out
from benchmarks.ingest import report, runs
from benchmarks.ingest.pdf import write_pdf
from benchmarks.profile import Profile

_PDF_SECONDS = 60

console = Console()


def main(
    corpus: Annotated[Path, typer.Argument(help="A BEIR corpus.jsonl, or a folder.")] = Path(
        "examples/book"
    ),
    limit: Annotated[int | None, typer.Option(help="Its first so many documents.")] = None,
    dimensions: Annotated[int, typer.Option(help="Of a vector.")] = 1536,
    direct: Annotated[bool, typer.Option(help="Invoke the worker without SQS.")] = False,
    langchain: Annotated[bool, typer.Option(help="Compare with LangChain.")] = True,
    pages: Annotated[int, typer.Option(help="Of the long PDF; 0 leaves it out.")] = 2_000,
    slow: Annotated[float, typer.Option(help="The PDF again: seconds a text takes.")] = 0.0,
    profile: Annotated[Path | None, typer.Option(help="py-spy the workers, into here.")] = None,
) -> None:
    """Ingest a corpus and a long PDF here, and tell what it took."""
    with tempfile.TemporaryDirectory(prefix="quire-bench-", ignore_cleanup_errors=True) as name:
        # The unprivileged servers reach their own folders in it.
        folder = Path(name)
        folder.chmod(0o755)
        load = " ".join(f"{load:.1f}" for load in os.getloadavg())
        console.print(f"{os.cpu_count()} cores; load before: {load}")
        if corpus.name != "none":
            asyncio.run(_corpus(folder, corpus, limit, dimensions, direct, langchain, profile))
        if pages:
            asyncio.run(_pdf(folder, pages, dimensions, slow))


async def _corpus(
    folder: Path,
    corpus: Path,
    limit: int | None,
    dimensions: int,
    direct: bool,
    langchain: bool,
    profile: Path | None,
) -> None:
    files = folder / "corpus"
    count = lay_out(corpus, files, limit=limit)
    spy = Profile(profile) if profile else None
    async with cloud(folder / "state", dimensions=dimensions) as running:
        with console.status("warming up …"):
            await runs.warm_up(running, folder / "warm")
        with _progress() as progress:
            task = progress.add_task("Quire", total=count)
            quire = await runs.ingest(
                running,
                files,
                count=count,
                direct=direct,
                advance=lambda done: progress.update(task, completed=done),
                profile=spy,
            )
        other = None
        if langchain:
            with console.status("LangChain …"):
                other = await runs.with_langchain(running, files)
            if other is None:
                console.print(HINT)
    console.print(report.comparison(quire, other), report.processes(quire))
    if quire.failed:
        console.print(f"[red]{quire.failed} documents failed")
    for name, own, whole in spy.top(60) if spy else []:
        console.print(f"{100 * whole:5.1f} %  {100 * own:5.1f} % own  {name}", highlight=False)


async def _pdf(folder: Path, pages: int, dimensions: int, slow: float) -> None:
    files = folder / "pdf"
    files.mkdir()
    with console.status("writing the PDF …"):
        write_pdf(files / "long.pdf", pages=pages)
    measured, proofs = {}, {}
    for delay in (0.0, slow) if slow else (0.0,):
        name = f"model: {1_000 * delay:g} ms a text" if delay else "instant model"
        state = folder / f"state-{delay}"
        with console.status(f"one long PDF, {name} …"):
            async with cloud(
                state, dimensions=dimensions, worker_seconds=_PDF_SECONDS, delay=delay
            ) as running:
                measured[name] = await runs.ingest(running, files, count=1, advance=lambda _: None)
                proofs[name] = (await running.proof("long.pdf"))["holds"]
    console.print(report.long_pdf(measured, proofs, pages=pages))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


if __name__ == "__main__":
    typer.run(main)
