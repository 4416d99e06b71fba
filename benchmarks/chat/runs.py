"""The runs: turns at a side's address from a number of connections, and LangChain's server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chat.load import Asked
from benchmarks.cloud import Cloud
from benchmarks.comparison import LANGCHAIN, MISSING
from benchmarks.meter import CHAT_GATEWAY, CHAT_URL, metering
from benchmarks.ports import free_ports
from benchmarks.profile import Profile
from local.service import accepts

BUFFERED, STREAMED = "/v1/chat", "/v1/chat/stream"
_WARM_TURNS = 100
_WARM_CONNECTIONS = 8
_POLL = 0.5
# What shows that a turn was all that it should be: Quire's ends with citations that stand.
_GROUNDED, _ANSWERED = '"grounded":true', '"answer"'


@dataclass(frozen=True, slots=True)
class Side:
    """Who is asked: the part that their process plays, and where."""

    role: str
    url: str
    paths: tuple[str, ...]
    sign: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A side's figures at one path; `cpu` in seconds by the part a process plays."""

    side: Side
    path: str
    connections: int
    asked: Asked
    cpu: dict[str, float]

    @property
    def turns(self) -> int:
        return len(self.asked.turns)

    @property
    def paid(self) -> float:
        """CPU seconds of what is paid for, a turn."""
        return self.cpu.get(self.side.role, 0.0) / max(1, self.turns)


def quire(cloud: Cloud) -> list[Side]:
    configured = cloud.stack.configuration
    return [
        Side(CHAT_URL, configured.stream_url, (BUFFERED, STREAMED), _GROUNDED),
        Side(CHAT_GATEWAY, configured.api_url, (BUFFERED,), _GROUNDED),
    ]


async def read(cloud: Cloud, folder: Path, *, count: int) -> None:
    """Have a folder's documents ingested."""
    await cloud.put(folder)
    while (await cloud.state()).ready < count:
        await asyncio.sleep(_POLL)


async def warm_up(cloud: Cloud, side: Side) -> None:
    """Have every process started, every connection made and every code path taken."""
    for path in side.paths:
        await ask(cloud, side, path, connections=_WARM_CONNECTIONS, turns=_WARM_TURNS)


async def ask(
    cloud: Cloud,
    side: Side,
    path: str,
    *,
    connections: int,
    turns: int,
    profile: Profile | None = None,
) -> Measured:
    key = cloud.stack.configuration.api_key.get_secret_value()
    command = [side.url, path, str(connections), str(turns), key, side.sign]
    async with metering() as meter:
        with _following(profile, meter.alive(side.role)):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.chat.load", *command),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            cpu = meter.read()
    if process.returncode:
        raise RuntimeError(f"Nobody could be asked at {side.url}{path}; the error is above.")
    return Measured(side, path, connections, Asked(**json.loads(output)), cpu)


@asynccontextmanager
async def langchain(cloud: Cloud, folder: Path) -> AsyncIterator[Side | None]:
    """LangChain's server with the same files in the same Qdrant; None where it is not installed."""
    (port,) = free_ports(1)
    where = [cloud.model_url, cloud.qdrant_url, cloud.model, str(cloud.dimensions), str(port)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.chat.with_langchain", str(folder), *where)
    )
    up, ended = asyncio.create_task(accepts(port)), asyncio.create_task(process.wait())
    try:
        await asyncio.wait({up, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            url = f"http://127.0.0.1:{port}"
            yield Side(LANGCHAIN, url, (BUFFERED, STREAMED), _ANSWERED)
        elif ended.result() == MISSING:
            yield None
        else:
            raise RuntimeError("LangChain's server failed; its error is above.")
    finally:
        up.cancel()
        with suppress(ProcessLookupError):
            process.terminate()
        await ended


@contextmanager
def _following(profile: Profile | None, pids: list[int]) -> Iterator[None]:
    if profile is None:
        yield
        return
    profile.follow(pids)
    try:
        yield
    finally:
        profile.end()
