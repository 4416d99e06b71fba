"""A prompt to text, streamed."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import AsyncOpenAI, omit

from quire.breaker import Breaker
from quire.domain import Prompt, Usage
from quire.errors import Unavailable
from quire.models import MOST_TOKENS, again, translated

_END_SECONDS = 0.1
# Who took longer to refuse is not asked again: a reader waits for the first word.
_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """How a generation ended: the model's own name for itself, and what it counted, if it did."""

    model: str
    finish_reason: str
    usage: Usage | None


class LanguageModel:
    """Chat Completions, the dialect that other servers speak too."""

    def __init__(self, client: AsyncOpenAI, *, model: str, openai: bool) -> None:
        """`openai` tells OpenAI itself from servers that know only the older `max_tokens`."""
        self._client = client
        self.name = model
        self._openai = openai
        self._breaker = Breaker("model")

    async def stream(
        self, prompt: Prompt, *, max_tokens: int, temperature: float | None, seed: int
    ) -> AsyncGenerator[str | Completion, None]:
        """The text as it is written, fit to be stored, then one Completion.

        Raises Unavailable, also when it ends before the model said that it was done. It is asked
        again only before it began to answer.
        """
        model, half = self.name, ""
        finish_reason: str | None = None
        usage: Usage | None = None
        with self._breaker.guard() as answer, translated():
            async with AsyncExitStack() as until:
                async for attempt in again(seconds=_AGAIN_SECONDS):
                    with attempt:
                        answered = self._client.chat.completions.with_streaming_response.create(
                            model=self.name,
                            # Beside the SDK's models, which it looks through for what to rename:
                            # 0.4 ms.
                            messages=(),
                            extra_body={"messages": prompt.messages},
                            stream=True,
                            stream_options={"include_usage": True},
                            temperature=omit if temperature is None else temperature,
                            seed=seed,
                            max_completion_tokens=max_tokens if self._openai else omit,
                            max_tokens=omit if self._openai else max_tokens,
                        )
                        response = await until.enter_async_context(answered)
                async for chunk in _chunks(response.iter_bytes()):
                    answer()
                    model = chunk.get("model") or model
                    if counted := chunk.get("usage"):
                        usage = _usage(counted)
                    for choice in chunk.get("choices") or ():
                        finish_reason = choice.get("finish_reason") or finish_reason
                        if content := (choice.get("delta") or {}).get("content"):
                            piece, half = _storable(half + content)
                            if piece:
                                yield piece
            if finish_reason is None:
                raise Unavailable("model")
            completion = Completion(
                model=_storable(model)[0], finish_reason=_storable(finish_reason)[0], usage=usage
            )
        yield completion


async def _chunks(parts: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """The stream's chunks as they were sent: the SDK makes objects of each, which took a fifth of a
    turn, and takes for the end of a line what JSON's strings may hold. Raises Unavailable for an
    error in the midst of them.
    """
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            body = line.removeprefix(b"data:").strip()
            if body == b"[DONE]":
                await _read_out(parts)
                return
            chunk: dict[str, Any] = json.loads(body)
            if chunk.get("error"):
                raise Unavailable("model")
            yield chunk


async def _read_out(parts: AsyncIterator[bytes]) -> None:
    """To its end, or the connection could not be used again; nobody waits for one that is late."""
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(_END_SECONDS):
            async for _ in parts:
                pass


# PostgreSQL keeps neither NUL nor half a character.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _storable(text: str) -> tuple[str, str]:
    """The text without what cannot be stored, and half a character at its end, for what follows."""
    if not _UNSTORABLE.search(text):
        return text, ""
    half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
    joined = text.removesuffix(half).encode("utf-16-le", "surrogatepass")
    return joined.decode("utf-16-le", "replace").replace("\0", ""), half


def _usage(counted: dict[str, Any]) -> Usage | None:
    """None where no model can have counted so many: then it is as if it had not counted."""
    details = counted.get("prompt_tokens_details") or {}
    prompt, completion, cached = (
        int(number or 0)
        for number in (
            counted.get("prompt_tokens"),
            counted.get("completion_tokens"),
            details.get("cached_tokens"),
        )
    )
    if not all(0 <= number <= MOST_TOKENS for number in (prompt, completion, cached)):
        return None
    return Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)
