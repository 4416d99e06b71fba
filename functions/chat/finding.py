"""Question → what bears on it: retrieved, and where that is little, once more by a passage that
the model made up (HyDE; Gao et al., "Precise Zero-Shot Dense Retrieval without Relevance Labels",
2022).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from functions.chat.generating import generated
from functions.chat.prompting import hypothesis_prompt
from quire.domain import Usage
from quire.errors import Unavailable
from quire.laps import Laps
from quire.models.language_model import Completion, LanguageModel
from quire.observability import log
from quire.retrieval.retriever import Retrieved, Retriever, Search
from quire.switches import Switchboard

_SECONDS = 8.0
_TOKENS = 200


class Hyde(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`hypothesis` is whether a passage was made up, and searched by beside the question."""

    retrieved: Retrieved
    hypothesis: bool = False
    timings: Mapping[str, float] = field(default_factory=dict)


class Finder:
    def __init__(
        self,
        retriever: Retriever,
        language_model: LanguageModel,
        *,
        imaginative: bool,
        switches: Switchboard,
    ) -> None:
        """`imaginative` is a model that makes up passages; another is asked for one on demand."""
        self._retriever = retriever
        self._language_model = language_model
        self.model = language_model.name
        self._imaginative = imaginative
        self._switches = switches

    async def find(
        self, search: Search, *, hyde: Hyde, seed: int = 0, book: Callable[[Usage], None]
    ) -> Found:
        """Raises Unavailable when nothing could be searched; without a model nothing is made up.

        However it ends, what it took so far is booked: what was made up by `model`.
        """
        first = await self._retrieve(search, book)
        if not self._wanted(hyde, first):
            return Found(retrieved=first, timings=first.timings)
        laps = Laps()
        passage = await self._imagine(search.question, seed, book)
        laps.mark("hypothesis")
        if not passage:
            return Found(retrieved=first, timings={**first.timings, **laps.milliseconds})
        second = await self._retrieve(search, book, hypothesis=passage)
        return Found(
            retrieved=second,
            hypothesis=True,
            timings={
                stage: took + second.timings.get(stage, 0.0)
                for stage, took in {**first.timings, **laps.milliseconds}.items()
            },
        )

    async def _retrieve(
        self, search: Search, book: Callable[[Usage], None], *, hypothesis: str | None = None
    ) -> Retrieved:
        retrieved = await self._retriever.retrieve(search, hypothesis=hypothesis)
        book(Usage(embedding_tokens=retrieved.embedding_tokens))
        return retrieved

    def _wanted(self, hyde: Hyde, first: Retrieved) -> bool:
        # Without an embedding there is nothing that a passage could be compared by.
        if first.nearest is None or hyde == Hyde.NEVER or not self._switches.current.hyde:
            return False
        # Two searches that agree on nothing are wrong half the time, and else hardly ever: it
        # says more than any cosine does (docs/retrieval.md), and the same of every model.
        return hyde == Hyde.ALWAYS or (self._imaginative and bool(first.hits) and not first.agreed)

    async def _imagine(self, question: str, seed: int, book: Callable[[Usage], None]) -> str:
        """A passage, empty unless it is whole."""
        written: list[str] = []
        pieces = generated(
            self._language_model,
            hypothesis_prompt(question),
            max_tokens=_TOKENS,
            temperature=0,
            seed=seed,
            book=book,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                async for piece in pieces:
                    if not isinstance(piece, Completion):
                        written.append(piece)
        except (Unavailable, TimeoutError) as error:
            log.warning("no passage was made up", exc_info=error)
            written.clear()
        return "".join(written).strip()
