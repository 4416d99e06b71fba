"""Lambda on a laptop: functions invoked in sandboxes, more of them as invocations overlap."""

import asyncio
import json
import socket
import sys
from asyncio import LifoQueue, Task
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.invocation import (
    FunctionError,
    Invocation,
    InvocationError,
    RequestTooLarge,
    Throttled,
    TimedOut,
)
from local.nursery import Nursery
from local.runtime_api import RuntimeApi, listen
from local.sandbox import Function, Sandbox
from local.variables import shared

__all__ = [
    "Function",
    "FunctionError",
    "InvocationError",
    "LambdaRuntime",
    "RequestTooLarge",
    "Throttled",
    "TimedOut",
]

REQUEST_BYTES = 6 * 1024 * 1024


@dataclass(eq=False, slots=True)
class _Slot:
    """A place for one sandbox at a time, known to its process by the port it polls."""

    listener: socket.socket
    sandbox: Sandbox | None = None

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])


class LambdaRuntime:
    """The functions, their sandboxes, and the Runtime API; an async context manager.

    `libraries` are what the functions import from elsewhere: loaded once, for all sandboxes.
    `on_spawn` is told the pid of every sandbox, which is also its process group: whoever must
    clean up after a killed supervisor writes them down.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        *,
        task_root: Path,
        log_dir: Path,
        libraries: Sequence[str] = (),
        python: str = sys.executable,
        on_spawn: Callable[[int], object] = lambda pid: None,
    ) -> None:
        self._functions = {function.name: function for function in functions}
        self._task_root = task_root
        self._log_dir = log_dir = log_dir.resolve()
        self._nursery = Nursery(
            python=python,
            folder=task_root,
            libraries=libraries,
            environment=shared([function.environment for function in functions]),
            log=log_dir / "nursery.log",
        )
        self._on_spawn = on_spawn
        self._slots: dict[int, _Slot] = {}
        self._free: dict[str, LifoQueue[_Slot]] = {}
        self._serving: set[Task[Any]] = set()
        self._stopped = False
        self._api = RuntimeApi(lambda port: self._slots[port].sandbox)

    async def start(self) -> None:
        """Open the Runtime API; sandboxes are started as invocations come."""
        for function in self._functions.values():
            # Last in, first out: one warm sandbox does the work of many idle ones.
            free: LifoQueue[_Slot] = LifoQueue()
            for _ in range(function.concurrency):
                slot = _Slot(listen())
                self._slots[slot.port] = slot
                free.put_nowait(slot)
            self._free[function.name] = free
        await self._api.start([slot.listener for slot in self._slots.values()])

    async def stop(self) -> None:
        """Kill every sandbox; what is being invoked fails with InvocationError."""
        self._stopped = True
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        sandboxes = [slot.sandbox for slot in self._slots.values() if slot.sandbox]
        await asyncio.gather(*(sandbox.kill() for sandbox in sandboxes))
        await self._nursery.stop()
        await self._api.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def invoke(self, name: str, event: Mapping[str, Any]) -> Any:
        """The handler's answer to an event.

        An invocation that has begun runs to its end even when the caller is cancelled. Raises
        FunctionError, TimedOut, Throttled and RequestTooLarge, all of them InvocationError, and
        LookupError for a name that was not deployed.
        """
        if name not in self._functions:
            raise LookupError(f"No function is called {name}; there are {list(self._functions)}.")
        body = json.dumps(event).encode()
        if len(body) > REQUEST_BYTES:
            raise RequestTooLarge(f"The event has {len(body)} bytes; {REQUEST_BYTES} are allowed.")
        if self._stopped:
            raise InvocationError(f"{name} cannot be invoked: Lambda was stopped.")
        task = asyncio.create_task(self._serve(self._functions[name], body))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise InvocationError(f"{name} was stopped before it answered.") from None
            raise

    async def publish(self, name: str) -> None:
        """Start a sandbox as SnapStart does at a deployment: what is invoked is its copy.

        Raises FunctionError when it cannot be loaded, or its hooks fail.
        """
        function = self._functions[name]
        async with self._free_slot(function) as slot:
            slot.sandbox = await self._start_sandbox(function, slot.port)
            self._on_spawn(slot.sandbox.pid)
            await slot.sandbox.published()

    async def _serve(self, function: Function, event: bytes) -> Any:
        async with self._free_slot(function) as slot:
            sandbox = slot.sandbox
            if sandbox is None or not sandbox.alive:
                sandbox = slot.sandbox = await self._start_sandbox(function, slot.port)
                self._on_spawn(sandbox.pid)
            return await sandbox.serve(Invocation(event))

    @asynccontextmanager
    async def _free_slot(self, function: Function) -> AsyncIterator[_Slot]:
        free = self._free[function.name]
        try:
            async with asyncio.timeout(function.timeout):
                slot = await free.get()
        except TimeoutError:
            raise Throttled(
                f"All {function.concurrency} sandboxes of {function.name} are busy."
            ) from None
        try:
            yield slot
        finally:
            free.put_nowait(slot)

    async def _start_sandbox(self, function: Function, port: int) -> Sandbox:
        return await Sandbox.start(
            function,
            self._nursery,
            runtime_api=f"127.0.0.1:{port}",
            task_root=self._task_root,
            log=self._log_dir / f"{function.name}.log",
        )
