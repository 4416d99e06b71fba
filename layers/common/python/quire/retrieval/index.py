"""Qdrant: every tenant's chunks in one collection, dense and BM25 vectors side by side."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from quire.domain import Chunk, Collection, ScoredChunk, Sparse
from quire.errors import Unavailable

DENSE, BM25 = "dense", "bm25"
# The constant of Cormack, Clarke & Büttcher (2009), who found the choice to matter little: 60 for
# ranks from one, so 61 for Qdrant's, which begin at zero.
RRF_K = 61
_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Fused hits, best first, and their dense vectors: (n, d), unit length."""

    hits: Sequence[ScoredChunk]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a search is narrowed to: any of each, all of them."""

    documents: Sequence[UUID] = ()
    filenames: Sequence[str] = ()


class Index:
    """Every query and every deletion is filtered by tenant here, not by its callers."""

    def __init__(self, url: str, *, api_key: str | None, timeout: int = 5) -> None:
        """`timeout` in whole seconds bounds each request."""
        self._client = AsyncQdrantClient(
            url=url, api_key=api_key, timeout=timeout, prefer_grpc=False, check_compatibility=False
        )
        self._ensured: set[str] = set()

    async def ensure(self, collection: Collection) -> None:
        """Create the collection and its payload indexes unless they are there."""
        if collection.name in self._ensured:
            return
        with _translated():
            try:
                await self._client.create_collection(
                    collection.name,
                    vectors_config={
                        DENSE: models.VectorParams(
                            size=collection.dimensions, distance=models.Distance.COSINE
                        )
                    },
                    sparse_vectors_config={
                        BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)
                    },
                )
            except UnexpectedResponse as error:
                if error.status_code != 409:  # it is there
                    raise
            # Indexes before points: Qdrant builds the filtered part of its graph as it loads.
            for field, schema in _PAYLOAD_INDEXES.items():
                await self._client.create_payload_index(collection.name, field, schema)
        self._ensured.add(collection.name)

    async def upsert(
        self,
        collection: Collection,
        tenant: str,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]],
        bm25: Sequence[Sparse],
    ) -> None:
        """Write chunks with their vectors, one of each per chunk; acknowledged when durable."""
        points = [
            models.PointStruct(
                id=str(chunk.id),
                vector={DENSE: list(vector), BM25: _sparse(terms)},
                payload=_payload(tenant, chunk),
            )
            for chunk, vector, terms in zip(chunks, dense, bm25, strict=True)
        ]
        with _translated():
            for start in range(0, len(points), _BATCH):
                await self._client.upsert(
                    collection.name, points[start : start + _BATCH], wait=True
                )

    async def search(
        self,
        collection: Collection,
        tenant: str,
        *,
        dense: Sequence[float],
        bm25: Sparse,
        filters: Filters,
        limit: int,
    ) -> Candidates:
        """The best `limit` of both searches, fused by reciprocal rank (RRF)."""
        within = _within(tenant, filters)
        prefetch = [
            models.Prefetch(query=list(dense), using=DENSE, filter=within, limit=limit),
            models.Prefetch(query=_sparse(bm25), using=BM25, filter=within, limit=limit),
        ]
        with _translated():
            try:
                answer = await self._client.query_points(
                    collection.name,
                    prefetch=prefetch,
                    query=models.RrfQuery(rrf=models.Rrf(k=RRF_K)),
                    query_filter=within,
                    limit=limit,
                    with_payload=True,
                    with_vectors=[DENSE],
                )
            except UnexpectedResponse as error:
                if error.status_code != 404:
                    raise
                return _NOTHING  # nothing was ever indexed
        if not answer.points:
            return _NOTHING
        return Candidates(
            hits=[ScoredChunk(chunk=_chunk(p), score=p.score) for p in answer.points],
            vectors=np.asarray([_dense(p) for p in answer.points], dtype=np.float32),
        )

    async def delete(
        self,
        collection: Collection,
        tenant: str,
        document: UUID,
        *,
        below: int | None = None,
        only: int | None = None,
    ) -> None:
        """Delete a document's points: all, those of versions below one, or of one only."""
        must: list[models.Condition] = [_match("tenant", tenant), _match("document", str(document))]
        if below is not None:
            must.append(models.FieldCondition(key="version", range=models.Range(lt=below)))
        if only is not None:
            must.append(models.FieldCondition(key="version", match=models.MatchValue(value=only)))
        with _translated():
            try:
                await self._client.delete(
                    collection.name,
                    models.FilterSelector(filter=models.Filter(must=must)),
                    wait=True,
                )
            except UnexpectedResponse as error:
                if error.status_code != 404:
                    raise

    async def close(self) -> None:
        await self._client.close()


_NOTHING = Candidates(hits=(), vectors=np.empty((0, 0), dtype=np.float32))

_PAYLOAD_INDEXES: dict[str, Any] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "document": models.PayloadSchemaType.KEYWORD,
    "filename": models.PayloadSchemaType.KEYWORD,
    "version": models.PayloadSchemaType.INTEGER,
}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise Unavailable("qdrant", retry_after=error.retry_after_s) from error
    except (ApiException, TimeoutError) as error:
        raise Unavailable("qdrant") from error


def _within(tenant: str, filters: Filters) -> models.Filter:
    must: list[models.Condition] = [_match("tenant", tenant)]
    if filters.documents:
        must.append(_match("document", [str(d) for d in filters.documents]))
    if filters.filenames:
        must.append(_match("filename", list(filters.filenames)))
    return models.Filter(must=must)


def _match(key: str, value: str | list[str]) -> models.FieldCondition:
    if isinstance(value, str):
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))
    return models.FieldCondition(key=key, match=models.MatchAny(any=value))


def _sparse(terms: Sparse) -> models.SparseVector:
    return models.SparseVector(indices=list(terms.indices), values=list(terms.values))


def _payload(tenant: str, chunk: Chunk) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "document": str(chunk.document),
        "version": chunk.version,
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


def _chunk(point: models.ScoredPoint) -> Chunk:
    fields = dict(point.payload or {})
    fields.pop("tenant")
    return Chunk(
        **{
            **fields,
            "id": UUID(str(point.id)),
            "document": UUID(fields["document"]),
            "heading": tuple(fields["heading"]),
        }
    )


def _dense(point: models.ScoredPoint) -> Any:
    return point.vector[DENSE] if isinstance(point.vector, dict) else point.vector
