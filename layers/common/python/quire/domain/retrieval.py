"""What is searched by and found, and what an answer stands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from quire.domain.passages import Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparse:
    """A sparse vector: term ids and their weights, of one length."""

    indices: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    vectors: Sequence[Sequence[float]]
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """An index: where vectors are and which model made them."""

    name: str
    model: str
    dimensions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredChunk:
    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the model was given under `[index]`: a retrieved chunk, or the caller's selection.

    A selection has no document: its ids are None and its offsets are its own.
    """

    index: int
    text: str
    start: int
    end: int
    score: float
    title: str
    heading: tuple[str, ...] = ()
    page: int | None = None
    filename: str | None = None
    chunk: UUID | None = None
    document: UUID | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """An answer span that stands on a source span; `cited_text` is text[start:end].

    `marker_end` is where its number ends in the answer.
    """

    index: int
    source: Source
    cited_text: str
    start: int
    end: int
    answer_start: int
    answer_end: int
    marker_end: int
