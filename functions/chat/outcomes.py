"""What a turn came to, and what it took."""

from operator import itemgetter

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
    chat, embedding = turn.usage.split()
    return spent(
        turn.caller.tenant,
        prices,
        (turn.model, chat),
        (turn.opened.collection.model, embedding),
    )


def spent(
    tenant: str, prices: Prices, first: tuple[str, Usage], other: tuple[str, Usage]
) -> list[Statement]:
    """What two models took; the request is counted with the first.

    In the order of their names, whichever is first: who counts the same two at once would else
    wait for the other, and the other for them.
    """
    took = [(*first, 1)]
    if other[1] != Usage():
        took.append((*other, 0))
    return [
        add_usage(tenant, model, usage, prices.cost(usage), requests=requests)
        for model, usage, requests in sorted(took, key=itemgetter(0))
    ]


def _finish_reason(turn: Turn, reason: Reason | None) -> str:
    """What was cut short is "length", but for what the reader stopped."""
    if reason is None:
        return turn.finish_reason
    return "stop" if reason == "stopped" else "length"
