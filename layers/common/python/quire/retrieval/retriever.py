"""Question → scored chunks: embed, search both ways, fuse, keep what is served, diversify."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from quire.domain import Collection, Embedding, ScoredChunk
from quire.errors import Unavailable
from quire.laps import Laps
from quire.metrics import Metric, measure
from quire.models.embedder import Embedder
from quire.observability import log
from quire.retrieval.filters import Filters
from quire.retrieval.index import Index
from quire.retrieval.lexical import weigh_query
from quire.retrieval.points import Candidates
from quire.retrieval.ranking import HYBRID, Blend, passage, rank
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions

# Two searches that have none in common among so many do not know what is asked for.
_FIRST = 10
# A version that is switched while one searches is searched for again; then enough is enough.
_SEARCHES = 3
# Of each search. More change nothing of what comes out first, and cost what is sent.
CANDIDATES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Up to `top_k` passages of a tenant's that bear on the question.

    Versions `in_flux`, as (document, version), are left out; who does not know them has them looked
    up. `blindly` asks PostgreSQL nothing, so that what is being written or was just replaced may be
    found too.
    """

    tenant: str
    question: str
    collection: Collection
    top_k: int
    filters: Filters
    blend: Blend = HYBRID
    in_flux: Sequence[tuple[UUID, int]] | None = None
    blindly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """`passages` are what to read, `hits` the chunks that they are made of; best first both.

    `nearest` is the greatest cosine of a chunk with the question.

    It is None when the words alone were searched for, as nothing could be embedded. `agreed` is
    whether any chunk is among the first of both searches.
    """

    passages: Sequence[ScoredChunk]
    hits: Sequence[ScoredChunk]
    embedding_tokens: int
    timings: Mapping[str, float]
    nearest: float | None
    agreed: bool


class Retriever:
    def __init__(
        self,
        embedder: Embedder,
        index: Index,
        documents: Documents,
        ingestions: Ingestions,
    ) -> None:
        self._embedder = embedder
        self._index = index
        self._documents = documents
        self._ingestions = ingestions

    async def retrieve(self, search: Search, *, hypothesis: str | None = None) -> Retrieved:
        """Passages of served versions, best first, with their fused scores.

        With a `hypothesis`, meaning is searched for half way between it and the question.
        `timings` is in milliseconds: embed, search. Raises Unavailable.
        """
        laps = Laps()
        depth = max(CANDIDATES, search.top_k)
        # Side by side: what may not be found is asked of PostgreSQL while the model embeds.
        query, in_flux = await asyncio.gather(
            self._embed(search, hypothesis), self._in_flux(search)
        )
        laps.mark("embed")
        blend = search.blend if query else replace(search.blend, dense=0.0)
        for _ in range(_SEARCHES):
            found = await self._index.search(
                search.collection,
                search.tenant,
                dense=query.vectors[0] if query else None,
                bm25=weigh_query(search.question) if blend.dense < 1 else None,
                filters=search.filters,
                without=in_flux,
                limit=depth,
                vectors=blend.diversity > 0,
            )
            if search.blindly:
                break
            # PostgreSQL decides what is served: a version may have been replaced or deleted
            # meanwhile. What took its place was not found then, so the search is made again.
            whole = len(found.dense) + len(found.bm25)
            found = await self._served(search.tenant, found)
            if len(found.dense) + len(found.bm25) == whole:
                break
            in_flux = await self._ingestions.in_flux(search.tenant)
        places = rank(
            found.dense, found.bm25, found.vectors, blend=blend, depth=depth, count=search.top_k
        )
        laps.mark("search")
        if query:
            measure(Metric.EMBEDDING_TIME, laps.milliseconds["embed"])
        measure(Metric.SEARCH_TIME, laps.milliseconds["search"])
        return Retrieved(
            passages=[passage(place) for place in places],
            hits=[hit for place in places for hit in place],
            embedding_tokens=query.tokens if query else 0,
            timings=laps.milliseconds,
            nearest=max((h.score for h in found.dense), default=-1.0) if query else None,
            agreed=bool(_first(found.dense) & _first(found.bm25)),
        )

    async def _served(self, tenant: str, found: Candidates) -> Candidates:
        served = await self._documents.served_versions(
            tenant, {hit.chunk.document for hit in (*found.dense, *found.bm25)}
        )
        dense, bm25 = (
            [hit for hit in hits if served.get(hit.chunk.document) == hit.chunk.version]
            for hits in (found.dense, found.bm25)
        )
        return replace(found, dense=dense, bm25=bm25)

    async def _embed(self, search: Search, hypothesis: str | None) -> Embedding | None:
        """None when the model is gone, or not wanted: words can be searched for without it."""
        if not search.blend.dense:
            return None
        texts = [search.question] if hypothesis is None else [search.question, hypothesis]
        try:
            embedded = await self._embedder.embed_query(texts, search.collection)
        except Unavailable as error:
            log.warning("the question was not embedded", exc_info=error)
            return None
        return replace(embedded, vectors=[_mean(embedded.vectors)])

    async def _in_flux(self, search: Search) -> Sequence[tuple[UUID, int]]:
        if search.blindly:
            return ()
        if search.in_flux is None:
            return await self._ingestions.in_flux(search.tenant)
        return search.in_flux


def _first(hits: Sequence[ScoredChunk]) -> set[UUID]:
    return {hit.chunk.id for hit in hits[:_FIRST]}


def _mean(vectors: Sequence[Sequence[float]]) -> Sequence[float]:
    """Of unit vectors; its length means nothing to a search by cosine."""
    if len(vectors) == 1:
        return vectors[0]
    return [sum(values) / len(vectors) for values in zip(*vectors, strict=True)]
