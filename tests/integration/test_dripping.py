"""Servers that are never silent for long, and never done: no time-out of a read ends that."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from local.provision import credentials
from quire.domain import Collection, Sparse
from quire.errors import Unavailable
from quire.objects import Objects
from quire.retrieval.filters import Filters
from quire.retrieval.index import Index
from quire.switches import Switchboard
from tests.soak.wire import http_request

COLLECTION = Collection(name="none", model="m", dimensions=2)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"


@dataclass
class Server:
    """Answers blank after blank, and what it has to say once it may `end`."""

    says: bytes = b"{}"
    url: str = ""
    asked: int = 0
    end: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await http_request(reader, writer)
            self.asked += 1
            writer.write(HEAD)
            while not self.end.is_set():
                writer.write(b" ")
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await self.end.wait()
            writer.write(self.says)
        writer.close()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    made = Server()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as listening:
        made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        for name, value in credentials(made.url).items():
            monkeypatch.setenv(name, value)
        yield made
        made.end.set()


async def refused(call: Callable[[], Awaitable[object]], *, within: float) -> None:
    async with asyncio.timeout(within):
        with pytest.raises(Unavailable):
            await call()


async def search(index: Index) -> None:
    bm25 = Sparse(indices=[1], values=[1.0])
    await index.search(
        COLLECTION, "t", dense=None, bm25=bm25, filters=Filters(), without=(), limit=1
    )


async def test_qdrant(server: Server) -> None:
    index = Index(server.url, api_key=None, timeout=0.5)
    await refused(lambda: search(index), within=2)
    await refused(lambda: index.count(COLLECTION), within=2)
    await index.close()


async def test_qdrant_that_hangs_up_late_has_no_second_time() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.9)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        index = Index(url, api_key=None, timeout=1)
        await refused(lambda: search(index), within=1.5)
        await index.close()


async def test_s3(server: Server) -> None:
    objects = Objects("bucket", timeout=0.5)
    await refused(lambda: objects.get("texts/t/1/1.txt"), within=2)


async def test_switches_are_heard_when_they_come_and_asked_for_by_one_at_a_time(
    server: Server,
) -> None:
    board = Switchboard("any", seconds=0)
    server.says = json.dumps({"Name": "any", "SecretString": '{"hyde": false}'}).encode()
    async with asyncio.timeout(5):
        assert (await board.read()).hyde
    async with asyncio.timeout(0.5):
        assert (await board.read()).hyde
    assert server.asked == 1
    server.end.set()
    async with asyncio.timeout(5):
        while board.current.hyde:
            await asyncio.sleep(0.02)
