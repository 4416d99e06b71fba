"""Proxies on loopback that see every exchange of a worker, and at which it may die.

A request is read whole before any of it is passed on. So there are two moments to die at: it is
`unsent` when nobody has heard of it, `unanswered` when it was done and the worker never knew.
"""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from typing import Literal, Self

Moment = Literal["unsent", "unanswered"]
Read = Callable[[StreamReader, StreamWriter], Awaitable[bytes]]
# Told of each exchange twice, by its name; answers whether the worker died of it.
Fate = Callable[[str, Moment], Awaitable[bool]]

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# What names a transaction: words that only its statements have.
_TRANSACTIONS = {
    b"with claimed as": "claim",
    b"insert into chunks": "commit",
    b"select key, embedding": "cached embeddings",
    b"from collections where live or building": "collections",
    b"as spent left join": "quota",
    b"and id <> all(": "admit",
    b"w.filename": "announcement",
    b"status = 'extracting', done = 0": "restart",
    b"set status = 'failed'": "failure",
    b"set lease_until = null": "release",
    b"as leased": "standings",
    b"state = 'past'": "forget",
    b"update jobs set attempts = attempts + 1": "job",
    b"attempts = attempts + 1": "put back",
    b"insert into jobs": "deletion",
    b"delete from chunks where document_id = $1 returning": "purge",
    b"from retrievals": "quotes",
    b"delete from versions": "tombstone",
    b"from jobs": "job",
    b"update jobs": "job's end",
    b"from documents d where id": "document",
}


class Proxy:
    """One server's stand-in on a port of its own; an async context manager."""

    def __init__(
        self, upstream: int, *, read: Read, name: Callable[[bytes], str], fate: Fate
    ) -> None:
        self._upstream = upstream
        self._read = read
        self._name = name
        self._fate = fate
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        while self._connections:
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        # Here, for a task that is cancelled before its first step never comes to a `finally`.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Both directions, until either ends or the worker dies."""
        there = await asyncio.open_connection("127.0.0.1", self._upstream)
        asked: list[str] = []
        ways = [
            asyncio.create_task(self._requests(reader, writer, there[1], asked)),
            asyncio.create_task(self._answers(there[0], writer, asked)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            there[1].close()

    async def _requests(
        self, reader: StreamReader, writer: StreamWriter, there: StreamWriter, asked: list[str]
    ) -> None:
        while True:
            request = await self._read(reader, writer)
            name = self._name(request)
            if await self._fate(name, "unsent"):
                return
            asked.append(name)
            there.write(request)
            await there.drain()

    async def _answers(self, there: StreamReader, writer: StreamWriter, asked: list[str]) -> None:
        while answer := await there.read(2**16):
            while asked:
                if await self._fate(asked.pop(), "unanswered"):
                    return
            writer.write(answer)
            await writer.drain()


async def http_request(reader: StreamReader, writer: StreamWriter) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if re.search(rb"(?i)\r\nexpect: 100-continue", head):
        writer.write(_CONTINUE)
        head = re.sub(rb"(?i)\r\nexpect: 100-continue", b"", head)
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


async def postgres_request(reader: StreamReader, _: StreamWriter) -> bytes:
    """All up to what the server answers to: a Sync, a simple query, a step of the greeting."""
    request = b""
    while True:
        kind = await reader.readexactly(1)
        if kind == b"\0":  # the first messages have a length only, and none is so long
            length = kind + await reader.readexactly(3)
            return length + await reader.readexactly(int.from_bytes(length) - 4)
        length = await reader.readexactly(4)
        request += kind + length + await reader.readexactly(int.from_bytes(length) - 4)
        if kind in b"SQXp":
            return request


def postgres_name(request: bytes) -> str:
    words = b" ".join(request.split())
    for known, name in _TRANSACTIONS.items():
        if known in words:
            return f"PostgreSQL {name}"
    return "PostgreSQL other" if b"select set_config" in words else "PostgreSQL connection"


def aws_name(request: bytes) -> str:
    method, path = request.split(b" ", 2)[:2]
    if target := re.search(rb"(?i)x-amz-target: (\w+)\.(\w+)", request):
        queue = re.search(rb"-(documents|bulk|maintenance|dead)\"", request)
        words = [b"SQS", target[2], *queue.groups()] if queue else target.groups()
        return b" ".join(words).decode()
    if folder := re.search(rb"/(uploads|texts)/.*?(\.\w+)?(\?|$)", path):
        kind = "original" if folder[1] == b"uploads" else (folder[2] or b"").decode()
        return f"S3 {method.decode()} {kind}"
    return f"S3 {method.decode()} bucket"


def qdrant_name(request: bytes) -> str:
    method, path = request.split(b" ", 2)[:2]
    inner = path.partition(b"?")[0].removeprefix(b"/collections/").partition(b"/")[2]
    return f"Qdrant {method.decode()} {(inner or b'collection').decode()}"


def model_name(request: bytes) -> str:
    return f"model {b' '.join(request.split(b' ', 2)[:2]).decode()}"
