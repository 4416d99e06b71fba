"""Asking the retriever each question, a few at a time, and keeping what it found."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any

from cli.client import Failed, Json, Quire
from cli.evaluation.dataset import Dataset, Query
from cli.pausing import patiently

DEPTH = 100
LONGEST_QUESTION = 2_000
_COUNTS = ("requests", "prompt_tokens", "completion_tokens", "embedding_tokens", "cost_usd")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A name, and what is merged into the body of each request."""

    name: str
    request: Mapping[str, Any] = field(default_factory=dict)

    def body(self, query: Query) -> Json:
        """The one place that says what is asked of the deployment."""
        return {"question": query.question[:LONGEST_QUESTION], "top_k": DEPTH, **self.request}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk of the dataset; offsets are code points of its document's canonical text."""

    document: str
    chunk: str
    start: int
    end: int
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The chunks for one question, best first; `foreign` ones were left out.

    `timings` in milliseconds: the deployment's own stages, and `wall` as this client saw it.
    """

    hits: Sequence[Hit]
    foreign: int
    timings: Mapping[str, float]
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All questions with one configuration; `found` in the order of the dataset's queries.

    `usage` is by how much the tenant's counters rose meanwhile, whoever made them rise.
    """

    configuration: Configuration
    found: Sequence[Found]
    seconds: float
    usage: Mapping[str, float]


async def try_out(quire: Quire, dataset: Dataset, configurations: Sequence[Configuration]) -> None:
    """Ask one question with each: what is refused should be so before thousands are uploaded.

    Raises Failed.
    """
    for configuration in configurations:
        await _find(quire, configuration, dataset.queries[0], {})


async def ask(
    quire: Quire,
    dataset: Dataset,
    configuration: Configuration,
    *,
    concurrency: int,
    advance: Callable[[], None],
) -> Run:
    """Raises Failed when a question cannot be asked."""
    names = {dataset.filename(document): document.id for document in dataset.documents}
    # What is not warm yet is not what is measured; so many at once may each start a sandbox.
    warming = dataset.queries[:concurrency]
    await asyncio.gather(*(_find(quire, configuration, query, names) for query in warming))
    found: dict[str, Found] = {}
    waiting = iter(dataset.queries)

    async def client(queries: Iterator[Query]) -> None:
        for query in queries:
            found[query.id] = await _find(quire, configuration, query, names)
            advance()

    since = datetime.now(UTC).date().isoformat()
    before = await _usage(quire, since)
    began = perf_counter()
    await asyncio.gather(*(client(waiting) for _ in range(concurrency)))
    seconds = perf_counter() - began
    after = await _usage(quire, since)
    return Run(
        configuration=configuration,
        found=[found[query.id] for query in dataset.queries],
        seconds=seconds,
        usage={name: after[name] - before[name] for name in _COUNTS},
    )


async def _find(
    quire: Quire, configuration: Configuration, query: Query, names: Mapping[str, str]
) -> Found:
    attempts = 0

    async def once() -> Found:
        nonlocal attempts
        attempts += 1
        began = perf_counter()
        answer = await quire.post("/v1/retrieve", configuration.body(query))
        wall = 1_000 * (perf_counter() - began)
        if without := answer.get("degraded"):
            raise Failed(
                f"Questions are searched without {', '.join(without)}: the deployment's model or "
                "index does not answer, and figures would be of a poorer search.",
                passing=True,
            )
        chunks: list[Json] = answer["chunks"]
        # A tenant may have more than this dataset; what else it has is nobody's right answer.
        own = [chunk for chunk in chunks if chunk["filename"] in names]
        return Found(
            hits=[_hit(chunk, names) for chunk in own],
            foreign=len(chunks) - len(own),
            timings={**answer["timings"], "wall": wall},
            attempts=attempts,
        )

    return await patiently(once)


def _hit(chunk: Json, names: Mapping[str, str]) -> Hit:
    return Hit(
        document=names[chunk["filename"]],
        chunk=chunk["chunk_id"],
        start=chunk["start"],
        end=chunk["end"],
        title=" › ".join(dict.fromkeys((chunk["title"], *chunk["heading"]))),
        text=chunk["text"],
    )


async def _usage(quire: Quire, since: str) -> Json:
    today = datetime.now(UTC).date().isoformat()
    days: Json = {"from": since, "to": today}
    used = await patiently(partial(quire.get, "/v1/usage", **days))
    total: Json = used["total"]
    return total
