"""HTTP by hand: a client library would take more of the machine than what is measured."""

import asyncio
import json
from collections.abc import AsyncIterator


def post(path: str, question: str, key: str) -> bytes:
    """A question, whole."""
    body = json.dumps({"question": question, "cache": False}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def head_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """An answer's status, and its head in lower case."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    return int(head.split(b" ")[1]), head


async def body_of(reader: asyncio.StreamReader, head: bytes) -> AsyncIterator[bytes]:
    """The parts of an answer as its server sent them."""
    if b"transfer-encoding: chunked" not in head:
        yield await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        return
    while size := int(await reader.readline(), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
