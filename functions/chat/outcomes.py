"""What a turn came to, and what it took."""

from dataclasses import replace

from functions.chat.events import Outcome, Reason
from functions.chat.turn import Turn
from quire.domain import Prices, Usage
from quire.store.database import Statement
from quire.store.usage import add_usage


def outcome_of(turn: Turn, reason: Reason | None, prices: Prices) -> Outcome:
    """What the turn came to so far; `reason` is why that is not all."""
    return Outcome(
        session=turn.session,
        message=turn.message,
        citations=turn.citer.citations,
        unverified=turn.citer.unverified,
        finish_reason=_finish_reason(turn, reason),
        model=turn.model,
        usage=turn.usage,
        cost_usd=prices.cost(turn.usage),
        timings={**turn.laps.milliseconds, **turn.timings},
        persisted=turn.persisted,
        cached=turn.cached is not None,
        hyde=turn.hyde,
        degraded=turn.degraded,
    )


def spent_on(turn: Turn, prices: Prices) -> list[Statement]:
    """What the turn took, under the names of the models that took it."""
    chat = replace(turn.usage, embedding_tokens=0)
    spent = [add_usage(turn.caller.tenant, turn.model, chat, prices.cost(chat))]
    if turn.usage.embedding_tokens:
        embedding = Usage(embedding_tokens=turn.usage.embedding_tokens)
        model, cost = turn.opened.collection.model, prices.cost(embedding)
        spent.append(add_usage(turn.caller.tenant, model, embedding, cost, requests=0))
    return spent


def _finish_reason(turn: Turn, reason: Reason | None) -> str:
    """What was cut short is "length", but for what the reader stopped."""
    if reason is None:
        return turn.finish_reason
    return "stop" if reason == "stopped" else "length"
