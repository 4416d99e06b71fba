"""A server that sends what a test says, and what a language model makes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import uvicorn
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from quire import models
from quire.domain import Prompt
from quire.models.language_model import Completion, LanguageModel

DONE = b"data: [DONE]\n\n"


class Server:
    """Sends `parts` as they are, whatever is asked."""

    def __init__(self) -> None:
        self.parts: Sequence[bytes] = ()
        self.url = ""
        self.lingers = 0.0
        self.clients: set[object] = set()
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> StreamingResponse:
        self.clients.add(request.client)
        return StreamingResponse(self._sent(), media_type="text/event-stream")

    async def _sent(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part
            await asyncio.sleep(0)
        await asyncio.sleep(self.lingers)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    served = uvicorn.Server(uvicorn.Config(made.app, port=0, log_config=None))
    serving = asyncio.create_task(served.serve())
    while not served.started:
        await asyncio.sleep(0.005)
    made.url = f"http://127.0.0.1:{served.servers[0].sockets[0].getsockname()[1]}/v1"
    yield made
    served.should_exit = True
    await serving


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with models.connect(base_url=server.url, api_key="any", timeout=5) as connected:
        yield connected


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return line({"model": "m-1", "choices": [choice], **more})


def line(sent: object) -> bytes:
    return f"data: {json.dumps(sent)}\n\n".encode()


async def told(server: Server, *parts: bytes) -> tuple[str, Completion]:
    """The text, and how it ended."""
    server.parts = parts
    async with models.connect(base_url=server.url, api_key="any", timeout=5) as client:
        return await asked(client)


async def asked(client: AsyncOpenAI) -> tuple[str, Completion]:
    text = ""
    prompt = Prompt(name="p", hash="h", messages=[{"role": "user", "content": "?"}])
    model = LanguageModel(client, model="m", openai=False)
    async for piece in model.stream(prompt, max_tokens=9, temperature=None, seed=1):
        if isinstance(piece, Completion):
            return text, piece
        text += piece
    raise AssertionError("it ended without a completion")
