"""The ASGI frame around every request: its id, its limits, when it came, one log line."""

import asyncio
from collections.abc import Mapping

import uuid_utils.compat as uuids
from starlette.datastructures import Headers
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
    """Refuses what is too large (413), not JSON (415) or does not come (408) before anything is
    done about it: a body that is on its way holds no place in here.

    What nobody caught is answered here (500), as Starlette does it where no id can be added.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body: int,
        dialects: Mapping[str, Dialect],
        body_seconds: float = 10.0,
    ) -> None:
        """`max_body` in bytes; it has to be there after `body_seconds`."""
        self._app = app
        self._max_body = max_body
        self._dialects = dialects
        self._body_seconds = body_seconds

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
            if refusal is None and _has_body(scope):
                receive, refusal = await self._received(scope, receive)
            await (refusal or self._app)(scope, receive, send_with_id)
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
            return self._too_large(scope)
        if _has_body(scope) and not _is_json(headers):
            return problem(scope, 415, "Send the body as application/json.")
        return None

    async def _received(self, scope: Scope, receive: Receive) -> tuple[Receive, Response | None]:
        """What tells the whole body at once and then goes on, or why there is none."""
        body = bytearray()
        message: Message = {"more_body": True}
        try:
            async with asyncio.timeout(self._body_seconds):
                while message.get("more_body"):
                    message = await receive()
                    body += message.get("body", b"")
                    # One without a length is counted as it comes.
                    if len(body) > self._max_body:
                        return receive, self._too_large(scope)
        except TimeoutError:
            late = f"The body has to be here within {self._body_seconds:g} s."
            return receive, problem(scope, 408, late, headers={"Connection": "close"})
        if message["type"] == "http.disconnect":
            return receive, problem(scope, 400, "The body broke off.")
        return _told_again(bytes(body), receive), None

    def _too_large(self, scope: Scope) -> Response:
        return problem(scope, 413, f"The body may have {self._max_body} bytes at most.")


def _told_again(body: bytes, receive: Receive) -> Receive:
    told: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return told.pop() if told else await receive()

    return next_message


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


def _has_body(scope: Scope) -> bool:
    if scope["method"] not in ("POST", "PUT", "PATCH"):
        return False
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _is_json(headers: dict[bytes, bytes]) -> bool:
    content_type = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    return content_type == b"application/json"
