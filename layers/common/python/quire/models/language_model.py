"""A prompt to text, streamed."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from openai import AsyncOpenAI, omit
from openai.types.chat import ChatCompletionMessageParam

from quire.domain import Prompt, Usage
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
            chunks = await self._client.chat.completions.create(
                model=self.name,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                temperature=omit if temperature is None else temperature,
                seed=seed,
                max_completion_tokens=max_tokens if self._openai else omit,
                max_tokens=omit if self._openai else max_tokens,
            )
            async with chunks:
                async for chunk in chunks:
                    model = chunk.model or model
                    if chunk.usage:
                        details = chunk.usage.prompt_tokens_details
                        usage = Usage(
                            prompt_tokens=chunk.usage.prompt_tokens,
                            completion_tokens=chunk.usage.completion_tokens,
                            cached_tokens=(details and details.cached_tokens) or 0,
                        )
                    for choice in chunk.choices:
                        finish_reason = choice.finish_reason or finish_reason
                        if choice.delta.content:
                            yield choice.delta.content
        yield Completion(model=model, finish_reason=finish_reason, usage=usage)
