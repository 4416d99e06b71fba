"""One turn's values: the question, what it starts from, and what has been shown of its answer."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuids

from functions.chat.citing import Citer
from functions.chat.finding import Hyde
from functions.chat.prompting import prompt_hash
from quire.domain import Caller, Message, OpenedTurn, Prompt, Source, Usage
from quire.laps import Laps
from quire.retrieval.filters import Filters

# Who wrote an answer that no model wrote.
NOBODY = "none"
_TITLE_LENGTH = 80
_CLOSING_SECONDS = 2.0
_STATEMENT_SECONDS = 0.5


def new_id() -> UUID:
    """Rises with time, so that messages sort by their ids."""
    return uuids.uuid7()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `history` is the caller's own, in place of a session's.

    `instructions` are words of the caller to the model; `max_tokens` bounds the answer. As a
    message it has the `id`, its answer the id `answer`.
    """

    text: str
    id: UUID = field(default_factory=new_id)
    answer: UUID = field(default_factory=new_id)
    session: UUID | None = None
    selected_text: str | None = None
    top_k: int = 8
    temperature: float | None = None
    filters: Filters = field(default_factory=Filters)
    cache: bool = True
    hyde: Hyde = Hyde.AUTO
    history: Sequence[Message] | None = None
    instructions: str = ""
    max_tokens: int | None = None

    @classmethod
    def from_request(cls, request: Mapping[str, Any], session: UUID) -> "Question":
        """What was kept of it, to be answered anew."""
        history = request.get("history")
        return cls(
            text=request["question"],
            selected_text=request["selected_text"],
            top_k=request["top_k"],
            temperature=request["temperature"],
            filters=Filters.model_validate(request["filters"]),
            cache=False,
            hyde=Hyde(request["hyde"]),
            history=history and [_spoken(said, session) for said in history],
            instructions=request["instructions"],
            max_tokens=request["max_tokens"],
        )

    def as_request(self, seed: int) -> dict[str, Any]:
        """All that it takes to ask it again, but for the session it was asked in."""
        return {
            "question": self.text,
            "selected_text": self.selected_text,
            "top_k": self.top_k,
            "temperature": self.temperature,
            "filters": self.filters.as_json(),
            "hyde": self.hyde,
            "instructions": self.instructions,
            "max_tokens": self.max_tokens,
            "seed": seed,
            "history": self.history and [_said(message) for message in self.history],
        }


@dataclass(slots=True, kw_only=True)
class Turn:
    """What is known and shown so far; `question` in the end stands alone.

    It is over at `until`, in the loop's time. With `paid_only` nothing is kept but what it
    cost, and that only while anything is to be written.
    """

    caller: Caller
    asked: Question
    session: UUID
    question_id: UUID
    message: UUID
    seed: int
    opened: OpenedTurn
    history: Sequence[Message]
    until: float
    persisted: bool = True
    paid_only: bool = False
    laps: Laps = field(default_factory=Laps)
    question: str = ""
    sources: Sequence[Source] | None = None
    hits: Sequence[Source] = ()
    hyde: bool = False
    prompt: Prompt | None = None
    citer: Citer = field(default_factory=lambda: Citer(()))
    usage: Usage = field(default_factory=Usage)
    model: str = NOBODY
    finish_reason: str = "stop"
    degraded: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    cached: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self.question = self.question or self.asked.text

    @property
    def words_until(self) -> float:
        """What is left then is for storing the turn."""
        return self.until - _CLOSING_SECONDS

    @property
    def given(self) -> list[str]:
        """What the model was told, or what is told without one: its links may be shown."""
        if self.prompt is None:
            return [self.opened.persona.refusal or ""]
        return [message["content"] for message in self.prompt.messages]

    def book(self, usage: Usage) -> None:
        self.usage += usage

    def left(self, until: float) -> float:
        """Seconds up to that time, though never too few for the database to answer in."""
        return max(_STATEMENT_SECONDS, until - asyncio.get_running_loop().time())


def title_of(question: str) -> str:
    """A session's title: the question on one line, cut between two words where that is near."""
    line = " ".join(question.split())
    if len(line) <= _TITLE_LENGTH:
        return line
    words = line[:_TITLE_LENGTH].rpartition(" ")[0]
    kept = words if len(words) > _TITLE_LENGTH // 2 else line[: _TITLE_LENGTH - 1]
    return kept.rstrip(" ,;:–—-") + "…"


def _said(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _spoken(said: Mapping[str, Any], session: UUID) -> Message:
    return Message(id=new_id(), session=session, created_at=datetime.now(UTC), **said)


def cache_key(question: str, asked: Question, *, model: str) -> bytes | None:
    """What an answer depends on, but for the index and what the corpus's generation counts; None
    for what is never kept.
    """
    if not asked.cache or asked.selected_text is not None or asked.history is not None:
        return None
    parts = [
        " ".join(question.split()),
        asked.filters.as_json(),
        asked.hyde,
        asked.top_k,
        asked.temperature,
        asked.max_tokens,
        prompt_hash("answer", asked.instructions),
        model,
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()
