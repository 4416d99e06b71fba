"""Routes that do nothing, or wait for a gate, and what an app around them is called with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import httpx
from fastapi import APIRouter, Depends, Request, Response

from functions.chat.routes.streams import Streams
from functions.chat.streaming import event_stream
from quire.domain import Caller, Limits
from quire.security import Security
from quire.store.limits import RateLimits
from quire.web import requires

STAGE = Limits(key_requests=600, requests=600)
AT_ONCE = 8


gate = asyncio.Event()


def routes(security: Security, limits: RateLimits) -> APIRouter:
    router, streams = APIRouter(), Streams(limits)
    asks = requires(security, "ask")

    @router.get("/v1/sessions")
    @router.post("/v1/chat/completions")
    @router.post("/v1/messages/1/stop")
    async def nothing() -> dict[str, str]:
        return {}

    @router.get("/wait")
    async def wait() -> None:
        await gate.wait()

    @router.post("/v1/chat/stream")
    async def stream(request: Request, who: Caller = Depends(asks)) -> Response:
        until = asyncio.get_running_loop().time() + 60

        async def frames() -> AsyncIterator[bytes]:
            yield b"one"
            if request.headers.get("x-waits"):
                await gate.wait()

        async with streams.one(request, who, of=uuid4(), until=until) as one:
            if request.headers.get("x-fails"):
                raise RuntimeError
            return event_stream(one.of(frames()))

    return router


Make = Callable[..., httpx.AsyncClient]
