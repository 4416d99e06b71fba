"""OpenAI's API on a laptop: MiniLM's embeddings, and a chat model that only quotes.

`python -m local.model_server --port 11435`; port 0 takes a free one. Any key is accepted.
"""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import Any

import typer
import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from starlette.exceptions import HTTPException

from local.extractive import answer
from local.minilm import DIMENSIONS, MODEL_NAME, MiniLM
from local.model_encoder import Encoder
from local.model_wire import (
    ChatBody,
    EmbeddingsBody,
    Refused,
    Reply,
    embeddings_json,
    events,
    refused,
)

CHAT_MODEL = "extractive"

router = APIRouter()


def create_app() -> FastAPI:
    """The server; the model is loaded as it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.encoder = Encoder(await asyncio.to_thread(MiniLM.load))
        yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.include_router(router)
    for kind in (Refused, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, refused)
    return app


@router.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/v1/models")
async def models() -> dict[str, Any]:
    about = {"object": "model", "created": 0, "owned_by": "local"}
    return {"object": "list", "data": [{"id": name, **about} for name in (MODEL_NAME, CHAT_MODEL)]}


@router.post("/v1/embeddings")
async def embeddings(body: EmbeddingsBody, request: Request) -> Response:
    _expect_model(body.model, MODEL_NAME)
    if body.dimensions not in (None, DIMENSIONS):
        raise Refused(f"{MODEL_NAME} has {DIMENSIONS} dimensions, no others.", param="dimensions")
    encoder: Encoder = request.app.state.encoder
    vectors, tokens = await encoder.embed(body.texts())
    written = await encoder.run(
        lambda: embeddings_json(vectors, tokens=tokens, encoding_format=body.encoding_format)
    )
    return Response(written, media_type="application/json")


@router.post("/v1/chat/completions")
async def chat_completions(body: ChatBody, request: Request) -> Response:
    _expect_model(body.model, CHAT_MODEL)
    encoder: Encoder = request.app.state.encoder
    reply = await encoder.run(lambda: _reply(body, encoder.model))
    about = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": CHAT_MODEL}
    if body.stream:
        usage_wanted = body.stream_options is not None and body.stream_options.include_usage
        return EventSourceResponse(events(reply, about, with_usage=usage_wanted))
    message = {"role": "assistant", "content": "".join(reply.words)}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    return JSONResponse(
        {**about, "object": "chat.completion", "choices": [choice], "usage": reply.usage()}
    )


def _expect_model(asked: str, served: str) -> None:
    if asked != served:
        raise Refused(
            f"The model '{asked}' does not exist here; ask for '{served}'.",
            param="model",
            code="model_not_found",
            status=404,
        )


def _reply(body: ChatBody, model: MiniLM) -> Reply:
    messages = [message.plain() for message in body.messages]
    words = re.findall(r"\S+\s*", answer(messages, model.embed))
    ends = list(accumulate(len(tokens) for tokens in model.tokenize(words)))
    limit = body.max_completion_tokens or body.max_tokens or ends[-1]
    spoken = sum(end <= limit for end in ends)
    return Reply(
        words=words[:spoken],
        finish_reason="stop" if spoken == len(words) else "length",
        prompt_tokens=sum(map(len, model.tokenize([m["content"] for m in messages]))),
        completion_tokens=ends[spoken - 1] if spoken else 0,
    )


def main(port: int = 11435, host: str = "127.0.0.1") -> None:
    """Serve until SIGTERM or Ctrl-C."""
    uvicorn.run(create_app(), host=host, port=port, access_log=False)


if __name__ == "__main__":
    typer.run(main)
