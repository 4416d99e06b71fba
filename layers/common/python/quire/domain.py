"""The glossary as values: what flows through Quire, and nothing about how.

Offsets are code points in a document version's canonical text, the half-open range
[start, end). Scores rise with relevance and are comparable within one retrieval only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID, uuid5

BlockKind = Literal["heading", "paragraph", "list_item", "table", "code"]
Role = Literal["user", "assistant"]
Scope = Literal["ask", "ingest", "admin"]
T = TypeVar("T")

# Ids derived from names have to be the same in every process and for ever.
_DOCUMENTS = UUID("6f1d2a52-3c0e-4a47-9a55-2d8a6b1f0c11")


def document_id(tenant: str, filename: str) -> UUID:
    """A document is its name within its tenant, whoever meets it first: the API or the event."""
    return uuid5(_DOCUMENTS, f"{tenant}/{filename}")


def chunk_id(document: UUID, version: int, ordinal: int) -> UUID:
    """Deterministic, so that writing a chunk twice writes it once."""
    return uuid5(document, f"{version}/{ordinal}")


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class DocumentStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    EXTRACTING = "extracting"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as their key or token proves it."""

    tenant: str
    user: str
    scopes: frozenset[Scope]
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whose tokens are taken, and how far: for one `tenant`, or whichever `tenant_claim` names.

    They have `scopes`, or those of them that they list in `scope_claim`.
    """

    issuer: str
    audience: str
    algorithms: Sequence[str]
    tenant: str | None
    tenant_claim: str | None
    scopes: frozenset[Scope]
    scope_claim: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key without its secret: `prefix` is how that begins.

    It calls as `user`, or as itself where that is None.
    """

    id: UUID
    name: str
    prefix: str
    scopes: Sequence[Scope]
    user: str | None
    speaks_for_users: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of one tenant; `revoked_at` is when they were shut out."""

    id: str
    sessions: int
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """`closed_at` is when it was shut out, to be erased."""

    id: str
    name: str
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of canonical text as extraction yields it.

    A version's canonical text is the concatenation of its blocks, so `text` includes the white
    space that follows. `heading` is the path the block stands under, a heading's own included.
    """

    text: str
    kind: BlockKind
    heading: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What chunking yields: a stretch of canonical text before it has an id."""

    ordinal: int
    start: int
    end: int
    text: str
    heading: tuple[str, ...]
    page: int | None
    tokens: int


_LONGEST_GAP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage of one document version, as it is indexed and as it is cited.

    `gap` is the white space between it and what follows, as far as that is short.
    """

    id: UUID
    document: UUID
    version: int
    filename: str
    title: str
    ordinal: int
    start: int
    end: int
    text: str
    heading: tuple[str, ...] = ()
    page: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    gap: str = ""

    def with_text(self, canonical: str) -> "Chunk":
        """The chunk with its words, which are a stretch of its version's canonical text."""
        gap = canonical[self.end : self.end + _LONGEST_GAP]
        return replace(
            self,
            text=canonical[self.start : self.end],
            gap=gap[: len(gap) - len(gap.lstrip())],
        )


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
class Usage:
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    embedding_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            embedding_tokens=self.embedding_tokens + other.embedding_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Dollars per million tokens."""

    prompt: float = 0.0
    cached: float = 0.0
    completion: float = 0.0
    embedding: float = 0.0

    def cost(self, usage: Usage) -> float:
        """Dollars; `prompt_tokens` includes the cached ones, as the vendors count them."""
        return (
            (usage.prompt_tokens - usage.cached_tokens) * self.prompt
            + usage.cached_tokens * self.cached
            + usage.completion_tokens * self.completion
            + usage.embedding_tokens * self.embedding
        ) / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a tenant may do: requests a minute, of each key and of all; streams at once; tokens and
    dollars a day (UTC). None is no limit.
    """

    key_requests: int
    requests: int
    streams: int | None = None
    tokens: int | None = None
    dollars: float | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyUsage:
    """What one model took on one day (UTC)."""

    day: date
    model: str
    requests: int
    usage: Usage
    cost_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as its owner sees it.

    `version` is the newest asked for, of which `done` of `total` chunks are embedded;
    `current_version` is the one that is served, with its `chunks`. `sha256` is that of the
    newest bytes, None until they are known.
    """

    id: UUID
    filename: str
    title: str
    version: int
    current_version: int | None
    status: DocumentStatus
    chunks: int
    done: int
    total: int
    tokens: int
    cost_usd: float
    error: str | None
    sha256: bytes | None
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The version a worker holds, and how many of its chunks are indexed already."""

    id: UUID
    version: int
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What a worker has indexed of a version since it last told; all of it when done == total.

    `chunks` come with their token counts; `tokens` and `cost_usd` are what embedding them took.
    """

    document: UUID
    version: int
    title: str
    characters: int
    chunks: Sequence[tuple[Chunk, int]]
    done: int
    total: int
    tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a document has come: `seconds` since it last moved, `leased` while a worker may write
    any version of it, `dropped` when a worker's time ran out over the newest.

    `leftover` are its versions that are neither served nor in the making. Of one that is being
    deleted `unwanted` is the identity of the original that goes with it; None is any.
    """

    document: UUID
    filename: str
    status: str
    version: int
    current_version: int | None
    sha256: bytes | None
    attempts: int
    leased: bool
    dropped: bool
    updated_at: datetime
    seconds: float
    leftover: Sequence[int]
    retired_seconds: float | None
    unwanted: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRows:
    """What PostgreSQL holds of the served version (0: none), and which others are in flux."""

    version: int
    chunks: int
    rows: Sequence[UUID]
    in_flux: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A document's chunks as they should be, and as PostgreSQL and Qdrant hold them.

    `missing` lacks its row or its point; `extra` is one that nothing accounts for.
    """

    expected: int
    rows: int
    points: int
    missing: Sequence[UUID]
    extra: Sequence[UUID]

    @property
    def holds(self) -> bool:
        return not self.missing and not self.extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`request` is what was asked, `cursor` where the next invocation goes on, `attempts` how
    often its present step was begun.
    """

    id: UUID
    kind: str
    status: str
    done: int
    total: int
    result: Mapping[str, Any] | None
    error: str | None
    document: UUID | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    cursor: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list, and whether more follow."""

    items: Sequence[T]
    has_more: bool
