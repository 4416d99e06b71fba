"""Maximal marginal relevance over fused candidates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


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
