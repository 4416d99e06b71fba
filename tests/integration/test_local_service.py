"""Supervised servers: real processes that are started, killed, frozen and left behind."""

import asyncio
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from local.children import Child, Ledger, unprivileged
from local.service import Service, ServiceFailed, Supervised, accepts, until

LISTEN = """
import signal, socket, sys
signal.signal(signal.SIGTERM, on_stop)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        server.accept()[0].close()
"""
SERVER = "on_stop = lambda *_: (print('goodbye', flush=True), sys.exit())" + LISTEN
STUBBORN = "on_stop = lambda *_: None" + LISTEN
WITH_GRANDCHILD = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"
SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from local.service import Ledger, Service, Supervised

async def ready():
    while not log.read_text().strip():
        await asyncio.sleep(0.02)

async def main():
    server = Supervised(Service(name="server", command=command, log=log, ready=ready), ledger)
    await server.start()
    print(server.pid, log.read_text().split()[-1], flush=True)
    await asyncio.sleep(600)

log, ledger = Path(sys.argv[1]), Ledger(Path(sys.argv[2]))
ledger.kill_leftovers()
command = [sys.executable, "-c", sys.argv[3] + "; import time; time.sleep(600)"]
asyncio.run(main())
"""


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


async def test_it_answers_after_start_and_is_gone_after_stop(
    service: Service, supervise: Supervise
) -> None:
    server = supervise(service)
    await server.start()
    pid = pid_of(server)
    socket.create_connection(("127.0.0.1", service.port or 0)).close()
    assert os.getsid(pid) == pid != os.getsid(0)
    await server.stop()
    assert gone(pid)
    assert server.pid is None
    assert service.log.read_text() == "goodbye\n"


async def test_a_killed_server_comes_back(
    service: Service, supervise: Supervise, caplog: pytest.LogCaptureFixture
) -> None:
    server = supervise(service)
    await server.start()
    killed = pid_of(server)
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: "server is up again" in caplog.text)
    assert "server was ended by SIGKILL; starting it again" in caplog.text
    assert pid_of(server) != killed
    socket.create_connection(("127.0.0.1", service.port or 0)).close()


async def test_it_keeps_trying_when_it_cannot_be_started_again(
    service: Service, supervise: Supervise, caplog: pytest.LogCaptureFixture
) -> None:
    troubles: list[Exception] = []

    async def prepare() -> None:
        if troubles:
            raise troubles.pop()

    server = supervise(replace(service, prepare=prepare))
    await server.start()
    troubles.append(OSError("the disk is full"))
    os.kill(pid_of(server), signal.SIGKILL)
    await eventually(lambda: "server is up again" in caplog.text)
    assert "server could not be started again: the disk is full" in caplog.text


async def test_a_frozen_server_is_woken_to_stop_in_order(
    service: Service, supervise: Supervise
) -> None:
    server = supervise(service)
    await server.start()
    pid = pid_of(server)
    os.kill(pid, signal.SIGSTOP)
    await eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    await server.stop()
    assert gone(pid)
    assert service.log.read_text() == "goodbye\n"


async def test_a_server_that_will_not_stop_is_killed(
    service: Service, supervise: Supervise, caplog: pytest.LogCaptureFixture
) -> None:
    command = [sys.executable, "-c", STUBBORN, str(service.port)]
    server = supervise(replace(service, command=command, grace=0.2))
    await server.start()
    pid = pid_of(server)
    await server.stop()
    assert gone(pid)
    assert "server does not stop and is killed" in caplog.text


async def test_what_a_server_started_ends_with_it(service: Service, supervise: Supervise) -> None:
    command = [sys.executable, "-c", f"{WITH_GRANDCHILD}\n{SERVER}", str(service.port)]
    server = supervise(replace(service, command=command))
    await server.start()
    grandchild = int(service.log.read_text())
    assert not gone(grandchild)
    await server.stop()
    await eventually(lambda: gone(grandchild))


async def test_a_taken_port_is_named(service: Service, supervise: Supervise) -> None:
    taken = socket.create_server(("127.0.0.1", service.port or 0))
    with taken, pytest.raises(ServiceFailed) as failure:
        await supervise(service).start()
    assert str(failure.value) == (
        f"Port {service.port} is taken (needed by server); "
        "stop what uses it or set QUIRE_SERVER_PORT."
    )


async def test_a_server_that_ends_is_quoted(service: Service, supervise: Supervise) -> None:
    service.log.write_text("from an earlier run\n")
    failing = "import sys; print('no such setting'); sys.exit(3)"
    server = supervise(replace(service, command=[sys.executable, "-c", failing]))
    with pytest.raises(ServiceFailed) as failure:
        await server.start()
    assert str(failure.value) == (
        f"server ended with exit code 3; its log {service.log} says:\n  no such setting"
    )


async def test_a_server_that_never_answers_is_ended(
    service: Service, supervise: Supervise, ledger: Ledger, tmp_path: Path
) -> None:
    mute = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(ServiceFailed, match=r"server did not answer within 0\.3 s; its log .*"):
        await supervise(replace(service, command=mute, deadline=0.3)).start()
    [child] = json.loads((tmp_path / "run" / "children.json").read_text())
    assert gone(child["pid"])


def leave_behind(path: Path, log: Path) -> tuple[int, int]:
    """A server and what it started, whose supervisor was killed before it could stop them."""
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(log), str(path), WITH_GRANDCHILD],
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout
        child, grandchild = map(int, supervisor.stdout.readline().split())
        with (
            closing(Ledger(path)) as second,
            pytest.raises(ServiceFailed, match="runs here already"),
        ):
            second.kill_leftovers()
        supervisor.kill()
    return child, grandchild


@pytest.mark.parametrize("child_died", [False, True])
async def test_what_a_killed_supervisor_left_is_killed(tmp_path: Path, child_died: bool) -> None:
    path = tmp_path / "children.json"
    child, grandchild = leave_behind(path, tmp_path / "server.log")
    if child_died:
        os.kill(child, signal.SIGKILL)
        await eventually(lambda: gone(child))
    assert not gone(grandchild)
    left = {grandchild} if child_died else {child, grandchild}
    with closing(Ledger(path)) as ledger:
        assert set(ledger.kill_leftovers()) >= left
    await eventually(lambda: gone(child) and gone(grandchild))


def test_a_stranger_with_a_noted_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        ours = Child(stranger.pid, psutil.Process(stranger.pid).create_time() - 3600)
        ghost = Child(2**22 - 1, psutil.Process().create_time() - 3600)
        noted = [{"pid": child.pid, "created": child.created} for child in (ours, ghost)]
        path = tmp_path / "children.json"
        path.write_text(json.dumps(noted))
        try:
            with closing(Ledger(path)) as ledger:
                assert ledger.kill_leftovers() == []
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_without_a_ledger_there_is_nothing_to_kill(ledger: Ledger) -> None:
    assert ledger.kill_leftovers() == []


async def test_an_unprivileged_server_is_not_root(service: Service, supervise: Supervise) -> None:
    server = supervise(replace(service, command=["sleep", "600"], unprivileged=True, ready=nothing))
    await server.start()
    pid = pid_of(server)
    await eventually(lambda: psutil.Process(pid).name() == "sleep")
    expected = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert set(psutil.Process(pid).uids()) == {expected}
    await server.stop()
    assert gone(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives rights up")
def test_at_most_one_capability_survives() -> None:
    status = subprocess.check_output(unprivileged(["cat", "/proc/self/status"]), text=True)
    sets = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Cap"))
    assert int(sets["CapEff"], 16).bit_count() <= 1
    assert sets["CapPrm"] == sets["CapEff"]


@pytest.mark.skipif(os.geteuid() == 0, reason="only for an ordinary user")
def test_an_ordinary_user_runs_everything_directly() -> None:
    assert unprivileged(["postgres", "-D", "here"]) == ["postgres", "-D", "here"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs setpriv")
def test_root_is_told_when_setpriv_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServiceFailed, match="postgres does not run as root: install util-linux"):
        unprivileged(["/opt/bin/postgres"])
