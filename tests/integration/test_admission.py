"""Limits at the edge: told in headers, refused with a 429 in two dialects, or with a 503."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, Request, Response

from functions.chat.app import CHANGELESS, SPENDING
from functions.chat.dialect.errors import error_json
from functions.chat.routes.streams import Streams
from functions.chat.streaming import event_stream
from local.stack import Stack
from quire.domain import Caller, Limits, Usage
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.idempotency import IdempotencyKeys
from quire.store.limits import RateLimits
from quire.store.usage import UsageCounts, add_usage
from quire.store.users import Users
from quire.switches import Switchboard
from quire.web import create_app, requires
from quire.web.door import Door
from quire.web.edge import NO_EDGE, Edge
from tests.conftest import Tenant

STAGE = Limits(key_requests=600, requests=600)
AT_ONCE = 8


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    one = Database(stack.app_url, connections=8)
    yield one
    await one.close()


@pytest.fixture
async def tenant(make_tenant: Callable[..., Awaitable[Tenant]]) -> Tenant:
    return await make_tenant()


@pytest.fixture
async def client(
    database: Database, tenant: Tenant
) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """An app's frame with such limits, around routes that do nothing."""
    opened = []

    def make(stage: Limits, edge: Edge = NO_EDGE) -> httpx.AsyncClient:
        security, limits = (
            Security(ApiKeys(database), Users(database)),
            RateLimits(database, stage, timeout=30),
        )
        app = create_app(
            "Limited",
            [routes(security, limits)],
            max_body=1_000,
            security=security,
            keys=IdempotencyKeys(database, lease=9),
            limits=limits,
            switches=Switchboard(None, seconds=1),
            spending=SPENDING,
            changeless=CHANGELESS,
            door=Door(database.waited, most=AT_ONCE, seconds=30),
            dialects={"/v1/chat/completions": error_json},
            edge=edge,
        )
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://x", headers=tenant.headers()
        )
        opened.append(made)
        return made

    yield make
    for one in opened:
        await one.aclose()


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


async def test_every_answer_tells_how_its_caller_stands(client: Make) -> None:
    asking = client(Limits(key_requests=2, requests=100))
    first = await asking.get("/v1/sessions")
    assert first.headers["ratelimit-policy"] == '"key";q=2;w=60, "tenant";q=100;w=60'
    assert first.headers["ratelimit"] == '"key";r=1;t=30, "tenant";r=99;t=1'
    absent = await asking.get("/nowhere")
    assert absent.status_code == 404
    assert absent.headers["ratelimit"].startswith('"key";r=0;t=')
    refused = await asking.get("/v1/sessions")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')
    problem = refused.json()
    assert (problem["title"], problem["code"]) == ("Too Many Requests", "rate_limit_exceeded")
    assert "for this key: 2 a minute" in problem["detail"]


async def test_openais_dialect_is_refused_in_its_own_words(client: Make) -> None:
    asking = client(Limits(key_requests=1, requests=9))
    assert (await asking.post("/v1/chat/completions", json={})).status_code == 200
    refused = await asking.post("/v1/chat/completions", json={})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")


async def test_nobody_without_a_key_is_counted(client: Make) -> None:
    asking = client(Limits(key_requests=1, requests=1))
    del asking.headers["Authorization"]
    for _ in range(3):
        answer = await asking.get("/v1/sessions")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


@pytest.mark.parametrize(("tokens", "dollars"), [(150, None), (None, 0.5)])
async def test_a_spent_day_ends_what_costs_something_and_nothing_else(
    client: Make, database: Database, tenant: Tenant, tokens: int | None, dollars: float | None
) -> None:
    asking = client(Limits(key_requests=99, requests=99, tokens=tokens, dollars=dollars))
    assert (await asking.post("/v1/chat/completions", json={})).status_code == 200
    used = Usage(prompt_tokens=100, completion_tokens=40, embedding_tokens=10)
    await UsageCounts(database).add(tenant.id, add_usage(tenant.id, "m", used, 0.5))
    refused = await asking.post("/v1/chat/completions", json={})
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "insufficient_quota"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert (await asking.get("/v1/sessions")).status_code == 200
    # What saves tokens is never refused for want of them.
    assert (await asking.post("/v1/messages/1/stop")).status_code == 200


async def test_streams_beyond_the_limit_are_refused_and_those_that_end_are_free(
    client: Make, database: Database, tenant: Tenant
) -> None:
    asking = client(Limits(key_requests=99, requests=99, streams=1))
    for _ in range(3):  # each has ended when the next one begins
        assert (await asking.post("/v1/chat/stream", json={})).content == b"one"
        failed = await asking.post("/v1/chat/stream", json={}, headers={"x-fails": "1"})
        assert failed.status_code == 500  # and so has one that came to nothing
    other = RateLimits(database, STAGE, timeout=30)
    assert await other.begin_stream(tenant.id, stream=uuid4(), most=1, seconds=60)
    for _ in range(AT_ONCE + 1):  # and none of those who are refused stays at the door
        refused = await asking.post("/v1/chat/stream", json={})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert "1 streams under way" in refused.json()["detail"]


async def test_who_guesses_keys_hears_when_to_come_back(client: Make) -> None:
    asking = client(STAGE, Edge("known-to-the-edge", only=False))

    async def guess(number: int, **said: str) -> httpx.Response:
        made_up = {"Authorization": f"Bearer quire_{number}", **said}
        return await asking.get("/v1/sessions", headers=made_up)

    for number in range(300):
        address = f"203.0.113.{number % 250}"
        answer = await guess(number, **{"X-Forwarded-For": address, "Quire-Viewer": address})
        if answer.status_code != 401:
            break
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    # Others come by the same edge.
    shown = {"Quire-Edge": "known-to-the-edge", "Quire-Viewer": "203.0.113.250"}
    assert (await guess(number, **shown)).status_code == 401


async def test_what_cannot_be_borne_is_refused_at_once(client: Make) -> None:
    asking = client(STAGE)
    gate.clear()
    waiting = [asyncio.create_task(asking.get("/wait")) for _ in range(AT_ONCE)]
    await asyncio.sleep(0.1)
    refused = await asking.get("/v1/sessions")
    gate.set()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["dependency"] == "quire"
    assert {(await one).status_code for one in waiting} == {200}
    assert (await asking.get("/v1/sessions")).status_code == 200


@pytest.mark.parametrize("leaves", ["at once", "after a while"])
async def test_a_turn_whose_reader_has_left_is_borne_to_its_end(
    client: Make, tenant: Tenant, leaves: str
) -> None:
    asking = client(STAGE)
    gate.clear()
    for _ in range(AT_ONCE):
        await leave(asking, {**tenant.headers(), "x-waits": "1"}, at_once=leaves == "at once")
    refused = await asking.get("/v1/sessions")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    gate.set()
    await asyncio.sleep(0.05)
    assert (await asking.get("/v1/sessions")).status_code == 200


async def leave(asking: httpx.AsyncClient, headers: dict[str, str], *, at_once: bool) -> None:
    """Ask for a stream and hang up: before a word of it, or after the first."""
    transport = asking._transport
    assert isinstance(transport, httpx.ASGITransport)
    said, begun = iter([{"type": "http.request", "body": b"{}"}]), asyncio.Event()

    async def receive() -> dict[str, Any]:
        if message := next(said, None):
            return message
        if not at_once:
            await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body"):
            begun.set()

    given = {**headers, "content-type": "application/json", "content-length": "2"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/chat/stream",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }
    await transport.app(scope, receive, send)


async def test_while_postgres_is_gone_nobody_is_refused(
    database: Database, tenant: Tenant, client: Make
) -> None:
    """Its key was verified before; what the request itself needs is another matter."""
    gone = Database("postgresql://quire_app@127.0.0.1:1/none", connections=1)
    security = Security(ApiKeys(database), Users(database))
    await security.recognize(f"Bearer {tenant.key}", user=None)
    limits = RateLimits(gone, Limits(key_requests=1, requests=1), timeout=0.2)
    app = create_app(
        "Open",
        [routes(security, limits)],
        max_body=1_000,
        security=security,
        keys=IdempotencyKeys(gone, lease=9),
        limits=limits,
        switches=Switchboard(None, seconds=1),
        spending=re.compile(".*"),
        changeless=CHANGELESS,
        door=Door(database.waited, most=9, seconds=30),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://x", headers=tenant.headers()
    ) as asking:
        for _ in range(3):
            answer = await asking.get("/v1/sessions")
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers
    await gone.close()


async def test_behind_an_edge_only_who_shows_its_key_is_served(client: Make) -> None:
    asking = client(Limits(key_requests=9, requests=9), Edge("known-to-the-edge", only=True))
    for shown in ({}, {"Quire-Edge": ""}, {"Quire-Edge": "known-to-the-edge-"}):
        refused = await asking.get("/v1/sessions", headers=shown)
        assert refused.status_code == 403
        assert refused.json()["title"] == "Forbidden"
        # Whoever comes past the edge costs nobody a look-up.
        assert "ratelimit" not in refused.headers
    shown = {"Quire-Edge": "known-to-the-edge"}
    assert (await asking.get("/v1/sessions", headers=shown)).status_code == 200
