"""`python -m local`, as `make run` starts it: up, killed, up again, stopped without a trace."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.ports import free_ports
from local.deployment import ROOT
from tests.conftest import PORTS

UP = "Ctrl-C stops everything"
KEY = {"Authorization": "Bearer quire-local-key"}


class Laptop:
    """One folder of state, and the ports it is used with."""

    def __init__(self, folder: Path) -> None:
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self._environment = {
            **os.environ,
            "QUIRE_STATE": str(folder / "state"),
            **{f"QUIRE_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
        }
        self._corpus = folder / "corpus"
        self._corpus.mkdir()
        (self._corpus / "knee.md").write_text("# Knee\n\nA harmonic drive turns the knee.\n")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    @asynccontextmanager
    async def started(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "local", str(self._corpus)),
            *("--question", "What turns the knee?"),
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                await process.wait()


async def output_until(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stdout
    seen = ""
    async with asyncio.timeout(90):
        while text not in seen:
            line = await process.stdout.readline()
            assert line, f"ended early: {seen}"
            seen += line.decode()
    return seen


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


async def gone(processes: list[psutil.Process]) -> None:
    async with asyncio.timeout(30):
        while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
            await asyncio.sleep(0.1)


async def test_what_was_read_survives_a_kill_and_nothing_is_left_behind(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    async with laptop.started() as first:
        told = await output_until(first, UP)
        assert "A harmonic drive turns the knee." in told
        assert "[1]" in told
        assert told.count("curl ") == 3
        orphans = family(first.pid)
        assert len(orphans) >= 6
        first.kill()
        await first.wait()
    async with laptop.started() as second:
        told = await output_until(second, UP)
        await gone(orphans)
        assert "A harmonic drive turns the knee." in told
        async with httpx.AsyncClient(base_url=laptop.url, headers=KEY) as client:
            (document,) = (await client.get("/v1/documents")).json()["data"]
            assert (document["status"], document["version"]) == ("ready", 1)
            text = await client.get(f"/v1/documents/{document['id']}/text")
            assert text.text == "# Knee\n\nA harmonic drive turns the knee.\n"
            assert len((await client.get("/v1/sessions")).json()["data"]) == 2
        servers = family(second.pid)
        second.send_signal(signal.SIGINT)
        assert await second.wait() == 0
        await gone(servers)


async def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    with socket.create_server(("127.0.0.1", laptop.ports["qdrant"])):
        async with laptop.started() as process:
            assert process.stdout
            told = " ".join((await process.stdout.read()).decode().split())
            assert await process.wait() == 1
    assert f"Port {laptop.ports['qdrant']} is taken (needed by qdrant)" in told
    assert "QUIRE_QDRANT_PORT" in told
