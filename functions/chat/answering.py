"""One turn: a question in, a stream of events out. `answer` folds that stream into one value."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID

from functions.chat.citing import Citer
from functions.chat.degrading import quote_best
from functions.chat.events import (
    Answer,
    Event,
    Incomplete,
    Reason,
    ResponseComplete,
    RetrievalComplete,
    RetrievalStart,
)
from functions.chat.finding import Finder
from functions.chat.following import Follower, in_time
from functions.chat.generating import generated
from functions.chat.prompting import answer_prompt, selection_prompt
from functions.chat.recalling import recalled
from functions.chat.recording import Recorder
from functions.chat.rewriting import stand_alone
from functions.chat.turn import NOBODY, Question, Turn
from quire.domain import Caller, FormerTurn, ScoredChunk, Source
from quire.errors import Unavailable
from quire.metrics import Metric, measure
from quire.models.language_model import Completion, LanguageModel
from quire.observability import log
from quire.retrieval.retriever import Search

NOTHING_FOUND = "I found nothing in your documents that bears on this question."


class Answering:
    def __init__(
        self,
        *,
        finder: Finder,
        language_model: LanguageModel,
        recorder: Recorder,
        answer_tokens: int,
        relevance_floor: float,
    ) -> None:
        """Where no passage has the cosine `relevance_floor` with a question, none bears on it."""
        self._finder = finder
        self._language_model = language_model
        self._recorder = recorder
        self._answer_tokens = answer_tokens
        self._relevance_floor = relevance_floor

    async def open(self, caller: Caller, question: Question, *, until: float) -> Turn:
        """Begin a turn. Raises NotFound, Unavailable; from then on its stream tells all.

        At `until`, in the loop's time, it is over, whole or not.
        """
        model = self._language_model.name
        return await self._recorder.open(caller, question, model=model, until=until)

    async def answer(self, caller: Caller, question: Question, *, until: float) -> Answer:
        """The whole turn as one value. Raises NotFound, Unavailable."""
        return await self._fold(await self.open(caller, question, until=until))

    async def replay(
        self, caller: Caller, message: UUID, *, until: float
    ) -> tuple[FormerTurn, Answer]:
        """A turn that ended, and its answer if it is asked again now, of which nothing is kept.

        Raises NotFound, Conflict while it is being written, Unavailable.
        """
        former, turn = await self._recorder.reopen(caller, message, until=until)
        return former, await self._fold(turn)

    async def _fold(self, turn: Turn) -> Answer:
        sources: Sequence[Source] = ()
        async with aclosing(self.stream(turn)) as events:
            async for event in events:
                match event:
                    case RetrievalComplete():
                        sources = event.sources
                    case ResponseComplete() | Incomplete():
                        end = event
        prompt_hash = turn.prompt.hash if turn.prompt else None
        return Answer(text=turn.citer.text, sources=sources, end=end, prompt_hash=prompt_hash)

    async def stream(self, turn: Turn) -> AsyncGenerator[Event, None]:
        """The turn's events, the last one terminal and told once all is stored.

        What its time does not suffice for is incomplete. Raises Unavailable while there is nothing
        to show yet, NotFound when the session was deleted meanwhile.
        """
        reason: Reason | None = None
        try:
            if turn.cached is None:
                await stand_alone(turn, self._language_model)
                await self._recorder.recall(turn, model=self._language_model.name)
            yield RetrievalStart(question=turn.question, session=turn.session, message=turn.message)
            if turn.cached is not None:
                for event in recalled(turn):
                    yield event
            else:
                await self._find(turn)
                yield RetrievalComplete(sources=turn.sources or ())
                async with self._recorder.following(turn) as follower:
                    try:
                        async for piece in self._words(turn, follower):
                            for shown in turn.citer.feed(piece):
                                yield shown
                    except TimeoutError:
                        reason = "stopped" if follower.stopped else "deadline"
                for shown in turn.citer.finish():
                    yield shown
        except TimeoutError:
            reason = "deadline"
        except Unavailable as error:
            if not turn.citer.text:
                await self._recorder.fail(turn, error)
                raise
            log.warning("the model broke off", exc_info=error)
            reason = "model"
        except Exception as error:
            await self._recorder.fail(turn, error)
            raise
        turn.laps.mark("model")
        outcome = await self._recorder.close(turn, reason, model=self._language_model.name)
        yield (
            Incomplete(reason=reason, outcome=outcome)
            if reason
            else ResponseComplete(outcome=outcome)
        )

    async def _find(self, turn: Turn) -> None:
        """Retrieve in time, blindly if PostgreSQL goes. Raises TimeoutError, Unavailable."""
        try:
            await in_time(self._retrieve(turn), turn.words_until)
        except Unavailable as error:
            if not self._recorder.goes_without(turn, error):
                raise
            await in_time(self._retrieve(turn), turn.words_until)

    async def _retrieve(self, turn: Turn) -> None:
        """Find what the model is given; without a prompt there is nothing to ask it."""
        asked = turn.asked
        if asked.selected_text is not None:
            selection = _selection(asked.selected_text)
            turn.sources = [selection]
            turn.prompt = selection_prompt(asked.text, selection)
        else:
            search = Search(
                tenant=turn.caller.tenant,
                question=turn.question,
                collection=turn.opened.collection,
                top_k=asked.top_k,
                filters=asked.filters,
                in_flux=turn.opened.in_flux,
                blindly="postgres" in turn.degraded,
            )
            found = await self._finder.find(search, hyde=asked.hyde, seed=turn.seed, book=turn.book)
            retrieved, turn.hyde = found.retrieved, found.hypothesis
            if retrieved.nearest is None:
                turn.degraded.append("embeddings")
            passages: Sequence[ScoredChunk] = ()
            if retrieved.nearest is None or retrieved.nearest >= self._relevance_floor:
                turn.hits, passages = sources_of(retrieved.hits), retrieved.passages
            turn.sources = sources_of(passages)
            turn.timings |= found.timings
            if turn.sources:
                turn.prompt = answer_prompt(
                    asked.text,
                    turn.sources,
                    turn.history,
                    persona=turn.opened.persona,
                    instructions=asked.instructions,
                )
        turn.citer = Citer(turn.sources, given=turn.given)
        turn.laps.mark("retrieve")

    async def _words(self, turn: Turn, follower: Follower) -> AsyncGenerator[str, None]:
        """What is answered, as it is written. Raises Unavailable once it has begun."""
        if turn.prompt is None:
            yield turn.opened.persona.refusal or NOTHING_FOUND
            return
        pieces = generated(
            self._language_model,
            turn.prompt,
            max_tokens=min(turn.asked.max_tokens or self._answer_tokens, self._answer_tokens),
            temperature=turn.asked.temperature,
            seed=turn.seed,
            book=turn.book,
        )
        turn.model, begun = self._language_model.name, False
        try:
            async with aclosing(pieces):
                while True:
                    async with follower.until(turn.words_until):
                        piece = await anext(pieces)
                    if isinstance(piece, Completion):
                        turn.model, turn.finish_reason = piece.model, piece.finish_reason
                        break
                    if not begun:
                        measure(Metric.FIRST_TOKEN_TIME, turn.laps.since)
                    begun = True
                    yield piece
        except (Unavailable, TimeoutError):
            if begun or follower.stopped:
                raise
            turn.model = NOBODY
            turn.degraded.append("model")
            for quoted in quote_best(turn.question, turn.sources or ()):
                yield quoted


def _selection(text: str) -> Source:
    return Source(index=1, text=text, start=0, end=len(text), score=1.0, title="Selected text")


def sources_of(found: Sequence[ScoredChunk]) -> list[Source]:
    return [_source(index, hit) for index, hit in enumerate(found, start=1)]


def _source(index: int, hit: ScoredChunk) -> Source:
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
