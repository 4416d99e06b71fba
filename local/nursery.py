"""Where sandboxes are born: forked from one process that has loaded what all functions need.

To load the layer's libraries takes two seconds of a CPU, most of a cold start: it is done once.
"""

import asyncio
import json
import os
import signal
import socket
from asyncio import Future, Task
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from local import zygote


@dataclass(frozen=True, slots=True)
class Born:
    """A process that leads a session of its own; `exit` is its code, or minus a signal."""

    pid: int
    exit: Future[int]


class Nursery:
    def __init__(
        self,
        *,
        python: str,
        folder: Path,
        libraries: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        """`libraries` are modules to load before a fork, in `folder` and with `environment`."""
        self._command = (python, "-P", zygote.__file__)
        self._folder = folder
        self._libraries = libraries
        # Nothing is forked beside threads.
        self._environment = {**environment, "OPENBLAS_NUM_THREADS": "1"}
        self._log = log
        self._gate = asyncio.Lock()
        self._process: Process | None = None
        self._channel: socket.socket | None = None
        self._listening: Task[None] | None = None
        self._numbers = count()
        self._awaited: dict[int, Future[Born]] = {}
        self._living: dict[int, Future[int]] = {}

    async def bear(
        self, *, name: str, handler: str, environment: Mapping[str, str], log: Path
    ) -> Born:
        """A process of that name which runs the handler, its output appended to `log`.

        Raises OSError when the interpreter cannot be started, or ends.
        """
        number = next(self._numbers)
        born: Future[Born] = asyncio.get_running_loop().create_future()
        request = {
            "number": number,
            "name": name,
            "handler": handler,
            "environment": dict(environment),
            "log": str(log),
        }
        async with self._gate:
            channel = self._channel or await self._open()
        self._awaited[number] = born
        try:
            channel.send(json.dumps(request).encode())
            return await born
        finally:
            del self._awaited[number]

    async def stop(self) -> None:
        """End the process that is forked from; nothing happens if there is none."""
        if self._process and self._listening:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            await self._listening

    async def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, self._log.open("ab") as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *(*self._command, str(theirs.fileno()), *self._libraries),
                    cwd=self._folder,
                    env=self._environment,
                    stdin=DEVNULL,
                    stdout=output,
                    stderr=STDOUT,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        self._channel = ours
        self._listening = asyncio.create_task(self._listen(ours))
        return ours

    async def _listen(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with channel, suppress(ConnectionError):
            while told := await loop.sock_recv(channel, zygote.LONGEST):
                self._hear(json.loads(told))
        self._channel = None
        # Nobody tells any more how they end.
        for pid, exit_ in self._living.items():
            _kill(pid)
            exit_.set_result(-signal.SIGKILL)
        self._living.clear()
        for awaited in self._awaited.values():
            if not awaited.done():
                awaited.set_exception(ConnectionError(f"It ended; its log is {self._log}"))

    def _hear(self, told: Mapping[str, int]) -> None:
        if "ended" in told:
            self._living.pop(told["ended"]).set_result(told["exit_code"])
            return
        pid = told["born"]
        self._living[pid] = asyncio.get_running_loop().create_future()
        awaited = self._awaited.get(told["number"])
        if awaited and not awaited.done():
            awaited.set_result(Born(pid, self._living[pid]))
        else:  # who asked for it has gone
            _kill(pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
