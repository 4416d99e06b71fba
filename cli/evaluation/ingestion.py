"""Bringing a dataset's documents: uploaded as any others are, unless they are there already."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from rich.progress import Progress

from cli.client import Failed, Json, Quire, path_of
from cli.evaluation.dataset import BadDataset, Dataset, Query, Span
from cli.files import File
from cli.pausing import patiently
from cli.upload import EMPTY, Uploading
from cli.watch import SIDE_BY_SIDE, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingestion:
    """What the deployment says of the dataset's documents, whenever they were read.

    `brought` were read in this run, which took `seconds`; `cost_usd` is in US dollars.
    """

    documents: int
    brought: int
    seconds: float
    chunks: int
    tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """`ids` are the deployment's, by the dataset's own; what could not be read is left out."""

    dataset: Dataset
    ingestion: Ingestion
    ids: Mapping[str, str]


async def bring(quire: Quire, dataset: Dataset, progress: Progress, *, timeout: float) -> Brought:
    """`timeout` in seconds as in Uploading.

    Raises Failed if a document does not become ready, unless it is a file that no question needs
    and that cannot be read: beside those that are asked about there may be pictures.
    """
    began = perf_counter()
    with TemporaryDirectory(prefix="quire-eval-") as folder:
        files = await asyncio.to_thread(_files, dataset, Path(folder))
        outcomes = await Uploading(quire, files, progress).run(timeout=timeout)
    seconds = perf_counter() - began
    dataset = _readable(dataset, outcomes)
    names = {dataset.filename(document): document.id for document in dataset.documents}
    found: dict[str, Json] = {}

    async def look() -> None:
        async for document in quire.pages("/v1/documents"):
            if document["filename"] in names:
                found[names[document["filename"]]] = document

    await patiently(look)
    ingestion = Ingestion(
        documents=len(found),
        brought=sum(outcome.outcome == "ready" for outcome in outcomes),
        seconds=seconds,
        chunks=sum(document["chunks"] for document in found.values()),
        tokens=sum(document["tokens"] for document in found.values()),
        cost_usd=sum(document["cost_usd"] for document in found.values()),
    )
    ids = {name: str(document["id"]) for name, document in found.items()}
    return Brought(dataset=dataset, ingestion=ingestion, ids=ids)


async def locate(quire: Quire, dataset: Dataset, ids: Mapping[str, str]) -> Dataset:
    """The dataset with the place of every quoted passage in its document's canonical text.

    Raises BadDataset if a passage is not there word for word.
    """
    quoted = {name for query in dataset.queries if query.quote for name in query.relevant}
    gate = asyncio.Semaphore(SIDE_BY_SIDE)

    async def fetch(name: str) -> tuple[str, str]:
        async with gate:
            path = path_of("documents", ids[name]) + "/text"
            return name, await patiently(partial(quire.text, path))

    texts = dict(await asyncio.gather(*map(fetch, sorted(quoted))))
    return replace(dataset, queries=[located(query, texts) for query in dataset.queries])


def located(query: Query, texts: Mapping[str, str]) -> Query:
    if query.quote is None:
        return query
    (document,) = query.relevant
    start = texts[document].find(query.quote)
    if start < 0:
        raise BadDataset(f"The passage of question {query.id} is not in {document} word for word.")
    return replace(query, passages=[Span(document, start, start + len(query.quote))])


def _files(dataset: Dataset, folder: Path) -> list[File]:
    """Every document as a file on disk, named as the deployment is to know it."""
    files = []
    for document in dataset.documents:
        path = document.path
        if path is None:
            path = folder / document.name
            path.write_bytes((document.text or "").encode())
        files.append(File(path, dataset.filename(document), path.stat().st_size))
    return files


def _readable(dataset: Dataset, outcomes: Sequence[Outcome]) -> Dataset:
    """Raises Failed."""
    bad = {outcome.filename: outcome for outcome in outcomes if outcome.cause is not None}
    causes = {
        document.id: outcome.cause or ""
        for document in dataset.documents
        if document.path and (outcome := bad.get(dataset.filename(document)))
        # The deployment knows it and refused it, or there was nothing to send.
        if (outcome.outcome == "failed" and outcome.document_id) or outcome.cause == EMPTY
    }
    readable = dataset.without(causes)
    left = [bad[name] for name in map(readable.filename, readable.documents) if name in bad]
    if left:
        counts = Counter(outcome.outcome for outcome in left)
        told = " and ".join(f"{count} {name}" for name, count in counts.items())
        raise Failed(
            f"Of {len(outcomes)} documents {told}; the first is {left[0].filename}: {left[0].cause}"
        )
    return readable
