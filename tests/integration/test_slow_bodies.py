"""Bodies that come slowly, or never: they hold no place in a process, and not for long anything."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import ASGIApp

from benchmarks.ports import free_ports
from local.web_server import WebServer
from quire.domain import Limits
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.idempotency import IdempotencyKeys
from quire.store.limits import RateLimits
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app
from quire.web.door import Door
from quire.web.frame import RequestFrame

PLACES = 3
MOST = 1_000
# Who has no key asks no database.
NOBODYS = "postgresql://nobody@127.0.0.1:9/none"
HEAD = "POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{}\r\n\r\n"


class Thing(BaseModel):
    name: str


def things(left: asyncio.Event) -> APIRouter:
    """What is sent is told again; a stream goes on until its reader has `left`."""
    router = APIRouter()

    @router.post("/v1/things")
    async def name(thing: Thing) -> str:
        return thing.name

    @router.post("/v1/stream")
    async def stream(thing: Thing, request: Request) -> StreamingResponse:
        async def frames() -> AsyncIterator[str]:
            try:
                while True:
                    yield thing.name
                    await asyncio.sleep(0.02)
            finally:
                left.set()

        return StreamingResponse(frames())

    return router


@pytest.fixture
def left() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def served() -> AsyncIterator[Callable[[ASGIApp], Any]]:
    async with AsyncExitStack() as until:

        async def start(app: ASGIApp) -> tuple[int, httpx.AsyncClient]:
            (port,) = free_ports(1)
            server = WebServer(app, name="things", port=port)
            await server.start()
            until.push_async_callback(server.stop)
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5)
            return port, await until.enter_async_context(client)

        yield start


async def begun(port: int, length: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request of whose body the beginning came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD.format(length).encode() + b'{"na' * ("Content" in length))
    await writer.drain()
    return reader, writer


async def test_they_hold_no_place(left: asyncio.Event, served: Callable[[ASGIApp], Any]) -> None:
    database = Database(NOBODYS)
    app = create_app(
        "Things",
        [things(left)],
        max_body=MOST,
        security=Security(ApiKeys(database), Users(database)),
        keys=IdempotencyKeys(database, lease=9),
        limits=RateLimits(database, Limits(key_requests=999, requests=999)),
        switches=Switchboard(None, seconds=1),
        spending=re.compile("/none"),
        changeless=re.compile("/none"),
        door=Door(database.waited, most=PLACES, seconds=5),
    )
    port, client = await served(app)
    slow = [await begun(port, "Content-Length: 17") for _ in range(3 * PLACES)]
    try:
        answer = await client.post("/v1/things", json={"name": "cog"})
        assert (answer.status_code, answer.json()) == (200, "cog")
        # Who is slow is not forgotten.
        for reader, writer in slow:
            writer.write(b'me": "wheel"}')
            async with asyncio.timeout(5):
                assert b"200 OK" in await reader.readuntil(b"\r\n")
    finally:
        for _, writer in slow:
            writer.close()


@pytest.mark.parametrize("length", ["Content-Length: 17", "Transfer-Encoding: chunked"])
async def test_what_does_not_come_is_a_408(
    left: asyncio.Event, served: Callable[[ASGIApp], Any], length: str
) -> None:
    bare = FastAPI()
    bare.include_router(things(left))
    port, _ = await served(RequestFrame(bare, max_body=MOST, dialects={}, body_seconds=0.3))
    reader, writer = await begun(port, length)
    try:
        async with asyncio.timeout(3):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    assert head.startswith(b"HTTP/1.1 408 ")
    problem = json.loads(body)
    assert (problem["type"], problem["detail"]) == (
        "urn:quire:problem:request-timeout",
        "The body has to be here within 0.3 s.",
    )


async def test_that_a_reader_left_is_heard_however_late(
    left: asyncio.Event, served: Callable[[ASGIApp], Any]
) -> None:
    bare = FastAPI()
    bare.include_router(things(left))
    _, client = await served(RequestFrame(bare, max_body=MOST, dialects={}, body_seconds=0.2))
    async with client.stream("POST", "/v1/stream", json={"name": "cog"}) as answer:
        pieces, now = answer.aiter_bytes(), asyncio.get_running_loop().time
        began = now()
        while now() - began < 0.5:
            assert await anext(pieces)
        assert not left.is_set()
    async with asyncio.timeout(3):
        await left.wait()
