"""One turn: a question in, a stream of events out. `answer` folds that stream into one value."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat as uuids

from functions.chat.citing import cite
from functions.chat.events import (
    Cited,
    Event,
    ResponseChunk,
    ResponseComplete,
    RetrievalComplete,
    RetrievalStart,
)
from functions.chat.prompting import answer_prompt, selection_prompt
from functions.chat.rendering import citation_json
from quire.domain import (
    Caller,
    Citation,
    Collection,
    Message,
    Prices,
    Prompt,
    ScoredChunk,
    Source,
    Usage,
)
from quire.errors import Unavailable
from quire.laps import Laps
from quire.models.language_model import Completion, LanguageModel
from quire.retrieval.index import Filters
from quire.retrieval.retriever import Retriever
from quire.store.sessions import Sessions

HISTORY_MESSAGES = 12
NOTHING_FOUND = "I found nothing in your documents that bears on this question."
_WITHOUT_MODEL = Completion(model="none", finish_reason="stop", usage=Usage())


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    session: UUID | None = None
    selected_text: str | None = None
    top_k: int = 8
    temperature: float | None = None
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    text: str
    citations: Sequence[Citation]
    sources: Sequence[Source]
    complete: ResponseComplete


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the model is given; without a prompt there is nothing to ask it."""

    sources: Sequence[Source]
    prompt: Prompt | None
    hits: Sequence[ScoredChunk] = ()
    embedding_tokens: int = 0
    timings: Mapping[str, float] = field(default_factory=dict)


class Answering:
    def __init__(
        self,
        *,
        retriever: Retriever,
        language_model: LanguageModel,
        sessions: Sessions,
        prices: Prices,
        answer_tokens: int,
        turn_seconds: float,
    ) -> None:
        self._retriever = retriever
        self._language_model = language_model
        self._sessions = sessions
        self._prices = prices
        self._answer_tokens = answer_tokens
        self._turn_seconds = turn_seconds

    async def answer(self, caller: Caller, question: Question) -> Answer:
        """The whole turn as one value. Raises NotFound, Unavailable."""
        text: list[str] = []
        citations: list[Citation] = []
        sources: Sequence[Source] = ()
        try:
            async with asyncio.timeout(self._turn_seconds):
                async for event in self.stream(caller, question):
                    match event:
                        case RetrievalComplete():
                            sources = event.sources
                        case ResponseChunk():
                            text.append(event.text)
                        case Cited():
                            citations.append(event.citation)
                        case ResponseComplete():
                            complete = event
        except TimeoutError:
            # Every other dependency has a shorter deadline of its own.
            raise Unavailable("model") from None
        return Answer(text="".join(text), citations=citations, sources=sources, complete=complete)

    async def stream(self, caller: Caller, question: Question) -> AsyncIterator[Event]:
        """The turn's events; it is stored before the last one. Raises NotFound, Unavailable."""
        laps = Laps()
        asked_at = datetime.now(UTC)
        session = question.session or uuids.uuid7()
        asked, message = uuids.uuid7(), uuids.uuid7()
        collection, history = await self._sessions.open_turn(
            caller, question.session, history=HISTORY_MESSAGES
        )
        laps.mark("open")
        yield RetrievalStart(question=question.text, session=session, message=message)

        context = await self._context(caller, question, collection, history)
        laps.mark("retrieve")
        yield RetrievalComplete(sources=context.sources)

        pieces: list[str] = []
        completion = _WITHOUT_MODEL
        if context.prompt is None:
            pieces.append(NOTHING_FOUND)
            yield ResponseChunk(text=NOTHING_FOUND)
        else:
            async for piece in self._language_model.stream(
                context.prompt, max_tokens=self._answer_tokens, temperature=question.temperature
            ):
                if isinstance(piece, Completion):
                    completion = piece
                else:
                    pieces.append(piece)
                    yield ResponseChunk(text=piece)
        laps.mark("model")

        text = "".join(pieces)
        citations = cite(text, context.sources)
        for citation in citations:
            yield Cited(citation=citation)

        usage = completion.usage + Usage(embedding_tokens=context.embedding_tokens)
        complete = ResponseComplete(
            session=session,
            message=message,
            grounded=bool(citations),
            finish_reason=completion.finish_reason,
            model=completion.model,
            usage=usage,
            cost_usd=self._prices.cost(usage),
            timings={**laps.milliseconds, **context.timings},
        )
        await self._sessions.close_turn(
            caller,
            new_session=question.session is None,
            question=Message(
                id=asked,
                session=session,
                role="user",
                content=question.text,
                created_at=asked_at,
            ),
            answer=Message(
                id=message,
                session=session,
                role="assistant",
                content=text,
                created_at=datetime.now(UTC),
                citations=[citation_json(c) for c in citations],
            ),
            retrieved=context.hits,
            grounded=complete.grounded,
            model=complete.model,
            prompt=context.prompt,
            usage=usage,
            cost_usd=complete.cost_usd,
            timings=complete.timings,
        )
        laps.mark("close")
        yield replace(complete, timings={**laps.milliseconds, **context.timings})

    async def _context(
        self,
        caller: Caller,
        question: Question,
        collection: Collection,
        history: Sequence[Message],
    ) -> Context:
        if question.selected_text is not None:
            return Context(
                sources=[_selection(question.selected_text)],
                prompt=selection_prompt(question.text, question.selected_text),
            )
        retrieved = await self._retriever.retrieve(
            caller.tenant,
            question.text,
            collection,
            top_k=question.top_k,
            filters=question.filters,
        )
        sources = [source_of(i, hit) for i, hit in enumerate(retrieved.hits, start=1)]
        return Context(
            sources=sources,
            hits=retrieved.hits,
            prompt=answer_prompt(question.text, sources, history) if sources else None,
            embedding_tokens=retrieved.embedding_tokens,
            timings=retrieved.timings,
        )


def _selection(text: str) -> Source:
    return Source(index=1, text=text, start=0, end=len(text), score=1.0, title="Selected text")


def source_of(index: int, hit: ScoredChunk) -> Source:
    chunk = hit.chunk
    return Source(
        index=index,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        score=hit.score,
        title=chunk.title,
        heading=chunk.heading,
        page=chunk.page,
        filename=chunk.filename,
        chunk=chunk.id,
        document=chunk.document,
        version=chunk.version,
    )
