"""The runs: a corpus through the queue or straight to the worker, LangChain's, one long PDF."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cloud import Cloud
from benchmarks.comparison import LANGCHAIN, MISSING
from benchmarks.corpus import files_in, lay_out_small
from benchmarks.instant_model import Served
from benchmarks.meter import WORKER, metering
from benchmarks.profile import Profile
from local.provision import RECOVER_SECONDS

Advance = Callable[[int], object]

_WARM = 60
_RECOVERY = 5  # s
_POLL = 0.5
_BATCH = 10
_SIDE_BY_SIDE = 2
_LIMIT_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One side's figures.

    `cpu` in seconds by the part a process plays, `peak` in bytes, `invocations` in seconds each.
    """

    documents: int
    failed: int = 0
    chunks: int
    seconds: float
    cpu: dict[str, float]
    served: Served
    worker: str
    peak: int = 0
    invocations: Sequence[float] = ()

    @property
    def hourly(self) -> float:
        return self.documents / self.seconds * 3_600


async def warm_up(cloud: Cloud, folder: Path) -> None:
    """Have every worker started, the collection made, and the start's own recovery done."""
    rested = time.monotonic() + RECOVER_SECONDS + _RECOVERY
    lay_out_small(folder, count=_WARM)
    await cloud.put(folder)
    while (await cloud.state()).ready < _WARM or time.monotonic() < rested:
        await asyncio.sleep(_POLL)


async def ingest(
    cloud: Cloud,
    folder: Path,
    *,
    count: int,
    advance: Advance,
    direct: bool = False,
    profile: Profile | None = None,
) -> Measured:
    """From the first put until every document is ready or failed.

    `direct` puts all first and measures from the first invocation: what is left out is what the
    laptop's S3 and SQS take to take in and bring the news.
    """
    if direct:
        cloud.silence()
        await cloud.put(folder)
    before, done = await cloud.served(), await cloud.state()
    first = len(cloud.invocations())
    async with AsyncExitStack() as exits:
        meter = await exits.enter_async_context(metering())
        if profile:
            exits.callback(profile.end)
        work = asyncio.create_task(_drive(cloud, folder) if direct else cloud.put(folder))
        exits.callback(work.cancel)
        until = time.time() + _LIMIT_SECONDS
        settled = 0
        while settled < count and time.time() < until:
            await asyncio.sleep(_POLL)
            if profile:
                profile.follow(meter.alive(WORKER))
            state = await cloud.state()
            settled = state.ready + state.failed - done.ready - done.failed
            advance(settled)
        ended = time.time()
        began = await work
        cpu = meter.read()
    return Measured(
        documents=state.ready - done.ready,
        failed=state.failed - done.failed,
        chunks=state.chunks - done.chunks,
        seconds=ended - began,
        cpu=cpu,
        served=await cloud.served() - before,
        worker=WORKER,
        peak=meter.peak,
        invocations=cloud.invocations()[first:],
    )


async def _drive(cloud: Cloud, folder: Path) -> float:
    """Invoke the worker with ten events at a time, as often side by side as its own queue does."""
    prefix = f"uploads/{cloud.stack.configuration.tenant}/"
    keys = [f"{prefix}{path.relative_to(folder).as_posix()}" for path in files_in(folder)]
    batches = [keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH)]
    waiting = iter(batches)
    began = time.time()

    async def invoke() -> None:
        for batch in waiting:
            await cloud.invoke_with(batch)

    async with asyncio.TaskGroup() as group:
        for _ in range(_SIDE_BY_SIDE):
            group.create_task(invoke())
    return began


async def with_langchain(cloud: Cloud, folder: Path) -> Measured | None:
    """The same files with LangChain, into the same Qdrant; None where it is not installed."""
    before = await cloud.served()
    where = [cloud.model_url, cloud.qdrant_url, cloud.model, str(cloud.dimensions)]
    async with metering() as meter:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.ingest.with_langchain", str(folder), *where),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        cpu = meter.read()
    if process.returncode == MISSING:
        return None
    if process.returncode:
        raise RuntimeError("LangChain's side failed; its error is above.")
    figures: dict[str, Any] = json.loads(output)
    return Measured(
        documents=figures["documents"],
        chunks=figures["chunks"],
        seconds=figures["seconds"],
        cpu={**cpu, LANGCHAIN: figures["cpu"]},
        served=await cloud.served() - before,
        worker=LANGCHAIN,
    )
