"""A problem as OpenAI tells it: `{"error": {message, type, param, code}}`."""

import re
from typing import Any

_CODES = {
    401: "invalid_api_key",
    403: "insufficient_permissions",
    404: "not_found",
    408: "request_timeout",
    409: "conflict",
    413: "request_too_large",
    415: "unsupported_media_type",
    422: "invalid_value",
    429: "rate_limit_exceeded",
    503: "service_unavailable",
}
_INDEX = re.compile(r"\.(\d+)")


def error_json(problem: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The status and the body. What is invalid is a 400 there: its clients know no 422."""
    status: int = problem["status"]
    code = problem.get("code", _CODES.get(status))
    error = {
        "message": problem["detail"],
        "type": _type(status),
        "param": _param(problem),
        "code": "unsupported_parameter" if code == "unknown_field" else code,
    }
    return 400 if status == 422 else status, {"error": error}


def _type(status: int) -> str:
    if status >= 500:
        return "server_error"
    return "rate_limit_error" if status == 429 else "invalid_request_error"


def _param(problem: dict[str, Any]) -> str | None:
    """The first wrong field, as in `messages[0].content`."""
    fields = [error["field"] for error in problem.get("errors", ())]
    return _INDEX.sub(r"[\1]", fields[0]) if fields and fields[0] != "body" else None
