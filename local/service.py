"""Child servers that come back when they die, and end when their supervisor stops them.

Each leads a session of its own: Ctrl-C in the terminal reaches only the supervisor, which stops
its children in the order it wants.
"""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from local.children import Child, Ledger, ServiceFailed, kill, unprivileged

__all__ = ["Ledger", "Service", "ServiceFailed", "Supervised", "accepts", "last_lines", "until"]

log = logging.getLogger(__name__)

_POLL = 0.05  # s between two looks whether a server answers


async def _nothing() -> None:
    """The preparation of a server that needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One server: how it is started, when it counts as up, how it is stopped.

    `environment` is added to the supervisor's own if the server `inherits` that. `prepare` runs
    before every start and is idempotent; `ready` returns once the server answers, within
    `deadline` seconds. `stop_signal` is followed by SIGKILL after `grace` seconds. `port`, if
    given, must be free on loopback.
    """

    name: str
    command: list[str]
    log: Path
    ready: Callable[[], Awaitable[None]]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: bool = True
    port: int | None = None
    prepare: Callable[[], Awaitable[None]] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    unprivileged: bool = False
    deadline: float = 60.0
    grace: float = 10.0


class Supervised:
    """A service that is kept up from `start` until `stop`."""

    def __init__(self, service: Service, ledger: Ledger, *, pause: float = 1.0) -> None:
        """`pause` in seconds lies between a death and the next start."""
        self.service = service
        self._pause = pause
        self._ledger = ledger
        self._process: asyncio.subprocess.Process | None = None
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id; None while it is down."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the server and return once it answers.

        Raises ServiceFailed if its port is taken, if it ends, or if it does not answer in time.
        """
        try:
            process = await self._launch()
        except BaseException:
            await self._end()
            raise
        self._watch = asyncio.create_task(self._keep_up(process), name=self.service.name)

    async def stop(self) -> None:
        """Stop the server and all it started; nothing happens if it is down."""
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            self._watch = None
        await self._end()

    async def _launch(self) -> asyncio.subprocess.Process:
        check_port(self.service.name, self.service.port)
        await self.service.prepare()
        with _open_log(self.service.log) as output:
            written = output.tell()
            self._process = process = await _spawn(self.service, output)
        self._child = self._ledger.add(process.pid)
        if trouble := await _trouble(self.service, process):
            raise ServiceFailed(_explain(self.service, trouble, written=written))
        return process

    async def _keep_up(self, process: asyncio.subprocess.Process) -> None:
        name = self.service.name
        while True:
            ending = _ending(await process.wait())
            log.warning("%s %s; starting it again (log: %s)", name, ending, self.service.log)
            process = await self._relaunch()
            log.warning("%s is up again", name)

    async def _relaunch(self) -> asyncio.subprocess.Process:
        while True:
            await self._end()
            await asyncio.sleep(self._pause)
            try:
                return await self._launch()
            except Exception as error:  # whatever went wrong, the next attempt may succeed
                log.error("%s could not be started again: %s", self.service.name, error)

    async def _end(self) -> None:
        if (process := self._process) is None:
            return
        family = self._child.family() if self._child else []
        if process.returncode is None:
            await self._ask_to_stop(process)
        kill([*family, *(self._child.family() if self._child else [])])
        await process.wait()
        self._process = self._child = None

    async def _ask_to_stop(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, self.service.stop_signal)
            os.kill(process.pid, signal.SIGCONT)  # a frozen process hears nothing until it wakes
        try:
            async with asyncio.timeout(self.service.grace):
                await process.wait()
        except TimeoutError:
            log.warning("%s does not stop and is killed", self.service.name)


async def until(probe: Callable[[], Awaitable[object]], *errors: type[Exception]) -> None:
    """Return once `probe` succeeds; each of `errors` means that the server is not there yet."""
    while True:
        try:
            await probe()
            return
        except errors:
            await asyncio.sleep(_POLL)


async def accepts(port: int) -> None:
    """Return once something on loopback accepts connections at `port`."""

    async def connect() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()

    await until(connect, OSError)


def last_lines(text: bytes) -> str:
    """The end of a server's output, to be shown below an error."""
    lines = text.decode(errors="replace").strip().splitlines()[-8:]
    return "".join(f"\n  {line}" for line in lines)


def check_port(name: str, port: int | None) -> None:
    """Raises ServiceFailed if somebody else listens there."""
    if port is None:
        return
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is not taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise ServiceFailed(
                f"Port {port} is taken (needed by {name}); "
                f"stop what uses it or set QUIRE_{name.upper()}_PORT."
            ) from error


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


async def _spawn(service: Service, output: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(unprivileged(service.command) if service.unprivileged else service.command),
        env={**(os.environ if service.inherits else {}), **service.environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


async def _trouble(service: Service, process: asyncio.subprocess.Process) -> str | None:
    """What kept the server from answering; None if it answers."""
    ready = asyncio.ensure_future(service.ready())
    died = asyncio.ensure_future(process.wait())
    try:
        first = asyncio.FIRST_COMPLETED
        await asyncio.wait({ready, died}, timeout=service.deadline, return_when=first)
        if died.done():
            return _ending(died.result())
        if ready.done():
            return ready.result()
        return f"did not answer within {service.deadline:g} s"
    finally:
        ready.cancel()
        died.cancel()
        await asyncio.gather(ready, died, return_exceptions=True)


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by {_signal_name(-code)}"


def _signal_name(number: int) -> str:
    return signal.Signals(number).name


def _explain(service: Service, trouble: str, *, written: int) -> str:
    with service.log.open("rb") as output:
        output.seek(written)
        lines = last_lines(output.read())
    return f"{service.name} {trouble}; its log {service.log} says:{lines or ' nothing.'}"
