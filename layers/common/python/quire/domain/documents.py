"""A document, and how far its ingestion has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from quire.domain.passages import Chunk

# Ids derived from names have to be the same in every process and for ever.
_DOCUMENTS = UUID("6f1d2a52-3c0e-4a47-9a55-2d8a6b1f0c11")


def document_id(tenant: str, filename: str) -> UUID:
    """A document is its name within its tenant, whoever meets it first: the API or the event."""
    return uuid5(_DOCUMENTS, f"{tenant}/{filename}")


class DocumentStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    EXTRACTING = "extracting"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


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
