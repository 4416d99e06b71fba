"""Texts to vectors, and the server that is asked when the first one is gone."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI

from quire import models
from quire.domain import Collection
from quire.errors import Unavailable
from quire.models.embedder import Embedder, connect_models

LIVE = Collection(name="c", model="minimal", dimensions=2)
NOWHERE = "http://127.0.0.1:9/v1"


@dataclass
class Server:
    """Embeds all texts as one vector, once it has refused so many requests; or `answer`s so."""

    vector: Sequence[float]
    refuses: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    answer: str | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/embeddings")
        async def embed(body: dict[str, Any]) -> Any:
            self.asked.append(body)
            await asyncio.sleep(self.seconds)
            if len(self.asked) <= self.refuses:
                return Response("{}", 429, self.headers, "application/json")
            if self.answer is not None:
                return Response(self.answer, media_type="application/json")
            data = [
                {"object": "embedding", "index": n, "embedding": self.vector}
                for n, _ in enumerate(body["input"])
            ]
            usage = {"prompt_tokens": 3, "total_tokens": 3}
            return {"object": "list", "data": data, "model": body["model"], "usage": usage}

        return app

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        server = uvicorn.Server(uvicorn.Config(self.app(), port=0, log_config=None))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
        yield self
        server.should_exit = True
        await serving


class Bench:
    """Servers and clients that are gone when the test is."""

    def __init__(self, until: AsyncExitStack) -> None:
        self._until = until

    async def server(self, vector: Sequence[float] = (1.0, 0.0), **more: Any) -> Server:
        return await self._until.enter_async_context(Server(vector, **more).running())

    def embedder(
        self, url: str, fallback: Mapping[str, Any] | None = None, timeout: float = 5
    ) -> Embedder:
        client, other = connect_models(
            base_url=url, api_key="any", fallback=fallback, timeout=timeout
        )
        for each in [client, *([other.client] if other else [])]:
            self._until.push_async_callback(each.close)
        return Embedder(client, timeout=timeout, fallback=other)

    def fallback(
        self, server: Server, *, model: str = "minimal", dimensions: int = 2
    ) -> Mapping[str, Any]:
        return {"base_url": server.url, "api_key": "any", "model": model, "dimensions": dimensions}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with AsyncExitStack() as until:
        yield Bench(until)


async def test_a_server_that_is_there_is_asked_alone(bench: Bench) -> None:
    first, other = await bench.server((1.0, 0.0)), await bench.server((0.0, 1.0))
    embedder = bench.embedder(first.url, bench.fallback(other))
    embedded = await embedder.embed_documents(["a", "b"], LIVE, seconds=5)
    assert embedded.vectors == [[1.0, 0.0]] * 2
    assert embedded.tokens == 3
    assert (first.asked[0]["input"], first.asked[0]["model"]) == (["a", "b"], "minimal")
    assert other.asked == []


async def test_when_it_is_gone_the_same_model_elsewhere_is_asked(bench: Bench) -> None:
    other = await bench.server()
    embedder = bench.embedder(NOWHERE, bench.fallback(other))
    assert (await embedder.embed_documents(["a"], LIVE, seconds=2)).vectors == [[1.0, 0.0]]
    assert (await embedder.embed_query(["a?"], LIVE)).vectors == [[1.0, 0.0]]
    assert len(other.asked) == 2


@pytest.mark.parametrize(("model", "dimensions"), [("another", 2), ("minimal", 3)])
async def test_another_model_is_no_help(bench: Bench, model: str, dimensions: int) -> None:
    """Its vectors would be kept, and never be found again."""
    other = await bench.server()
    embedder = bench.embedder(NOWHERE, bench.fallback(other, model=model, dimensions=dimensions))
    with pytest.raises(Unavailable, match="model"):
        await embedder.embed_documents(["a"], LIVE, seconds=0.5)
    assert other.asked == []


async def test_vectors_of_another_size_are_refused(bench: Bench) -> None:
    first = await bench.server((1.0, 0.0, 0.0))
    with pytest.raises(Unavailable, match="model"):
        await bench.embedder(first.url).embed_query(["a?"], LIVE)


async def test_a_rate_limit_is_waited_out_for_documents(bench: Bench) -> None:
    first = await bench.server(refuses=3, headers={"Retry-After-Ms": "20"})
    embedded = await bench.embedder(first.url).embed_documents(["a"], LIVE, seconds=5)
    assert embedded.vectors == [[1.0, 0.0]]
    assert len(first.asked) == 4


@pytest.mark.parametrize("slow", ["to answer", "by its own wish"])
async def test_no_wait_is_longer_than_what_is_left(bench: Bench, slow: str) -> None:
    if slow == "to answer":
        first = await bench.server(seconds=3.0)
    else:
        first = await bench.server(refuses=99, headers={"Retry-After": "30"})
    embedder = bench.embedder(first.url)
    async with asyncio.timeout(2.5):
        with pytest.raises(Unavailable, match="model"):
            await embedder.embed_documents(["a"], LIVE, seconds=0.3)


@pytest.mark.parametrize(
    ("model", "sized"), [("text-embedding-3-small", True), ("all-MiniLM-L6-v2", False)]
)
async def test_only_models_that_know_sizes_are_asked_for_one(
    bench: Bench, model: str, sized: bool
) -> None:
    first = await bench.server()
    await bench.embedder(first.url).embed_query(
        ["a?"], Collection(name="c", model=model, dimensions=2)
    )
    assert ("dimensions" in first.asked[0]) == sized


@pytest.fixture
async def odd_server(bench: Bench) -> AsyncIterator[tuple[Server, AsyncOpenAI]]:
    server = await bench.server()
    async with models.connect(base_url=server.url, api_key="any", timeout=5) as client:
        yield server, client


VECTOR = {"object": "embedding", "index": 0, "embedding": [1.0, 0.0]}
ODD: list[Any] = [None, "x", [], {}, [None], -1, 1e400, float("nan"), 10**30]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["all", "data", "usage", "embedding", "number", "tokens"]), st.data())
async def test_whatever_is_no_embedding_is_the_models_fault(
    odd_server: tuple[Server, AsyncOpenAI], what: str, data: st.DataObject
) -> None:
    server, client = odd_server
    odd = data.draw(st.sampled_from(ODD))
    vector = odd if what == "embedding" else [1.0, odd if what == "number" else 0.0]
    usage = {"prompt_tokens": 3, "total_tokens": odd if what == "tokens" else 3}
    answer = {
        "object": "list",
        "data": odd if what == "data" else [{**VECTOR, "embedding": vector}],
        "usage": odd if what == "usage" else usage,
    }
    server.answer = json.dumps(odd if what == "all" else answer)
    if what == "number" and odd in (-1, 10**30):
        assert (await Embedder(client).embed_query(["a?"], LIVE)).vectors == [[1.0, odd]]
    else:
        with pytest.raises(Unavailable, match="model"):
            await Embedder(client).embed_query(["a?"], LIVE)
