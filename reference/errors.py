"""Which errors an endpoint may answer with, and how they look."""

from collections.abc import Iterator, Mapping
from typing import Any

from functions.chat.dialect.errors import error_json
from reference.components import headers, schema

# By status: the problem's title, when it comes, what it may say.
_ERRORS = {
    400: ("Malformed", "The body cannot be read as JSON.", "The body is not valid JSON."),
    401: ("Unauthenticated", "No key, or one that is not known.", "This API key is not known."),
    403: ("Forbidden", "The key may not do this.", "This key lacks the scope 'ask'."),
    404: ("Not Found", "It is absent, or another's.", "There is no such session."),
    408: (
        "Request Timeout",
        "The body did not come in time.",
        "The body has to be here within 10 s.",
    ),
    409: ("Conflict", "Something else is in flight.", "This request is being answered."),
    413: (
        "Too Large",
        "More is sent or asked for than we take.",
        "The body may have 65536 bytes at most.",
    ),
    415: ("Unsupported Type", "The body is not JSON.", "Send the body as application/json."),
    422: ("Invalid", "A field is wrong; `errors` names it.", "This may be 16 at most."),
    429: (
        "Too Many Requests",
        "A limit is reached: requests a minute, streams at once, a day's tokens or dollars.",
        "These are too many requests for this key: 600 a minute; wait for 1 s.",
    ),
    500: ("Internal Error", "Something went wrong on our side.", "Something went wrong."),
    503: ("Unavailable", "What this needs is not there now.", "postgres is not available now."),
}
_MORE: dict[int, dict[str, Any]] = {
    422: {"errors": [{"field": "top_k", "message": "This may be 16 at most."}]},
    429: {"code": "rate_limit_exceeded"},
    503: {"dependency": "postgres"},
}
_HEADERS = {
    401: ["WWW-Authenticate"],
    409: ["Retry-After"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}
# What comes with every answer to a caller that was counted.
FRAMED = ("X-Request-Id", "RateLimit", "RateLimit-Policy")
_DIALECT = ("/v1/chat/completions", "/v1/models")


def possible(method: str, path: str, spec: Mapping[str, Any]) -> Iterator[int]:
    """The statuses that follow from how an endpoint is asked."""
    if path.startswith("/health"):
        return
    yield from (401, 403, 422, 429, 500, 503)
    if "requestBody" in spec:
        yield from (400, 408, 413, 415)
    if "{" in path or any(given["name"] == "after" for given in spec.get("parameters", ())):
        yield 404
    if method == "POST":
        yield 409


def reference(path: str, status: int) -> dict[str, Any]:
    """The response of that status at that path, as in `{"404": {"$ref": …}}`."""
    name = _name(status)
    if path.startswith(_DIALECT):
        status = 400 if status == 422 else status
        name = f"OpenAI{_name(status)}"
    return {str(status): {"$ref": f"#/components/responses/{name}"}}


def responses() -> dict[str, Any]:
    """All of them, by name, in both dialects."""
    found: dict[str, Any] = {}
    for status, (title, when, detail) in _ERRORS.items():
        problem = {
            "type": "urn:quire:problem:" + title.lower().replace(" ", "-"),
            "title": title,
            "status": status,
            "detail": detail,
            "instance": "/v1/chat",
            "request_id": "JKJaXmPLvHcESHA=",
            **_MORE.get(status, {}),
        }
        found[_name(status)] = _response(
            status, when, {"application/problem+json": _content("Problem", problem)}
        )
        _, error = error_json(problem)
        found[f"OpenAI{_name(status)}"] = _response(
            status, when, {"application/json": _content("OpenAIError", error)}
        )
    # There, what is invalid is a 400 too.
    del found["OpenAIInvalid"]
    found["OpenAIMalformed"]["description"] = "The body cannot be read as JSON, or is invalid."
    return found


def _name(status: int) -> str:
    return _ERRORS[status][0].replace(" ", "")


def _response(status: int, when: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": when,
        "headers": headers(*FRAMED, *_HEADERS.get(status, ())),
        "content": content,
    }


def _content(shape: str, example: Any) -> dict[str, Any]:
    return {"schema": schema(shape), "example": example}
