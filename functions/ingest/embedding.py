"""Texts → vectors, across documents: cached, in requests as large as the API takes."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from quire.domain import Collection
from quire.metrics import Metric, measure, timed
from quire.models.embedder import Embedder
from quire.store.embeddings import Embeddings

# OpenAI's limits on a request. Its tokens are ours at most, save in a few scripts: hence half.
_MOST_TOKENS = 150_000
_SIDE_BY_SIDE = 4


@dataclass(frozen=True, slots=True)
class Item:
    """A text to embed, with its estimated tokens and the document it belongs to."""

    document: UUID
    text: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A vector for each item, what was new among them by cache key, and the tokens it took.

    `spent` are the tokens per item, of which there are none for what the cache had.
    """

    vectors: Sequence[Sequence[float]]
    fresh: dict[bytes, tuple[UUID, Sequence[float]]]
    spent: Sequence[int]


class CachedEmbedder:
    def __init__(self, embedder: Embedder, embeddings: Embeddings, *, inputs: int) -> None:
        """A request carries `inputs` texts at most."""
        self._embedder = embedder
        self._embeddings = embeddings
        self._inputs = inputs
        self._gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def embed(
        self, tenant: str, items: Sequence[Item], collection: Collection, *, seconds: float
    ) -> Embedded:
        """Embed within `seconds`, which the model's own wishes to wait count towards.

        Raises Unavailable.
        """
        keys = [_key(collection, item.text) for item in items]
        cached = await self._embeddings.get(tenant, list(dict.fromkeys(keys)))
        # The same text twice is embedded once.
        missing = {key: item for key, item in zip(keys, items, strict=True) if key not in cached}
        answers = await asyncio.gather(
            *(
                self._request([item.text for _, item in batch], collection, seconds)
                for batch in _batches(list(missing.items()), self._inputs)
            )
        )
        vectors = [vector for answer, _ in answers for vector in answer]
        fresh = {
            key: (item.document, vector)
            for (key, item), vector in zip(missing.items(), vectors, strict=True)
        }
        measure(Metric.CHUNKS_EMBEDDED, len(fresh))
        measure(Metric.CACHE_HITS, len(items) - len(fresh), "embedding")
        measure(Metric.CACHE_MISSES, len(fresh), "embedding")
        # The API tells a request's tokens; each text bears its estimated share.
        share = sum(spent for _, spent in answers) / (
            sum(item.tokens for item in missing.values()) or 1
        )
        unpaid = set(fresh)
        spent = []
        for key, item in zip(keys, items, strict=True):
            spent.append(round(item.tokens * share) if key in unpaid else 0)
            unpaid.discard(key)
        return Embedded(
            vectors=[fresh[key][1] if key in fresh else cached[key] for key in keys],
            fresh=fresh,
            spent=spent,
        )

    async def probe(self, collection: Collection) -> None:
        """Raises Unavailable unless the model answers, with as many dimensions as it should."""
        await self._embedder.embed_query(["Is anybody there?"], collection)

    async def _request(
        self, texts: Sequence[str], collection: Collection, seconds: float
    ) -> tuple[Sequence[Sequence[float]], int]:
        async with self._gate:
            with timed(Metric.CHUNK_EMBEDDING_TIME):
                embedding = await self._embedder.embed_documents(texts, collection, seconds=seconds)
            measure(Metric.EMBEDDING_TOKENS, embedding.tokens)
        return embedding.vectors, embedding.tokens


def _key(collection: Collection, text: str) -> bytes:
    model = f"{collection.model}\n{collection.dimensions}\n"
    return hashlib.sha256(model.encode() + text.encode()).digest()


def _batches(
    items: Sequence[tuple[bytes, Item]], inputs: int
) -> Iterator[Sequence[tuple[bytes, Item]]]:
    start = tokens = 0
    for end, (_, item) in enumerate(items):
        if end > start and (end - start == inputs or tokens + item.tokens > _MOST_TOKENS):
            yield items[start:end]
            start, tokens = end, 0
        tokens += item.tokens
    if items:
        yield items[start:]
