"""A gateway on loopback, in front of whatever function a test has."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.ports import free_ports
from deployed.routes import Route
from local.gateway import Invoke, create_app
from local.web_server import WebServer

ANYTHING = [Route(["ANY"], "/{proxy+}", "f")]


class Stage:
    """A server on loopback for one gateway after another."""

    def __init__(self) -> None:
        self.app: ASGIApp = Starlette()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


Deploy = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="module")
async def deploy() -> AsyncIterator[Deploy]:
    """Makes the gateway of a function and its routes; gives the client of it."""
    stage = Stage()
    (port,) = free_ports(1)
    server = WebServer(stage, name="gateway", port=port)
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        def deploy(
            invoke: Invoke, routes: Sequence[Route] = ANYTHING, **limits: Any
        ) -> httpx.AsyncClient:
            client.cookies.clear()
            stage.app = create_app(invoke, routes, **limits)
            return client

        yield deploy
    await server.stop()


async def mirror(function: str, event: Mapping[str, Any]) -> Any:
    """A function whose answer, for want of a statusCode, is the event itself."""
    return {"function": function, **event}
