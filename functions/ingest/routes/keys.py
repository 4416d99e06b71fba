"""`/v1/admin/keys`: made, shown once, rotated, revoked."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from functions.ingest.rendering import key_json
from functions.ingest.routes.showing import shown_once
from quire.domain import Caller, Scope
from quire.security import UserId
from quire.store.api_keys import ApiKeys
from quire.web import Authenticate, InALine, Lenient, Storable, list_of, parse_id

_DAY = 86_400
_MOST_OVERLAP = 30 * _DAY
_LONGEST_LIFE = timedelta(days=100 * 365)


def _to_come(time: datetime) -> datetime:
    now = datetime.now(UTC)
    if time <= now:
        raise ValueError("this is past")
    # In UTC the last years of a calendar that ends would be beyond it: kept, but never read again.
    if time > now + _LONGEST_LIFE:
        raise ValueError(
            "this is more than a hundred years away; leave it out for a key that stays"
        )
    return time.astimezone(UTC)


# Written in JSON as text, which strict validation would not take for a time.
Expiry = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_to_come)]


class RotationBody(Lenient):
    """The former key works for `overlap_seconds` more, in which its users change to the new one."""

    overlap_seconds: Annotated[int, Field(ge=0, le=_MOST_OVERLAP)] = _DAY
    expires_at: Expiry | None = None


class KeyBody(Lenient):
    """A key calls as the user it names, or as itself; `speaks_for_users` lets it be any of them."""

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
        Storable,
        InALine,
    ]
    scopes: Annotated[list[Scope], Field(min_length=1)]
    user_id: UserId | None = None
    speaks_for_users: bool = False
    expires_at: Expiry | None = None


def key_routes(keys: ApiKeys, authenticate: Authenticate) -> APIRouter:
    router = APIRouter(prefix="/v1/admin/keys", tags=["administration"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.post("", status_code=201)
    async def create(body: KeyBody, caller: Authenticated, answer: Response) -> dict[str, Any]:
        key, secret = await keys.create(
            caller.tenant,
            name=body.name,
            scopes=sorted(set(body.scopes)),
            user=body.user_id,
            speaks_for_users=body.speaks_for_users,
            expires_at=body.expires_at,
        )
        return shown_once(key_json(key), secret, answer)

    @router.get("")
    async def index(
        caller: Authenticated,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: str | None = None,
    ) -> dict[str, Any]:
        cursor = parse_id(after, "key") if after else None
        return list_of(await keys.list(caller.tenant, limit=limit, after=cursor), key_json)

    @router.delete("/{key_id}")
    async def revoke(key_id: str, caller: Authenticated) -> dict[str, Any]:
        return key_json(await keys.revoke(caller.tenant, parse_id(key_id, "key")))

    @router.post("/{key_id}/rotate", status_code=201)
    async def rotate(
        key_id: str, caller: Authenticated, answer: Response, body: RotationBody | None = None
    ) -> dict[str, Any]:
        wanted = body or RotationBody()
        key, secret = await keys.rotate(
            caller.tenant,
            parse_id(key_id, "key"),
            overlap=wanted.overlap_seconds,
            expires_at=wanted.expires_at,
        )
        return shown_once(key_json(key), secret, answer)

    return router
