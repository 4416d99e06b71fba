"""Two rankings made one, and one made less of the same."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np

from quire.domain import ScoredChunk


def fuse(
    dense: Sequence[ScoredChunk], bm25: Sequence[ScoredChunk], *, weight: float
) -> list[ScoredChunk]:
    """What either search found, best first: weight·dense + (1 − weight)·bm25, each 0 to 1.

    Scores are taken as shares of the best one of their search, and of what a search did not find
    as 0: a convex combination, after Bruch, Gai & Ingber, "An Analysis of Fusion Functions for
    Hybrid Retrieval" (2022). It keeps what ranks throw away: by how much one is better.
    """
    scores: dict[UUID, float] = {}
    for hits, share in ((dense, weight), (bm25, 1 - weight)):
        best = max((hit.score for hit in hits), default=0.0)
        if share <= 0 or best <= 0:
            continue
        for hit in hits:
            scored = share * max(hit.score, 0.0) / best
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + scored
    chunks = {hit.chunk.id: hit.chunk for hits in (dense, bm25) for hit in hits}
    return [
        ScoredChunk(chunk=chunks[chunk], score=score)
        for chunk, score in sorted(scores.items(), key=lambda item: -item[1])
    ]


def diversify(
    hits: Sequence[ScoredChunk],
    vectors: Mapping[UUID, Sequence[float]],
    *,
    count: int,
    diversity: float,
) -> list[ScoredChunk]:
    """Up to `count` of the hits, best first, by maximal marginal relevance.

    Each maximises (1 − diversity)·score − diversity·(greatest cosine with what was picked before),
    after Carbonell & Goldstein (1998). `vectors` are the hits' own, of unit length. Done here and
    not by Qdrant, whose own MMR would replace the fused scores with vector distances.
    """
    if not hits:
        return []
    rows = np.asarray([vectors[hit.chunk.id] for hit in hits], dtype=np.float32)
    scores = np.asarray([hit.score for hit in hits], dtype=np.float32)
    nearest = np.zeros(len(hits), dtype=np.float32)
    open_ = np.ones(len(hits), dtype=bool)
    picked: list[ScoredChunk] = []
    while len(picked) < min(count, len(hits)):
        gains = np.where(open_, (1 - diversity) * scores - diversity * nearest, -np.inf)
        best = int(gains.argmax())
        picked.append(hits[best])
        open_[best] = False
        nearest = np.maximum(nearest, rows @ rows[best])
    return picked
