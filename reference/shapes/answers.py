"""Answers, what they stand on, and what they took."""

from typing import Literal

from reference.shapes import Shape, sometimes

CHUNK_ID = "0b6f4d0e-8c39-5d6f-9b0a-5f5f8f1f2c11"
DOCUMENT_ID = "7d1c2f5a-54a1-5a0e-8a39-0a5f7f0e9d21"
SESSION_ID = "019aa6c0-7f4e-7b53-9d2c-3a1f5e8b7c01"
MESSAGE_ID = "019aa6c0-8a10-7c11-b5a4-6e2d9f0c4b02"
QUESTION = "How often must the grease be renewed?"
ANSWER = "It has to be renewed every two thousand hours [1]."
SENTENCE = "Grease in a gearbox has to be renewed every two thousand hours of operation."

_PLACE = {
    "index": 1,
    "chunk_id": CHUNK_ID,
    "document_id": DOCUMENT_ID,
    "version": 1,
    "title": "Gears",
    "page": None,
    "heading": ["Gears", "Lubrication"],
    "start": 113,
    "end": 113 + len(SENTENCE),
}


class Place(Shape):
    """Where words stand: code points `start` to `end` of a version's canonical text.

    With `selected_text` there is no document, its ids are null, and the text is the selection.
    """

    index: int
    """The number that the answer shows, `[1]`."""
    chunk_id: str | None
    document_id: str | None
    version: int | None
    title: str
    page: int | None
    heading: list[str]
    """The headings it stands under, the outermost first."""
    start: int
    end: int


class Chunk(Place):
    """A passage that was found."""

    filename: str | None
    text: str
    score: float
    """Rises with relevance; comparable within one answer only."""

    example = {**_PLACE, "filename": "gears.md", "text": SENTENCE, "score": 0.71}


class Citation(Place):
    """The words that a statement stands on: `text[start:end] == cited_text`."""

    cited_text: str
    answer_start: int
    """Where the statement begins in the answer, in code points."""
    answer_end: int
    marker_end: int
    """Where its number ends in the answer."""

    example = {
        **_PLACE,
        "cited_text": SENTENCE,
        "answer_start": 0,
        "answer_end": ANSWER.index(" ["),
        "marker_end": ANSWER.index("]") + 1,
    }


class Usage(Shape):
    """What was used, and what it cost."""

    prompt_tokens: int
    """Those that were cached included."""
    cached_tokens: int
    completion_tokens: int
    embedding_tokens: int
    cost_usd: float

    example = {
        "prompt_tokens": 512,
        "cached_tokens": 0,
        "completion_tokens": 21,
        "embedding_tokens": 9,
        "cost_usd": 0.00006188,
    }


class Outcome(Shape):
    """What a turn came to."""

    grounded: bool
    """Whether anything is cited."""
    citations: list[Citation]
    citations_unverified: int
    """Markers that named nothing; they were taken out."""
    finish_reason: str
    """`stop`; `length` when the answer was cut; else the model's own word, as `content_filter`."""
    session_id: str
    message_id: str
    persisted: bool
    cached: bool
    hyde: bool
    """Whether a passage that the model made up helped to search."""
    degraded: list[str]
    """What was done without: `embeddings`, `model`, `postgres`, `rewrite`."""
    usage: Usage
    timings: dict[str, float]
    """Milliseconds by stage."""
    model: str

    example = {
        "grounded": True,
        "citations": [Citation.example],
        "citations_unverified": 0,
        "finish_reason": "stop",
        "session_id": SESSION_ID,
        "message_id": MESSAGE_ID,
        "persisted": True,
        "cached": False,
        "hyde": False,
        "degraded": [],
        "usage": Usage.example,
        "timings": {"open": 2.1, "embed": 8.4, "search": 5.0, "model": 611.3, "close": 3.2},
        "model": "gpt-6-luna",
    }


class Answer(Outcome):
    """A question's answer, with the passages it was given and the words it cites."""

    answer: str
    sources: list[Chunk]
    incomplete: Literal["stopped", "deadline", "model"] = sometimes()
    """Why this is not all of the answer."""

    example = {"answer": ANSWER, "sources": [Chunk.example], **Outcome.example}


class Retrieved(Shape):
    """The passages nearest to a question, the nearest first."""

    chunks: list[Chunk]
    degraded: list[str]
    """`embeddings` when the words alone were searched for."""
    hyde: bool
    """Whether a passage that the model made up helped to search."""
    timings: dict[str, float]

    example = {
        "chunks": [Chunk.example],
        "degraded": [],
        "hyde": False,
        "timings": {"embed": 8.4, "search": 5.0},
    }
