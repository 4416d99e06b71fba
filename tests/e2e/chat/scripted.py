"""A language model that says what a test tells it to, over OpenAI's API; embeddings are real."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Messages = Sequence[dict[str, str]]

USAGE = {
    "prompt_tokens": 1_000,
    "completion_tokens": 100,
    "total_tokens": 1_100,
    "prompt_tokens_details": {"cached_tokens": 400},
}


class ScriptedModel:
    """`say` sets the pieces of the next answers; `asked` are the requests that came.

    With a `gate`, each piece after the first waits until the test lets it through. `down` answers
    with errors to what it names: "chat", "embeddings", "rewrite", "hypothesis"; what `held` names
    waits. After `breaks_after` pieces the connection is cut. What stands alone is `cut` by its
    length. A passage to search by is `hypothesis`; those of which one was asked are `imagined`.
    What `obeys` says to the messages it is sent goes before `say`.
    """

    def __init__(self, embeddings_url: str) -> None:
        self._embeddings_url = embeddings_url
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/embeddings", self._embed, methods=["POST"]),
            ]
        )
        self.reset()

    def reset(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.pieces: Sequence[str] = ["Nothing to say."]
        self.obeys: Callable[[Messages], Sequence[str]] | None = None
        self.standalone: str | None = None
        self.hypothesis = "?"
        self.imagined: list[str] = []
        self.cut = False
        self.finish_reason = "stop"
        self.gate: asyncio.Semaphore | None = None
        self.down: set[str] = set()
        self.held: dict[str, asyncio.Event] = {}
        self.breaks_after: int | None = None

    def say(self, *pieces: str) -> None:
        self.pieces = pieces

    @property
    def prompts(self) -> list[str]:
        """All text of each request, as one."""
        return ["\n".join(m["content"] for m in body["messages"]) for body in self.asked]

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        if "chat" in self.down:
            return JSONResponse({"error": {"message": "down"}}, 500)
        asked: str = body["messages"][-1]["content"]
        if asked.startswith("Question: "):
            self.imagined.append(asked.removeprefix("Question: "))
            if "hypothesis" in self.down:
                return JSONResponse({"error": {"message": "down"}}, 500)
            # In two pieces, between which it may break off.
            told = self._stream([self.hypothesis, ""], "stop")
            return StreamingResponse(told, media_type="text/event-stream")
        rewrites = "<conversation>" in body["messages"][-1]["content"]
        if rewrites and "rewrite" in self.down:
            return JSONResponse({"error": {"message": "down"}}, 500)
        if rewrites:
            await self._wait("rewrite")
        self.asked.append(body)
        told = (
            self._stream([self.standalone or "?"], "length" if self.cut else "stop")
            if rewrites
            else self._stream(self._pieces(body["messages"]), self.finish_reason)
        )
        return StreamingResponse(told, media_type="text/event-stream")

    def _pieces(self, messages: Messages) -> Sequence[str]:
        return self.obeys(messages) if self.obeys else self.pieces

    async def _stream(self, pieces: Sequence[str], finish_reason: str) -> AsyncIterator[str]:
        for number, piece in enumerate(pieces):
            if self.gate and number:
                await self.gate.acquire()
            if number == self.breaks_after:
                raise ConnectionResetError
            yield _chunk([{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
        yield _chunk([{"index": 0, "delta": {}, "finish_reason": finish_reason}])
        yield _chunk([], usage=USAGE)
        yield "data: [DONE]\n\n"

    async def _wait(self, what: str) -> None:
        if what in self.held:
            await self.held[what].wait()

    async def _embed(self, request: Request) -> Response:
        if "embeddings" in self.down:
            return JSONResponse({"error": {"message": "down"}}, 500)
        await self._wait("embeddings")
        async with httpx.AsyncClient(verify=False) as client:
            answer = await client.post(
                f"{self._embeddings_url}/embeddings",
                content=await request.body(),
                headers={"Content-Type": "application/json"},
            )
        return Response(answer.content, answer.status_code, media_type="application/json")


def _chunk(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> str:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "scripted-1",
        "choices": choices,
        "usage": usage,
    }
    return f"data: {json.dumps(body)}\n\n"
