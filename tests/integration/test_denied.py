"""What our role may not do, as AWS says it: of queues with a 400, to a HEAD without a body."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from local.provision import credentials
from quire.errors import Unavailable
from quire.objects import Objects
from quire.queue import Queue
from tests.soak.wire import http_request

DENIED = json.dumps({"__type": "com.amazon.coral.service#AccessDeniedException"}).encode()


def errors(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """(message, operation) of each."""
    return [
        (record.message, record.__dict__["operation"])
        for record in caplog.records
        if record.levelname == "ERROR"
    ]


@asynccontextmanager
async def answering(
    monkeypatch: pytest.MonkeyPatch, status: bytes, body: bytes = b""
) -> AsyncIterator[str]:
    """AWS, which answers this to every call; its URL, which the SDK has heard of."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await http_request(reader, writer)
        writer.write(b"HTTP/1.1 %b\r\nconnection: close\r\n" % status)
        writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name, value in credentials(url).items():
        monkeypatch.setenv(name, value)
    async with server:
        yield url


async def _count(url: str) -> object:
    return await Queue(f"{url}/123456789012/documents").count()


async def _head(_: str) -> object:
    return await Objects("bucket").exists("uploads/main/a.txt")


@pytest.mark.parametrize(
    ("status", "body", "call", "operation"),
    [
        (b"400 Bad Request", DENIED, _count, "GetQueueAttributes"),
        (b"403 Forbidden", b"", _head, "HeadObject"),
    ],
)
async def test_it_is_an_error_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: bytes,
    body: bytes,
    call: Callable[[str], Awaitable[object]],
    operation: str,
) -> None:
    async with answering(monkeypatch, status, body) as url:
        with pytest.raises(Unavailable):
            await call(url)
    assert errors(caplog) == [("AWS denies a call", operation)]


async def test_what_may_pass_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering(monkeypatch, b"503 Service Unavailable") as url:
        with pytest.raises(Unavailable):
            await _count(url)
    assert errors(caplog) == []
