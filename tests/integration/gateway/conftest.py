"""A gateway on loopback, in front of whatever function a test has."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from deployed.routes import Route
from local.gateway import Invoke, create_app

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
    server = uvicorn.Server(uvicorn.Config(stage, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        def deploy(
            invoke: Invoke, routes: Sequence[Route] = ANYTHING, **limits: Any
        ) -> httpx.AsyncClient:
            client.cookies.clear()
            stage.app = create_app(invoke, routes, **limits)
            return client

        yield deploy
    server.should_exit = True
    await serving


async def mirror(function: str, event: Mapping[str, Any]) -> Any:
    """A function whose answer, for want of a statusCode, is the event itself."""
    return {"function": function, **event}
