"""What a model is asked for a turn, and what that took."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from functions.chat.turn import Turn
from quire.domain import Prompt, Usage
from quire.errors import Unavailable
from quire.models.language_model import Completion, LanguageModel
from quire.tokens import count_tokens


async def generated(
    model: LanguageModel, turn: Turn, prompt: Prompt, *, max_tokens: int, temperature: float | None
) -> AsyncGenerator[str | Completion, None]:
    """The text as it is written, then one Completion. Raises Unavailable.

    However it ends, what it took is in the turn's usage: by an estimate of ours where the model
    came to no count of its own.
    """
    written: list[str] = []
    pieces = model.stream(prompt, max_tokens=max_tokens, temperature=temperature, seed=turn.seed)
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
        turn.usage += counted or _estimate(prompt, written)


def _estimate(prompt: Prompt, written: list[str]) -> Usage:
    return Usage(
        prompt_tokens=sum(count_tokens(message["content"]) for message in prompt.messages),
        completion_tokens=count_tokens("".join(written)),
    )
