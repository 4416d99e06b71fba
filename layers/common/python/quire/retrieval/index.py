"""Qdrant: every tenant's chunks in one collection, dense and BM25 vectors side by side."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx

from quire.breaker import Breaker
from quire.credentials import Credential
from quire.domain import Chunk, Collection, Sparse
from quire.errors import Unavailable
from quire.metrics import Metric, timed
from quire.retrieval.filters import Filters
from quire.retrieval.layout import create
from quire.retrieval.points import (
    Candidates,
    Json,
    as_candidates,
    as_point,
    as_queries,
    edition,
    match,
)
from quire.retrieval.qdrant import Qdrant, Refused
from quire.retrying import retrying

_BATCH = 128
_SCROLL = 1_000


class Index:
    """Every query and every deletion is filtered by tenant here, not by its callers."""

    def __init__(self, url: str, *, api_key: Credential | str | None, timeout: float = 5) -> None:
        """`timeout` in seconds bounds each request, and a search with what is tried again of it."""
        self._qdrant = Qdrant(url, api_key=api_key, timeout=timeout)
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
            await create(self._qdrant, collection, points=points)
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
            as_point(tenant, chunk, vector, terms)
            for chunk, vector, terms in zip(chunks, dense, bm25, strict=True)
        ]
        try:
            with self._translated(), timed(Metric.INDEXING_TIME):
                for start in range(0, len(points), _BATCH):
                    batch = {"points": points[start : start + _BATCH]}
                    await self._call("PUT", collection, "points", batch, wait="true")
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
        found: dict[str, Sequence[Json]] = {}
        with self._translated(), _none_if_absent():
            async with asyncio.timeout(self._timeout):
                async for attempt in retrying(_unheard, seconds=self._timeout):
                    with attempt:
                        answers = await self._call(
                            "POST", collection, "points/query/batch", {"searches": queries}
                        )
            found = {q["using"]: each["points"] for q, each in zip(queries, answers, strict=True)}
        # Not above: what is wrong with a payload is our fault, not Qdrant's.
        return as_candidates(found)

    async def delete(
        self,
        collection: Collection,
        tenant: str,
        document: UUID,
        *,
        versions: Sequence[int] | None = None,
    ) -> None:
        """Delete a document's points: all, or those of some versions."""
        must = [match("tenant", tenant)]
        if versions is None:
            must.append(match("document", str(document)))
        else:
            must.append(match("edition", [edition(document, v) for v in versions]))
        await self._delete(collection, must)

    async def delete_points(
        self, collection: Collection, tenant: str, points: Sequence[UUID]
    ) -> None:
        await self._delete(collection, [match("tenant", tenant), {"has_id": points}])

    async def delete_tenant(self, collection: Collection, tenant: str) -> None:
        await self._delete(collection, [match("tenant", tenant)])

    async def _delete(self, collection: Collection, must: list[Json]) -> None:
        chosen = {"filter": {"must": must}}
        with self._translated(), _none_if_absent():
            await self._call("POST", collection, "points/delete", chosen, wait="true")

    async def points(self, collection: Collection, tenant: str, document: UUID) -> dict[UUID, int]:
        """All points of a document, each with its version."""
        found: dict[UUID, int] = {}
        wanted: Json = {
            "filter": {"must": [match("tenant", tenant), match("document", str(document))]},
            "limit": _SCROLL,
            "with_payload": ["version"],
        }
        with self._translated(), _none_if_absent():
            while True:
                page = await self._call("POST", collection, "points/scroll", wanted)
                found |= {UUID(one["id"]): one["payload"]["version"] for one in page["points"]}
                if page["next_page_offset"] is None:
                    break
                wanted["offset"] = page["next_page_offset"]
        return found

    async def count(self, collection: Collection) -> int:
        """All tenants' points."""
        return await self._count(collection, {"exact": False})

    async def count_tenant(self, collection: Collection, tenant: str) -> int:
        return await self._count(collection, {"filter": {"must": [match("tenant", tenant)]}})

    async def _count(self, collection: Collection, wanted: Json) -> int:
        with self._translated(), _none_if_absent():
            answer = await self._call("POST", collection, "points/count", wanted)
            return int(answer["count"])
        return 0

    async def drop(self, collection: Collection) -> None:
        with self._translated(), _none_if_absent():
            await self._qdrant.call("DELETE", collection.name)
        self._ensured.discard(collection.name)

    async def close(self) -> None:
        await self._qdrant.close()

    async def _call(
        self, method: str, collection: Collection, what: str, body: Json, **query: str
    ) -> Any:
        return await self._qdrant.call(method, f"{collection.name}/{what}", body, **query)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self._breaker.guard():
            try:
                yield
            except Refused as refused:
                raise Unavailable("qdrant", retry_after=refused.retry_after or 5) from refused
            # What is no JSON, and what lacks a field, was not Qdrant's.
            except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError) as error:
                raise Unavailable("qdrant") from error


def _unheard(error: BaseException) -> bool:
    """Whether the connection was at fault, as one is that was kept over a freeze."""
    return isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)


@contextmanager
def _none_if_absent() -> Iterator[None]:
    """What a collection holds that was never made is nothing."""
    try:
        yield
    except Refused as refused:
        if refused.status != 404:
            raise
