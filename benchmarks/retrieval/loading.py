"""A corpus into the laptop's Qdrant through Quire's own index, until its graph is built."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TypeVar

from qdrant_client import AsyncQdrantClient, models

from benchmarks.retrieval.corpus import CHUNKS_OF_DOCUMENT, Corpus, Document
from quire.domain import Collection
from quire.retrieval.index import Index
from quire.retrieval.layout import BM25, DENSE, graph_for

_TIMEOUT = 60
_SIDE_BY_SIDE = 2
_POLL = 0.5
# Documents whose vectors are made at once, by the process that sends them.
_AHEAD = 8

T = TypeVar("T")


def collection(dimensions: int) -> Collection:
    return Collection(name=f"bench_{dimensions}", model="none", dimensions=dimensions)


@asynccontextmanager
async def indexing(url: str) -> AsyncIterator[Index]:
    index = Index(url, api_key=None, timeout=_TIMEOUT)
    try:
        yield index
    finally:
        await index.close()


async def create(url: str, dimensions: int, *, int8: bool) -> None:
    """As Quire keeps vectors, as `int8`; or all in memory as they are, which it does not."""
    where = collection(dimensions)
    if not int8:
        graph = graph_for(0)
        client = AsyncQdrantClient(url=url, check_compatibility=False, timeout=_TIMEOUT)
        await client.create_collection(
            where.name,
            hnsw_config=models.HnswConfigDiff(m=graph.m, ef_construct=graph.ef_construct),
            vectors_config={
                DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
            },
            sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        await client.close()
    async with indexing(url) as index:
        await index.ensure(where)


async def load(url: str, corpus: Corpus, *, first: int, end: int) -> float:
    """Write chunks `first` to `end`; the seconds that it took."""
    documents = corpus.documents(first // CHUNKS_OF_DOCUMENT, end // CHUNKS_OF_DOCUMENT)
    batches = _batches(documents, _AHEAD)
    began = time.perf_counter()

    async with indexing(url) as index:

        async def write() -> None:
            for batch in batches:
                await _write(index, corpus.dimensions, batch)

        async with asyncio.TaskGroup() as group:
            for _ in range(_SIDE_BY_SIDE):
                group.create_task(write())
    return time.perf_counter() - began


async def _write(index: Index, dimensions: int, batch: Sequence[Document]) -> None:
    for tenant in {document.tenant for document in batch}:
        of = [document for document in batch if document.tenant == tenant]
        await index.upsert(
            collection(dimensions),
            tenant,
            [chunk for document in of for chunk in document.chunks],
            [vector for document in of for vector in document.dense.tolist()],
            [terms for document in of for terms in document.bm25],
        )


async def optimised(url: str, dimensions: int) -> float:
    """Wait until Qdrant has nothing left to do; the seconds that it took."""
    began = time.perf_counter()
    client = AsyncQdrantClient(url=url, check_compatibility=False, timeout=_TIMEOUT)
    name = collection(dimensions).name
    while (await client.get_collection(name)).status is not models.CollectionStatus.GREEN:
        await asyncio.sleep(_POLL)
    await client.close()
    return time.perf_counter() - began


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
