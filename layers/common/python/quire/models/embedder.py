"""Texts to vectors."""

import asyncio
from collections.abc import Sequence

from openai import AsyncOpenAI, omit

from quire.domain import Collection, Embedding
from quire.errors import Unavailable
from quire.models import translated


class Embedder:
    """Embeds with the model that the live collection names, so that vectors always compare."""

    def __init__(self, client: AsyncOpenAI, *, timeout: float = 10.0) -> None:
        self._client = client
        self._timeout = timeout

    async def embed_query(self, question: str, collection: Collection) -> Embedding:
        return await self._embed([question], collection)

    async def embed_documents(self, texts: Sequence[str], collection: Collection) -> Embedding:
        """One request; at most 2,048 texts of 8,192 tokens, 300,000 tokens in all (OpenAI).

        Raises Unavailable when the model does not answer in time or answers with other
        dimensions than the collection's.
        """
        return await self._embed(texts, collection)

    async def _embed(self, texts: Sequence[str], collection: Collection) -> Embedding:
        # Only the text-embedding-3 models can be asked for a size; others refuse the parameter.
        sized = collection.model.startswith("text-embedding-3")
        with translated():
            async with asyncio.timeout(self._timeout):
                answer = await self._client.embeddings.create(
                    model=collection.model,
                    input=list(texts),
                    dimensions=collection.dimensions if sized else omit,
                )
        vectors = [item.embedding for item in answer.data]
        if len(vectors) != len(texts) or any(len(v) != collection.dimensions for v in vectors):
            raise Unavailable("model")
        return Embedding(vectors=vectors, tokens=answer.usage.total_tokens)
