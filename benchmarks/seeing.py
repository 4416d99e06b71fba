"""`python -m benchmarks.seeing`: what it takes a turn to be seen, in CPU.

Ids, metrics, both lines and no span, as a question without a history makes them.
"""

import os
import time
from collections.abc import Callable

from quire import tracing
from quire.metrics import Metric, measure, measuring
from quire.observability import bind, log, show, tell

_TURNS, _ROUNDS = 300, 7
_TRANSACTIONS = 5
_STAGES = {"open": 3.0, "retrieve": 9.0, "model": 800.0, "close": 4.0}
_ONCE = [metric for metric in Metric if metric.title.startswith(("Turn", "Citations"))] + [
    *(Metric.OPEN_TIME, Metric.RETRIEVE_TIME, Metric.MODEL_TIME, Metric.CLOSE_TIME),
    *(Metric.FIRST_TOKEN_TIME, Metric.EMBEDDING_TIME, Metric.SEARCH_TIME),
    *(Metric.EMBEDDING_TOKENS, Metric.DOLLARS),
]
_OF_POOL = (Metric.ACQUIRE_TIME, Metric.POOL_IN_USE, Metric.POOL_WAITING, Metric.STATEMENT_TIME)
_OF_MODEL = (Metric.PROMPT_TOKENS, Metric.CACHED_TOKENS, Metric.COMPLETION_TOKENS)
_FIELDS = dict.fromkeys(("prompt_tokens", "completion_tokens", "sources", "citations"), 8)


def turn() -> None:
    trace = tracing.of_request(None, "Root=1-5759e988-bd862e3fe1be46a994272793")
    with measuring(), tracing.going_on(trace):
        bind(request_id=trace.id)
        bind(tenant="tenant")
        bind(session_id=trace.id, message_id=trace.id)
        for metric in _OF_POOL * _TRANSACTIONS:
            measure(metric, 1.5)
        for metric in _ONCE:
            measure(metric, 1.5)
        for metric in _OF_MODEL:
            measure(metric, 100, "model")
        measure(Metric.CACHE_MISSES, 1, "answer")
        show(trace.within(), "turn", took=816, stages=_STAGES)
        tell("turn", status="complete", ms=816, timings=_STAGES, model="model", **_FIELDS)
        measure(Metric.REQUEST_TIME, 820)
        show(trace, "request", took=820)
        tell("request", method="POST", route="/v1/chat", status=200, ms=820)


def line() -> None:
    log.info("request", method="POST", route="/v1/chat", status=200, ms=820)


def main() -> None:
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  (a device)
        log.logger_handler.setStream(nowhere)  # type: ignore[attr-defined]
        for what in (line, turn):
            print(f"{what.__name__}: {_milliseconds(what):.3f} ms")


def _milliseconds(what: Callable[[], None]) -> float:
    """Of the best of some rounds: the others had neighbours."""
    rounds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_TURNS):
            what()
        rounds.append(time.process_time() - began)
    return 1000 * min(rounds) / _TURNS


if __name__ == "__main__":
    main()
