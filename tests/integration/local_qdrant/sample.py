"""Collections and points to try the laptop's Qdrant with, and ways to reach it."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import uvicorn
from qdrant_client import AsyncQdrantClient, models

from local.qdrant import create_app

SIZE = 8
NAME = "chunks"
INDEXED: dict[str, models.PayloadSchemaType | models.KeywordIndexParams] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "n": models.PayloadSchemaType.INTEGER,
    "at": models.PayloadSchemaType.DATETIME,
}


@asynccontextmanager
async def serving(state: Path, *, keep_every: float = 5.0) -> AsyncIterator[AsyncQdrantClient]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = create_app(state, keep_every=keep_every)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with connected(url) as client:
            yield client
        server.should_exit = True
        await running


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncQdrantClient]:
    client = AsyncQdrantClient(url=url, prefer_grpc=False, check_compatibility=False, timeout=10)
    try:
        yield client
    finally:
        await client.close()


async def create(client: AsyncQdrantClient, name: str = NAME, *, indexing_kb: int = 10_000) -> None:
    await client.create_collection(
        name,
        vectors_config={
            "dense": models.VectorParams(size=SIZE, distance=models.Distance.COSINE, on_disk=False)
        },
        sparse_vectors_config={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        hnsw_config=models.HnswConfigDiff(m=8, payload_m=8),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=indexing_kb),
        quantization_config=models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        ),
    )
    for field, schema in INDEXED.items():
        await client.create_payload_index(name, field, schema)


def point_id(n: int) -> str:
    return str(uuid5(NAMESPACE_URL, str(n)))


def dense(seed: int) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(0, 1) for _ in range(SIZE)]


def point(n: int) -> models.PointStruct:
    terms = random.Random(n).sample(range(40), 6)
    return models.PointStruct(
        id=point_id(n),
        vector={"dense": dense(n), "bm25": models.SparseVector(indices=terms, values=[1.0] * 6)},
        payload={
            "tenant": "even" if n % 2 == 0 else "odd",
            "n": n,
            "even": n % 2 == 0,
            "at": f"2026-01-{n % 28 + 1:02}T00:00:00Z",
            "tags": [f"tag{n % 3}"],
            "note": None if n == 4 else "a walking robot" if n == 5 else "words",
        },
    )


def points(count: int, *, start: int = 0) -> list[models.PointStruct]:
    return [point(n) for n in range(start, start + count)]


def field(key: str, **condition: object) -> models.FieldCondition:
    return models.FieldCondition.model_validate({"key": key, **condition})


def numbers(found: Sequence[models.ScoredPoint | models.Record]) -> list[int]:
    return [one.payload["n"] for one in found if one.payload]


TERMS = models.SparseVector(indices=[1, 2, 3, 4, 5], values=[1.0, 0.5, 2.0, 1.0, 1.0])
EVEN = models.Filter(must=[field("tenant", match={"value": "even"})])
