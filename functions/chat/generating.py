"""What a model is asked, and what that took."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from quire.domain import Prompt, Usage
from quire.errors import Unavailable
from quire.models.language_model import Completion, LanguageModel
from quire.tokens import count_tokens


async def generated(
    model: LanguageModel,
    prompt: Prompt,
    *,
    max_tokens: int,
    temperature: float | None,
    seed: int,
    book: Callable[[Usage], None],
) -> AsyncGenerator[str | Completion, None]:
    """The text as it is written, then one Completion. Raises Unavailable.

    However it ends, what it took is booked: by an estimate of ours where the model came to no
    count of its own.
    """
    written: list[str] = []
    pieces = model.stream(prompt, max_tokens=max_tokens, temperature=temperature, seed=seed)
    counted: Usage | None = None
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, Completion):
                    counted = piece.usage
                else:
                    written.append(piece)
                yield piece
    except Unavailable:
        # What was refused cost nothing.
        counted = None if written else Usage()
        raise
    finally:
        book(counted or _estimate(prompt, written))


def _estimate(prompt: Prompt, written: list[str]) -> Usage:
    return Usage(
        prompt_tokens=sum(count_tokens(message["content"]) for message in prompt.messages),
        completion_tokens=count_tokens("".join(written)),
    )
