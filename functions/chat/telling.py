"""A turn in one line of the log: its ids, what it came to, what it took; and its metrics."""

from functions.chat.events import Outcome
from functions.chat.turn import Turn
from quire import tracing
from quire.domain import Usage
from quire.metrics import Metric, measure
from quire.observability import bind, content, show, tell

_STAGES = {
    "open": Metric.OPEN_TIME,
    "rewrite": Metric.REWRITE_TIME,
    "retrieve": Metric.RETRIEVE_TIME,
    "hypothesis": Metric.HYPOTHESIS_TIME,
    "model": Metric.MODEL_TIME,
    "close": Metric.CLOSE_TIME,
}
_ENDS = {
    "complete": Metric.TURNS_COMPLETE,
    "incomplete": Metric.TURNS_INCOMPLETE,
    "failed": Metric.TURNS_FAILED,
}


def begin(turn: Turn) -> None:
    """Have whatever is logged from here on name the turn."""
    bind(session_id=turn.session, message_id=turn.message)


def looked_up(*, found: bool) -> None:
    """An answer was looked for in the cache."""
    measure(Metric.CACHE_HITS if found else Metric.CACHE_MISSES, of="answer")


def tell_end(turn: Turn, status: str, outcome: Outcome, *, reason: str | None = None) -> None:
    """`status` is complete, incomplete or failed; the outcome's timings are all there are."""
    took = turn.laps.since
    _measure(turn, status, outcome, took)
    if trace := tracing.current():
        show(trace.within(), "turn", took=took, stages=turn.laps.milliseconds)
    usage = outcome.usage
    tell(
        "turn",
        status=status,
        reason=reason,
        ms=took,
        timings=outcome.timings,
        model=outcome.model,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        embedding_tokens=usage.embedding_tokens,
        cost_usd=outcome.cost_usd,
        sources=len(turn.sources or ()),
        citations=len(outcome.citations),
        unverified=outcome.unverified,
        grounded=outcome.grounded,
        cached=outcome.cached,
        hyde=outcome.hyde,
        persisted=outcome.persisted,
        degraded=outcome.degraded or None,
        **content(question=turn.asked.text, searched=turn.question, answer=turn.citer.text),
    )


def measure_spent(usage: Usage, cost_usd: float, *, model: str) -> None:
    """What was taken, the chat `model`'s part under its name."""
    if usage.prompt_tokens:
        measure(Metric.PROMPT_TOKENS, usage.prompt_tokens, model)
        measure(Metric.CACHED_TOKENS, usage.cached_tokens, model)
        measure(Metric.COMPLETION_TOKENS, usage.completion_tokens, model)
    measure(Metric.EMBEDDING_TOKENS, usage.embedding_tokens)
    measure(Metric.DOLLARS, cost_usd)


def _measure(turn: Turn, status: str, outcome: Outcome, took: float) -> None:
    measure(Metric.TURN_TIME, took)
    for stage, metric in _STAGES.items():
        if stage in outcome.timings:
            measure(metric, outcome.timings[stage])
    for ended, metric in _ENDS.items():
        measure(metric, int(ended == status))
    measure(Metric.TURNS_DEGRADED, int(bool(outcome.degraded)))
    measure(Metric.CITATIONS_VERIFIED, len(outcome.citations))
    measure(Metric.CITATIONS_UNVERIFIED, outcome.unverified)
    measure_spent(outcome.usage, outcome.cost_usd, model=turn.model)
