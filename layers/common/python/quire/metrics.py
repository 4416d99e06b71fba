"""What is measured: every metric by name, with its unit and meaning, and the values of now.

Importing this does nothing and takes nothing but Python: a dashboard can be compared with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum, StrEnum
from time import perf_counter


class Unit(StrEnum):
    """CloudWatch's words. It knows no currencies."""

    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    COUNT = "Count"
    DOLLARS = "None"


class Metric(Enum):
    """`title` is its name in CloudWatch; `dimension` is what its values are told apart by, beside
    the function that they are of.
    """

    REQUEST_TIME = "RequestTime", Unit.MILLISECONDS, "a whole request, its stream included"
    SERVER_ERRORS = "ServerErrors", Unit.COUNT, "requests answered with 5xx"

    TURN_TIME = "TurnTime", Unit.MILLISECONDS, "a turn, from its opening until it is stored"
    FIRST_TOKEN_TIME = "FirstTokenTime", Unit.MILLISECONDS, "until the model's first words"
    OPEN_TIME = "OpenTime", Unit.MILLISECONDS, "a turn's first round trip to PostgreSQL"
    REWRITE_TIME = "RewriteTime", Unit.MILLISECONDS, "making a follow-up stand alone"
    RETRIEVE_TIME = "RetrieveTime", Unit.MILLISECONDS, "finding passages, a made-up one included"
    EMBEDDING_TIME = "EmbeddingTime", Unit.MILLISECONDS, "embedding a question"
    SEARCH_TIME = "SearchTime", Unit.MILLISECONDS, "searching, checking and ranking"
    HYPOTHESIS_TIME = "HypothesisTime", Unit.MILLISECONDS, "making up a passage to search by"
    MODEL_TIME = "ModelTime", Unit.MILLISECONDS, "the model's answer, first word to last"
    CLOSE_TIME = "CloseTime", Unit.MILLISECONDS, "storing a turn"
    TURNS_COMPLETE = "TurnsComplete", Unit.COUNT, "turns that came to their end"
    TURNS_INCOMPLETE = "TurnsIncomplete", Unit.COUNT, "turns stopped, late or broken off"
    TURNS_FAILED = "TurnsFailed", Unit.COUNT, "turns that came to nothing"
    TURNS_DEGRADED = "TurnsDegraded", Unit.COUNT, "turns that had to do without something"
    CITATIONS_VERIFIED = "CitationsVerified", Unit.COUNT, "citations proven against their source"
    CITATIONS_UNVERIFIED = "CitationsUnverified", Unit.COUNT, "markers taken out: they name nothing"
    PROMPT_TOKENS = "PromptTokens", Unit.COUNT, "tokens given to a model", "model"
    CACHED_TOKENS = "CachedTokens", Unit.COUNT, "those of them that its cache had", "model"
    COMPLETION_TOKENS = "CompletionTokens", Unit.COUNT, "tokens that a model wrote", "model"
    EMBEDDING_TOKENS = "EmbeddingTokens", Unit.COUNT, "tokens embedded"
    DOLLARS = "Dollars", Unit.DOLLARS, "what all these tokens cost"
    CACHE_HITS = "CacheHits", Unit.COUNT, "found in a cache (`answer`, `embedding`)", "cache"
    CACHE_MISSES = "CacheMisses", Unit.COUNT, "looked for there in vain", "cache"

    ACQUIRE_TIME = "AcquireTime", Unit.MILLISECONDS, "waiting for a connection to PostgreSQL"
    POOL_IN_USE = "PoolInUse", Unit.COUNT, "connections of this process at work, its own included"
    POOL_WAITING = "PoolWaiting", Unit.COUNT, "those who wait for one, when one is had"
    STATEMENT_TIME = "StatementTime", Unit.MILLISECONDS, "a transaction, without waiting for it"
    SLOW_STATEMENTS = "SlowStatements", Unit.COUNT, "transactions over 500 ms: alarm"
    BREAKER_OPEN = "BreakerOpen", Unit.COUNT, "1 opened or refused, 0 closed again", "dependency"

    QUEUE_AGE = "QueueAge", Unit.SECONDS, "from when a message was sent until a worker has it"
    MESSAGES_PUT_OFF = "MessagesPutOff", Unit.COUNT, "messages that failed and come again"
    MESSAGES_HELD = "MessagesHeld", Unit.COUNT, "messages that a switch for all tenants holds up"
    MESSAGES_GIVEN_UP = "MessagesGivenUp", Unit.COUNT, "messages that went to the dead letters"
    DOCUMENTS_READY = "DocumentsReady", Unit.COUNT, "documents that are served now"
    DOCUMENTS_FAILED = "DocumentsFailed", Unit.COUNT, "documents that failed, with a cause"
    HAND_OVERS = "HandOvers", Unit.COUNT, "documents handed on, as the time was over"
    HOPS = "Hops", Unit.COUNT, "invocations before this one that worked on a document"
    READ_TIME = "ReadTime", Unit.MILLISECONDS, "a file, from bytes to passages"
    CHUNKS_EMBEDDED = "ChunksEmbedded", Unit.COUNT, "chunks that a model embedded"
    CHUNK_EMBEDDING_TIME = "ChunkEmbeddingTime", Unit.MILLISECONDS, "one request for that"
    INDEXING_TIME = "IndexingTime", Unit.MILLISECONDS, "writing a round's chunks to Qdrant"

    def __init__(self, title: str, unit: Unit, meaning: str, dimension: str | None = None) -> None:
        self.title = title
        self.unit = unit
        self.meaning = meaning
        self.dimension = dimension


# By metric, and by the value of its dimension.
Values = Mapping[tuple[Metric, str | None], Sequence[float]]

_values: ContextVar[dict[tuple[Metric, str | None], list[float]] | None] = ContextVar(
    "values", default=None
)


@contextmanager
def measuring() -> Iterator[None]:
    """Keep what is measured in this task and in those that it starts."""
    token = _values.set({})
    try:
        yield
    finally:
        _values.reset(token)


def measure(metric: Metric, value: float = 1, of: str | None = None) -> None:
    """Note a value, `of` which model or the like. Where nobody keeps it, it is gone."""
    values = _values.get()
    if values is not None:
        values.setdefault((metric, of), []).append(value)


@contextmanager
def timed(metric: Metric) -> Iterator[None]:
    """Measure what is done under it, in milliseconds, whatever becomes of it."""
    began = perf_counter()
    try:
        yield
    finally:
        measure(metric, 1000 * (perf_counter() - began))


def taken() -> Values:
    """What was measured since it was last taken."""
    values = _values.get()
    if not values:
        return {}
    found = values.copy()
    values.clear()
    return found
