"""Two rankings made one, and one made less of the same."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from quire.domain import ScoredChunk

# The constant of Cormack, Clarke & Büttcher (2009), who found the choice to matter little.
RRF_K = 60


def fuse(*rankings: Sequence[ScoredChunk]) -> list[ScoredChunk]:
    """What is in any of the rankings, best first, by reciprocal rank: Σ 1/(k + rank), from 1.

    Done here and not by Qdrant, whose fusion tells nothing of the cosines that it began with.
    """
    scores: dict[UUID, float] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + 1 / (RRF_K + rank)
    hits = {hit.chunk.id: hit for ranking in rankings for hit in ranking}
    return [
        ScoredChunk(chunk=hits[chunk].chunk, score=score)
        for chunk, score in sorted(scores.items(), key=lambda item: -item[1])
    ]


def select_diverse(
    relevance: Sequence[float], vectors: NDArray[np.float32], *, count: int, diversity: float
) -> list[int]:
    """Indices of up to `count` candidates, best first, by Carbonell & Goldstein (1998).

    relevance: (n,), any scale; vectors: (n, d), unit length. Each pick maximises
    (1 − diversity)·relevance − diversity·(greatest cosine with what was picked before), with
    relevance scaled to [0, 1]. Done here and not by Qdrant, whose own MMR would replace the
    fused scores with vector distances.
    """
    if not relevance:
        return []
    scores = np.asarray(relevance, dtype=np.float32)
    scores = scores / max(float(scores.max()), 1e-9)
    nearest = np.zeros(len(scores), dtype=np.float32)
    open_ = np.ones(len(scores), dtype=bool)
    picked: list[int] = []
    while len(picked) < min(count, len(scores)):
        gains = np.where(open_, (1 - diversity) * scores - diversity * nearest, -np.inf)
        best = int(gains.argmax())
        picked.append(best)
        open_[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return picked
