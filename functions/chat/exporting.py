"""A session as a file: JSON for programs, Markdown for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from functions.chat.disarming import disarmed
from functions.chat.rendering import message_json, session_json
from quire.domain import Message, Session

_NOT_WHOLE = {
    "generating": "This answer is still being written.",
    "incomplete": "This answer is incomplete.",
    "failed": "This question was not answered.",
}


def as_json(session: Session, messages: Sequence[Message]) -> str:
    whole = {**session_json(session), "messages": [message_json(m) for m in messages]}
    return to_json(whole, indent=2).decode()


def as_markdown(session: Session, messages: Sequence[Message]) -> str:
    """The words of both sides as they are; beneath an answer, what it cites under its numbers.

    What documents say there is no Markdown of ours: their images and their HTML are text.
    """
    parts = [
        f"# {_line(session.title or 'Conversation')}",
        f"*{session.created_at:%Y-%m-%d %H:%M} UTC*",
    ]
    for message in messages:
        parts.extend(_question(message) if message.role == "user" else _answer(message))
    return "\n\n".join(parts) + "\n"


def _question(message: Message) -> Iterator[str]:
    yield "## Question"
    yield message.content


def _answer(message: Message) -> Iterator[str]:
    yield "## Answer"
    if message.content:
        yield message.content
    if message.status in _NOT_WHOLE:
        yield f"*{_NOT_WHOLE[message.status]}*"
    for citation in message.citations:
        yield _quote(citation)
    if message.feedback:
        comment = f": {_line(message.feedback['comment'])}" if message.feedback["comment"] else ""
        yield f"*Rated {message.feedback['rating']}{comment}*"


def _quote(citation: Mapping[str, Any]) -> str:
    page = f", page {citation['page']}" if citation["page"] else ""
    heading = " › ".join(dict.fromkeys((citation["title"], *citation["heading"])))
    quoted = _harmless(citation["cited_text"].strip()).replace("\n", "\n> ")
    return f"> **[{citation['index']}]** {_harmless(_line(heading))}{page}\n>\n> {quoted}"


def _harmless(text: str) -> str:
    return disarmed(text, [text])


def _line(text: str) -> str:
    return " ".join(text.split())
