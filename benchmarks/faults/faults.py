"""What goes wrong, each for the time that its context lasts."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil

from benchmarks.cloud import Cloud
from benchmarks.faults.names import Names
from benchmarks.moods import HANG_UP, MOODS

_BLOCK = 2**20
_HANGING_UP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """`seconds` is how long it lasts, beyond what it takes to begin and to end it."""

    name: str
    seconds: float
    during: Callable[[], AbstractAsyncContextManager[None]]


def faults(cloud: Cloud, names: Names | None, disk: Path | None) -> list[Fault]:
    """Those this machine can have: `names` that may be forgotten, a `disk` that may be full."""
    found = [
        Fault("PostgreSQL restarts", 0, partial(_restarting, cloud, "postgres")),
        Fault("PgBouncer restarts", 0, partial(_restarting, cloud, "pgbouncer")),
        Fault("Qdrant is frozen", 10, partial(_frozen, cloud, "qdrant")),
        *(Fault(f"the model: {mood}", 8, partial(_moody, cloud, mood)) for mood in MOODS),
    ]
    if names:
        for name, lost in (
            ("names are not known", names.unknown),
            ("nobody answers for names", names.silent),
        ):
            found.append(Fault(name, 8, partial(_nameless, cloud, lost)))
    if disk:
        found.append(Fault("the disk is full", 10, partial(_full, disk)))
    return found


@asynccontextmanager
async def _restarting(cloud: Cloud, service: str) -> AsyncIterator[None]:
    server = cloud.stack.services[service]
    await server.stop()
    try:
        yield
    finally:
        await server.start()


@asynccontextmanager
async def _frozen(cloud: Cloud, service: str) -> AsyncIterator[None]:
    pid = cloud.stack.services[service].pid
    assert pid is not None
    family = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    for each in family:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in family:
            os.kill(each, signal.SIGCONT)


@asynccontextmanager
async def _moody(cloud: Cloud, mood: str) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=cloud.model_url) as model:
        await model.post("/mood", json={"mood": mood})
        try:
            yield
        finally:
            await model.post("/mood", json={"mood": ""})


@asynccontextmanager
async def _nameless(
    cloud: Cloud, lost: Callable[[], AbstractAsyncContextManager[None]]
) -> AsyncIterator[None]:
    """Connections that are there need no names, so they are lost too."""
    async with lost():
        async with _restarting(cloud, "pgbouncer"), _moody(cloud, HANG_UP):
            await asyncio.sleep(_HANGING_UP_SECONDS)
        yield


@asynccontextmanager
async def _full(disk: Path) -> AsyncIterator[None]:
    """Not a byte is left, however much is freed and taken meanwhile."""
    filler = disk / "filler"

    async def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            while True:
                for size in (_BLOCK, 1):
                    try:
                        while file.write(bytes(size)):
                            pass
                    except OSError:
                        continue
                await asyncio.sleep(0.1)

    filling = asyncio.create_task(fill())
    try:
        yield
    finally:
        filling.cancel()
        filler.unlink(missing_ok=True)
