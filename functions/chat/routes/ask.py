"""`POST /v1/chat` and `POST /v1/retrieve`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from functions.chat.answering import Answering, Question, source_of
from functions.chat.rendering import citation_json, complete_json, source_json
from quire.domain import Caller, Prices, Usage
from quire.retrieval.index import Filters
from quire.retrieval.retriever import Retriever
from quire.store.collections import Collections
from quire.store.usage import UsageCounts
from quire.web import Authenticate, Body, Storable, Text, parse_id

QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable
]
SelectedText = Annotated[str, StringConstraints(min_length=1, max_length=4000), Storable]


class FiltersBody(Body):
    """Any of each list, all of the fields."""

    document_id: Annotated[list[str], Field(max_length=100)] = []
    filename: Annotated[list[Text], Field(max_length=100)] = []

    def to_filters(self) -> Filters:
        return Filters(
            documents=[parse_id(d, "document") for d in self.document_id], filenames=self.filename
        )


class ChatBody(Body):
    question: QuestionText
    session_id: str | None = None
    selected_text: SelectedText | None = None
    top_k: Annotated[int, Field(ge=1, le=16)] = 8
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    filters: FiltersBody = FiltersBody()
    # Part of the contract already. There is no cache yet and no HyDE, so every answer is fresh,
    # and a hypothetical passage cannot be insisted on.
    cache: bool = True
    hyde: Literal["auto", "never"] = "auto"


class RetrieveBody(Body):
    question: QuestionText
    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    filters: FiltersBody = FiltersBody()


def ask_routes(
    *,
    answering: Answering,
    retriever: Retriever,
    collections: Collections,
    counts: UsageCounts,
    prices: Prices,
    authenticate: Authenticate,
) -> APIRouter:
    router = APIRouter(tags=["questions"])

    @router.post("/v1/chat")
    async def chat(
        body: ChatBody, caller: Annotated[Caller, Depends(authenticate)]
    ) -> dict[str, Any]:
        answer = await answering.answer(caller, _question(body))
        return {
            "answer": answer.text,
            "citations": [citation_json(c) for c in answer.citations],
            "sources": [source_json(s) for s in answer.sources],
            **complete_json(answer.complete),
        }

    @router.post("/v1/retrieve")
    async def retrieve(
        body: RetrieveBody, caller: Annotated[Caller, Depends(authenticate)]
    ) -> dict[str, Any]:
        collection = await collections.live()
        retrieved = await retriever.retrieve(
            caller.tenant,
            body.question,
            collection,
            top_k=body.top_k,
            filters=body.filters.to_filters(),
        )
        usage = Usage(embedding_tokens=retrieved.embedding_tokens)
        await counts.add(caller.tenant, collection.model, usage, prices.cost(usage))
        chunks = [source_json(source_of(i, hit)) for i, hit in enumerate(retrieved.hits, start=1)]
        return {"chunks": chunks, "timings": retrieved.timings}

    return router


def _question(body: ChatBody) -> Question:
    return Question(
        text=body.question,
        session=None if body.session_id is None else parse_id(body.session_id, "session"),
        selected_text=body.selected_text,
        top_k=body.top_k,
        temperature=body.temperature,
        filters=body.filters.to_filters(),
    )
