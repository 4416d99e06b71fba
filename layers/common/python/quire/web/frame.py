"""The ASGI frame around every request: its id, its limits, when it came, one log line."""

import asyncio
from collections.abc import Mapping

import uuid_utils.compat as uuids
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire import metrics, tracing
from quire.framing import SAFELY
from quire.metrics import Metric, measure
from quire.observability import bind, show, tell
from quire.tracing import Trace
from quire.web.problems import Dialect, problem, unexpected

_SAFELY = tuple((name.encode(), value.encode()) for name, value in SAFELY.items())


class RequestFrame:
    """Refuses what is too large (413) or not JSON (415) before anything reads it.

    What nobody caught is answered here (500), as Starlette does it where no id can be added.
    """

    def __init__(self, app: ASGIApp, *, max_body: int, dialects: Mapping[str, Dialect]) -> None:
        self._app = app
        self._max_body = max_body
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = _trace(scope)
        with metrics.measuring(), tracing.going_on(trace):
            await self._serve(scope, receive, send, trace)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, trace: Trace) -> None:
        now = asyncio.get_running_loop().time
        request_id = _request_id(scope)
        state = scope.setdefault("state", {})
        started = state["started"] = now()
        bind(request_id=request_id)
        state["request_id"] = request_id
        state["dialect"] = self._dialect(scope["path"])
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                said = {name.lower() for name, _ in headers}
                message["headers"] = [
                    *headers,
                    (b"x-request-id", request_id.encode()),
                    *(header for header in _SAFELY if header[0] not in said),
                ]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal:
                await refusal(scope, receive, send_with_id)
            else:
                await self._app(scope, self._limited(receive), send_with_id)
        except Exception as error:
            if status is not None:  # too late to say so
                raise
            await unexpected(scope, error)(scope, receive, send_with_id)
        finally:
            took = round(1000 * (now() - started), 1)
            show(trace, "request", took=took)
            _tell(scope, status or 500, ms=took)

    def _dialect(self, path: str) -> Dialect | None:
        spoken = (d for at, d in self._dialects.items() if f"{path}/".startswith(f"{at}/"))
        return next(spoken, None)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_body:
            return problem(scope, 413, f"The body may have {self._max_body} bytes at most.")
        if _has_body(scope, headers) and not _is_json(headers):
            return problem(scope, 415, "Send the body as application/json.")
        return None

    def _limited(self, receive: Receive) -> Receive:
        """A body without a length is counted as it comes."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_body:
                raise HTTPException(413)
            return message

        return counted


def _request_id(scope: Scope) -> str:
    """API Gateway's own id where there is one, so that its logs and ours meet."""
    event = scope.get("aws.event") or {}
    return str(event.get("requestContext", {}).get("requestId") or uuids.uuid7())


def _trace(scope: Scope) -> Trace:
    headers = Headers(scope=scope)
    return tracing.of_request(headers.get("traceparent"), headers.get("x-amzn-trace-id"))


def _tell(scope: Scope, status: int, *, ms: float) -> None:
    measure(Metric.REQUEST_TIME, ms)
    measure(Metric.SERVER_ERRORS, int(status >= 500))
    route = getattr(scope.get("route"), "path", None)
    tell("request", method=scope["method"], route=route, status=status, ms=ms)


def _has_body(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    if scope["method"] not in ("POST", "PUT", "PATCH"):
        return False
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _is_json(headers: dict[bytes, bytes]) -> bool:
    content_type = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    return content_type == b"application/json"
