"""`make eval-parts`: what each part of a search is worth, with and without, on a dataset.

Ingestion's own chunks, the index's own weights and the retriever's own ranking, without a cloud
between: so all parts take a minute once the vectors are made, headings too, for which an index
would have to be built anew.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.parts.corpus import Corpus, cut
from benchmarks.parts.joining import joining
from benchmarks.parts.search import Searcher, Words
from benchmarks.parts.tables import joined_table, parts_table
from benchmarks.parts.vectors import Vectors
from benchmarks.parts.ways import AGAINST, DEFAULT, WAYS
from cli.client import Failed
from cli.evaluation.asking import DEPTH
from cli.evaluation.comparing import compare
from cli.evaluation.dataset import Half, choose, claim
from cli.evaluation.reading import read
from cli.evaluation.scoring import score
from functions.ingest.indexing import indexed_text

METRIC = "nDCG@10"

console = Console(highlight=False, width=140)


def main(
    path: Annotated[Path, typer.Argument(metavar="DATASET", help="As `quire eval` takes it.")],
    documents: Annotated[Path | None, typer.Option(help="As `quire eval` takes it.")] = None,
    half: Annotated[Half, typer.Option(help="Of the questions, as `quire eval` takes it.")] = "all",
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many questions and documents.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the halves and the intervals.")] = 0,
    kept: Annotated[
        Path | None,
        typer.Option(help="Vectors, for the next time.", show_default="build/eval/DATASET"),
    ] = None,
) -> None:
    """Measure each part of a search with and without."""
    try:
        dataset = choose(read(path, documents=documents), half=half, limit=limit, seed=seed)
        folder = kept or Path("build", "eval", dataset.name)
        claim(folder, path)
        vectors = Vectors(folder / "vectors.npz")
        corpus = cut(dataset)
    except Failed as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    searcher = _searcher(corpus, vectors)
    console.print(
        f"{dataset.name}: {len(dataset.queries):,} questions ({half}), "
        f"{len(corpus.chunks):,} chunks; 95 % intervals"
    )
    for remark in corpus.dataset.remarks:
        console.print(remark, style="yellow", markup=False, soft_wrap=True)
    scores = {
        way.name: score(corpus.dataset, searcher.find(way, depth=DEPTH, count=DEPTH))
        for way in WAYS
    }
    differences = {
        name: compare(
            scores[AGAINST.get(name, DEFAULT.name)], scored, metric=METRIC, seed=seed
        ).differences[METRIC]
        for name, scored in scores.items()
        if name != DEFAULT.name
    }
    console.print(parts_table(scores, differences, metric=METRIC, seed=seed))
    console.print(joined_table(joining(searcher, seed=seed)))


def _searcher(corpus: Corpus, vectors: Vectors) -> Searcher:
    texts = {
        True: [indexed_text(chunk) for chunk in corpus.chunks],
        False: [chunk.text for chunk in corpus.chunks],
    }
    asked = [query.question for query in corpus.dataset.queries]
    with console.status("making vectors …") as status:

        def told(made: int, of: int) -> None:
            status.update(f"making vectors … {made:,} of {of:,}")

        return Searcher(
            corpus=corpus,
            words={headed: Words(each) for headed, each in texts.items()},
            meaning={headed: vectors.of(each, told=told) for headed, each in texts.items()},
            asked=vectors.of(asked, told=told),
        )


if __name__ == "__main__":
    typer.run(main)
