"""OpenAI's wire format: the requests that the laptop's models understand, answers and errors."""

import base64
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, Field, PositiveInt
from starlette.exceptions import HTTPException

from local.minilm import MODEL_NAME, Floats

MAX_INPUTS = 2048
ADDRESSES = "POST /v1/embeddings, POST /v1/chat/completions and GET /v1/models"


class Refused(Exception):
    """A request that OpenAI's API would refuse too, or one that needs a real model."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status


class EmbeddingsBody(BaseModel):
    model: str
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    def texts(self) -> list[str]:
        """The texts to embed; raises Refused as OpenAI does, and for lists of tokens."""
        items = [self.input] if isinstance(self.input, str) else self.input
        texts = [item for item in items if isinstance(item, str)]
        if len(texts) < len(items):
            raise Refused(
                "This server cannot read lists of tokens: send a text or a list of texts.",
                param="input",
            )
        if not texts or "" in texts:
            raise Refused(
                "The input is empty: send at least one text, and no empty one.", param="input"
            )
        if len(texts) > MAX_INPUTS:
            raise Refused(f"Send at most {MAX_INPUTS} texts at once.", param="input")
        return texts


class ContentPart(BaseModel):
    text: str = ""


class ChatMessage(BaseModel):
    role: str
    content: str | list[ContentPart] | None = None

    def plain(self) -> dict[str, str]:
        if isinstance(self.content, list):
            return {"role": self.role, "content": "".join(part.text for part in self.content)}
        return {"role": self.role, "content": self.content or ""}


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatBody(BaseModel):
    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_completion_tokens: PositiveInt | None = None
    max_tokens: PositiveInt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the chat model says, word by word, each with the white space after it."""

    words: list[str]
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int

    def usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


def embeddings_json(vectors: Floats, *, tokens: int, encoding_format: str) -> bytes:
    written: Iterable[Any] = vectors.tolist()
    if encoding_format == "base64":
        rows = vectors.astype("<f4")
        written = (base64.b64encode(row.tobytes()).decode() for row in rows)
    return json.dumps(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(written)
            ],
            "model": MODEL_NAME,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    ).encode()


async def events(reply: Reply, about: dict[str, Any], *, with_usage: bool) -> AsyncIterator[bytes]:
    def chunk(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return event({"choices": [choice]})

    def event(fields: dict[str, Any]) -> bytes:
        return format_sse_event(
            data_str=json.dumps({**about, "object": "chat.completion.chunk", **fields})
        )

    yield chunk({"role": "assistant", "content": ""})
    for word in reply.words:
        yield chunk({"content": word})
    yield chunk({}, reply.finish_reason)
    if with_usage:
        yield event({"choices": [], "usage": reply.usage()})
    yield format_sse_event(data_str="[DONE]")


async def refused(_: Request, error: Exception) -> Response:
    match error:
        case Refused():
            return _error(error.status, str(error), param=error.param, code=error.code)
        case RequestValidationError():
            first = error.errors()[0]
            param = ".".join(str(part) for part in first["loc"][1:])
            return _error(400, f"{param}: {first['msg']}", param=param)
        case HTTPException():
            return _error(error.status_code, f"{error.detail}: this server speaks {ADDRESSES}.")
        case _:
            return _error(500, "The laptop's model failed: see its log.", kind="server_error")


def _error(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    kind: str = "invalid_request_error",
) -> Response:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status_code=status)
