"""Quire's index on Qdrant's engine, with as many vectors as make it build a graph of bytes."""

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models

from local.qdrant_collections import OPTIMIZE_AFTER_POINTS
from quire.domain import Chunk, Collection, Sparse
from quire.errors import Unavailable
from quire.retrieval.filters import Filters
from quire.retrieval.index import Index
from tests.integration.local_qdrant.sample import serving

# Qdrant leaves less than 10,000 KB of vectors as they are.
WIDE = Collection(name="wide", model="any", dimensions=3_000)
COUNT = OPTIMIZE_AFTER_POINTS


def chunk(n: int) -> Chunk:
    return Chunk(
        id=UUID(int=n + 1),
        document=UUID(int=0),
        version=1,
        filename="a.md",
        title="A",
        ordinal=n,
        start=0,
        end=1,
        text="a",
    )


async def test_vectors_are_bytes_in_memory_and_cosines_are_true(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(COUNT, WIDE.dimensions))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    async with serving(tmp_path, keep_every=0.2) as client:
        index = Index(client.http.client.host, api_key=None, timeout=10)
        await index.ensure(WIDE)
        words = [Sparse(indices=[1], values=[1.0])] * COUNT
        await index.upsert(WIDE, "a", [*map(chunk, range(COUNT))], rows.tolist(), words)
        async with asyncio.timeout(30):
            while not await bytes_are_kept(client):
                await asyncio.sleep(0.1)
        found = await index.search(
            WIDE, "a", dense=rows[7].tolist(), bm25=None, filters=Filters(), without=(), limit=5
        )
        await index.close()
    cosines = np.sort(rows @ rows[7])[::-1][:5]
    assert [hit.score for hit in found.dense] == pytest.approx(cosines, abs=1e-6)


async def test_a_collection_that_went_is_made_anew_for_the_next_attempt(tmp_path: Path) -> None:
    small = replace(WIDE, name="small", dimensions=2)
    points = [chunk(0)], [[1.0, 0.0]], [Sparse(indices=[1], values=[1.0])]
    async with serving(tmp_path) as client:
        index = Index(client.http.client.host, api_key=None)
        await index.ensure(small)
        await client.delete_collection(small.name)
        with pytest.raises(Unavailable):
            await index.upsert(small, "a", *points)
        await index.ensure(small)
        await index.upsert(small, "a", *points)
        assert await index.count(small) == 1
        await index.close()


async def bytes_are_kept(client: AsyncQdrantClient) -> bool:
    info = await client.get_collection(WIDE.name)
    assert isinstance(info.config.params.vectors, dict)
    kept = info.config.params.vectors["dense"]
    assert kept.on_disk
    assert isinstance(kept.quantization_config, models.ScalarQuantization)
    assert kept.quantization_config.scalar.always_ram
    # Each sparse vector counts as indexed from the start; more are dense ones.
    graph = (info.indexed_vectors_count or 0) > COUNT
    return graph and info.status is models.CollectionStatus.GREEN
