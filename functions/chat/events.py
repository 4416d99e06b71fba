"""What happens in a turn, in the order in which it happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from quire.domain import Citation, Source, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalStart:
    question: str
    session: UUID
    message: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalComplete:
    sources: Sequence[Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseChunk:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    citation: Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseComplete:
    """The terminal event: the turn is stored.

    `finish_reason` is the model's: "stop", or "length" when the answer was cut at its limit.
    `timings` is in milliseconds.
    """

    session: UUID
    message: UUID
    grounded: bool
    finish_reason: str
    model: str
    usage: Usage
    cost_usd: float
    timings: Mapping[str, float]


Event = RetrievalStart | RetrievalComplete | ResponseChunk | Cited | ResponseComplete
