"""`/v1/messages`: an answer by its id, shown again, stopped, rated, asked for anew."""

import re
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import StringConstraints

from functions.chat.answering import Answering
from functions.chat.rendering import replay_json
from functions.chat.routes.deadlines import Deadlines
from functions.chat.routes.streams import Streams
from functions.chat.streaming import event_stream, replayed
from quire.domain import Caller
from quire.store.messages import Messages
from quire.web import Authenticate, Body, Storable, parse_id
from quire.web.problems import describe

_EVENT_ID = re.compile(r"[0-9]{1,9}")
Comment = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable
]


class FeedbackBody(Body):
    rating: Literal["up", "down"]
    comment: Comment | None = None


def message_routes(
    *,
    messages: Messages,
    answering: Answering,
    deadlines: Deadlines,
    streams: Streams,
    authenticate: Authenticate,
) -> APIRouter:
    router = APIRouter(prefix="/v1/messages", tags=["messages"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.get("/{message_id}/stream")
    async def stream(
        message_id: str,
        request: Request,
        caller: Authenticated,
        last_event_id: Annotated[str, Header()] = "0",
    ) -> Response:
        message, until = parse_id(message_id, "message"), deadlines.of_stream(request)
        find, problem = partial(messages.turn, caller, message), partial(describe, request.scope)
        # Like any id it is opaque to the client: what is none of ours means from the beginning.
        after = int(last_event_id) if _EVENT_ID.fullmatch(last_event_id) else 0
        async with streams.one(request, caller, of=message, until=until, again=True) as stream:
            await find()  # what is not there is told with its status
            told = replayed(find, after=after, until=until, problem=problem)
            return event_stream(stream.of(told), to_the_end=False)

    @router.post("/{message_id}/stop", status_code=202)
    async def stop(message_id: str, caller: Authenticated) -> dict[str, Any]:
        message = parse_id(message_id, "message")
        await messages.stop(caller, message)
        return {"id": str(message)}

    @router.post("/{message_id}/feedback")
    async def rate(
        message_id: str, body: FeedbackBody, request: Request, caller: Authenticated
    ) -> dict[str, Any]:
        message = parse_id(message_id, "message")
        request.state.session = await messages.rate(
            caller, message, rating=body.rating, comment=body.comment
        )
        return {"message_id": str(message), "rating": body.rating, "comment": body.comment}

    @router.post("/{message_id}/replay")
    async def replay(message_id: str, request: Request, caller: Authenticated) -> dict[str, Any]:
        message, until = parse_id(message_id, "message"), deadlines.of_answer(request)
        former, answer = await answering.replay(caller, message, until=until)
        request.state.session = former.session
        return replay_json(former, answer)

    return router
