"""The apps that are asked, each a process: the streaming app, and the same with blocking calls."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.cloud import Cloud
from benchmarks.ports import free_ports
from local.deployment import environment
from local.servers import stream

# Lambda's sandboxes have one request each; this is one process for all.
CONNECTIONS = 20
_UP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class App:
    name: str
    url: str
    pid: int
    log: Path


@asynccontextmanager
async def serving(
    cloud: Cloud,
    name: str,
    *,
    settings: Mapping[str, str] | None = None,
    blocking: bool = False,
    around: Callable[[list[str]], list[str]] = list,
) -> AsyncIterator[App]:
    """The streaming app by its own start script, in front of all that the cloud has.

    `around` makes the command that starts it another one.
    """
    stack, (port,) = cloud.stack, free_ports(1)
    variables = environment(
        aws_url=stack.configuration.aws_url,
        queues=stack.queues,
        settings={
            **stack.configuration.model_settings(),
            "QUIRE_DATABASE_CONNECTIONS": str(CONNECTIONS),
            **(settings or {}),
        },
    )
    service = stream(stack.configuration.state.resolve(), port, variables)
    command = service.command
    if blocking:
        command = [sys.executable, "-m", "benchmarks.load.blocking", str(port)]
    log = service.log.with_name(f"{name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *around(command),
            env=dict(service.environment),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(_UP_SECONDS):
            await _up(url)
        yield App(name, url, process.pid, log)
    finally:
        process.terminate()
        await process.wait()


async def _up(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        while True:
            try:
                await client.get("/openapi.json")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
