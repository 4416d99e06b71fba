"""One Lambda sandbox: a process under AWS's runtime client that serves one request at a time.

Between two requests it is frozen with SIGSTOP, as Lambda freezes a sandbox between invocations.
"""

import asyncio
import os
import secrets
import signal
import sys
import time
import uuid
from asyncio import Future
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from local.nursery import Born, Nursery

ACCOUNT = "123456789012"
REGION = "us-east-1"
MEMORY_MB = 1024
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
    """

    name: str
    handler: str
    environment: Mapping[str, str]
    timeout: float
    concurrency: int = 2
    niceness: int = 0

    @property
    def arn(self) -> str:
        region = self.environment.get("AWS_REGION", REGION)
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{self.name}"


class InvocationError(Exception):
    """An invocation that ended without an answer."""


class FunctionError(InvocationError):
    """The function raised, could not be loaded, or took its process down."""

    def __init__(self, error_type: str, error_message: str) -> None:
        super().__init__(f"{error_type}: {error_message}")
        self.error_type = error_type
        self.error_message = error_message


class TimedOut(InvocationError):
    """The function ran longer than its timeout and was killed."""


class Throttled(InvocationError):
    """Every sandbox was busy for as long as the function may run."""


class RequestTooLarge(InvocationError):
    """The event is larger than Lambda takes in one request."""


@dataclass(eq=False, slots=True)
class Invocation:
    """A request on its way to a sandbox, and the place where its answer is put."""

    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def succeed(self, answer: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: InvocationError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


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

    @classmethod
    async def start(
        cls, function: Function, nursery: Nursery, *, runtime_api: str, task_root: Path, log: Path
    ) -> Self:
        """Start the process, its output appended to `log`.

        Raises FunctionError when the interpreter cannot be started.
        """
        variables = _environment(function, runtime_api=runtime_api, task_root=task_root)
        try:
            born = await nursery.bear(
                name=function.name, handler=function.handler, environment=variables, log=log
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


def shared_environment(functions: Sequence[Function]) -> dict[str, str]:
    """The variables that all sandboxes see."""
    named = (set(function.environment.items()) for function in functions)
    return _defaults() | dict(set.intersection(*named))


def _defaults() -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "LANG": "en_US.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "TZ": ":UTC",
    }


def _environment(function: Function, *, runtime_api: str, task_root: Path) -> dict[str, str]:
    """The variables of docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stream = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{secrets.token_hex(16)}"
    reserved = {
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_TASK_ROOT": str(task_root),
    }
    return {**_defaults(), **function.environment, **reserved}
