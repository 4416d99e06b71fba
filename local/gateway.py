"""API Gateway's HTTP API on a laptop: HTTP in, a format 2.0 event to a function, HTTP out.

The event and the answer are those of
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import asyncio
import logging
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path, request_response

from deployed.routes import Route
from local.invocation import InvocationError, RequestTooLarge, Throttled
from local.refusals import refusal
from local.sandbox import ACCOUNT

Invoke = Callable[[str, Mapping[str, Any]], Awaitable[Any]]

BODY_BYTES = 10 * 1024 * 1024
TIMEOUT_SECONDS = 30.0
# What reaches a function as text; everything else is base64, forms and a missing type too.
_TEXT = re.compile(r"text/.*|application/(json|xml|javascript)")

log = logging.getLogger(__name__)


_Table = Sequence[tuple[re.Pattern[str], Route]]


class Answer(BaseModel):
    """What a function answers; without a statusCode, its whole answer is the body."""

    model_config = ConfigDict(alias_generator=to_camel)

    status_code: int = Field(ge=100, le=599)
    headers: dict[str, str | int | float] | None = None
    cookies: list[str] | None = None
    body: str | None = None
    is_base64_encoded: bool = False

    def content(self) -> bytes:
        body = self.body or ""
        return b64decode(body, validate=True) if self.is_base64_encoded else body.encode()


def create_app(
    invoke: Invoke,
    routes: Iterable[Route],
    *,
    body_bytes: int = BODY_BYTES,
    timeout: float = TIMEOUT_SECONDS,
) -> Starlette:
    """The HTTP API of these routes, of which the most specific one that fits a request is taken.

    Its own answers have the real one's words: 404 without a route, 413 above `body_bytes` or
    above what Lambda takes in one request, 503 after `timeout` seconds and where no sandbox is
    free, 500 when the function fails or answers nonsense. A body that is not there after as many
    seconds is a 408: the quotas of the real one do not say when it ends one.
    """
    table = [(_pattern(route.path), route) for route in sorted(routes, key=_specificity)]

    async def handle(request: Request) -> Response:
        route, parameters = _match(table, request)
        if route is None:
            return refusal(request, 404, "Not Found")
        try:
            async with asyncio.timeout(timeout):
                body = await _read(request, body_bytes)
        except TimeoutError:
            return refusal(request, 408, "Request Timeout", headers={"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        if body is None:
            return refusal(request, 413, "Request Entity Too Large")
        event = _event(request, body, route=route, parameters=parameters)
        try:
            async with asyncio.timeout(timeout):
                return _respond(await invoke(route.function, event))
        except RequestTooLarge:
            return refusal(request, 413, "Request Entity Too Large")
        except (TimeoutError, Throttled) as error:
            log.warning(
                "%s gave no answer: %s", route.function, str(error) or f"{timeout} s passed"
            )
            return refusal(request, 503, "Service Unavailable")
        except (InvocationError, ValueError) as error:
            log.error("%s failed: %s", route.function, error)
            return refusal(request, 500, "Internal Server Error")

    app = Starlette()
    # All of them, though there be a line's end in their path, which no route of Starlette's takes.
    app.router.default = request_response(handle)
    return app


def _pattern(path: str) -> re.Pattern[str]:
    if path == "$default":
        return re.compile(".*", re.DOTALL)
    return re.compile(compile_path(path.replace("+}", ":path}"))[0].pattern, re.DOTALL)


def _specificity(route: Route) -> tuple[list[int], bool]:
    """Sorts a fixed segment before `{one}`, before `{any+}`, before $default, and ANY last."""
    if route.path == "$default":
        return [3], True
    segments = route.path.split("/")
    ranks = [2 if part.endswith("+}") else 1 if part.startswith("{") else 0 for part in segments]
    return ranks, "ANY" in route.methods


def _match(table: _Table, request: Request) -> tuple[Route | None, dict[str, str]]:
    for pattern, route in table:
        found = pattern.match(request.scope["path"])
        if found and all(found.groupdict().values()) and route.takes(request.method):
            return route, found.groupdict()
    return None, {}


async def _read(request: Request, limit: int) -> bytes | None:
    """The body, or None when it is longer; read to its end, so that the client hears the answer."""
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            body += chunk
    return bytes(body) if size <= limit else None


def _event(
    request: Request, body: bytes, *, route: Route, parameters: Mapping[str, str]
) -> dict[str, Any]:
    headers = _headers(request)
    cookies = [
        cookie.strip() for line in request.headers.getlist("cookie") for cookie in line.split(";")
    ]
    query = request.url.query
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key(request.method),
        "rawPath": request.scope["path"],  # decoded: the real one decodes it, whatever its name
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _context(request, route=route),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    if parameters:
        event["pathParameters"] = dict(parameters)
    if body:
        event["body"], event["isBase64Encoded"] = _body(body, headers.get("content-type", ""))
    return event


def _context(request: Request, *, route: Route) -> dict[str, Any]:
    now = datetime.now(UTC)
    domain = request.url.hostname or ""
    return {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.scope["path"],
            "protocol": f"HTTP/{request.scope['http_version']}",
            "sourceIp": _client(request),
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": secrets.token_urlsafe(12),
        "routeKey": route.key(request.method),
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _headers(request: Request) -> dict[str, str]:
    sent = [(name, value) for name, value in request.headers.items() if name != "cookie"]
    forwarded = [
        ("x-forwarded-for", _client(request)),
        ("x-forwarded-port", str(request.url.port or 80)),
        ("x-forwarded-proto", request.url.scheme),
    ]
    return _joined([*sent, *forwarded])


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    if _TEXT.fullmatch(content_type.partition(";")[0].strip().lower()):
        with suppress(UnicodeDecodeError):
            return body.decode(), False
    return b64encode(body).decode(), True


def _respond(answer: Any) -> Response:
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        return JSONResponse(answer)
    parsed = Answer.model_validate(answer)
    response = Response(parsed.content(), parsed.status_code)
    for name, value in (parsed.headers or {}).items():
        if name.lower() != "content-length":
            response.headers[name] = str(value)
    response.headers.setdefault("content-type", "text/plain; charset=utf-8")
    for cookie in parsed.cookies or []:
        response.headers.append("set-cookie", cookie)
    return response
