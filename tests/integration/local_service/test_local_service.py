"""Supervised servers: real processes that are started, killed and frozen."""

import json
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local.children import Ledger
from local.service import Service, ServiceFailed
from tests.integration.local_service.conftest import (
    LISTEN,
    SERVER,
    Supervise,
    eventually,
    gone,
    pid_of,
)
from tests.integration.local_service.test_local_children import WITH_GRANDCHILD

STUBBORN = "on_stop = lambda *_: None" + LISTEN


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
