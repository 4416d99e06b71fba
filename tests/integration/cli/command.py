"""The quire command as a process."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


Quire = Callable[..., Awaitable[Ended]]


def environment(**more: str) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("QUIRE_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


async def call(*arguments: str, **variables: str) -> Ended:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        env=environment(**variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await command.communicate()
    return Ended(command.returncode or 0, out.decode(), err.decode())
