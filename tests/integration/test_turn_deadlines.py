"""However slow its database is, a turn is over in time: one that froze holds nobody up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from functions.chat.following import following, in_time
from functions.chat.recording import Recorder
from functions.chat.routes.deadlines import Deadlines
from functions.chat.turn import Question, Turn
from local.stack import Stack
from quire.domain import Caller, Prices
from quire.store.answers import Answers
from quire.store.database import Database
from quire.store.replays import Replays
from quire.store.turns import Turns
from quire.store.usage import UsageCounts
from quire.switches import Switchboard
from quire.web.frame import RequestFrame
from tests.conftest import Tenant
from tests.soak.wire import Moment, Proxy, postgres_name, postgres_request


class Freezer:
    """PostgreSQL behind a proxy: once `frozen`, it is silent, and hears no cancelling either."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.frozen = False
        self.touched = asyncio.Event()

    async def fate(self, name: str, moment: Moment) -> bool:
        if self.frozen:
            self.touched.set()
            await asyncio.Event().wait()
        return False


@pytest.fixture
async def freezer(stack: Stack) -> AsyncIterator[Freezer]:
    async def fate(name: str, moment: Moment) -> bool:
        return await frozen.fate(name, moment)

    port = urlsplit(stack.app_url).port
    assert port
    async with Proxy(port, read=postgres_request, name=postgres_name, fate=fate) as proxy:
        frozen = Freezer(Database(stack.app_url.replace(f":{port}/", f":{proxy.port}/")))
        yield frozen
        await frozen.database.close()


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_is_late_is_left_behind(freezer: Freezer) -> None:
    async def ask() -> None:
        await freezer.database.run(None, ("select 1", []))

    await ask()
    freezer.frozen = True
    began = now()
    with pytest.raises(TimeoutError):
        await in_time(ask(), began + 0.2)
    assert now() - began < 5, "it would wait for ever"


async def test_a_turn_ends_in_time_though_its_database_froze(
    freezer: Freezer, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    tenant = await make_tenant()
    turns = Turns(freezer.database)
    recorder = Recorder(
        turns,
        Answers(freezer.database),
        Replays(freezer.database),
        UsageCounts(freezer.database),
        Switchboard(None, seconds=1),
        prices=Prices(),
        without_database=True,
    )
    caller = Caller(tenant.id, "ada", frozenset(["ask"]), uuid4())
    turn: Turn = await recorder.open(caller, Question(text="Why?"), model="m", until=now() + 4)
    async with following(turn, turns):
        freezer.frozen = True
        await freezer.touched.wait()
        began = now()
    assert now() - began < turn.words_until - began + 1
    outcome = await recorder.close(turn, "deadline", model="m")
    assert now() < turn.until + 0.5
    assert (outcome.persisted, outcome.degraded) == (False, ["postgres"])


@pytest.mark.parametrize("gateway", [False, True])
async def test_time_runs_from_when_a_request_comes(gateway: bool) -> None:
    app, deadlines = FastAPI(), Deadlines(whole=25, streamed=120)

    @app.get("/")
    async def left(request: Request) -> list[float]:
        await asyncio.sleep(0.2)
        return [deadlines.of_answer(request) - now(), deadlines.of_stream(request) - now()]

    framed = RequestFrame(app, max_body=1, dialects={})

    async def entered(scope, receive, send):  # type: ignore[no-untyped-def]
        await framed({**scope, **({"aws.event": {}} if gateway else {})}, receive, send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(entered), base_url="http://framed"
    ) as client:
        whole, streamed = (await client.get("/")).json()
    assert whole == pytest.approx(24.8, abs=0.15)
    assert streamed == pytest.approx(24.8 if gateway else 119.8, abs=0.15)
