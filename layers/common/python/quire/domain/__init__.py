"""The glossary as values: what flows through Quire, and nothing about how.

Offsets are code points in a document version's canonical text, the half-open range
[start, end). Scores rise with relevance and are comparable within one retrieval only. All of it is
imported from here: one glossary, written down by subject.
"""

from quire.domain.callers import ApiKey, Caller, Issuer, Limits, OwnLimits, Scope, Tenant, User
from quire.domain.documents import (
    Advance,
    Claim,
    Document,
    DocumentStatus,
    Proof,
    ServedRows,
    Standing,
    document_id,
)
from quire.domain.jobs import Job
from quire.domain.pages import Page
from quire.domain.passages import Block, BlockKind, Chunk, Passage, chunk_id
from quire.domain.retrieval import Citation, Collection, Embedding, ScoredChunk, Source, Sparse
from quire.domain.turns import (
    FormerTurn,
    Message,
    OpenedTurn,
    Persona,
    Prompt,
    Role,
    Session,
    StoredTurn,
)
from quire.domain.usage import DailyUsage, Prices, Usage

__all__ = [
    "Advance",
    "ApiKey",
    "Block",
    "BlockKind",
    "Caller",
    "Chunk",
    "Citation",
    "Claim",
    "Collection",
    "DailyUsage",
    "Document",
    "DocumentStatus",
    "Embedding",
    "FormerTurn",
    "Issuer",
    "Job",
    "Limits",
    "Message",
    "OpenedTurn",
    "OwnLimits",
    "Page",
    "Passage",
    "Persona",
    "Prices",
    "Prompt",
    "Proof",
    "Role",
    "Scope",
    "ScoredChunk",
    "ServedRows",
    "Session",
    "Source",
    "Sparse",
    "Standing",
    "StoredTurn",
    "Tenant",
    "Usage",
    "User",
    "chunk_id",
    "document_id",
]
