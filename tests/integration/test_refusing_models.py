"""A model that refuses: asked again when that is a matter of a moment, and else told of at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from openai import AsyncOpenAI

from quire import models
from quire.domain import Collection, Prompt
from quire.errors import Unavailable
from quire.models.embedder import Embedder
from quire.models.language_model import Completion, LanguageModel
from tests.soak.wire import http_request

LIVE = Collection(name="c", model="minimal", dimensions=2)
WORDS = {"choices": [{"delta": {"content": "Gears"}, "finish_reason": "stop"}]}
VECTOR = {
    "data": [{"object": "embedding", "index": 0, "embedding": [1.0, 0.0]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}


class Server:
    """Serves any question once all its `refusals` are given: a status, headers, and a code."""

    def __init__(self) -> None:
        self.refusals: list[tuple[int, dict[str, str], str]] = []
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await http_request(reader, writer):
                self.asked += 1
                status, headers, kind = 200, dict[str, str](), "application/json"
                if self.refusals:
                    status, headers, code = self.refusals.pop()
                    body = json.dumps({"error": {"code": code}})
                elif b"/embeddings" in request:
                    body = json.dumps(VECTOR)
                else:
                    body, kind = f"data: {json.dumps(WORDS)}\n\ndata: [DONE]\n\n", "text/plain"
                headers |= {"content-type": kind, "content-length": str(len(body))}
                lines = [f"HTTP/1.1 {status} X", *(f"{n}: {v}" for n, v in headers.items())]
                writer.write(("\r\n".join(lines) + f"\r\n\r\n{body}").encode("latin-1"))
        writer.close()


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with models.connect(base_url=url, api_key="any", timeout=30) as connected:
            yield connected


def language_model(client: AsyncOpenAI) -> LanguageModel:
    return LanguageModel(client, model="m", openai=False)


async def written(model: LanguageModel) -> str:
    prompt = Prompt(name="p", hash="h", messages=[{"role": "user", "content": "?"}])
    pieces = model.stream(prompt, max_tokens=9, temperature=None, seed=1)
    return "".join([piece async for piece in pieces if not isinstance(piece, Completion)])


@pytest.mark.parametrize(
    "one",
    [(429, {"retry-after-ms": "20"}, ""), (500, {}, ""), (503, {"retry-after": "0"}, "")],
)
async def test_who_refuses_for_a_moment_is_asked_again(
    server: Server, client: AsyncOpenAI, one: tuple[int, dict[str, str], str]
) -> None:
    server.refusals = [one, one]
    assert await written(language_model(client)) == "Gears"
    assert server.asked == 3
    server.refusals = [one, one]
    assert (await Embedder(client).embed_query(["a?"], LIVE)).tokens == 3
    assert server.asked == 6


@pytest.mark.parametrize(
    ("one", "seconds", "asked"),
    [
        ((429, {"retry-after": "20"}, ""), 20, 1),
        ((503, {"retry-after": "1.5"}, ""), 2, 1),
        ((429, {}, "insufficient_quota"), 5, 1),
        ((400, {}, ""), 5, 1),
        ((429, {}, ""), 5, 3),
        ((429, {"retry-after": "\xb2"}, ""), 5, 3),
    ],
)
async def test_who_asks_for_longer_is_told_of_and_not_waited_for(
    server: Server,
    client: AsyncOpenAI,
    one: tuple[int, dict[str, str], str],
    seconds: int,
    asked: int,
) -> None:
    server.refusals = [one] * 9
    async with asyncio.timeout(1.4):
        with pytest.raises(Unavailable, match="model") as refused:
            await written(language_model(client))
        assert (refused.value.retry_after, server.asked) == (seconds, asked)
        with pytest.raises(Unavailable, match="model") as refused:
            await Embedder(client).embed_query(["a?"], LIVE)
        assert (refused.value.retry_after, server.asked) == (seconds, 2 * asked)


async def test_what_it_declines_of_one_is_no_failure_for_others(
    server: Server, client: AsyncOpenAI
) -> None:
    """A question that is too long for its window, or that its provider filters."""
    model, embedder = language_model(client), Embedder(client)
    for status in (400, 413, 422) * 2:
        server.refusals = [(status, {}, "context_length_exceeded")] * 2
        with pytest.raises(Unavailable, match="model"):
            await written(model)
        with pytest.raises(Unavailable, match="model"):
            await embedder.embed_query(["a?"], LIVE)
    assert await written(model) == "Gears"
    assert (await embedder.embed_query(["a?"], LIVE)).tokens == 3


async def test_a_document_waits_for_longer_but_not_in_vain(
    server: Server, client: AsyncOpenAI
) -> None:
    server.refusals = [(429, {"retry-after": "2"}, "")] * 2
    async with asyncio.timeout(4):
        with pytest.raises(Unavailable, match="model") as refused:
            await Embedder(client).embed_documents(["a"], LIVE, seconds=1.9)
        assert (refused.value.retry_after, server.asked) == (2, 1)
        assert (await Embedder(client).embed_documents(["a"], LIVE, seconds=9)).tokens == 3
