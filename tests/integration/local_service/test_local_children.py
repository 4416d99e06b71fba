"""What a killed supervisor left behind, and what rights a server has."""

import json
import os
import pwd
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local.children import Child, Ledger, unprivileged
from local.service import Service, ServiceFailed
from tests.integration.local_service.conftest import Supervise, eventually, gone, nothing, pid_of

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
