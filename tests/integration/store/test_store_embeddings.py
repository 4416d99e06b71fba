"""The cache of embeddings, and what it spares a model: real rows, a model server that counts."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from functions.ingest.embedding import CachedEmbedder, Item
from quire import models
from quire.domain import Collection
from quire.models.embedder import Embedder
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.embeddings import Embeddings, keep_embeddings
from quire.store.jobs import Jobs
from tests.integration.store.conftest import MakeTenant, Owner, digest, ready

ONE, OTHER = UUID(int=1), UUID(int=2)
COLLECTION = Collection(name="c", model="counting", dimensions=3)


@pytest.fixture
def embeddings(database: Database) -> Embeddings:
    return Embeddings(database)


async def test_vectors_come_back_as_close_as_half_floats_are(
    database: Database, embeddings: Embeddings, tenant: str
) -> None:
    vector = np.random.default_rng(7).normal(size=1536)
    vector /= np.linalg.norm(vector)
    key = digest("a")
    await database.run(tenant, keep_embeddings(tenant, {key: (ONE, vector.tolist())}))
    kept = np.asarray((await embeddings.get(tenant, [key, digest("unknown")]))[key])
    assert float(kept @ vector) / float(np.linalg.norm(kept)) > 0.999_999
    assert await embeddings.get(tenant, []) == {}


async def test_each_tenant_has_a_cache_of_its_own(
    database: Database, embeddings: Embeddings, tenant: str, make_tenant: MakeTenant
) -> None:
    """Else the time an upload takes would tell whether another has the same text."""
    await database.run(tenant, keep_embeddings(tenant, {digest("a"): (ONE, [1.0])}))
    assert await embeddings.get((await make_tenant()).id, [digest("a")]) == {}


async def test_what_expired_is_not_used_and_then_goes(
    database: Database, embeddings: Embeddings, tenant: str, owner: Owner
) -> None:
    old, new = digest("old"), digest("new")
    await database.run(tenant, keep_embeddings(tenant, {old: (ONE, [1.0]), new: (ONE, [2.0])}))
    await owner.execute(
        """update embedding_cache set expires_at = now() - interval '1 second'
           where tenant_id = %s and key = %s""",
        [tenant, old],
    )
    assert set(await embeddings.get(tenant, [old, new])) == {new}
    assert await Collections(database).expire_caches(until=time.monotonic() + 5) >= 1
    (rows,) = await database.run(tenant, ("select key from embedding_cache", []))
    assert [row["key"] for row in rows] == [new]


async def test_a_backlog_goes_bit_by_bit_while_there_is_time(
    database: Database, tenant: str, owner: Owner
) -> None:
    many = {digest(str(number)): (ONE, [1.0]) for number in range(25)}
    await database.run(tenant, keep_embeddings(tenant, many))
    await owner.execute(
        "update embedding_cache set expires_at = now() where tenant_id = %s", [tenant]
    )
    collections = Collections(database)
    assert await collections.expire_caches(until=time.monotonic()) == 0
    (rows,) = await database.run(None, ("select expire_caches(10) as n", []))
    assert rows[0]["n"] == 10
    assert await collections.expire_caches(until=time.monotonic() + 5, most=10) == 15
    (rows,) = await database.run(tenant, ("select key from embedding_cache", []))
    assert rows == []


async def test_nothing_is_kept_of_what_is_deleted_meanwhile(
    database: Database, embeddings: Embeddings, tenant: str, document: UUID
) -> None:
    await ready(database, tenant, "a")
    await Jobs(database).request_deletion(tenant, document)
    await database.run(tenant, keep_embeddings(tenant, {digest("a"): (document, [1.0])}))
    assert await embeddings.get(tenant, [digest("a")]) == {}


async def test_what_is_met_again_is_kept_longer(
    database: Database, embeddings: Embeddings, tenant: str, owner: Owner
) -> None:
    key = digest("a")
    await database.run(tenant, keep_embeddings(tenant, {key: (ONE, [1.0])}))
    await owner.execute(
        "update embedding_cache set expires_at = now() where tenant_id = %s", [tenant]
    )
    await database.run(tenant, keep_embeddings(tenant, {key: (ONE, [1.0])}))
    assert key in await embeddings.get(tenant, [key])


async def test_who_keeps_the_same_in_another_order_is_not_in_the_way(
    database: Database, tenant: str
) -> None:
    keys = [digest(str(number)) for number in range(3_000)]
    orders = [keys, keys[::-1]] * 2
    await asyncio.gather(
        *(
            database.run(tenant, keep_embeddings(tenant, dict.fromkeys(order, (ONE, [1.0]))))
            for order in orders
        )
    )


@dataclass
class CountingModel:
    """Embeds a text as its length, and remembers what each request asked for."""

    requests: list[Sequence[str]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/embeddings")
        async def embed(body: dict[str, Any]) -> dict[str, Any]:
            self.requests.append(body["input"])
            data = [
                {"object": "embedding", "index": n, "embedding": [float(len(text)), 0.0, 1.0]}
                for n, text in enumerate(body["input"])
            ]
            usage = {"prompt_tokens": 2 * len(data), "total_tokens": 2 * len(data)}
            return {"object": "list", "data": data, "model": body["model"], "usage": usage}

        return app


@pytest.fixture
def model() -> CountingModel:
    return CountingModel()


@pytest.fixture
async def embedder(model: CountingModel, embeddings: Embeddings) -> AsyncIterator[CachedEmbedder]:
    server = uvicorn.Server(uvicorn.Config(model.app(), port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    client = models.connect(base_url=f"http://127.0.0.1:{port}/v1", api_key="any", timeout=5)
    yield CachedEmbedder(Embedder(client), embeddings, inputs=3)
    await client.close()
    server.should_exit = True
    await serving


def items(*texts: str, document: UUID = ONE) -> list[Item]:
    return [Item(document, text, tokens=len(text)) for text in texts]


async def test_texts_are_embedded_in_few_requests_and_in_their_order(
    embedder: CachedEmbedder, model: CountingModel, tenant: str
) -> None:
    texts = ["a" * n for n in range(1, 8)]
    embedded = await embedder.embed(tenant, items(*texts), COLLECTION, seconds=5)
    assert [vector[0] for vector in embedded.vectors] == [1, 2, 3, 4, 5, 6, 7]
    assert sorted(len(request) for request in model.requests) == [1, 3, 3]
    assert sum(embedded.spent) == pytest.approx(14, abs=len(texts))
    assert embedded.spent[0] < embedded.spent[-1], "each bears its share"


async def test_the_same_text_twice_is_paid_for_once(
    embedder: CachedEmbedder, model: CountingModel, tenant: str
) -> None:
    twice = [*items("same"), *items("same", document=OTHER), *items("other!")]
    embedded = await embedder.embed(tenant, twice, COLLECTION, seconds=5)
    assert [len(request) for request in model.requests] == [2]
    assert [vector[0] for vector in embedded.vectors] == [4, 4, 6]
    assert sorted(bool(spent) for spent in embedded.spent) == [False, True, True]


async def test_what_was_kept_is_not_asked_for(
    database: Database, embedder: CachedEmbedder, model: CountingModel, tenant: str
) -> None:
    first = await embedder.embed(tenant, items("one", "three"), COLLECTION, seconds=5)
    await database.run(tenant, keep_embeddings(tenant, first.fresh))
    again = await embedder.embed(tenant, items("three", "one"), COLLECTION, seconds=5)
    assert len(model.requests) == 1
    assert [vector[0] for vector in again.vectors] == [5, 3]
    assert (again.spent, again.fresh) == ([0, 0], {})


async def test_another_model_knows_nothing_of_it(
    database: Database, embedder: CachedEmbedder, model: CountingModel, tenant: str
) -> None:
    first = await embedder.embed(tenant, items("one"), COLLECTION, seconds=5)
    await database.run(tenant, keep_embeddings(tenant, first.fresh))
    other = Collection(name="d", model="another", dimensions=3)
    await embedder.embed(tenant, items("one"), other, seconds=5)
    assert len(model.requests) == 2
    same = Collection(name="e", model="counting", dimensions=3)
    await embedder.embed(tenant, items("one"), same, seconds=5)
    assert len(model.requests) == 2, "a collection's name makes no difference"
