"""One Lambda sandbox: a process under AWS's runtime client that serves one request at a time.

Between two requests it is frozen with SIGSTOP, as Lambda freezes a sandbox between invocations.
"""

import asyncio
import os
import signal
import time
from asyncio import Future
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from local.invocation import FunctionError, Invocation, TimedOut
from local.nursery import Born, Nursery
from local.variables import REGION, variables

ACCOUNT = "123456789012"
# Lambda ends an init after ten seconds and begins it again within the function's own timeout; here
# the first attempt goes on for the sum of both.
INIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One deployed function.

    `handler` is a dotted path below the task root, `timeout` is in seconds, `concurrency` the most
    sandboxes at once. `environment` is all that a sandbox sees beside Lambda's own variables: a
    server on loopback is named in its `AWS_ENDPOINT_URL`, a layer's folder in its `PYTHONPATH`,
    which is the same for all functions.
    `niceness` is the scheduler's: on one machine, unlike on Lambda, functions compete.
    One with a `snapshot` is started by `LambdaRuntime.publish`.
    """

    name: str
    handler: str
    environment: Mapping[str, str]
    timeout: float
    concurrency: int = 2
    niceness: int = 0
    snapshot: bool = False

    @property
    def arn(self) -> str:
        region = self.environment.get("AWS_REGION", REGION)
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{self.name}"


class Sandbox:
    """A process that is starting, frozen, or at work on one invocation."""

    def __init__(self, function: Function, born: Born, log: Path) -> None:
        self.function = function
        self._log = log
        self.pid = born.pid
        self.invocation: Invocation | None = None
        self.init_error: FunctionError | None = None
        self._exit = born.exit
        self._exit.add_done_callback(lambda _: self._hand_over(None))
        self._polled: Future[None] = _future()
        self._handed: Future[Invocation | None] = _future()
        self._taken: Future[None] = _future()
        self._restored: Future[Any] = _future()

    @classmethod
    async def start(
        cls, function: Function, nursery: Nursery, *, runtime_api: str, task_root: Path, log: Path
    ) -> Self:
        """Start the process, its output appended to `log`.

        Raises FunctionError when the interpreter cannot be started.
        """
        try:
            born = await nursery.bear(
                name=function.name,
                handler=function.handler,
                environment=variables(
                    function.environment,
                    name=function.name,
                    handler=function.handler,
                    snapshot=function.snapshot,
                    runtime_api=runtime_api,
                    task_root=task_root,
                ),
                log=log,
            )
        except OSError as error:
            raise FunctionError("Runtime.InvalidEntrypoint", str(error)) from error
        if function.niceness:
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, born.pid, function.niceness)
        return cls(function, born, log)

    @property
    def alive(self) -> bool:
        # The loop hears of an end some turns after it: ask the system as well.
        return not self._exit.done() and psutil.pid_exists(self.pid)

    async def poll(self) -> Invocation | None:
        """Freeze the process until it is given an invocation; None when it died meanwhile."""
        if not self.alive:
            return None
        self._handed = _future()
        self._signal(signal.SIGSTOP)
        self._polled.set_result(None)
        return await self._handed

    async def take_snapshot(self) -> None:
        """Freeze it where Lambda would copy it, until it is first invoked."""
        self._signal(signal.SIGSTOP)
        self._taken.set_result(None)
        await asyncio.wait([self._restored, self._exit], return_when=asyncio.FIRST_COMPLETED)

    async def published(self) -> None:
        """Return once the snapshot was taken. Raises FunctionError when there is none in time."""
        if not await self._within(INIT_SECONDS + self.function.timeout, self._taken):
            await self.kill()
            raise FunctionError("Runtime.InitTimeout", self.function.name)

    async def serve(self, invocation: Invocation) -> Any:
        """Give the process an invocation; its answer, once the process polls for the next one.

        Raises FunctionError when the function does, or when the process ends without an answer;
        TimedOut when it was too slow and has been killed.
        """
        began = time.monotonic()
        try:
            return await self._serve(invocation)
        finally:
            self._report(invocation, 1_000 * (time.monotonic() - began))

    async def _serve(self, invocation: Invocation) -> Any:
        limit = self.function.timeout
        if self._taken.done() and not self._restored.done():
            self._signal(signal.SIGCONT)
            self._restored.set_result(None)
        if not await self._within(INIT_SECONDS + limit, self._polled):
            await self.kill()
            raise FunctionError(
                "Runtime.InitTimeout", f"{self.function.name} took too long to load."
            )
        self._polled = _future()
        self.invocation = invocation
        self._signal(signal.SIGCONT)
        self._hand_over(invocation)
        if not await self._within(limit, invocation.answer):
            await self.kill()
            raise TimedOut(f"Task timed out after {limit:.2f} seconds")
        with suppress(FunctionError):
            if not await self._within(limit, self._polled):
                await self.kill()
        return invocation.answer.result()

    async def kill(self) -> None:
        """Kill the process and what it started; SIGKILL ends a frozen process too."""
        self._signal(signal.SIGKILL)
        await asyncio.wait({self._exit})

    def _hand_over(self, invocation: Invocation | None) -> None:
        if not self._handed.done():
            self._handed.set_result(invocation)

    def _report(self, invocation: Invocation, duration: float) -> None:
        """As Lambda's own line in a function's log."""
        line = f"REPORT RequestId: {invocation.request_id}\tDuration: {duration:.2f} ms\n"
        with self._log.open("ab") as log:
            log.write(line.encode())

    async def _within(self, seconds: float, awaited: Future[Any]) -> bool:
        await asyncio.wait(
            {awaited, self._exit}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if not awaited.done() and self._exit.done():
            raise self.init_error or FunctionError("Runtime.ExitError", self._last_words())
        return awaited.done()

    def _last_words(self) -> str:
        status = self._exit.result()
        if status < 0:
            reason = f"with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
        else:
            reason = f"with error: exit status {status}" if status else "without providing a reason"
        return f"Runtime exited {reason}"

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def _future() -> Future[Any]:
    return asyncio.get_running_loop().create_future()
