"""The events of a streamed turn: the `data` of each, which also carries the event's name."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from reference.shapes import Shape
from reference.shapes.answers import ANSWER, MESSAGE_ID, QUESTION, SESSION_ID, Chunk, Outcome
from reference.shapes.answers import Citation as Cited
from reference.shapes.problems import Problem


class RetrievalStart(Shape):
    """First: what is searched for. A follow-up is made to stand alone."""

    event: Literal["retrieval_start"]
    question: str
    session_id: str
    message_id: str

    example = {
        "event": "retrieval_start",
        "question": QUESTION,
        "session_id": SESSION_ID,
        "message_id": MESSAGE_ID,
    }


class RetrievalComplete(Shape):
    """What was found."""

    event: Literal["retrieval_complete"]
    sources: list[Chunk]

    example = {"event": "retrieval_complete", "sources": [Chunk.example]}


class ResponseChunk(Shape):
    """The next piece of the answer."""

    event: Literal["response_chunk"]
    text: str

    example = {"event": "response_chunk", "text": ANSWER}


class CitationEvent(Cited):
    """The number that the answer showed last is proven."""

    event: Literal["citation"]

    example = {"event": "citation", **Cited.example}


class ResponseComplete(Outcome):
    """Last: the answer is whole, and stored."""

    event: Literal["response_complete"]

    example = {"event": "response_complete", **Outcome.example}


class Incomplete(Shape):
    """Last: what was shown is not all of the answer.

    After a crash it has the ids only; else all that `response_complete` has.
    """

    event: Literal["incomplete"]
    reason: Literal["stopped", "deadline", "model", "crash"]
    session_id: str
    message_id: str

    example = {"event": "incomplete", "reason": "stopped", **Outcome.example}


class ErrorEvent(Shape):
    """Last: there is no answer."""

    event: Literal["error"]
    problem: Problem

    example = {"event": "error", "problem": Problem.example}


class StreamEvent(RootModel[Any]):
    """One event's `data`; events have rising ids."""

    root: Annotated[
        RetrievalStart
        | RetrievalComplete
        | ResponseChunk
        | CitationEvent
        | ResponseComplete
        | Incomplete
        | ErrorEvent,
        Field(discriminator="event"),
    ]


EXAMPLE = "".join(
    f"event: {data['event']}\ndata: {json.dumps(data)}\nid: {number}\n\n"
    for number, data in (
        (1, RetrievalStart.example),
        (2, RetrievalComplete.example),
        (2 + len(ANSWER), ResponseChunk.example),
        (3 + len(ANSWER), CitationEvent.example),
        (4 + len(ANSWER), ResponseComplete.example),
    )
)
