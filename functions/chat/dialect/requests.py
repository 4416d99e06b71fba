"""A chat completion that is asked for → a question."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from functions.chat.routes.ask import Temperature, TurnBody
from functions.chat.turn import Question, new_id
from quire.domain import Message
from quire.errors import Invalid
from quire.visible import is_blank
from quire.web import Lenient, Storable

_QUESTION_LENGTH = 2_000
_INSTRUCTIONS_LENGTH = 2_000


class TextPart(Lenient):
    type: Literal["text"]
    text: Annotated[str, Storable]


def _parts(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class MessageBody(Lenient):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        list[TextPart],
        BeforeValidator(_parts, json_schema_input_type=str | list[TextPart]),
    ]
    # Our own answers come with these, and are sent back as they came.
    annotations: list[Any] = []

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.content).strip()


class StreamOptions(Lenient):
    include_usage: bool = False


class ResponseFormat(Lenient):
    type: Literal["text"]


class QuireBody(TurnBody):
    """What OpenAI has no word for."""


class CompletionBody(Lenient):
    model: str
    messages: Annotated[list[MessageBody], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    max_tokens: PositiveInt | None = None
    max_completion_tokens: PositiveInt | None = None
    n: Literal[1] = 1
    response_format: ResponseFormat | None = None
    user: str | None = None
    quire: QuireBody = QuireBody()

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


def to_question(body: CompletionBody) -> Question:
    """The last message, asked with those before it. Raises Invalid, NotFound."""
    *earlier, last = body.messages
    if last.role != "user":
        raise Invalid(
            "The last message has to be the user's question.",
            field=f"messages.{len(earlier)}.role",
        )
    if is_blank(last.text) or len(last.text) > _QUESTION_LENGTH:
        raise Invalid(
            f"A question has 1 to {_QUESTION_LENGTH} characters, not all of them invisible.",
            field=f"messages.{len(earlier)}.content",
        )
    if body.stream_options and not body.stream:
        raise Invalid("These are for streams only.", field="stream_options")
    instructions = "\n\n".join(m.text for m in earlier if m.role in ("system", "developer"))
    if len(instructions) > _INSTRUCTIONS_LENGTH:
        raise Invalid(
            f"Instructions may have {_INSTRUCTIONS_LENGTH} characters at most.", field="messages"
        )
    question = body.quire.to_question(last.text, temperature=body.temperature)
    history = _history(earlier)
    if history and question.session:
        raise Invalid("A session has its own history: send the question only.", field="messages")
    return replace(
        question,
        # Without any, what is asked can be answered from the cache.
        history=history or None,
        instructions=instructions,
        max_tokens=_max_tokens(body),
    )


def _history(earlier: Sequence[MessageBody]) -> list[Message]:
    """The conversation as the caller tells it; nobody has it stored."""
    session, now = new_id(), datetime.now(UTC)
    return [
        Message(id=new_id(), session=session, role=m.role, content=m.text, created_at=now)
        for m in earlier
        if m.role in ("user", "assistant")
    ]


def _max_tokens(body: CompletionBody) -> int | None:
    older, newer = body.max_tokens, body.max_completion_tokens
    if older and newer and older != newer:
        raise Invalid("Send this or max_completion_tokens, not both.", field="max_tokens")
    return newer or older
