"""Who reads a stream goes away: what was to be told to the end is, what was not is left."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from functions.chat.streaming import event_stream


class Told:
    """A frame, and once the `gate` is open another; `ended` says whether both were made."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def frames(self) -> AsyncIterator[bytes]:
        whole = False
        try:
            yield b"data: 1\n\n"
            await self.gate.wait()
            yield b"data: 2\n\n"
            whole = True
        finally:
            self.ended.set_result(whole)


@pytest.mark.parametrize("to_the_end", [True, False])
async def test_the_reader_goes_away(to_the_end: bool) -> None:
    told = Told()

    async def stream(request: Request) -> Response:
        return event_stream(told.frames(), to_the_end=to_the_end)

    app = Starlette(routes=[Route("/", stream)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    async with httpx.AsyncClient() as client, client.stream("GET", url) as answer:
        assert await anext(answer.aiter_raw()) == b"data: 1\n\n"
    async with asyncio.timeout(30):
        if to_the_end:
            await asyncio.sleep(0.1)
            told.gate.set()
        assert await told.ended == to_the_end
    server.should_exit = True
    await serving


@pytest.mark.parametrize("to_the_end", [True, False])
async def test_the_reader_is_gone_before_the_first(to_the_end: bool) -> None:
    told = Told()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise OSError

    # As of this version of the specification nobody listens for who goes away: sending fails.
    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}}
    with pytest.raises(ClientDisconnect):
        await event_stream(told.frames(), to_the_end=to_the_end)(scope, receive, send)
    async with asyncio.timeout(5):
        if to_the_end:
            told.gate.set()
        assert await told.ended == to_the_end
