"""The Runtime API that sandboxes poll for invocations and post their answers to.

The wire is https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Every sandbox has a port
of its own: AWS's client for Python takes no path in AWS_LAMBDA_RUNTIME_API that could tell them
apart (it reports init errors through `http.client`, which reads a path as part of the port).
"""

import json
import secrets
import socket
import time
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.invocation import FunctionError, Invocation
from local.sandbox import Function, Sandbox
from local.web_server import embedded

_RUNTIME = "/2018-06-01/runtime"
_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
# The longest that Lambda lets a function run: no connection is closed under one at work.
_KEEP_ALIVE_SECONDS = 900


class RuntimeApi:
    """One server for all sandboxes; `sandbox_at` finds the one that polls a port."""

    def __init__(self, sandbox_at: Callable[[int], Sandbox | None]) -> None:
        self._sandbox_at = sandbox_at
        self._listeners: Sequence[socket.socket] = ()
        self._server = embedded(
            Starlette(
                routes=[
                    Route(f"{_RUNTIME}/invocation/next", self._next),
                    Route(
                        f"{_RUNTIME}/invocation/{{id}}/response", self._response, methods=["POST"]
                    ),
                    Route(f"{_RUNTIME}/invocation/{{id}}/error", self._error, methods=["POST"]),
                    Route(f"{_RUNTIME}/init/error", self._init_error, methods=["POST"]),
                    Route(f"{_RUNTIME}/restore/next", self._restore),
                    Route(f"{_RUNTIME}/restore/error", self._init_error, methods=["POST"]),
                ]
            ),
            keep_alive_seconds=_KEEP_ALIVE_SECONDS,
        )

    async def start(self, listeners: Sequence[socket.socket]) -> None:
        self._listeners = listeners
        await self._server.startup(sockets=list(listeners))

    async def stop(self) -> None:
        await self._server.shutdown(sockets=list(self._listeners))

    def _sandbox(self, request: Request) -> Sandbox:
        sandbox = self._sandbox_at(request.scope["server"][1])
        if sandbox is None:
            raise HTTPException(403)
        return sandbox

    def _invocation(self, request: Request) -> Invocation:
        invocation = self._sandbox(request).invocation
        if invocation is None or invocation.request_id != request.path_params["id"]:
            raise HTTPException(400)
        return invocation

    async def _next(self, request: Request) -> Response:
        sandbox = self._sandbox(request)
        invocation = await sandbox.poll()
        if invocation is None:
            raise HTTPException(410)
        headers = _headers(sandbox.function, invocation)
        return Response(invocation.event, media_type="application/json", headers=headers)

    async def _response(self, request: Request) -> Response:
        invocation = self._invocation(request)
        body = await request.body()
        if len(body) > _RESPONSE_BYTES:
            reason = f"The answer has {len(body)} bytes; {_RESPONSE_BYTES} are allowed."
            invocation.fail(FunctionError("Function.ResponseSizeTooLarge", reason))
            raise HTTPException(413)
        try:
            invocation.succeed(json.loads(body))
        except ValueError as error:
            invocation.fail(FunctionError("Runtime.MarshalError", f"No JSON was answered: {error}"))
        return Response(status_code=202)

    async def _error(self, request: Request) -> Response:
        self._invocation(request).fail(await _reported(request))
        return Response(status_code=202)

    async def _restore(self, request: Request) -> Response:
        """As awslambdaric asks for it between its hooks; AWS describes it nowhere."""
        await self._sandbox(request).take_snapshot()
        return Response()

    async def _init_error(self, request: Request) -> Response:
        self._sandbox(request).init_error = await _reported(request)
        return Response(status_code=202)


def listen() -> socket.socket:
    """A socket on a free port of loopback."""
    # asyncio switches Nagle's algorithm off only on sockets whose protocol is named; left on, the
    # two writes of an answer, head and body, take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


async def _reported(request: Request) -> FunctionError:
    report = await request.json()
    return FunctionError(report["errorType"], report["errorMessage"])


def _headers(function: Function, invocation: Invocation) -> dict[str, str]:
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + function.timeout) * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": function.arn,
        "Lambda-Runtime-Trace-Id": f"Root={root};Parent={secrets.token_hex(8)};Sampled=0",
    }
