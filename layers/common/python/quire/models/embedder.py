"""Texts to vectors."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

from openai import AsyncOpenAI, omit
from tenacity import AsyncRetrying

from quire.breaker import Breaker
from quire.credentials import Credential
from quire.domain import Collection, Embedding
from quire.errors import Unavailable
from quire.models import MOST_TOKENS, again, connect, translated

# Nobody waits for a document: a rate limit, which is one of a minute, may be waited out.
_patiently = partial(again, attempts=11, longest=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Another server to ask when the first does not answer, and what it says it embeds with."""

    client: AsyncOpenAI
    model: str
    dimensions: int


def connect_models(
    *,
    base_url: str | None,
    api_key: Credential | str,
    fallback: Mapping[str, Any] | None,
    timeout: float,
) -> tuple[AsyncOpenAI, Fallback | None]:
    """The client for both models, and the fallback of one if there is one: its `base_url`,
    `api_key`, `model` and `dimensions`. `timeout` is as `quire.models.connect` has it.
    """
    client = connect(base_url=base_url, api_key=api_key, timeout=timeout)
    if fallback is None:
        return client, None
    url, key = fallback["base_url"], fallback["api_key"]
    return client, Fallback(
        client=connect(base_url=url, api_key=key, timeout=timeout),
        model=fallback["model"],
        dimensions=fallback["dimensions"],
    )


class Embedder:
    """Embeds with the model that the live collection names, so that vectors always compare.

    A fallback is asked only if it has that very model and size: vectors of two models do not
    compare, and an index with some of each finds nothing well.
    """

    def __init__(
        self, client: AsyncOpenAI, *, timeout: float = 10.0, fallback: Fallback | None = None
    ) -> None:
        """`timeout` in seconds bounds a question's embedding, and one attempt at documents'."""
        self._client = client
        self._fallback = fallback
        self._timeout = timeout
        self._breaker, self._fallback_breaker = Breaker("model"), Breaker("model")

    async def embed_query(self, texts: Sequence[str], collection: Collection) -> Embedding:
        """What is asked, in one request. Raises Unavailable, as `embed_documents`."""
        return await self._embed_or_fall_back(texts, collection, self._timeout, again)

    async def embed_documents(
        self, texts: Sequence[str], collection: Collection, *, seconds: float
    ) -> Embedding:
        """One request; at most 2,048 texts of 8,192 tokens, 300,000 tokens in all (OpenAI).

        Raises Unavailable when the model does not answer within `seconds`, or asks us to wait for
        longer, or answers with other dimensions than the collection's.
        """
        return await self._embed_or_fall_back(texts, collection, seconds, _patiently)

    async def _embed_or_fall_back(
        self,
        texts: Sequence[str],
        collection: Collection,
        seconds: float,
        retried: Callable[..., AsyncRetrying],
    ) -> Embedding:
        client, other = self._client, self._fallback
        same = (collection.model, collection.dimensions)
        if other is None or (other.model, other.dimensions) != same:
            with self._breaker.guard():
                return await self._embed(client, texts, collection, seconds, retried)
        try:
            # Half the time each, so that there is some left to fall back in.
            with self._breaker.guard():
                return await self._embed(client, texts, collection, seconds / 2, retried)
        except Unavailable:
            with self._fallback_breaker.guard():
                return await self._embed(other.client, texts, collection, seconds / 2, retried)

    async def _embed(
        self,
        client: AsyncOpenAI,
        texts: Sequence[str],
        collection: Collection,
        seconds: float,
        retried: Callable[..., AsyncRetrying],
    ) -> Embedding:
        # Only the text-embedding-3 models can be asked for a size; others refuse the parameter.
        sized = collection.model.startswith("text-embedding-3")
        with translated():
            async with asyncio.timeout(seconds):
                async for attempt in retried(seconds=seconds):
                    with attempt:
                        answer = await client.embeddings.create(
                            model=collection.model,
                            input=list(texts),
                            dimensions=collection.dimensions if sized else omit,
                            timeout=self._timeout,
                        )
            # What the SDK makes of an answer is not always what it says it is.
            vectors = [item.embedding for item in answer.data]
            whole = len(vectors) == len(texts) and all(
                len(vector) == collection.dimensions and isfinite(sum(vector)) for vector in vectors
            )
            tokens = int(answer.usage.total_tokens)
        if not whole or not 0 <= tokens <= MOST_TOKENS:
            raise Unavailable("model")
        return Embedding(vectors=vectors, tokens=tokens)
