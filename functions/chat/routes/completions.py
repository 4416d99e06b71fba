"""`/v1/chat/completions` and `/v1/models`: a turn for clients that speak OpenAI's dialect."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from functions.chat.answering import Answering
from functions.chat.dialect import MODEL
from functions.chat.dialect.answers import completion_json, frames, model_json
from functions.chat.dialect.requests import CompletionBody, to_question
from functions.chat.routes.deadlines import Deadlines
from functions.chat.routes.streams import Streams
from functions.chat.streaming import event_stream
from quire.domain import Caller
from quire.errors import Forbidden, Invalid, NotFound
from quire.web import Authenticate
from quire.web.problems import describe


def completion_routes(
    *,
    answering: Answering,
    api_url: str | None,
    deadlines: Deadlines,
    streams: Streams,
    authenticate: Authenticate,
) -> APIRouter:
    router = APIRouter(tags=["OpenAI's dialect"])

    @router.get("/v1/models", dependencies=[Depends(authenticate)])
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model_json()]}

    @router.get("/v1/models/{model}", dependencies=[Depends(authenticate)])
    async def model(model: str) -> dict[str, Any]:
        _check_model(model)
        return model_json()

    @router.post("/v1/chat/completions")
    async def complete(
        body: CompletionBody,
        request: Request,
        caller: Annotated[Caller, Depends(authenticate)],
        authorization: Annotated[str, Header()],
        quire_user: Annotated[str | None, Header()] = None,
    ) -> Response:
        _check_model(body.model)
        if body.user not in (None, quire_user):
            caller = await _speaking_for(
                body.user, quire_user, partial(authenticate, authorization)
            )
        question, base_url = to_question(body), (api_url or str(request.base_url)).rstrip("/")
        if not body.stream:
            until = deadlines.of_answer(request)
            answer = await answering.answer(caller, question, until=until)
            request.state.session = answer.end.outcome.session
            return JSONResponse(completion_json(answer, base_url=base_url))
        until = deadlines.of_stream(request)
        async with streams.one(request, caller, of=question.answer, until=until) as stream:
            turn = await answering.open(caller, question, until=until)
            request.state.session = turn.session
            told = frames(
                answering.stream(turn),
                message=turn.message,
                base_url=base_url,
                include_usage=body.include_usage,
                problem=partial(describe, request.scope),
            )
            return event_stream(stream.of(told))

    return router


def _check_model(model: str) -> None:
    if model != MODEL:
        raise NotFound(
            f"This model does not exist; '{MODEL}' does.", field="model", code="model_not_found"
        )


async def _speaking_for(user: str | None, header: str | None, authenticate: Authenticate) -> Caller:
    """The caller as the user whom the body names. Raises Forbidden, Invalid, Unavailable."""
    if header is not None:
        raise Invalid("This and the header Quire-User name two users.", field="user")
    try:
        return await authenticate(user)
    except Forbidden:
        message = "This key may not speak for users; leave out 'user'."
        raise Forbidden(message, field="user") from None
    except Invalid as error:
        raise Invalid(error.message, field="user") from None
