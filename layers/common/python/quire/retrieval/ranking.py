"""Two rankings made one, less of the same, and neighbours made one passage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

from quire.domain import Chunk, ScoredChunk

_MOST_JOINED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """What a ranking is made of; what each is worth is told in docs/retrieval.md.

    `dense` is the share of meaning, the rest is that of words: with 1 or 0 the other is not
    searched for. `diversity`, 0 to 1, is what likeness to better ones costs (MMR). `by_rank` fuses
    ranks and not scores, without shares (RRF). `join` makes neighbours one passage.
    """

    dense: float = 0.6
    diversity: float = 0.0
    by_rank: bool = False
    join: bool = True


HYBRID = Blend()


def rank(
    dense: Sequence[ScoredChunk],
    bm25: Sequence[ScoredChunk],
    vectors: Mapping[UUID, Sequence[float]],
    *,
    blend: Blend,
    depth: int,
    count: int,
) -> list[list[ScoredChunk]]:
    """`count` passages, best first, as their hits, of what two searches for `depth` found.

    `vectors` are the hits' own, of unit length, and needed for diversity alone.
    """
    if blend.by_rank:
        hits = fuse_ranks(dense, bm25)
    else:
        hits = fuse(dense, bm25, weight=blend.dense, depth=depth)
    if blend.diversity:
        hits = diversify(hits, vectors, count=count, diversity=blend.diversity)
    return join(hits, count=count) if blend.join else [[hit] for hit in hits[:count]]


def fuse(
    dense: Sequence[ScoredChunk], bm25: Sequence[ScoredChunk], *, weight: float, depth: int
) -> list[ScoredChunk]:
    """What either search found, best first: weight·dense + (1 − weight)·bm25, each 0 to 1.

    Scores are taken as shares of the best one of their search: a convex combination, after Bruch,
    Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2022), which keeps what
    ranks throw away: by how much one is better. What a search that looked for `depth` did not
    find has the last score that it did find; with fewer found there was nothing else, and it has 0.
    """
    scores: dict[UUID, float] = {}
    chunks = [hit.chunk.id for hits in (dense, bm25) for hit in hits]
    for hits, share in ((dense, weight), (bm25, 1 - weight)):
        best = max((hit.score for hit in hits), default=0.0)
        if share <= 0 or best <= 0:
            continue
        last = max(hits[-1].score, 0.0) if len(hits) >= depth else 0.0
        known = {hit.chunk.id: max(hit.score, 0.0) for hit in hits}
        for chunk in dict.fromkeys(chunks):
            scores[chunk] = scores.get(chunk, 0.0) + share * known.get(chunk, last) / best
    return _best_first(scores, dense, bm25)


def fuse_ranks(dense: Sequence[ScoredChunk], bm25: Sequence[ScoredChunk]) -> list[ScoredChunk]:
    """The same by reciprocal rank, Σ 1/(60 + rank): Cormack, Clarke & Büttcher (2009)."""
    scores: dict[UUID, float] = {}
    for hits in (dense, bm25):
        for rank, hit in enumerate(hits, start=1):
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + 1 / (60 + rank)
    return _best_first(scores, dense, bm25)


def _best_first(
    scores: Mapping[UUID, float], *searches: Sequence[ScoredChunk]
) -> list[ScoredChunk]:
    chunks = {hit.chunk.id: hit.chunk for hits in searches for hit in hits}
    return [
        ScoredChunk(chunk=chunks[chunk], score=score)
        for chunk, score in sorted(scores.items(), key=lambda item: -item[1])
        if score > 0
    ]


def join(hits: Sequence[ScoredChunk], *, count: int) -> list[list[ScoredChunk]]:
    """`count` passages of the hits, best first: neighbours go together, in the text's order.

    Neighbours are looked for among twice as many hits, and a passage has three at most: of as
    many characters more is then what the answer stands on (ADR 14).
    """
    passages: list[list[ScoredChunk]] = []
    for hit in hits[: 2 * count]:
        beside = (place for place in passages if len(place) < _MOST_JOINED)
        for place in beside:
            if _adjoin(hit.chunk, place[0].chunk):
                place.insert(0, hit)
                break
            if _adjoin(place[-1].chunk, hit.chunk):
                place.append(hit)
                break
        else:
            passages.append([hit])
    return (passages + [[hit] for hit in hits[2 * count :]])[:count]


def passage(neighbours: Sequence[ScoredChunk]) -> ScoredChunk:
    """Neighbours as one chunk: a stretch of the text, with the id and the score of the best."""
    best = max(neighbours, key=lambda hit: hit.score)
    chunks = [hit.chunk for hit in neighbours]
    words = [each.text + each.gap[: after.start - each.end] for each, after in pairwise(chunks)]
    whole = replace(
        chunks[0],
        id=best.chunk.id,
        end=chunks[-1].end,
        text="".join([*words, chunks[-1].text]),
        gap=chunks[-1].gap,
    )
    return ScoredChunk(chunk=whole, score=best.score)


def _adjoin(before: Chunk, after: Chunk) -> bool:
    """Whether nothing is between them but a gap that is known."""
    next_to = (before.document, before.version, before.ordinal + 1)
    known = 0 <= after.start - before.end <= len(before.gap)
    return known and next_to == (after.document, after.version, after.ordinal)


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
    # Imported late: few ask for it, and a cold start would wait.
    import numpy as np

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
