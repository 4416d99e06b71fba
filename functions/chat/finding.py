"""Question → what bears on it: retrieved, and where that is little, once more by a passage that
the model made up (HyDE; Gao et al., "Precise Zero-Shot Dense Retrieval without Relevance Labels",
2022).
"""

import asyncio
from collections.abc import Mapping
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
    """`hypothesis` is whether a passage was made up, and searched by beside the question; `model`
    is who was asked for one.
    """

    retrieved: Retrieved
    hypothesis: bool = False
    model: str = ""
    usage: Usage = field(default_factory=Usage)
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
        self._imaginative = imaginative
        self._switches = switches

    async def find(self, search: Search, *, hyde: Hyde, seed: int = 0) -> Found:
        """Raises Unavailable when nothing could be searched; without a model nothing is made up."""
        first = await self._retriever.retrieve(search)
        usage = Usage(embedding_tokens=first.embedding_tokens)
        if not self._wanted(hyde, first):
            return Found(retrieved=first, usage=usage, timings=first.timings)
        laps = Laps()
        passage, written = await self._imagine(search.question, seed)
        laps.mark("hypothesis")
        usage += written
        if not passage:
            return Found(
                retrieved=first,
                model=self._language_model.name,
                usage=usage,
                timings={**first.timings, **laps.milliseconds},
            )
        second = await self._retriever.retrieve(search, hypothesis=passage)
        return Found(
            retrieved=second,
            hypothesis=True,
            model=self._language_model.name,
            usage=usage + Usage(embedding_tokens=second.embedding_tokens),
            timings={
                stage: took + second.timings.get(stage, 0.0)
                for stage, took in {**first.timings, **laps.milliseconds}.items()
            },
        )

    def _wanted(self, hyde: Hyde, first: Retrieved) -> bool:
        # Without an embedding there is nothing that a passage could be compared by.
        if first.nearest is None or hyde == Hyde.NEVER or not self._switches.current.hyde:
            return False
        # Two searches that agree on nothing are wrong half the time, and else hardly ever: it
        # says more than any cosine does (docs/retrieval.md), and the same of every model.
        return hyde == Hyde.ALWAYS or (self._imaginative and bool(first.hits) and not first.agreed)

    async def _imagine(self, question: str, seed: int) -> tuple[str, Usage]:
        """A passage, empty unless it is whole, and what it took all the same."""
        written: list[str] = []
        took: list[Usage] = []
        pieces = generated(
            self._language_model,
            hypothesis_prompt(question),
            max_tokens=_TOKENS,
            temperature=0,
            seed=seed,
            book=took.append,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                async for piece in pieces:
                    if not isinstance(piece, Completion):
                        written.append(piece)
        except (Unavailable, TimeoutError) as error:
            log.warning("no passage was made up", exc_info=error)
            written.clear()
        return "".join(written).strip(), sum(took, Usage())
