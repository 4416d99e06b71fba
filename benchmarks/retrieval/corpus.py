"""A corpus that nobody wrote, the same for a seed: chunks of many tenants, and questions to them.

Texts have Zipf's words. Vectors lie near topics and documents, in `_LATENT` directions of all that
there are, as embeddings do: uniform ones would all be equally far, and recall would mean nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from quire.domain import Chunk, Sparse
from quire.retrieval.filters import Filters, Period
from quire.retrieval.lexical import weigh_document, weigh_query

Array = NDArray[np.float32]

CHUNKS_OF_DOCUMENT = 20
_WORDS_OF_CHUNK = 110
_WORDS_OF_QUESTION = 8
_VOCABULARY = 50_000
_TOPICS = 200
_LATENT = 64
# Of each thing that a filter may ask for there are so many, evenly: a filter leaves one in twenty.
_KINDS = 20
_FIRST_DAY = date(2020, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A tenant's chunks with their vectors, one of each per chunk."""

    tenant: str
    chunks: Sequence[Chunk]
    dense: Array
    bm25: Sequence[Sparse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """About one chunk of its tenant; `filters` leave about a twentieth of what the tenant has."""

    tenant: str
    dense: Sequence[float]
    bm25: Sparse
    filters: Filters


@dataclass(frozen=True)
class Corpus:
    """Documents by number: those of a smaller corpus are the first of a larger one."""

    dimensions: int
    tenants: int
    seed: int
    _words: Sequence[str] = field(default=tuple(f"w{rank}" for rank in range(_VOCABULARY)))

    def documents(self, first: int, end: int) -> Iterator[Document]:
        for number in range(first, end):
            yield self._document(number)

    def questions(self, documents: int, *, count: int) -> list[Question]:
        """About the first `documents`: tenants are asked as often as they have documents."""
        rng = self._rng(2)
        return [self._question(rng, int(n)) for n in rng.integers(documents, size=count)]

    def _document(self, number: int) -> Document:
        rng = self._rng(1, number)
        tenant, latent, rng = self._beginning(rng)
        texts = self._texts(rng, latent)
        identity = UUID(int=number + 1)
        chunks = [
            Chunk(
                id=UUID(int=(number + 1 << 32) + ordinal),
                document=identity,
                version=1,
                filename=f"{number}.md",
                title=f"Document {number}",
                ordinal=ordinal,
                start=0,
                end=len(text),
                text=text,
                heading=(f"Chapter {ordinal % _KINDS}",),
                metadata={
                    "author": f"Author {rng.integers(_KINDS)}",
                    "date": _day(int(rng.integers(_KINDS))).isoformat(),
                },
            )
            for ordinal, text in enumerate(texts)
        ]
        dense = self._embed(latent)
        return Document(
            tenant=tenant, chunks=chunks, dense=dense, bm25=[weigh_document(t) for t in texts]
        )

    def _beginning(
        self, rng: np.random.Generator
    ) -> tuple[str, NDArray[np.float64], np.random.Generator]:
        """The document's tenant, and its chunks where they lie among the latent directions."""
        tenant = int(np.searchsorted(self._shares, rng.random()))
        topic = self._topics[rng.integers(_TOPICS)]
        own = topic + 0.7 * rng.normal(size=_LATENT)
        return f"tenant-{tenant}", own + 0.5 * rng.normal(size=(CHUNKS_OF_DOCUMENT, _LATENT)), rng

    def _texts(self, rng: np.random.Generator, latent: NDArray[np.float64]) -> list[str]:
        # What is near in meaning has words in common: half of them are a topic's own.
        ranks = np.searchsorted(self._zipf, rng.random((len(latent), _WORDS_OF_CHUNK)))
        topic = int(np.argmax(self._topics @ latent[0]))
        ranks[:, ::2] = (ranks[:, ::2] * (topic + 2) + topic) % _VOCABULARY
        return [" ".join(self._words[rank] for rank in row) for row in ranks]

    def _question(self, rng: np.random.Generator, number: int) -> Question:
        tenant, latent, own = self._beginning(self._rng(1, number))
        ordinal = int(rng.integers(CHUNKS_OF_DOCUMENT))
        words = self._texts(own, latent)[ordinal].split()
        asked = latent[ordinal] + 0.5 * rng.normal(size=_LATENT)
        kind = int(rng.integers(_KINDS))
        narrowed = (
            Filters(chapter=[f"Chapter {kind}"]),
            Filters(metadata={"author": [f"Author {kind}"]}),
            Filters(date=Period.model_validate({"since": _day(kind), "before": _day(kind + 1)})),
        )
        return Question(
            tenant=tenant,
            dense=self._embed(asked[None])[0].tolist(),
            bm25=weigh_query(" ".join(rng.choice(words, size=_WORDS_OF_QUESTION, replace=False))),
            filters=narrowed[int(rng.integers(len(narrowed)))],
        )

    def _embed(self, latent: NDArray[np.float64]) -> Array:
        rows = latent.astype(np.float32) @ self._directions
        unit: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    @cached_property
    def _directions(self) -> Array:
        return self._rng(3).standard_normal((_LATENT, self.dimensions), dtype=np.float32)

    @cached_property
    def _topics(self) -> NDArray[np.float64]:
        return self._rng(4).normal(size=(_TOPICS, _LATENT))

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        return _cumulative(self.tenants, 1.0)

    @cached_property
    def _zipf(self) -> NDArray[np.float64]:
        return _cumulative(_VOCABULARY, 1.0)

    def _rng(self, *of: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *of))


def _cumulative(count: int, exponent: float) -> NDArray[np.float64]:
    weights = 1 / np.arange(1, count + 1) ** exponent
    total: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return total


def _day(kind: int) -> date:
    return _FIRST_DAY + timedelta(days=30 * kind)
