"""A prompt to text, streamed."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI, omit
from openai.types.chat import ChatCompletionMessageParam

from quire.domain import Prompt, Usage
from quire.errors import Unavailable
from quire.models import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """How a generation ended: the model's own name for itself, and what was counted."""

    model: str
    finish_reason: str
    usage: Usage


class LanguageModel:
    """Chat Completions, the dialect that other servers speak too."""

    def __init__(self, client: AsyncOpenAI, *, model: str, openai: bool) -> None:
        """`openai` tells OpenAI itself from servers that know only the older `max_tokens`."""
        self._client = client
        self.name = model
        self._openai = openai

    async def stream(
        self, prompt: Prompt, *, max_tokens: int, temperature: float | None, seed: int
    ) -> AsyncGenerator[str | Completion, None]:
        """The text as it is written, then one Completion. Raises Unavailable."""
        messages: list[ChatCompletionMessageParam] = [
            {"role": m["role"], "content": m["content"]}  # type: ignore[misc]
            for m in prompt.messages
        ]
        model, finish_reason, usage = self.name, "stop", Usage()
        with translated():
            answered = self._client.chat.completions.with_streaming_response.create(
                model=self.name,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                temperature=omit if temperature is None else temperature,
                seed=seed,
                max_completion_tokens=max_tokens if self._openai else omit,
                max_tokens=omit if self._openai else max_tokens,
            )
            async with answered as response:
                async for chunk in _chunks(response.iter_lines()):
                    model = chunk.get("model") or model
                    if counted := chunk.get("usage"):
                        usage = _usage(counted)
                    for choice in chunk.get("choices", ()):
                        finish_reason = choice.get("finish_reason") or finish_reason
                        if piece := choice["delta"].get("content"):
                            yield piece
        yield Completion(model=model, finish_reason=finish_reason, usage=usage)


async def _chunks(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """The stream's chunks as they were sent: the SDK makes objects of each, which took a fifth of a
    turn. Raises Unavailable for an error in the midst of them.
    """
    async for line in lines:
        if not line.startswith("data:"):
            continue
        body = line.removeprefix("data:").strip()
        if body == "[DONE]":
            return
        chunk: dict[str, Any] = json.loads(body)
        if "error" in chunk:
            raise Unavailable("model")
        yield chunk


def _usage(counted: dict[str, Any]) -> Usage:
    details = counted.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=counted["prompt_tokens"],
        completion_tokens=counted["completion_tokens"],
        cached_tokens=details.get("cached_tokens") or 0,
    )
