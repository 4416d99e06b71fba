"""CPU and memory of every process of the laptop cloud, by the part it plays."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.comparison import LANGCHAIN

WORKER = "ingest worker (functions/ingest)"
CHAT_URL = "Quire, function URL"
CHAT_GATEWAY = "Quire, API Gateway"
LOCAL = "laptop: Lambda runtime, event sources, this benchmark"
# Sandboxes, by the name they run under.
_FUNCTIONS = {"ingest": WORKER, "maintenance": "maintenance worker", "chat": CHAT_GATEWAY}
_ROLES = {
    "functions.chat.streamed": CHAT_URL,
    "local/zygote": "other functions",
    "local.aws": "moto (S3, SQS)",
    "local.qdrant": "Qdrant",
    "pgbouncer": "PostgreSQL, PgBouncer",
    "postgres": "PostgreSQL, PgBouncer",
    "instant_model": "model server",
    "benchmarks.put": "uploading client",
    "chat.load": "asking client",
    "load.asking": "asking client",
    "load.blocking": "the same app, blocking",
    "with_langchain": LANGCHAIN,
}


class Meter:
    """Counts from its creation on; `read` brings it up to date."""

    def __init__(self) -> None:
        self._self = psutil.Process()
        # Of each process the last that was seen: those that ended count too.
        self._seen: dict[psutil.Process, tuple[str, float]] = {}
        self._before: dict[psutil.Process, float] = {}
        self._memory: dict[psutil.Process, int] = {}
        self.read()
        self._before = {process: seconds for process, (_, seconds) in self._seen.items()}

    def read(self) -> dict[str, float]:
        """CPU seconds by part, since the meter was made."""
        times = self._self.cpu_times()
        self._seen[self._self] = (LOCAL, times.user + times.system)
        for process in self._self.children(recursive=True):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
                role = self._seen[process][0] if process in self._seen else _role(process)
                times = process.cpu_times()
                # A server's children that have ended are counted with the server.
                ended = times.children_user + times.children_system
                self._seen[process] = (role, times.user + times.system + ended)
                if role == WORKER:
                    self._memory[process] = _peak(process.pid)
        spent: dict[str, float] = defaultdict(float)
        for process, (role, seconds) in self._seen.items():
            spent[role] += seconds - self._before.get(process, 0.0)
        return dict(spent)

    @property
    def peak(self) -> int:
        """The most bytes that any worker has held (VmHWM)."""
        return max(self._memory.values(), default=0)

    def alive(self, role: str) -> list[int]:
        """The pids of those that play this part now."""
        return [p.pid for p, (plays, _) in self._seen.items() if plays == role and p.is_running()]


@asynccontextmanager
async def metering(seconds: float = 0.5) -> AsyncIterator[Meter]:
    """A meter that looks often enough to miss no process that lasts."""
    meter = Meter()

    async def look() -> None:
        while True:
            await asyncio.sleep(seconds)
            meter.read()

    looking = asyncio.create_task(look())
    try:
        yield meter
    finally:
        looking.cancel()


def _role(process: psutil.Process) -> str:
    if role := _FUNCTIONS.get(process.name()):
        return role
    command = " ".join(process.cmdline())
    return next((role for mark, role in _ROLES.items() if mark in command), command[:40])


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
