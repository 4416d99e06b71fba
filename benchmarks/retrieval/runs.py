"""The runs: a corpus grows in Qdrant, and at each of its sizes questions are asked."""

import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qdrant_client.http import models

from benchmarks.retrieval import loading
from benchmarks.retrieval.corpus import CHUNKS_OF_DOCUMENT, Corpus, Question
from benchmarks.retrieval.engine import Engine, Found
from benchmarks.retrieval.server import Server, serving
from quire.retrieval.filters import Filters
from quire.retrieval.retriever import CANDIDATES

_WARM = 20
_BOTH = (False, True)  # without and with filters

FLOAT, INT8 = "float32", "int8"


def _rescored(oversampling: float | None, *, rescore: bool = True) -> models.SearchParams:
    wanted = models.QuantizationSearchParams(rescore=rescore, oversampling=oversampling)
    return models.SearchParams(quantization=wanted)


_IGNORED = models.SearchParams(quantization=models.QuantizationSearchParams(ignore=True))

# How the nearest are looked for, where what is kept allows it.
LOOKS: dict[str, dict[str, models.SearchParams | None]] = {
    FLOAT: {"as it is": None},
    INT8: {
        "by the vectors": _IGNORED,
        "not rescored": _rescored(None, rescore=False),
        "rescored": _rescored(None),
        "rescored, of twice as many": _rescored(2.0),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One size of a corpus, kept in one way; all times in seconds.

    `own` is what the server holds more than an empty one, `mapped` what it has of the index's
    files in memory, `disk` what those are, all in bytes. `engine` and `turn` are of each
    question, by whether it was filtered: Qdrant's engine alone, and what `Index.search` took,
    with HTTP and JSON on both sides. `loaded` is chunks a second.
    """

    dimensions: int
    size: int
    kept: str
    loaded: float
    optimised: float
    own: int
    mapped: int
    disk: int
    engine: Mapping[bool, Sequence[float]]
    turn: Mapping[bool, Sequence[float]]
    looks: Mapping[str, Found]


async def measure(
    folder: Path, corpus: Corpus, kept: str, sizes: Sequence[int], *, questions: int
) -> AsyncIterator[Measured]:
    """Smallest size first: the corpus grows, so that little is written twice."""
    state = folder / f"{corpus.dimensions}-{kept}"
    async with serving(state, keeping=False) as server:
        empty = server.memory().own
        await loading.create(server.url, corpus.dimensions, int8=kept == INT8)
    before = 0
    for size in sizes:
        async with serving(state, keeping=True) as server:
            seconds = await loading.load(server.url, corpus, first=before, end=size)
            optimised = await loading.optimised(server.url, corpus.dimensions)
        yield await serve(
            state,
            corpus,
            kept,
            size,
            empty=empty,
            loaded=(size - before) / seconds,
            optimised=optimised,
            questions=questions,
        )
        before = size
    shutil.rmtree(state)


async def serve(
    state: Path,
    corpus: Corpus,
    kept: str,
    size: int,
    *,
    empty: int,
    loaded: float,
    optimised: float,
    questions: int,
) -> Measured:
    """Ask what is there: through another process than the one that loaded it, then the engine."""
    asked = corpus.questions(size // CHUNKS_OF_DOCUMENT, count=questions)
    async with serving(state, keeping=False) as server:
        turn = {filtered: await _ask(server, corpus, asked, filtered) for filtered in _BOTH}
        memory = server.memory()
    engine = Engine(state, corpus.dimensions)
    measured = Measured(
        dimensions=corpus.dimensions,
        size=size,
        kept=kept,
        loaded=loaded,
        optimised=optimised,
        own=memory.own - empty,
        mapped=memory.mapped,
        disk=_size(state),
        turn=turn,
        engine={filtered: engine.hybrid(asked, filtered=filtered) for filtered in _BOTH},
        looks={name: engine.dense(asked, params) for name, params in LOOKS[kept].items()},
    )
    engine.close()
    return measured


def _size(folder: Path) -> int:
    """Bytes that its files take of the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


async def _ask(
    server: Server, corpus: Corpus, questions: Sequence[Question], filtered: bool
) -> list[float]:
    """Seconds of each question, one after the other, as a turn asks."""
    seconds = []
    async with loading.indexing(server.url) as index:
        for one in [*questions[:_WARM], *questions]:
            began = time.perf_counter()
            await index.search(
                loading.collection(corpus.dimensions),
                one.tenant,
                dense=one.dense,
                bm25=one.bm25,
                filters=one.filters if filtered else Filters(),
                without=(),
                limit=CANDIDATES,
            )
            seconds.append(time.perf_counter() - began)
    return seconds[-len(questions) :]
