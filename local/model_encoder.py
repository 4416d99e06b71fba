"""MiniLM away from the event loop, so that questions pass ingestions by."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from local.minilm import DIMENSIONS, Floats, MiniLM, passes

T = TypeVar("T")


class Encoder:
    """The model in threads, in two lanes of as many threads as there are cores.

    What fits one forward pass takes the quick lane; a bigger request takes the other, pass by
    pass, so that a question never waits for an ingestion.
    """

    def __init__(self, model: MiniLM) -> None:
        self.model = model
        cores = os.cpu_count() or 1
        self._quick = asyncio.Semaphore(cores)
        self._bulk = asyncio.Semaphore(cores)

    async def run(self, step: Callable[[], T]) -> T:
        """One short step in the quick lane."""
        async with self._quick:
            return await asyncio.to_thread(step)

    async def embed(self, texts: Sequence[str]) -> tuple[Floats, int]:
        """Unit vectors (n, 384), and how many tokens the texts are."""
        tokenized = await self.run(lambda: self.model.tokenize(texts))
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        shares = list(passes(tokenized))
        lane = self._quick if len(shares) == 1 else self._bulk

        async def fill(rows: list[int]) -> None:
            share = [tokenized[row] for row in rows]
            async with lane:
                vectors[rows] = await asyncio.to_thread(self.model.embed_tokens, share)

        async with asyncio.TaskGroup() as group:
            for rows in shares:
                group.create_task(fill(rows))
        return vectors, sum(map(len, tokenized))
