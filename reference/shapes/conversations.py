"""Sessions and their messages, what people thought of them, what was used."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from reference.shapes import Listing, Shape, listing
from reference.shapes.answers import (
    ANSWER,
    CHUNK_ID,
    MESSAGE_ID,
    QUESTION,
    SESSION_ID,
    Citation,
    Usage,
)

_TIME = "2026-11-21T09:30:00.000000Z"


class Session(Shape):
    """A conversation of one user's."""

    id: str
    title: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    last_accessed: datetime
    message_count: int

    example = {
        "id": SESSION_ID,
        "title": QUESTION,
        "metadata": {"course": "robotics"},
        "created_at": _TIME,
        "updated_at": _TIME,
        "last_accessed": _TIME,
        "message_count": 2,
    }


class SessionList(Listing):
    """Sessions, the newest first."""

    data: list[Session]

    example = listing(Session.example)


class Feedback(Shape):
    """What its user thinks of an answer."""

    rating: Literal["up", "down"]
    comment: str | None

    example = {"rating": "up", "comment": "Just what I needed."}


class Message(Shape):
    """One side of a turn."""

    id: str
    session_id: str
    role: Literal["user", "assistant"]
    content: str
    citations: list[Citation]
    status: Literal["generating", "complete", "incomplete", "failed"]
    created_at: datetime
    feedback: Feedback | None

    example = {
        "id": MESSAGE_ID,
        "session_id": SESSION_ID,
        "role": "assistant",
        "content": ANSWER,
        "citations": [Citation.example],
        "status": "complete",
        "created_at": _TIME,
        "feedback": None,
    }


class MessageList(Listing):
    """Messages, the first one first."""

    data: list[Message]

    example = listing(Message.example)


class SessionExport(Session):
    """A session with all that was said in it."""

    messages: list[Message]

    example = {**Session.example, "messages": [Message.example]}


class Rated(Feedback):
    """The feedback as it is kept."""

    message_id: str

    example = {"message_id": MESSAGE_ID, **Feedback.example}


class Stopping(Shape):
    """The answer that ends as soon as its writer hears of it."""

    id: str

    example = {"id": MESSAGE_ID}


class TurnSummary(Shape):
    """What two answers to a question are compared by."""

    status: str
    answer: str
    model: str | None
    prompt_hash: str | None
    citations: list[Citation]
    sources: list[str | None]
    """The chunks' ids."""


_SUMMARY = {
    "status": "complete",
    "answer": ANSWER,
    "model": "gpt-6-luna",
    "prompt_hash": "5b0c9f4a1d7e2c38",
    "citations": [Citation.example],
    "sources": [CHUNK_ID],
}


class Replay(Shape):
    """An answer as it was, and as it would be now."""

    message_id: str
    was: TurnSummary
    now: TurnSummary
    same: bool

    example = {"message_id": MESSAGE_ID, "was": _SUMMARY, "now": _SUMMARY, "same": True}


class UsageSum(Usage):
    requests: int


class DailyUsage(UsageSum):
    """What one model took on one day (UTC)."""

    day: date
    model: str


class UsageReport(Shape):
    """What was used per day and model, and in all."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    data: list[DailyUsage]
    total: UsageSum

    example = {
        "from": "2026-11-21",
        "to": "2026-11-21",
        "data": [{"day": "2026-11-21", "model": "gpt-6-luna", "requests": 1, **Usage.example}],
        "total": {"requests": 1, **Usage.example},
    }


class Persona(Shape):
    """A tenant's own words to the model."""

    name: str | None
    instructions: str | None
    refusal: str | None

    example = {
        "name": "Gearhart",
        "instructions": "Answer in short sentences.",
        "refusal": "The course does not say.",
    }
