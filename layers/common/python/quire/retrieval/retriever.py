"""Question → scored chunks: embed, search both ways, fuse, keep what is served, diversify."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quire.domain import Collection, ScoredChunk
from quire.laps import Laps
from quire.models.embedder import Embedder
from quire.retrieval.index import Filters, Index
from quire.retrieval.lexical import weigh_query
from quire.retrieval.ranking import select_diverse
from quire.store.documents import Documents

# MMR chooses from twice what is asked for; more would dilute, fewer leave nothing to choose.
CANDIDATES_PER_RESULT = 2
# Little, as fused scores lie close together: of our own forty questions 0 and 0.1 find 35, 0.3
# one less.
DIVERSITY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    hits: Sequence[ScoredChunk]
    embedding_tokens: int
    timings: Mapping[str, float]


class Retriever:
    def __init__(self, embedder: Embedder, index: Index, documents: Documents) -> None:
        self._embedder = embedder
        self._index = index
        self._documents = documents

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
        query = await self._embedder.embed_query(question, collection)
        laps.mark("embed")
        found = await self._index.search(
            collection,
            tenant,
            dense=query.vectors[0],
            bm25=weigh_query(question),
            filters=filters,
            limit=CANDIDATES_PER_RESULT * top_k,
        )
        # PostgreSQL decides what is served: a version may have been replaced or deleted while
        # its points are still there.
        served = await self._documents.served_versions(
            tenant, {hit.chunk.document for hit in found.hits}
        )
        current = [
            i
            for i, hit in enumerate(found.hits)
            if served.get(hit.chunk.document) == hit.chunk.version
        ]
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
