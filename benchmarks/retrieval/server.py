"""The laptop's Qdrant in a process of its own, so that its memory is its own too."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.service import accepts

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
# While questions are asked nothing is to be flushed or optimised beside them.
_NEVER = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: `own` is the process's (heap, stacks), `mapped` what is there of the index's files."""

    own: int
    mapped: int


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    pid: int
    state: Path

    def memory(self) -> Memory:
        process = psutil.Process(self.pid)
        held = process.memory_info()
        files = [m.rss for m in process.memory_maps() if m.path.startswith(str(self.state))]
        return Memory(own=held.rss - held.shared, mapped=sum(files))


@asynccontextmanager
async def serving(state: Path, *, keeping: bool) -> AsyncIterator[Server]:
    """The server on the folder `state`; it flushes and optimises if it is `keeping`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    every = [] if keeping else ["--keep-every", str(_NEVER)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.qdrant", "--port", str(port), "--state", str(state)),
        *every,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_START_SECONDS):
            await accepts(port)
        yield Server(f"http://127.0.0.1:{port}", process.pid, state)
    finally:
        process.terminate()
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
