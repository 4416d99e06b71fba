"""Who is let in at all: while there is too much to do, past the edge, without PostgreSQL."""

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from functions.chat.app import CHANGELESS
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
from quire.web.edge import Edge
from tests.conftest import Tenant
from tests.integration.admission.limited import AT_ONCE, STAGE, Make, gate, routes


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
