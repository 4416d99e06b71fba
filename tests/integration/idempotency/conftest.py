"""The frame of every app, with idempotency keys in PostgreSQL, around routes that are counted."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from local.stack import Stack
from quire.domain import Limits
from quire.errors import Conflict, NotFound
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.idempotency import IdempotencyKeys
from quire.store.limits import RateLimits
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app
from quire.web.door import Door
from tests.conftest import Tenant

MAX_BODY = 10_000
LEASE_SECONDS = 3
Owner = psycopg.AsyncConnection[tuple[object, ...]]


class Counted:
    """`calls` that came through; one that waits goes on when the `gate` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.gate = asyncio.Event()
        self.fails = False
        self.routes = APIRouter()
        for path in (
            "/made",
            "/waiting",
            "/missing",
            "/busy",
            "/failing",
            "/large",
            "/secret",
            "/gone",
        ):
            self.routes.post(path, status_code=201)(getattr(self, path[1:]))
        self.routes.post("/stream")(self.stream)
        self.routes.put("/made")(self.made)

    async def made(self, response: Response) -> dict[str, int]:
        self.calls += 1
        response.headers["Location"] = f"/made/{self.calls}"
        return {"made": self.calls}

    async def waiting(self) -> None:
        self.calls += 1
        await self.gate.wait()

    async def missing(self) -> None:
        self.calls += 1
        raise NotFound("There is no such thing.")

    async def busy(self) -> None:
        self.calls += 1
        raise Conflict("Something else is in flight.")

    async def failing(self) -> dict[str, int]:
        self.calls += 1
        if self.fails:
            raise RuntimeError
        return {"made": self.calls}

    async def large(self, length: int) -> Response:
        self.calls += 1
        return Response(b"x" * length)

    async def secret(self) -> Response:
        self.calls += 1
        return Response("secret", headers={"Cache-Control": "no-store"})

    async def gone(self, request: Request) -> dict[str, str]:
        self.calls += 1
        request.state.session = uuid4()
        return {"answer": "Words of a session that was deleted."}

    async def stream(self) -> StreamingResponse:
        self.calls += 1

        async def pieces() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"piece %d\n" % number
                await self.gate.wait()

        return StreamingResponse(pieces(), media_type="text/event-stream")


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
async def client(
    stack: Stack, counted: Counted, make_tenant: Callable[..., Awaitable[Tenant]]
) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(stack.app_url)
    app = create_app(
        "Counted",
        [counted.routes],
        max_body=MAX_BODY,
        security=Security(ApiKeys(database), Users(database)),
        keys=IdempotencyKeys(database, lease=LEASE_SECONDS),
        limits=RateLimits(database, Limits(key_requests=600, requests=600)),
        switches=Switchboard(None, seconds=1),
        spending=re.compile("/none"),
        changeless=re.compile("/none"),
        door=Door(database.waited, most=100, seconds=30),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://counted",
        headers={**(await make_tenant()).headers(), "Idempotency-Key": secrets.token_hex(8)},
    ) as client:
        yield client
    await database.close()
