"""The quire command as a process."""

import asyncio
import multiprocessing
import os
import runpy
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integration.cli.contract import KEY

ROOT = Path(__file__).parents[3]
# Forked from a process that has libraries loaded: loading them takes longer than most commands do.
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["httpx", "httpx_sse", "rich.progress", "rich.table", "typer"])


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
    if "PYTHONPATH" in variables:  # libraries of its own
        return await _started(*arguments, **variables)
    return await asyncio.to_thread(_forked, arguments, environment(**variables))


async def on_terminal(
    *arguments: str, url: str, columns: int = 100, typed: str = "", code: int = 0
) -> str:
    """What it shows on a terminal of so many columns, where `typed` is typed."""
    ours, theirs = os.openpty()
    os.write(ours, typed.encode())
    variables = {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        env=environment(QUIRE_URL=url, QUIRE_API_KEY=KEY, **variables),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    assert await command.wait() == code
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    return shown


def _forked(arguments: tuple[str, ...], given: dict[str, str]) -> Ended:
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        command = _forking.Process(target=_be_quire, args=(arguments, given, out, err))
        command.start()
        command.join()
        assert command.exitcode is not None
        return Ended(command.exitcode, out.read_text(), err.read_text())


def _be_quire(arguments: tuple[str, ...], given: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(given)
    sys.path[:0] = given["PYTHONPATH"].split(os.pathsep)
    for number, path in enumerate((Path(os.devnull), out, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    sys.argv[1:] = arguments
    runpy.run_module("cli", run_name="__main__")


async def _started(*arguments: str, **variables: str) -> Ended:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        env=environment(**variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await command.communicate()
    return Ended(command.returncode or 0, out.decode(), err.decode())
