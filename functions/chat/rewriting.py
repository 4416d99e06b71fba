"""A follow-up in words that need no conversation before them, so that it can be searched for."""

import asyncio

from functions.chat.disarming import disarmed
from functions.chat.generating import generated
from functions.chat.prompting import standalone_prompt
from functions.chat.turn import Turn
from quire.errors import Unavailable
from quire.models.language_model import Completion, LanguageModel
from quire.observability import log
from quire.visible import visible

_TOKENS = 200
_SECONDS = 8.0


async def stand_alone(turn: Turn, language_model: LanguageModel) -> None:
    """Have the model rewrite what was asked; asked as it is, a follow-up is `degraded`."""
    if not turn.history or turn.asked.selected_text is not None:
        return
    try:
        async with asyncio.timeout(min(_SECONDS, turn.left(turn.words_until))):
            rewritten = await _rewritten(turn, language_model)
    except (Unavailable, TimeoutError) as error:
        log.warning("the follow-up was not rewritten", exc_info=error)
        rewritten = ""
    if rewritten:
        turn.question = rewritten
    else:
        turn.degraded.append("rewrite")
    turn.laps.mark("rewrite")


async def _rewritten(turn: Turn, language_model: LanguageModel) -> str:
    """Empty unless it is whole: of two questions that are cut, the beginnings may be the same.

    The reader is told it too, so it says no more of links than an answer may.
    """
    prompt = standalone_prompt(turn.asked.text, turn.history)
    written: list[str] = []
    whole = False
    async for piece in generated(
        language_model,
        prompt,
        max_tokens=_TOKENS,
        temperature=0,
        seed=turn.seed,
        book=turn.book,
    ):
        if isinstance(piece, Completion):
            whole = piece.finish_reason == "stop"
        else:
            written.append(piece)
    if not whole:
        return ""
    given = [message["content"] for message in prompt.messages]
    return disarmed(visible("".join(written)), given).strip()
