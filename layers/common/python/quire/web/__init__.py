"""The frame every HTTP function shares: who calls, limits on what comes in, the app itself."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Header
from fastapi.middleware.cors import CORSMiddleware
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    model_validator,
)

from quire import __version__
from quire.domain import Caller, Page, Scope
from quire.errors import NotFound
from quire.observability import bind
from quire.security import Security
from quire.store.idempotency import IdempotencyKeys
from quire.store.limits import RateLimits
from quire.switches import Switchboard
from quire.visible import is_blank, visible
from quire.web.admission import Admission
from quire.web.door import Door
from quire.web.edge import NO_EDGE, Edge
from quire.web.frame import RequestFrame
from quire.web.idempotency import Idempotency
from quire.web.problems import Dialect, install_problems

_METADATA_BYTES = 8_192
_METADATA_DEPTH = 16

# What a browser's page may send, and may see of an answer.
_ASKED_WITH = ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Quire-User"]
_ANSWERED_WITH = [
    *("Content-Disposition", "Idempotent-Replayed", "Location", "RateLimit", "RateLimit-Policy"),
    *("Retry-After", "X-Request-Id"),
]

Authenticate = Callable[..., Awaitable[Caller]]


def create_app(
    title: str,
    routers: Sequence[APIRouter],
    *,
    max_body: int,
    security: Security,
    keys: IdempotencyKeys,
    limits: RateLimits,
    switches: Switchboard,
    spending: re.Pattern[str],
    changeless: re.Pattern[str],
    door: Door,
    edge: Edge = NO_EDGE,
    origins: Sequence[str] = (),
    dialects: Mapping[str, Dialect] | None = None,
) -> FastAPI:
    """An app whose every answer has a request id and whose every error is a problem.

    `max_body` in bytes bounds what a request may carry, `limits` how often its caller may come;
    POSTs to paths that are `spending` need some of the day's tokens and dollars to be left, and
    those that are `changeless` are answered where nothing may be changed. At the `door` they wait
    while there is too much to do. The `edge` is what may be in front of it. Pages of `origins` may
    call it from a browser (CORS). At the paths of `dialects`, and below them, problems are put in
    other words.
    """
    # No app tells of itself: one document describes them all (`make openapi`).
    app = FastAPI(title=title, version=__version__, redirect_slashes=False, openapi_url=None)
    for router in routers:
        app.include_router(router)
    install_problems(app)
    # The one that is added last is met first.
    app.add_middleware(Idempotency, security=security, keys=keys, switches=switches)
    app.add_middleware(
        Admission,
        security=security,
        limits=limits,
        switches=switches,
        spending=spending,
        changeless=changeless,
        door=door,
        edge=edge,
    )
    app.add_middleware(RequestFrame, max_body=max_body, dialects=dialects or {})
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=_ASKED_WITH,
        expose_headers=_ANSWERED_WITH,
        allow_credentials=True,
        max_age=600,
    )
    return app


def requires(security: Security, *scopes: Scope) -> Authenticate:
    """A dependency: a caller with one of the scopes, or what `Security.identify` raises."""

    async def authenticate(
        authorization: Annotated[str | None, Header()] = None,
        quire_user: Annotated[str | None, Header()] = None,
    ) -> Caller:
        return await security.identify(authorization, user=quire_user, scopes=scopes)

    return authenticate


def _storable(text: str) -> str:
    # PostgreSQL cannot keep it, nor anybody what is no Unicode.
    if "\0" in text:
        raise ValueError("NUL characters are not allowed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a character (a lone surrogate) is not allowed") from None
    return text


# Comes after a type's other constraints: pydantic applies them in the order they are written.
Storable = AfterValidator(_storable)
Text = Annotated[str, Storable]


def _legible(text: str) -> str:
    if is_blank(text):
        raise ValueError("there is nothing in it that can be seen")
    return text


Legible = AfterValidator(_legible)


def _in_a_line(name: str) -> str:
    if is_blank(name) or visible(name) != name or len(name.splitlines()) > 1:
        raise ValueError("a name is one line, of characters that can be seen")
    return name


# What others see of it in lists, on terminals and in pages.
InALine = AfterValidator(_in_a_line)


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    # First of all, as what goes into the depth of it by calling itself comes to no end.
    if _depth(value) > _METADATA_DEPTH:
        raise ValueError(f"{_METADATA_DEPTH} levels at most")
    # jsonb takes neither NUL characters, lone surrogates nor NaN.
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        raise ValueError("this cannot be kept as JSON") from None
    if len(encoded) > _METADATA_BYTES:
        raise ValueError(f"{_METADATA_BYTES} bytes of JSON at most")
    # A backslash of their own is written twice.
    if b"\\u0000" in encoded.replace(b"\\\\", b""):
        raise ValueError("NUL characters are not allowed")
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [inner for outer in level for inner in _within(outer)]
    return depth


def _within(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


Metadata = Annotated[dict[str, Any], AfterValidator(_storable_json)]


class Body(BaseModel):
    """A request body: what is not in the contract is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_NULL = {"type": "null"}
# What a schema says of a field, beside what it may hold.
_ABOUT = ("default", "description", "examples", "title")


class Lenient(Body):
    """Null is as good as left out, as many clients write what they do not say."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler(core_schema)
        body = handler.resolve_ref_schema(schema)
        for name, field in body["properties"].items():
            if name not in body.get("required", ()) and _NULL not in field.get("anyOf", ()):
                kind = {key: field.pop(key) for key in list(field) if key not in _ABOUT}
                field["anyOf"] = [kind, _NULL]
        return schema


def parse_id(text: str, what: str) -> UUID:
    """Ids are opaque to callers, so one that is not ours is simply not there: NotFound."""
    try:
        named = UUID(text)
    except ValueError:
        raise NotFound(f"There is no such {what}.") from None
    bind(**{f"{what}_id": named})
    return named


def list_of(page: Page[Any], render: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    items = [render(item) for item in page.items]
    return {
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": page.has_more,
    }
