"""`POST /v1/chat`, whole and streamed, and `POST /v1/retrieve`."""

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, StringConstraints

from functions.chat.answering import Answering, sources_of
from functions.chat.finding import Hyde
from functions.chat.rendering import answer_json, source_json
from functions.chat.routes.deadlines import Deadlines
from functions.chat.routes.streams import Streams
from functions.chat.searching import Searching
from functions.chat.streaming import event_stream, frames
from functions.chat.turn import Question
from quire.domain import Caller, Collection
from quire.retrieval.filters import Filters
from quire.retrieval.ranking import HYBRID, Blend
from quire.retrieval.retriever import Search
from quire.web import Authenticate, Legible, Lenient, Storable, parse_id
from quire.web.problems import describe

QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable, Legible
]
HydeChoice = Literal["auto", "always", "never"]
Temperature = Annotated[float, Field(ge=0, le=1)]
SelectedText = Annotated[str, StringConstraints(min_length=1, max_length=4000), Storable, Legible]


class TurnBody(Lenient):
    """How a question is to be answered."""

    session_id: str | None = None
    selected_text: SelectedText | None = None
    top_k: Annotated[int, Field(ge=1, le=16)] = 8
    filters: Filters = Filters()
    cache: bool = True
    hyde: HydeChoice = "auto"

    def to_question(self, text: str, *, temperature: float | None) -> Question:
        """Raises NotFound for ids that are none of ours."""
        return Question(
            text=text,
            session=None if self.session_id is None else parse_id(self.session_id, "session"),
            selected_text=self.selected_text,
            top_k=self.top_k,
            temperature=temperature,
            filters=self.filters,
            cache=self.cache,
            hyde=Hyde(self.hyde),
        )


class ChatBody(TurnBody):
    question: QuestionText
    temperature: Temperature | None = None


class BlendBody(Lenient):
    """`dense` is the share of meaning, the rest that of words; `diversity` spreads the results.

    `fusion` by ranks knows no shares; `join` makes neighbours one passage, as a turn has them.
    """

    dense: Annotated[float, Field(ge=0, le=1)] = HYBRID.dense
    diversity: Annotated[float, Field(ge=0, le=1)] = HYBRID.diversity
    fusion: Literal["scores", "ranks"] = "scores"
    join: bool = False

    def to_blend(self) -> Blend:
        by_rank = self.fusion == "ranks"
        return Blend(dense=self.dense, diversity=self.diversity, by_rank=by_rank, join=self.join)


class RetrieveBody(Lenient):
    question: QuestionText
    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    filters: Filters = Filters()
    blend: BlendBody = BlendBody()
    hyde: HydeChoice = "never"

    def to_search(self, tenant: str, collection: Collection) -> Search:
        return Search(
            tenant=tenant,
            question=self.question,
            collection=collection,
            top_k=self.top_k,
            filters=self.filters,
            blend=self.blend.to_blend(),
        )


def ask_routes(
    *,
    answering: Answering,
    searching: Searching,
    deadlines: Deadlines,
    streams: Streams,
    authenticate: Authenticate,
) -> APIRouter:
    router = APIRouter(tags=["questions"])

    @router.post("/v1/chat")
    async def chat(
        body: ChatBody, request: Request, caller: Annotated[Caller, Depends(authenticate)]
    ) -> dict[str, Any]:
        until = deadlines.of_answer(request)
        answer = await answering.answer(caller, _question(body), until=until)
        request.state.session = answer.end.outcome.session
        return answer_json(answer)

    @router.post("/v1/chat/stream")
    async def stream(
        body: ChatBody, request: Request, caller: Annotated[Caller, Depends(authenticate)]
    ) -> Response:
        question, until = _question(body), deadlines.of_stream(request)
        async with streams.one(request, caller, of=question.answer, until=until) as stream:
            turn = await answering.open(caller, question, until=until)
            request.state.session = turn.session
            told = frames(answering.stream(turn), problem=partial(describe, request.scope))
            return event_stream(stream.of(told))

    @router.post("/v1/retrieve")
    async def retrieve(
        body: RetrieveBody, request: Request, caller: Annotated[Caller, Depends(authenticate)]
    ) -> dict[str, Any]:
        found = await searching.find(
            caller,
            partial(body.to_search, caller.tenant),
            hyde=Hyde(body.hyde),
            until=deadlines.of_answer(request),
        )
        passages, nearest = found.retrieved.passages, found.retrieved.nearest
        return {
            "chunks": [source_json(source) for source in sources_of(passages)],
            "degraded": ["embeddings"] if nearest is None and body.blend.dense else [],
            "hyde": found.hypothesis,
            "timings": found.timings,
        }

    return router


def _question(body: ChatBody) -> Question:
    return body.to_question(body.question, temperature=body.temperature)
