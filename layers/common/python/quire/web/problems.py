"""Errors as HTTP: the one place where our errors get a status (RFC 9457 problem details)."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from quire import errors
from quire.observability import log

_STATUS: dict[type[errors.QuireError], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Invalid: 422,
    errors.Unreadable: 422,
    errors.Unavailable: 503,
}
# Ours, since Python's own phrases change from version to version.
_TITLES = {
    400: "Malformed",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Too Large",
    415: "Unsupported Type",
    422: "Invalid",
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
    """The answer that tells what went wrong. `type` is stable per status."""
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
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install_problems(app: FastAPI) -> None:
    @app.exception_handler(errors.QuireError)
    async def ours(request: Request, error: errors.QuireError) -> JSONResponse:
        status = next(_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS)
        headers = {}
        more = {}
        if isinstance(error, errors.Unavailable):
            headers["Retry-After"] = str(error.retry_after)
            more["dependency"] = error.dependency
            log.warning("dependency unavailable", dependency=error.dependency, exc_info=error)
        if isinstance(error, errors.Unauthenticated):
            headers["WWW-Authenticate"] = "Bearer"
        fields = (
            [{"field": error.field, "message": error.message}]
            if isinstance(error, errors.Invalid)
            else None
        )
        return problem(request.scope, status, error.message, fields=fields, headers=headers, **more)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return problem(request.scope, 400, "The body is not valid JSON.")
        fields = [_field(e) for e in error.errors()]
        detail = f"{fields[0]['field']}: {fields[0]['message']}"
        return problem(request.scope, 422, detail, fields=fields)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        detail = _HTTP_DETAIL.get(error.status_code, "This request cannot be served.")
        return problem(request.scope, error.status_code, detail, headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.exception("unexpected error", exc_info=error)
        return problem(
            request.scope, 500, "Something went wrong on our side; the request id helps us find it."
        )


_HTTP_DETAIL = {
    400: "The body cannot be read as JSON in UTF-8, or is nested too deeply.",
    404: "There is nothing at this address.",
    405: "This address does not answer to that method.",
    413: "The request is too large.",
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
