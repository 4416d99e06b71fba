"""Asks questions over some connections at once; a process of its own, as a client is.

`python -m benchmarks.chat.load http://127.0.0.1:8001 /v1/chat 8 200 KEY '"grounded":true'`
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from benchmarks.http import body_of, head_of, post
from benchmarks.instant_answer import STAMP


@dataclass(slots=True)
class Asked:
    """In seconds: all turns together, each turn, until each one's first word was there, and how
    long that was on its way from the model. A turn that failed is only counted.
    """

    seconds: float = 0.0
    turns: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    failed: int = 0


async def ask(url: str, path: str, *, connections: int, turns: int, key: str, sign: str) -> Asked:
    """An answer is good if it is a 200 and `sign` is in it."""
    asked = Asked()
    waiting = iter(range(turns))
    host, port = urlsplit(url).hostname, urlsplit(url).port

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for number in waiting:
            writer.write(post(path, f"How does a robot walk on slope {number}?", key))
            await _turn(reader, sign.encode(), asked)
        writer.close()

    began = time.time()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(client())
    asked.seconds = time.time() - began
    return asked


async def _turn(reader: asyncio.StreamReader, sign: bytes, asked: Asked) -> None:
    began, first, said = time.time(), 0.0, 0.0
    status, head = await head_of(reader)
    received = b""
    async for part in body_of(reader, head):
        received += part
        if not first and (stamp := STAMP.search(part.decode())):
            first, said = time.time(), float(stamp[0])
    if status == 200 and sign in received and first:
        asked.turns.append(time.time() - began)
        asked.firsts.append(first - began)
        asked.behind.append(first - said)
    else:
        asked.failed += 1


def main(url: str, path: str, connections: str, turns: str, key: str, sign: str) -> None:
    asking = ask(url, path, connections=int(connections), turns=int(turns), key=key, sign=sign)
    sys.stdout.write(json.dumps(asdict(asyncio.run(asking))))


if __name__ == "__main__":
    main(*sys.argv[1:])
