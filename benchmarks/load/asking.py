"""Asks streamed questions over many connections at once; a process of its own, as clients are.

It writes a line for each turn as it ends. With as many turns as it takes it goes on until it is
stopped. `python -m benchmarks.load.asking http://127.0.0.1:8001 KEY 1000 20000`
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import astuple, dataclass
from itertools import count
from urllib.parse import urlsplit

from benchmarks.http import body_of, head_of, post

PATH = "/v1/chat/stream"
# Longer than any stream takes.
_PATIENCE = 320.0
# Who was refused comes back a little later.
_PAUSE = 0.3
# All at once would be more than a listening socket holds.
_RAMP = 0.002
_LINE_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Told:
    """A turn as its reader saw it: when, in Unix seconds, and how it ended.

    `kind` is served, degraded, incomplete, refused, or broken: neither an answer nor a problem.
    `why` is what was missing; `opening` and `closing` are the database's part in ms. `message` is
    the id of what was acknowledged as stored.
    """

    began: float
    ended: float
    kind: str
    why: str = ""
    opening: float = 0.0
    closing: float = 0.0
    message: str | None = None


async def ask(url: str, key: str, *, at_once: int, turns: int) -> None:
    """As many `turns`, or without end if there are none."""
    waiting = iter(range(turns) if turns else count())
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(_client(url, key, waiting))
            await asyncio.sleep(_RAMP)


async def _client(url: str, key: str, waiting: Iterable[int]) -> None:
    at = urlsplit(url)
    connection = None
    for number in waiting:
        began = time.time()
        try:
            async with asyncio.timeout(_PATIENCE):
                if connection is None:
                    connection = await asyncio.open_connection(at.hostname, at.port)
                reader, writer = connection
                writer.write(post(PATH, f"How does a robot walk on slope {number}?", key))
                status, head = await head_of(reader)
                body = b"".join([part async for part in body_of(reader, head)])
            told = _told(began, status, body)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            told = Told(began, time.time(), "broken", type(error).__name__)
            if connection:
                connection[1].close()
            connection = None
        sys.stdout.write(json.dumps(astuple(told)) + "\n")
        sys.stdout.flush()
        if told.kind in ("refused", "broken"):
            await asyncio.sleep(_PAUSE)


def _told(began: float, status: int, body: bytes) -> Told:
    """Raises ValueError for what is neither."""
    ended = time.time()
    if status != 200:
        return _refused(began, ended, json.loads(body))
    # A reader that looked at every event would take more of the machine than what is measured.
    event = json.loads(body.rpartition(b"\ndata: ")[2].partition(b"\n")[0])
    if event["event"] == "error":
        return _refused(began, ended, event["problem"])
    if event["event"] == "incomplete":
        kind, why = "incomplete", event["reason"]
    elif event["event"] == "response_complete":
        kind, why = "degraded" if event["degraded"] else "served", "+".join(event["degraded"])
    else:
        raise ValueError("a stream without an end")
    timings = event["timings"]
    kept = event["message_id"] if event["persisted"] else None
    return Told(began, ended, kind, why, timings["open"], timings["close"], kept)


def _refused(began: float, ended: float, problem: dict[str, object]) -> Told:
    """A problem is clear if it says what it is, and what was missing."""
    if not problem["detail"] or not problem["request_id"]:
        raise ValueError("a problem that says nothing")
    why = problem.get("dependency") or problem.get("code") or problem["status"]
    return Told(began, ended, "refused", f"{problem['status']} {why}")


@asynccontextmanager
async def asking(
    url: str, key: str, *, at_once: int, turns: int = 0
) -> AsyncIterator[AsyncIterator[Told]]:
    """The turns of such a process, as they end; it is stopped at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load.asking", url, key, str(at_once), str(turns)),
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    assert process.stdout
    try:
        yield _lines(process.stdout)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[Told]:
    async for line in output:
        yield Told(*json.loads(line))


def main(url: str, key: str, at_once: str, turns: str) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(ask(url, key, at_once=int(at_once), turns=int(turns)))


if __name__ == "__main__":
    main(*sys.argv[1:])
