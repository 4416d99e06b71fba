"""A load that goes on while one fault follows the other."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from benchmarks.cloud import Cloud
from benchmarks.faults.faults import Fault
from benchmarks.faults.names import HOST, Names
from benchmarks.load.asking import Told, asking
from benchmarks.load.runs import missing
from local.provision import REGION, RUNTIME_SECRET

STREAM_SECONDS = 20
# An answer that is whole by then, at the door too, is in time.
IN_TIME = STREAM_SECONDS + 10 + 5
_CALM_SECONDS = 3.0
_RECOVERY_SECONDS = 90.0
_LOOK = 0.05
_SECRET = "quire/by-name/runtime"


@dataclass(slots=True, kw_only=True)
class Borne:
    """A fault and the turns that were under way in it, and until all was well; `recovered` are the
    seconds from its end until a turn that began after it was served whole.
    """

    fault: str
    told: list[Told] = field(default_factory=list)
    recovered: float = float("inf")
    lost: int = 0

    def of(self, *kinds: str) -> list[Told]:
        return [one for one in self.told if one.kind in kinds]

    @property
    def longest(self) -> float:
        return max((one.ended - one.began for one in self.told), default=0.0)


async def bear(
    cloud: Cloud, url: str, faults: list[Fault], *, at_once: int, each: Callable[[str], None]
) -> list[Borne]:
    key = cloud.stack.configuration.api_key.get_secret_value()
    told: list[Told] = []
    borne: list[tuple[Borne, float, float]] = []
    async with asking(url, key, at_once=at_once) as turns:
        listening = asyncio.create_task(_listen(turns, told))
        await _served_since(told, time.time())
        for fault in faults:
            each(fault.name)
            one = Borne(fault=fault.name)
            await asyncio.sleep(_CALM_SECONDS)
            began = time.time()
            async with fault.during():
                await asyncio.sleep(fault.seconds)
            ended = time.time()
            one.recovered = await _served_since(told, ended)
            borne.append((one, began, ended + min(one.recovered, _RECOVERY_SECONDS)))
        # What is under way comes to its end.
        await asyncio.sleep(STREAM_SECONDS / 2)
    await listening
    for one, began, until in borne:
        one.told = [turn for turn in told if turn.ended >= began and turn.began <= until]
        one.lost = len(await missing(cloud.stack.owner_url, one.told))
    return [one for one, _, _ in borne]


async def _listen(turns: AsyncIterator[Told], told: list[Told]) -> None:
    async for one in turns:
        told.append(one)


async def _served_since(told: list[Told], since: float) -> float:
    """Seconds until a turn that began after that time was served; without end if none is."""
    while time.time() < since + _RECOVERY_SECONDS:
        for one in reversed(told):
            if one.kind == "served" and one.began >= since:
                return min(t.ended for t in told if t.kind == "served" and t.began >= since) - since
        await asyncio.sleep(_LOOK)
    return float("inf")


def settings(cloud: Cloud, names: Names | None) -> Mapping[str, str]:
    """Of the app; with names that may be forgotten, it reaches all by name."""
    found = {"QUIRE_STREAM_SECONDS": str(STREAM_SECONDS)}
    if names is None:
        return found
    vault = boto3.Session("local", "local", region_name=REGION).client(
        "secretsmanager", endpoint_url=cloud.stack.configuration.aws_url
    )
    held = vault.get_secret_value(SecretId=RUNTIME_SECRET)["SecretString"]
    named = {
        name: value.replace("127.0.0.1", HOST) if isinstance(value, str) else value
        for name, value in json.loads(held).items()
    }
    vault.create_secret(Name=_SECRET, SecretString=json.dumps(named))
    return {**found, "QUIRE_RUNTIME_SECRET": _SECRET}


@asynccontextmanager
async def small_disk(folder: Path, *, megabytes: int = 1_200) -> AsyncIterator[Path | None]:
    """A disk of that size at the folder; None where we may have none."""
    await _run("mkdir", str(folder))
    size = f"size={megabytes}m,mode=755"
    if await _run("mount", "-t", "tmpfs", "-o", size, "quire", str(folder)):
        yield None
        return
    try:
        yield folder
    finally:
        await _run("umount", "--lazy", str(folder))


async def _run(*command: str) -> int:
    try:
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    except FileNotFoundError:
        return 1
    return await process.wait()
