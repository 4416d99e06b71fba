"""Both searches over a dataset's chunks, exact and in memory, and what ranking makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.parts.corpus import Corpus
from cli.evaluation.asking import Found, Hit
from quire.domain import Chunk, ScoredChunk, Sparse
from quire.retrieval.lexical import weigh_document, weigh_query
from quire.retrieval.ranking import Blend, passage, rank

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How is searched: `headed` are the searches whose texts have title and headings in front."""

    name: str
    blend: Blend = field(default_factory=lambda: Blend(join=False))
    headed: frozenset[str] = frozenset({"words", "meaning"})


class Words:
    """BM25 as Qdrant counts it: the terms' weights, times how rare they are."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        rows: dict[int, list[int]] = {}
        weights: dict[int, list[float]] = {}
        for row, text in enumerate(texts):
            weighed = weigh_document(text)
            for term, weight in zip(weighed.indices, weighed.values, strict=True):
                rows.setdefault(term, []).append(row)
                weights.setdefault(term, []).append(weight)
        self._postings = {
            term: (np.array(found), np.array(weights[term], dtype=np.float32))
            for term, found in rows.items()
        }

    def scores(self, asked: Sparse) -> Floats:
        """Of every text (n)."""
        scores = np.zeros(self._count, dtype=np.float32)
        for term, weight in zip(asked.indices, asked.values, strict=True):
            if term in self._postings:
                rows, weights = self._postings[term]
                idf = np.log1p((self._count - len(rows) + 0.5) / (len(rows) + 0.5))
                scores[rows] += np.float32(weight * idf) * weights
        return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Searcher:
    """`words` and `meaning`, the chunks' vectors (n, 384), by whether they have headings;
    `asked` are the questions' vectors.
    """

    corpus: Corpus
    words: dict[bool, Words]
    meaning: dict[bool, Floats]
    asked: Floats

    def find(self, way: Way, *, depth: int, count: int) -> list[Found]:
        """`count` passages for each of the dataset's questions, in their order."""
        vectors = self.meaning["meaning" in way.headed]
        words = self.words["words" in way.headed]
        found = []
        for query, row in zip(self.corpus.dataset.queries, self.asked, strict=True):
            cosines, shares = vectors @ row, words.scores(weigh_query(query.question))
            dense = self._best(cosines, depth) if way.blend.dense > 0 else []
            bm25 = self._best(shares, depth) if way.blend.dense < 1 else []
            hits = {place for place, _ in (*dense, *bm25)} if way.blend.diversity else ()
            places = rank(
                [scored for _, scored in dense],
                [scored for _, scored in bm25 if scored.score > 0],
                {self.corpus.chunks[place].id: vectors[place].tolist() for place in hits},
                blend=way.blend,
                depth=depth,
                count=count,
            )
            found.append(self._found([passage(place).chunk for place in places]))
        return found

    def _best(self, scores: Floats, depth: int) -> list[tuple[int, ScoredChunk]]:
        places = np.argsort(-scores, kind="stable")[:depth].tolist()
        chunks = self.corpus.chunks
        return [
            (place, ScoredChunk(chunk=chunks[place], score=float(scores[place])))
            for place in places
        ]

    def _found(self, chunks: Sequence[Chunk]) -> Found:
        names = self.corpus.names
        hits = [
            Hit(
                document=names[chunk.document],
                chunk=str(chunk.id),
                start=chunk.start,
                end=chunk.end,
                title=chunk.title,
                text=chunk.text,
            )
            for chunk in chunks
        ]
        return Found(hits=hits, foreign=0, timings={}, attempts=1)
