"""`/v1/sessions`: a user's own conversations."""

from typing import Annotated, Any

import uuid_utils.compat as uuids
from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints

from functions.chat.rendering import message_json, session_json
from quire.domain import Caller
from quire.store.sessions import Sessions
from quire.web import Authenticate, Body, Metadata, Storable, list_of, parse_id

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable
]
Limit = Annotated[int, Query(ge=1, le=100)]


class SessionBody(Body):
    title: Title | None = None
    metadata: Metadata = {}


class SessionPatch(Body):
    title: Title | None = None
    metadata: Metadata | None = None


def session_routes(sessions: Sessions, authenticate: Authenticate) -> APIRouter:
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.post("", status_code=201)
    async def create(caller: Authenticated, body: SessionBody | None = None) -> dict[str, Any]:
        wanted = body or SessionBody()
        session = await sessions.create(
            caller, uuids.uuid7(), title=wanted.title, metadata=wanted.metadata
        )
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
        )
        return list_of(page, message_json)

    return router
