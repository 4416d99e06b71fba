"""`make bench-cold`: what a function's first answer takes, as so many starts of a bare Python.

The built functions under AWS's runtime client, with nothing else on Python's path. It is CPU time
that is compared: others are at work on most machines.
"""

import asyncio
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Annotated, Any

import httpx
import psutil
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.built import Sandboxes, unpacked
from benchmarks.cloud import cloud
from deployed.routes import ROUTES
from local.deployment import environment
from local.gateway import create_app
from local.lambda_runtime import LambdaRuntime
from local.stack import Stack

_AIMS = {"chat": 100, "health": 40}
_BARE_STARTS = 20
_IMPORT = re.compile(r"^import time: +(\d+) \| +\d+ \| +([\w.]+)$", re.MULTILINE)
_SHOWN = 12

console = Console()


def main(
    rounds: Annotated[int, typer.Option(help="Of each function; the least counts.")] = 3,
    profile: Annotated[str, typer.Option(help="Whose imports are shown.")] = "chat",
) -> None:
    """Start the built functions here, ask each something, and tell what that took."""
    with tempfile.TemporaryDirectory(prefix="quire-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        sandboxes = unpacked(folder)
        load = " ".join(f"{load:.1f}" for load in os.getloadavg())
        console.print(f"{os.cpu_count()} cores; load before: {load}")
        asyncio.run(_run(folder, sandboxes, rounds, profile))


async def _run(folder: Path, sandboxes: Sandboxes, rounds: int, profile: str) -> None:
    bare = _bare(sandboxes.python)
    table = Table("", "ready", "first answer", "aim", "of a copy")
    async with cloud(folder / "state", dimensions=8) as running:
        stack = running.stack
        await _put(stack)
        variables = environment(
            aws_url=stack.configuration.aws_url,
            queues=stack.queues,
            settings=stack.configuration.model_settings(),
        )
        for name in ("chat", "ingest-api", "health", "ingest", "maintenance", "migrate"):
            taken = [await _time(sandboxes, variables, name, stack) for _ in range(rounds)]
            ready, first, copied = (min(each) / bare for each in zip(*taken, strict=True))
            aim = f"{_AIMS[name]}" if name in _AIMS else ""
            table.add_row(name, f"{ready:.0f}", f"{first:.0f}", aim, f"{copied:.0f}")
        console.print(f"A bare start takes {1000 * bare:.1f} ms of CPU; times that:")
        console.print(table)
        profiling = {**variables, "PYTHONPROFILEIMPORTTIME": "1"}
        async with sandboxes.running(profiling) as runtimes:
            await _ask(runtimes, profile, stack)
    console.print(_imports((sandboxes.logs / f"{profile}.log").read_text(), profile))


def _bare(python: Path) -> float:
    """Seconds of CPU that an interpreter takes which does nothing: the least of some."""
    taken = []
    for _ in range(_BARE_STARTS):
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run([python, "-c", "pass"], check=True)
        after = getrusage(RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


async def _time(
    sandboxes: Sandboxes, variables: Mapping[str, str], name: str, stack: Stack
) -> tuple[float, float, float]:
    """CPU seconds until it is ready, until it has answered, and of a restored copy's answer."""
    pids: list[int] = []
    async with sandboxes.running(variables, snapshot=True, on_spawn=pids.append) as runtimes:
        await runtimes[name].publish(name)
        ready = _cpu(pids[-1])
        await _ask(runtimes, name, stack)
        copied = _cpu(pids[-1]) - ready
    async with sandboxes.running(variables, on_spawn=pids.append) as runtimes:
        await _ask(runtimes, name, stack)
        return ready, _cpu(pids[-1]), copied


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def _ask(runtimes: Mapping[str, LambdaRuntime], name: str, stack: Stack) -> None:
    async def invoke(function: str, event: Mapping[str, Any]) -> Any:
        return await runtimes[function].invoke(function, event)

    if name == "migrate":
        await invoke(name, {"RequestType": "Update"})
    elif name in ("ingest", "maintenance"):
        # A message about nothing: what reading a document takes is told by `make bench-ingest`.
        test = {"messageId": "1", "body": '{"Event": "s3:TestEvent"}', "attributes": {}}
        await invoke(name, {"Records": [test]})
    else:
        app = create_app(invoke, ROUTES)
        key = stack.configuration.api_key.get_secret_value()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://api.example",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        ) as api:
            if name == "chat":
                answer = await api.post("/v1/chat", json={"question": "What turns the knee?"})
            else:
                answer = await api.get("/health" if name == "health" else "/v1/documents")
            answer.raise_for_status()


async def _put(stack: Stack) -> None:
    """Something to ask about."""
    key = stack.configuration.api_key.get_secret_value()
    async with httpx.AsyncClient(
        base_url=stack.configuration.api_url, headers={"Authorization": f"Bearer {key}"}, timeout=40
    ) as api:
        body = {"filename": "knee.md", "content": "# Knee\n\nA harmonic drive turns the knee."}
        put = (await api.post("/v1/documents", json=body)).raise_for_status().json()
        while (await api.get(f"/v1/documents/{put['id']}")).json()["status"] != "ready":
            await asyncio.sleep(0.1)


def _imports(log: str, name: str) -> Table:
    """By package, with what is imported where it counts: each module's own time."""
    taken: Counter[str] = Counter()
    for microseconds, module in _IMPORT.findall(log):
        taken[module.partition(".")[0]] += int(microseconds)
    total = sum(taken.values())
    table = Table("package", "ms", "share", title=f"{name}: {total / 1000:.0f} ms of imports")
    for package, spent in taken.most_common(_SHOWN):
        table.add_row(package, f"{spent / 1000:.0f}", f"{100 * spent / total:.0f} %")
    return table


if __name__ == "__main__":
    typer.run(main)
