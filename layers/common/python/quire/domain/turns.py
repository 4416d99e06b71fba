"""Conversations: sessions, their messages, and turns under way, stored and gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from quire.domain.retrieval import Collection

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A tenant's own words to the model: what it is called, how to speak, how to refuse."""

    name: str | None = None
    instructions: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What goes to the language model, role by role, with the name and hash of its template."""

    name: str
    hash: str
    messages: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    id: UUID
    title: str | None
    metadata: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    last_accessed: datetime
    message_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: UUID
    session: UUID
    role: Role
    content: str
    created_at: datetime
    citations: Sequence[Mapping[str, Any]] = ()
    status: str = "complete"
    # Its own user's: {rating, comment}.
    feedback: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTurn:
    """A turn as its stream showed it, in the shapes of the wire; `outcome` ends it.

    Without an outcome it is `generating`, or its worker is gone and so `incomplete`.
    """

    message: UUID
    session: UUID
    status: str
    content: str
    citations: Sequence[Mapping[str, Any]]
    opening: Mapping[str, Any] | None
    sources: Sequence[Mapping[str, Any]] | None
    outcome: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTurn:
    """What a turn starts from; versions `in_flux` are not to be found, None where nobody looked."""

    collection: Collection
    history: Sequence[Message]
    persona: Persona
    generation: int
    cached: Mapping[str, Any] | None
    in_flux: Sequence[tuple[UUID, int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerTurn:
    """A turn as it was asked and answered; `citations` and `sources` in the shapes of the wire."""

    message: UUID
    session: UUID
    status: str
    request: Mapping[str, Any]
    content: str
    citations: Sequence[Mapping[str, Any]]
    sources: Sequence[Mapping[str, Any]] | None
    model: str | None
    prompt_hash: str | None
