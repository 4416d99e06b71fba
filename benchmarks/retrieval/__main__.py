"""`make bench-retrieval`: what a search takes as an index grows, and what int8 saves of it."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.retrieval import report
from benchmarks.retrieval.corpus import CHUNKS_OF_DOCUMENT, Corpus
from benchmarks.retrieval.runs import FLOAT, INT8, Measured, measure

console = Console(width=140, highlight=False)


def main(
    sizes: Annotated[
        str, typer.Option(help="Chunks, a measurement for each.")
    ] = "1000,10000,100000",
    dimensions: Annotated[str, typer.Option(help="Of a vector, a corpus for each.")] = "384,1536",
    kept: Annotated[str, typer.Option(help="How vectors are.")] = f"{FLOAT},{INT8}",
    queries: Annotated[int, typer.Option(help="At each size.")] = 200,
    tenants: Annotated[int, typer.Option(help="Of uneven size.")] = 50,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 1,
    picture: Annotated[Path, typer.Option(help="How it grows, as SVG or PNG.")] = Path(
        "build/bench-retrieval.svg"
    ),
) -> None:
    """Fill the laptop's Qdrant with a corpus made here, and search it as a turn does."""
    growing = sorted(
        int(size) // CHUNKS_OF_DOCUMENT * CHUNKS_OF_DOCUMENT for size in sizes.split(",")
    )
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    console.print(f"{os.cpu_count()} cores; load before: {load}")
    began = time.monotonic()
    measured = asyncio.run(
        _run(
            growing,
            [Corpus(int(each), tenants, seed) for each in dimensions.split(",")],
            kept.split(","),
            queries,
        )
    )
    for table in (report.searches, report.loading, report.recall):
        console.print(table(measured))
    picture.parent.mkdir(parents=True, exist_ok=True)
    report.plot(measured, picture)
    minutes = (time.monotonic() - began) / 60
    console.print(f"How it grows: {picture}. All of it took {minutes:.0f} minutes.")


async def _run(
    sizes: list[int], corpora: list[Corpus], kept: list[str], queries: int
) -> list[Measured]:
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as folder:
        for corpus in corpora:
            for way in kept:
                with console.status(f"{corpus.dimensions} dimensions, {way} …"):
                    async for one in measure(Path(folder), corpus, way, sizes, questions=queries):
                        measured.append(one)
                        console.print(report.line(one))
    return measured


if __name__ == "__main__":
    typer.run(main)
