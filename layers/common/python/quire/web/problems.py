"""Errors as HTTP: the one place where our errors get a status (RFC 9457 problem details)."""

from collections.abc import Callable
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from quire import errors
from quire.observability import log

# A problem in other words, with its status there.
Dialect = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]

_STATUS: dict[type[errors.QuireError], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Invalid: 422,
    errors.Unreadable: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
# Ours, since Python's own phrases change from version to version.
_TITLES = {
    400: "Malformed",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Too Large",
    415: "Unsupported Type",
    422: "Invalid",
    429: "Too Many Requests",
    500: "Internal Error",
    503: "Unavailable",
}


def problem(
    scope: Scope,
    status: int,
    detail: str,
    *,
    fields: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """The answer that tells what went wrong."""
    body = _body(scope, status, detail, fields=fields, **more)
    if dialect := _dialect(scope):
        status, body = dialect(body)
        return JSONResponse(body, status, headers)
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def refusal(scope: Scope, error: errors.QuireError) -> JSONResponse:
    """The answer that tells of one of our errors."""
    headers = {}
    if isinstance(error, errors.Unavailable):
        log.warning("dependency unavailable", dependency=error.dependency, exc_info=error)
    waits = errors.Unavailable | errors.Conflict | errors.TooMany
    if isinstance(error, waits) and error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return problem(scope, status_of(error), error.message, headers=headers, **_more(error))


def unexpected(scope: Scope, error: Exception) -> JSONResponse:
    """The answer that tells that an error is none of ours, and nothing of it."""
    log.exception("unexpected error", exc_info=error)
    return problem(scope, 500, _UNEXPECTED)


def describe(scope: Scope, error: Exception) -> dict[str, Any]:
    """The problem that an error is, for where the status has gone out already.

    What the status should have been is left in the request's state, as `failed`.
    """
    if isinstance(error, errors.QuireError):
        status = scope["state"]["failed"] = status_of(error)
        body = _body(scope, status, error.message, **_more(error))
    else:
        log.exception("unexpected error", exc_info=error)
        scope["state"]["failed"] = 500
        body = _body(scope, 500, _UNEXPECTED)
    dialect = _dialect(scope)
    return dialect(body)[1] if dialect else body


def status_of(error: errors.QuireError) -> int:
    return next(_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS)


def _dialect(scope: Scope) -> Dialect | None:
    return cast(Dialect | None, scope["state"]["dialect"])


def _more(error: errors.QuireError) -> dict[str, Any]:
    """What a problem has for some errors only."""
    more: dict[str, Any] = {}
    if isinstance(error, errors.Unavailable):
        more["dependency"] = error.dependency
    if error.code:
        more["code"] = error.code
    if error.field:
        more["fields"] = [{"field": error.field, "message": error.message}]
    return more


def _body(
    scope: Scope,
    status: int,
    detail: str,
    *,
    fields: list[dict[str, str]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """`type` is stable per status."""
    title = _TITLES.get(status, "Error")
    body = {
        "type": "urn:quire:problem:" + title.lower().replace(" ", "-"),
        "title": title,
        "status": status,
        "detail": _sayable(detail),
        "instance": _sayable(scope["path"]),
        "request_id": scope["state"]["request_id"],
        **more,
    }
    if fields:
        body["errors"] = fields
    return body


def install_problems(app: FastAPI) -> None:
    @app.exception_handler(errors.QuireError)
    async def ours(request: Request, error: errors.QuireError) -> JSONResponse:
        return refusal(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return problem(request.scope, 400, "The body is not valid JSON.")
        fields = [_field(e) for e in error.errors()]
        detail = f"{fields[0]['field']}: {fields[0]['message']}"
        more: dict[str, Any] = (
            {"code": "unknown_field"} if first["type"] == "extra_forbidden" else {}
        )
        return problem(request.scope, 422, detail, fields=fields, **more)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        detail = _HTTP_DETAIL.get(error.status_code, "This request cannot be served.")
        return problem(request.scope, error.status_code, detail, headers=dict(error.headers or {}))


_UNEXPECTED = "Something went wrong on our side; the request id helps us find it."
_HTTP_DETAIL = {
    400: "The body cannot be read as JSON in UTF-8, or is nested too deeply.",
    404: "There is nothing at this address.",
    405: "This address does not answer to that method.",
}


def _field(error: Any) -> dict[str, str]:
    path = ".".join(str(part) for part in error["loc"][1:]) or "body"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "This field is not known"
    return {"field": _sayable(path), "message": _sayable(message)}


def _sayable(text: str) -> str:
    """Lone surrogates may come in through a field's name, and no JSON can carry them out."""
    return text.encode("utf-8", "backslashreplace").decode()
