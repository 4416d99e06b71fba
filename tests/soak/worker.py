"""A worker that dies at the exchange its schedule says."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import boto3

from local.deployment import LIBRARIES, ROOT, environment, functions
from local.lambda_runtime import InvocationError, LambdaRuntime
from local.provision import REGION, Provisioned
from local.stack import Stack
from tests.soak import wire
from tests.soak.schedules import CHECKPOINT, Schedule
from tests.soak.wire import Moment, Proxy

WORKER_SECONDS = 6
_SETTINGS = {
    "QUIRE_CHECKPOINT_CHUNKS": str(CHECKPOINT),
    "QUIRE_EMBEDDING_MODEL": "all-MiniLM-L6-v2",
    "QUIRE_EMBEDDING_DIMENSIONS": "384",
    "QUIRE_WATCH_SECONDS": "2",
    "QUIRE_RETIRE_SECONDS": "2",
    "QUIRE_IDLE_SECONDS": str(WORKER_SECONDS + 1),
}


class Worker:
    """One sandbox of a function, which reaches the world through proxies of its own."""

    def __init__(
        self, number: int, function: str, stack: Stack, queues: Provisioned, *, bucket: str
    ) -> None:
        self.function = function
        self.seen: Counter[tuple[str, str]] = Counter()
        self._name = f"{bucket}-{number}"
        self._bucket = bucket
        self._stack = stack
        self._queues = queues
        self._pid: int | None = None
        self._schedule: Schedule | None = None
        self._exit = AsyncExitStack()

    async def start(self, model_port: int) -> None:
        stack, configured = self._stack, self._stack.configuration
        database = urlsplit(stack.app_url)
        assert database.port
        postgres = await self._proxy(database.port, wire.postgres_request, wire.postgres_name)
        aws = await self._proxy(configured.aws_port, wire.http_request, wire.aws_name)
        qdrant = await self._proxy(configured.qdrant_port, wire.http_request, wire.qdrant_name)
        model = await self._proxy(model_port, wire.http_request, wire.model_name)
        secret = {
            "database_url": stack.app_url.replace(f":{database.port}/", f":{postgres}/"),
            "qdrant_url": f"http://127.0.0.1:{qdrant}",
            "openai_api_key": "none",
            "openai_base_url": f"http://127.0.0.1:{model}/v1",
        }
        vault = session().client("secretsmanager", endpoint_url=configured.aws_url)
        await asyncio.to_thread(
            vault.create_secret, Name=f"{self._name}/runtime", SecretString=json.dumps(secret)
        )
        variables = {
            **environment(
                aws_url=f"http://127.0.0.1:{aws}", queues=self._queues, settings=_SETTINGS
            ),
            "QUIRE_BUCKET": self._bucket,
            "QUIRE_RUNTIME_SECRET": f"{self._name}/runtime",
        }
        deployed = {f.name: f for f in functions(variables, worker_seconds=WORKER_SECONDS)}
        self._runtime = LambdaRuntime(
            [replace(deployed[self.function], concurrency=1, niceness=0)],
            task_root=ROOT,
            log_dir=configured.state / "logs" / self._name,
            libraries=LIBRARIES,
            on_spawn=self._spawned,
        )
        await self._exit.enter_async_context(self._runtime)

    async def stop(self) -> None:
        await self._exit.aclose()

    async def serve(self, schedule: Schedule, event: Mapping[str, Any]) -> Any:
        """Raises InvocationError when the schedule had it die, or Lambda when it was slow."""
        self._schedule = schedule
        answer = await self._runtime.invoke(self.function, event)
        if await self._fate("Lambda answer", "unsent"):
            raise InvocationError("It was killed before it could answer.")
        await self._fate("Lambda answer", "unanswered")
        return answer

    async def _proxy(self, port: int, read: wire.Read, name: Any) -> int:
        proxy = Proxy(port, read=read, name=name, fate=self._fate)
        return (await self._exit.enter_async_context(proxy)).port

    def _spawned(self, pid: int) -> None:
        self._pid = pid

    async def _fate(self, exchange: str, moment: Moment) -> bool:
        if self._pid is None:
            return True  # it died at another exchange
        self.seen[(self.function, exchange)] += moment == "unsent"
        if self._schedule is None or not self._schedule.ends(self.function, exchange, moment):
            return False
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        self._pid = None
        return True


def session() -> boto3.Session:
    return boto3.Session("local", "local", region_name=REGION)
