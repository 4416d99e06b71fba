"""A server in a process of its own, and who supervises it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest

from local.children import Ledger
from local.service import Service, Supervised, accepts, until

LISTEN = """
import signal, socket, sys
signal.signal(signal.SIGTERM, on_stop)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        server.accept()[0].close()
"""


SERVER = "on_stop = lambda *_: (print('goodbye', flush=True), sys.exit())" + LISTEN


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "run" / "children.json")) as ledger:
        yield ledger


@pytest.fixture
def service(tmp_path: Path, unused_tcp_port: int) -> Service:
    return Service(
        name="server",
        command=[sys.executable, "-c", SERVER, str(unused_tcp_port)],
        log=tmp_path / "server.log",
        port=unused_tcp_port,
        ready=partial(accepts, unused_tcp_port),
    )


@pytest.fixture
async def supervise(ledger: Ledger) -> AsyncIterator[Callable[[Service], Supervised]]:
    started: list[Supervised] = []

    def make(service: Service) -> Supervised:
        started.append(Supervised(service, ledger))
        return started[-1]

    yield make
    for server in started:
        await server.stop()


Supervise = Callable[[Service], Supervised]


async def eventually(condition: Callable[[], bool]) -> None:
    async def check() -> None:
        assert condition()

    async with asyncio.timeout(20):
        await until(check, AssertionError)


async def nothing() -> None:
    """A server that is ready as soon as it is started."""


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pid_of(server: Supervised) -> int:
    assert server.pid is not None
    return server.pid
