"""Qdrant: every tenant's chunks in one collection, dense and BM25 vectors side by side."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from quire.breaker import Breaker
from quire.domain import Chunk, Collection, ScoredChunk, Sparse
from quire.errors import Unavailable
from quire.metrics import Metric, timed
from quire.retrieval.filters import Filters
from quire.retrieval.layout import BM25, DENSE, create
from quire.retrieval.points import (
    as_chunk,
    as_dense,
    as_payload,
    as_queries,
    as_sparse,
    edition,
    match,
)
from quire.retrying import retrying

_BATCH = 128
_SCROLL = 1_000
# Qdrant hangs up on who was silent for five seconds. The client's own limits would have us meet it
# there, and make a connection for each request to a server on this machine.
_LIMITS = httpx.Limits(max_keepalive_connections=16, keepalive_expiry=4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What each search found, best first, scored by cosine and by BM25.

    `vectors` are the hits' dense ones by chunk, of unit length, when they were asked for.
    """

    dense: Sequence[ScoredChunk]
    bm25: Sequence[ScoredChunk]
    vectors: Mapping[UUID, Sequence[float]]


class Index:
    """Every query and every deletion is filtered by tenant here, not by its callers."""

    def __init__(self, url: str, *, api_key: str | None, timeout: int = 5) -> None:
        """`timeout` in whole seconds bounds each request."""
        self._client = AsyncQdrantClient(
            url=url,
            api_key=api_key,
            timeout=timeout,
            prefer_grpc=False,
            check_compatibility=False,
            limits=_LIMITS,
        )
        self._ensured: set[str] = set()
        self._breaker = Breaker("qdrant")
        self._timeout = timeout

    async def ensure(self, collection: Collection, *, points: int = 0) -> None:
        """Create the collection, for about so many points, and its payload indexes.

        Nothing is changed of what is there.
        """
        if collection.name in self._ensured:
            return
        with self._translated():
            await create(self._client, collection, points=points)
        self._ensured.add(collection.name)

    async def upsert(
        self,
        collection: Collection,
        tenant: str,
        chunks: Sequence[Chunk],
        dense: Sequence[Sequence[float]],
        bm25: Sequence[Sparse],
    ) -> None:
        """Write chunks with their vectors, one of each per chunk; acknowledged when durable.

        Where that fails, the next `ensure` looks again: the collection may be gone.
        """
        points = [
            models.PointStruct(
                id=str(chunk.id),
                vector={DENSE: list(vector), BM25: as_sparse(terms)},
                payload=as_payload(tenant, chunk),
            )
            for chunk, vector, terms in zip(chunks, dense, bm25, strict=True)
        ]
        try:
            with self._translated(), timed(Metric.INDEXING_TIME):
                for start in range(0, len(points), _BATCH):
                    await self._client.upsert(
                        collection.name, points[start : start + _BATCH], wait=True
                    )
        except Unavailable:
            self._ensured.discard(collection.name)
            raise

    async def search(
        self,
        collection: Collection,
        tenant: str,
        *,
        dense: Sequence[float] | None,
        bm25: Sparse | None,
        filters: Filters,
        without: Sequence[tuple[UUID, int]],
        limit: int,
        vectors: bool = False,
    ) -> Candidates:
        """The best `limit` of each search that there is a vector for, in one request.

        `without` are versions, as (document, version), that are not to be found.
        """
        queries = as_queries(
            tenant,
            dense=dense,
            bm25=bm25,
            filters=filters,
            without=without,
            limit=limit,
            vectors=vectors,
        )
        batch = models.QueryRequestBatch(searches=queries)
        with self._translated(), _none_if_absent():
            async for attempt in retrying(_unheard, seconds=self._timeout):
                with attempt:
                    # Not by the client's own method: it copies the vectors, number by number.
                    answer = await self._client.http.search_api.query_batch_points(
                        collection.name, query_request_batch=batch
                    )
            answers = answer.result or ()
            found = {q.using: each.points for q, each in zip(queries, answers, strict=True)}
            return Candidates(
                dense=_scored(found.get(DENSE, [])),
                bm25=_scored(found.get(BM25, [])),
                vectors={
                    UUID(str(point.id)): as_dense(point)
                    for points in found.values()
                    for point in points
                    if vectors
                },
            )
        return Candidates(dense=(), bm25=(), vectors={})  # nothing was ever indexed

    async def delete(
        self,
        collection: Collection,
        tenant: str,
        document: UUID,
        *,
        versions: Sequence[int] | None = None,
    ) -> None:
        """Delete a document's points: all, or those of some versions."""
        must: list[models.Condition] = [match("tenant", tenant)]
        if versions is None:
            must.append(match("document", str(document)))
        else:
            must.append(match("edition", [edition(document, v) for v in versions]))
        await self._delete(collection, must)

    async def delete_points(
        self, collection: Collection, tenant: str, points: Sequence[UUID]
    ) -> None:
        must: list[models.Condition] = [
            match("tenant", tenant),
            models.HasIdCondition(has_id=[str(point) for point in points]),
        ]
        await self._delete(collection, must)

    async def delete_tenant(self, collection: Collection, tenant: str) -> None:
        await self._delete(collection, [match("tenant", tenant)])

    async def _delete(self, collection: Collection, must: list[models.Condition]) -> None:
        chosen = models.FilterSelector(filter=models.Filter(must=must))
        with self._translated(), _none_if_absent():
            await self._client.delete(collection.name, chosen, wait=True)

    async def points(self, collection: Collection, tenant: str, document: UUID) -> dict[UUID, int]:
        """All points of a document, each with its version."""
        found: dict[UUID, int] = {}
        offset: Any = None
        with self._translated(), _none_if_absent():
            while True:
                records, offset = await self._client.scroll(
                    collection.name,
                    scroll_filter=models.Filter(
                        must=[match("tenant", tenant), match("document", str(document))]
                    ),
                    limit=_SCROLL,
                    offset=offset,
                    with_payload=["version"],
                )
                found |= {UUID(str(r.id)): (r.payload or {})["version"] for r in records}
                if offset is None:
                    break
        return found

    async def count(self, collection: Collection) -> int:
        """All tenants' points."""
        with self._translated(), _none_if_absent():
            return (await self._client.count(collection.name, exact=False)).count
        return 0

    async def count_tenant(self, collection: Collection, tenant: str) -> int:
        mine = models.Filter(must=[match("tenant", tenant)])
        with self._translated(), _none_if_absent():
            return (await self._client.count(collection.name, count_filter=mine)).count
        return 0

    async def drop(self, collection: Collection) -> None:
        with self._translated(), _none_if_absent():
            await self._client.delete_collection(collection.name)
        self._ensured.discard(collection.name)

    async def close(self) -> None:
        await self._client.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self._breaker.guard():
            try:
                yield
            except ResourceExhaustedResponse as error:
                raise Unavailable("qdrant", retry_after=error.retry_after_s) from error
            except (ApiException, TimeoutError) as error:
                raise Unavailable("qdrant") from error


def _scored(points: Sequence[models.ScoredPoint]) -> list[ScoredChunk]:
    return [ScoredChunk(chunk=as_chunk(point), score=point.score) for point in points]


def _unheard(error: BaseException) -> bool:
    """Whether the connection was at fault, as one is that was kept over a freeze."""
    return isinstance(error, ResponseHandlingException) and isinstance(
        error.source, httpx.NetworkError | httpx.RemoteProtocolError
    )


@contextmanager
def _none_if_absent() -> Iterator[None]:
    """What a collection holds that was never made is nothing."""
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code != 404:
            raise
