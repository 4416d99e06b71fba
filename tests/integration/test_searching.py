"""A search that is asked for alone: in time, measured, and counted under who took what."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import pytest

from functions.chat.finding import Finder, Found, Hyde
from functions.chat.outcomes import spent
from functions.chat.routes.ask import RetrieveBody
from functions.chat.searching import Searching
from local.stack import Stack
from quire import models
from quire.domain import Caller, Prices, Usage
from quire.errors import Late, Unavailable
from quire.metrics import Metric, measuring, taken
from quire.models.embedder import Embedder
from quire.models.language_model import LanguageModel
from quire.retrieval.index import Index
from quire.retrieval.retriever import Retriever
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.ingestions import Ingestions
from quire.store.usage import UsageCounts
from quire.switches import Switchboard
from tests.conftest import Tenant
from tests.soak.wire import Moment, Proxy, http_request

PRICES = Prices(prompt=1.0, cached=0.1, completion=10.0, embedding=100.0)
# What the model counts for a passage: 100 tokens of a prompt, 5 written; for an embedding, 3.
COUNTED = {"prompt_tokens": 100, "completion_tokens": 5}
PASSAGE = {"choices": [{"delta": {"content": "Gears"}, "finish_reason": "stop"}], "usage": COUNTED}


@dataclass
class Model:
    """Embeds at once, and makes up a passage once it may `speak`; `spoke` tells that it did."""

    dimensions: int
    speaks: asyncio.Event = field(default_factory=asyncio.Event)
    spoke: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await http_request(reader, writer):
                if b"/embeddings" in request:
                    asked = len(json.loads(request.partition(b"\r\n\r\n")[2])["input"])
                    vector = [1.0] + [0.0] * (self.dimensions - 1)
                    body = json.dumps(
                        {
                            "data": [{"index": n, "embedding": vector} for n in range(asked)],
                            "usage": {"prompt_tokens": 3, "total_tokens": 3},
                        }
                    )
                else:
                    await self.speaks.wait()
                    self.spoke = True
                    body = f"data: {json.dumps(PASSAGE)}\n\ndata: [DONE]\n\n"
                head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                writer.write(f"{head}{len(body)}\r\n\r\n{body}".encode())
        writer.close()


Find = Callable[[Hyde, float], Awaitable[Found]]


@pytest.fixture
async def caller(make_tenant: Callable[..., Awaitable[Tenant]]) -> Caller:
    return Caller((await make_tenant()).id, "ada", frozenset(["ask"]), uuid4())


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    made = Database(stack.app_url)
    yield made
    await made.close()


@pytest.fixture
async def model(database: Database) -> Model:
    return Model((await Collections(database).live()).dimensions)


@pytest.fixture
def lost() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def find(
    stack: Stack, database: Database, model: Model, caller: Caller, lost: asyncio.Event
) -> AsyncIterator[Find]:
    """Searches for so many seconds at most, in an index that is `lost` once there is a passage."""

    async def fate(name: str, moment: Moment) -> bool:
        return lost.is_set() and model.spoke

    port = stack.configuration.qdrant_port
    async with (
        Proxy(port, read=http_request, name=repr, fate=fate) as qdrant,
        await asyncio.start_server(model.serve, "127.0.0.1", 0) as listening,
    ):
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with models.connect(base_url=url, api_key="any", timeout=30) as client:
            index = Index(f"http://127.0.0.1:{qdrant.port}", api_key=None)
            searching = Searching(
                Finder(
                    Retriever(Embedder(client), index, Documents(database), Ingestions(database)),
                    LanguageModel(client, model="scribe", openai=False),
                    imaginative=True,
                    switches=Switchboard(None, seconds=1),
                ),
                Collections(database),
                UsageCounts(database),
                Switchboard(None, seconds=1),
                prices=PRICES,
            )
            wanted = partial(RetrieveBody(question="Why?").to_search, caller.tenant)

            async def found(hyde: Hyde, seconds: float) -> Found:
                until = asyncio.get_running_loop().time() + seconds
                return await searching.find(caller, wanted, hyde=hyde, until=until)

            yield found
            model.speaks.set()
            await index.close()


async def counted(database: Database, caller: Caller) -> dict[str, tuple[int, Usage, float]]:
    """What is booked under each model: requests, tokens, dollars."""
    today = datetime.now(UTC).date()
    return {
        day.model: (day.requests, day.usage, round(day.cost_usd, 9))
        for day in await UsageCounts(database).daily(caller.tenant, today, today)
    }


async def test_what_it_took_is_measured_and_counted_for_each_model(
    find: Find, model: Model, database: Database, caller: Caller
) -> None:
    model.speaks.set()
    live = (await Collections(database).live()).model
    with measuring():
        assert not (await find(Hyde.NEVER, 20)).hypothesis
        plain = taken()
        assert (await find(Hyde.ALWAYS, 20)).hypothesis
        made_up = taken()
    assert sum(plain[Metric.DOLLARS, None]) == pytest.approx(3 * 100e-6)
    assert plain[Metric.EMBEDDING_TOKENS, None] == [3]
    assert (Metric.PROMPT_TOKENS, "scribe") not in plain
    assert made_up[Metric.PROMPT_TOKENS, "scribe"] == [100]
    assert made_up[Metric.COMPLETION_TOKENS, "scribe"] == [5]
    assert made_up[Metric.EMBEDDING_TOKENS, None] == [6]
    assert sum(made_up[Metric.DOLLARS, None]) == pytest.approx(100e-6 + 50e-6 + 600e-6)
    assert made_up[Metric.RETRIEVE_TIME, None][0] > made_up[Metric.HYPOTHESIS_TIME, None][0] > 0
    assert await counted(database, caller) == {
        live: (2, Usage(embedding_tokens=9), 900e-6),
        "scribe": (0, Usage(prompt_tokens=100, completion_tokens=5), 150e-6),
    }


def test_who_is_counted_with_the_same_models_counts_them_in_one_order() -> None:
    """Rows that are locked in two orders are a deadlock: a turn counts the chat model first."""
    one, other = ("a", Usage(prompt_tokens=1)), ("b", Usage(embedding_tokens=1))
    assert [
        list(values)[1:3]
        for _, values in (*spent("t", PRICES, one, other), *spent("t", PRICES, other, one))
    ] == [["a", 1], ["b", 0], ["a", 0], ["b", 1]]


async def test_what_it_took_counts_though_nothing_is_found(
    find: Find, model: Model, lost: asyncio.Event, database: Database, caller: Caller
) -> None:
    model.speaks.set()
    lost.set()
    with pytest.raises(Unavailable, match="qdrant"):
        await find(Hyde.ALWAYS, 20)
    assert await counted(database, caller) == {
        (await Collections(database).live()).model: (1, Usage(embedding_tokens=3), 300e-6),
        "scribe": (0, Usage(prompt_tokens=100, completion_tokens=5), 150e-6),
    }


async def test_it_is_over_in_time(find: Find, database: Database, caller: Caller) -> None:
    """However slow what it waits for is: here a model that makes up a passage. It is paid for."""
    async with asyncio.timeout(3):
        with pytest.raises(Late):
            await find(Hyde.ALWAYS, 0.5)
    async with asyncio.timeout(10):
        while "scribe" not in await counted(database, caller):
            await asyncio.sleep(0.02)
