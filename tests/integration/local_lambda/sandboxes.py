"""A function deployed to a runtime of its own, and what its sandboxes are up to."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from local.lambda_runtime import Function, LambdaRuntime

HANDLERS = Path(__file__).parents[1] / "handlers"


class Deployed(LambdaRuntime):
    """A runtime of one function named `f`, which remembers the sandboxes it started."""

    def __init__(
        self,
        handler: str,
        folder: Path,
        *,
        timeout: float = 20,
        concurrency: int = 2,
        libraries: Sequence[str] = (),
    ):
        self.pids: list[int] = []
        function = Function(
            name="f",
            handler=handler,
            environment={"GREETING": "hello", "_HANDLER": "another"},
            timeout=timeout,
            concurrency=concurrency,
        )
        super().__init__(
            [function],
            task_root=HANDLERS,
            log_dir=folder / "logs",
            libraries=libraries,
            on_spawn=self.pids.append,
        )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def held(folder: Path, name: str) -> dict[str, str]:
    return {"started": str(folder / name), "release": str(folder / "release")}


def stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED
