"""What API Gateway answers by itself: its own `message`, in a problem as all our refusals are."""

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

_DETAIL = {
    404: "There is nothing at this address.",
    408: "The body did not come in time.",
    413: "The request is too large.",
    500: "The function failed; its log says why.",
    503: "No function answered in time.",
}


def refusal(
    request: Request, status: int, message: str, *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    problem = {
        "type": f"urn:quire:problem:{message.lower().replace(' ', '-')}",
        "title": message,
        "status": status,
        "detail": _DETAIL[status],
        "instance": request.scope["path"],
        "request_id": secrets.token_urlsafe(12),
        "message": message,
    }
    return JSONResponse(problem, status, headers, media_type="application/problem+json")
