"""Child processes: with whose rights they run, which are ours, and how none is left behind."""

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

_SAME = 1.5  # s: psutil derives creation times from a boot time that is rounded to the second
# Bits of the capability sets, from linux/capability.h. Containers often keep the first from root.
_REACHING = {"dac_read_search": 2, "dac_override": 1}


class ServiceFailed(Exception):
    """A server could not be started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process known for good: a pid alone is soon another's. `created` is in Unix seconds."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "Child":
        """Raises psutil.NoSuchProcess if there is none."""
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return self._is(process) and process.status() != psutil.STATUS_ZOMBIE
        return False

    def family(self) -> list[psutil.Process]:
        """The process, its descendants, and all that is left of its session once it is gone.

        A session keeps its leader's pid from being given again, so a stranger under our pid
        means that nothing of ours is left.
        """
        if self.created < psutil.boot_time() - _SAME:
            return []
        members: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if not self._is(process):
                return []
            members = {each.pid: each for each in (process, *process.children(recursive=True))}
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                if pid not in members and os.getsid(pid) == self.pid:
                    members[pid] = psutil.Process(pid)
        return [each for each in members.values() if _age(each) >= self.created - _SAME]

    def _is(self, process: psutil.Process) -> bool:
        return abs(process.create_time() - self.created) < _SAME


def _age(process: psutil.Process) -> float:
    try:
        return process.create_time()
    except psutil.NoSuchProcess:
        return 0.0


class Ledger:
    """All children of a supervisor, on disk, so that the next one can end what it left behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._children: list[Child] = []
        self._lock: IO[str] | None = None

    def add(self, pid: int) -> Child | None:
        """Note a child just started; None if it has ended already."""
        try:
            child = Child.of(pid)
        except psutil.NoSuchProcess:
            return None
        left = [each for each in self._children if each.alive() or each.family()]
        self._children = [*left, child]
        self._write()
        return child

    def kill_leftovers(self) -> list[int]:
        """Kill what a supervisor that ended without stopping its children left; their pids.

        Raises ServiceFailed if that supervisor is still there: the ledger is locked from now on
        until this process ends, however it ends.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._path.with_suffix(".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceFailed("Quire runs here already; stop it first.") from None
        if not self._path.exists():
            return []
        noted = json.loads(self._path.read_text())
        leftovers = [each for child in noted for each in Child(**child).family()]
        kill(leftovers)
        psutil.wait_procs(leftovers, timeout=5)
        return [each.pid for each in leftovers]

    def close(self) -> None:
        """Let another supervisor have the folder."""
        if self._lock:
            self._lock.close()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps([asdict(child) for child in self._children], indent=1))
        part.replace(self._path)


def kill(processes: list[psutil.Process]) -> None:
    """SIGKILL each process that is still the one it was; a frozen one dies of it as well."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def server_uid() -> int:
    """Who owns what an unprivileged server writes: `nobody` when we are root, else ourselves."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()


def give(path: Path) -> None:
    """Make the unprivileged server the owner of `path`, and of nothing above or below it."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def unprivileged(command: list[str]) -> list[str]:
    """The command that runs `command` without root's rights; `command` itself if we have none.

    PostgreSQL and PgBouncer refuse to be root. The existing user `nobody` runs them then: none is
    added. Raises ServiceFailed where util-linux's setpriv is missing.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceFailed(
            f"{Path(command[0]).name} does not run as root: install util-linux, which has "
            "setpriv, or start Quire as an ordinary user."
        )
    nobody = pwd.getpwnam("nobody")
    identity = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    return [setpriv, *identity, *_reach(), *command]


def _reach() -> list[str]:
    """Options that let `nobody` pass through folders closed to it (a clone in `mktemp -d`, /root).

    One capability is kept; exec drops all others. access(2), by which initdb looks for its own
    binaries, ignores even that one unless no_setuid_fixup is set (Linux, fs/open.c,
    access_override_creds).
    """
    status = Path("/proc/self/status").read_text()
    permitted = re.search(r"^CapPrm:\s*([0-9a-f]+)", status, re.MULTILINE)
    held = int(permitted[1], 16) if permitted else 0
    for name, bit in _REACHING.items():
        if held >> bit & 1:
            kept = [f"--inh-caps=+{name}", f"--ambient-caps=+{name}"]
            return [*kept, "--securebits=+no_setuid_fixup"]
    return []
