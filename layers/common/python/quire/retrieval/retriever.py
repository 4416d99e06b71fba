"""Question → scored chunks: embed, search both ways, fuse, keep what is served, diversify."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quire.domain import Collection, ScoredChunk
from quire.laps import Laps
from quire.models.embedder import Embedder
from quire.retrieval.index import Filters, Index
from quire.retrieval.lexical import weigh_query
from quire.retrieval.ranking import select_diverse
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions

# MMR chooses from twice what is asked for; more would dilute, fewer leave nothing to choose.
CANDIDATES_PER_RESULT = 2
# Little, as fused scores lie close together: of our own forty questions 0 and 0.1 find 35, 0.3
# one less.
DIVERSITY = 0.1
# A version that is switched while one searches is searched for again; then enough is enough.
_SEARCHES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    hits: Sequence[ScoredChunk]
    embedding_tokens: int
    timings: Mapping[str, float]


class Retriever:
    def __init__(
        self, embedder: Embedder, index: Index, documents: Documents, ingestions: Ingestions
    ) -> None:
        self._embedder = embedder
        self._index = index
        self._documents = documents
        self._ingestions = ingestions

    async def retrieve(
        self,
        tenant: str,
        question: str,
        collection: Collection,
        *,
        top_k: int,
        filters: Filters,
    ) -> Retrieved:
        """Up to `top_k` chunks of served versions, best first, with their fused scores.

        `timings` is in milliseconds: embed, search. Raises Unavailable.
        """
        laps = Laps()
        # Side by side: what may not be found is asked of PostgreSQL while the model embeds.
        query, in_flux = await asyncio.gather(
            self._embedder.embed_query(question, collection), self._ingestions.in_flux(tenant)
        )
        laps.mark("embed")
        for _ in range(_SEARCHES):
            found = await self._index.search(
                collection,
                tenant,
                dense=query.vectors[0],
                bm25=weigh_query(question),
                filters=filters,
                without=in_flux,
                limit=CANDIDATES_PER_RESULT * top_k,
            )
            # PostgreSQL decides what is served: a version may have been replaced or deleted
            # meanwhile. What took its place was not found then, so the search is made again.
            served = await self._documents.served_versions(
                tenant, {hit.chunk.document for hit in found.hits}
            )
            current = [
                i
                for i, hit in enumerate(found.hits)
                if served.get(hit.chunk.document) == hit.chunk.version
            ]
            if len(current) == len(found.hits):
                break
            in_flux = await self._ingestions.in_flux(tenant)
        picked = select_diverse(
            [found.hits[i].score for i in current],
            found.vectors[current],
            count=top_k,
            diversity=DIVERSITY,
        )
        laps.mark("search")
        return Retrieved(
            hits=[found.hits[current[i]] for i in picked],
            embedding_tokens=query.tokens,
            timings=laps.milliseconds,
        )
