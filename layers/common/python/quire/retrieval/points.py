"""Chunks as Qdrant's points, and what narrows a search in its words."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from qdrant_client import models

from quire.domain import Chunk, Sparse
from quire.retrieval.filters import Filters

DENSE, BM25 = "dense", "bm25"
PAYLOAD_INDEXES: dict[str, Any] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "document": models.PayloadSchemaType.KEYWORD,
    "filename": models.PayloadSchemaType.KEYWORD,
    "edition": models.PayloadSchemaType.KEYWORD,
}


def edition(document: UUID, version: int) -> str:
    """One value for both, as a filter by pairs of values would be."""
    return f"{document}/{version}"


def as_filter(tenant: str, filters: Filters, without: Sequence[tuple[UUID, int]]) -> models.Filter:
    must: list[models.Condition] = [match("tenant", tenant)]
    if filters.documents:
        must.append(match("document", [str(d) for d in filters.documents]))
    if filters.filenames:
        must.append(match("filename", list(filters.filenames)))
    editions = [edition(*pair) for pair in without]
    return models.Filter(must=must, must_not=[match("edition", editions)] if editions else None)


def match(key: str, value: str | list[str]) -> models.FieldCondition:
    if isinstance(value, str):
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))
    return models.FieldCondition(key=key, match=models.MatchAny(any=value))


def as_sparse(terms: Sparse) -> models.SparseVector:
    return models.SparseVector(indices=list(terms.indices), values=list(terms.values))


def as_payload(tenant: str, chunk: Chunk) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "document": str(chunk.document),
        "version": chunk.version,
        "edition": edition(chunk.document, chunk.version),
        "filename": chunk.filename,
        "title": chunk.title,
        "ordinal": chunk.ordinal,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "heading": list(chunk.heading),
        "page": chunk.page,
        "metadata": dict(chunk.metadata),
    }


def as_chunk(point: models.ScoredPoint) -> Chunk:
    fields = dict(point.payload or {})
    fields.pop("tenant")
    fields.pop("edition", None)
    return Chunk(
        **{
            **fields,
            "id": UUID(str(point.id)),
            "document": UUID(fields["document"]),
            "heading": tuple(fields["heading"]),
        }
    )


def as_dense(point: models.ScoredPoint) -> Any:
    return point.vector[DENSE] if isinstance(point.vector, dict) else point.vector
