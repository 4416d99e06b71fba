"""What happens in a turn, in the order in which it happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from quire.domain import Citation, Source, Usage

Reason = Literal["stopped", "deadline", "model", "crash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalStart:
    """`question` is what is searched for: a follow-up is made to stand alone."""

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
class Outcome:
    """What a turn came to and what it took; `hyde` is whether a made-up passage helped to search.

    `degraded` names what was done without. `unverified` counts markers that named nothing.
    `timings` is in milliseconds.
    """

    session: UUID
    message: UUID
    citations: Sequence[Citation]
    unverified: int
    model: str
    usage: Usage
    cost_usd: float
    timings: Mapping[str, float]
    finish_reason: str = "stop"
    persisted: bool = True
    cached: bool = False
    hyde: bool = False
    degraded: Sequence[str] = ()

    @property
    def grounded(self) -> bool:
        return bool(self.citations)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseComplete:
    """Terminal: the turn is stored. `finish_reason` is "length" when the answer was cut."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """Terminal: what was shown is stored, and it is not all."""

    reason: Reason
    outcome: Outcome


Event = RetrievalStart | RetrievalComplete | ResponseChunk | Cited | ResponseComplete | Incomplete


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A turn's events folded into one value; without a prompt no model was asked."""

    text: str
    sources: Sequence[Source]
    end: ResponseComplete | Incomplete
    prompt_hash: str | None = None
