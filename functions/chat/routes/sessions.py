"""`/v1/sessions`: a user's own conversations."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import uuid_utils.compat as uuids
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from functions.chat.exporting import as_json, as_markdown
from functions.chat.rendering import message_json, session_json
from quire.domain import Caller, Message, Session
from quire.errors import TooLarge
from quire.store.sessions import TOO_LONG, Sessions
from quire.switches import Switchboard
from quire.web import Authenticate, Body, InALine, Metadata, Storable, list_of, parse_id

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable, InALine
]
Limit = Annotated[int, Query(ge=1, le=100)]
Format = Literal["json", "md"]

# A function may answer with 6 MB, headers and all.
MOST_EXPORTED = 5_500_000


class SessionBody(Body):
    title: Title | None = None
    metadata: Metadata = {}


class SessionPatch(Body):
    title: Title | None = None
    metadata: Metadata | None = None


def session_routes(
    sessions: Sessions, switches: Switchboard, authenticate: Authenticate
) -> APIRouter:
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.post("", status_code=201)
    async def create(
        request: Request, caller: Authenticated, body: SessionBody | None = None
    ) -> dict[str, Any]:
        wanted = body or SessionBody()
        session = await sessions.create(
            caller, uuids.uuid7(), title=wanted.title, metadata=wanted.metadata
        )
        request.state.session = session.id
        return session_json(session)

    @router.get("")
    async def index(
        caller: Authenticated, limit: Limit = 20, after: str | None = None
    ) -> dict[str, Any]:
        cursor = parse_id(after, "session") if after else None
        return list_of(await sessions.list(caller, limit=limit, after=cursor), session_json)

    @router.get("/{session_id}")
    async def show(session_id: str, caller: Authenticated) -> dict[str, Any]:
        return session_json(await sessions.get(caller, parse_id(session_id, "session")))

    @router.patch("/{session_id}")
    async def update(session_id: str, body: SessionPatch, caller: Authenticated) -> dict[str, Any]:
        session = parse_id(session_id, "session")
        changed = await sessions.update(caller, session, title=body.title, metadata=body.metadata)
        return session_json(changed)

    @router.delete("/{session_id}", status_code=204)
    async def delete(session_id: str, caller: Authenticated) -> None:
        await sessions.delete(caller, parse_id(session_id, "session"))

    @router.get("/{session_id}/messages")
    async def messages(
        session_id: str, caller: Authenticated, limit: Limit = 50, after: str | None = None
    ) -> dict[str, Any]:
        page = await sessions.messages(
            caller,
            parse_id(session_id, "session"),
            limit=limit,
            after=parse_id(after, "message") if after else None,
            touch=not switches.current.read_only,
        )
        return list_of(page, message_json)

    @router.get("/{session_id}/export")
    async def export(session_id: str, caller: Authenticated, format: Format = "json") -> Response:
        session, touch = parse_id(session_id, "session"), not switches.current.read_only
        whole = await sessions.whole(caller, session, most=MOST_EXPORTED, touch=touch)
        return _attachment(*whole, format)

    return router


def _attachment(session: Session, messages: Sequence[Message], format: Format) -> Response:
    if format == "md":
        text, media_type = as_markdown(session, messages), "text/markdown; charset=utf-8"
    else:
        text, media_type = as_json(session, messages), "application/json"
    # Counted as the runtime client sends it: JSON in ASCII.
    if len(json.dumps(text)) > MOST_EXPORTED:
        raise TooLarge(TOO_LONG)
    named = f'attachment; filename="session-{session.id}.{format}"'
    return Response(text, media_type=media_type, headers={"Content-Disposition": named})
