"""Ingestion whose workers can be killed at any exchange: the real functions, queues and servers.

It stands beside the stack's own, on its servers, with a bucket and queues of its own.
"""

import asyncio
import json
import re
import secrets
from asyncio import LifoQueue
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

import psycopg
from botocore.exceptions import ClientError

from benchmarks.ports import free_ports
from local.event_source import EventSource
from local.lambda_runtime import InvocationError
from local.provision import create_queues
from local.stack import Stack
from local.web_server import WebServer
from tests.soak.instant_model import create_app
from tests.soak.schedules import Change, Schedule, record
from tests.soak.worker import WORKER_SECONDS, Worker, session

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# As in the cloud: long after the claim a message has led to.
_VISIBILITY_SECONDS = 6 * WORKER_SECONDS
_TENANT = re.compile(r"t-[0-9a-f]{12}")


class Mortal:
    """Queues and the workers they feed; an async context manager."""

    def __init__(
        self, stack: Stack, owner: psycopg.AsyncConnection[tuple[object, ...]], *, hands: int = 3
    ) -> None:
        """`hands` are the workers that ingest; one more tidies up."""
        self.schedules: dict[str, Schedule] = {}
        self._name = f"mortal-{secrets.token_hex(3)}"
        self._stack = stack
        self._owner = owner
        self._hands = hands
        # Last in, first out, as in Lambda: the warm one is taken.
        self._free: dict[str, LifoQueue[Worker]] = {
            "ingest": LifoQueue(),
            "maintenance": LifoQueue(),
        }
        self._untold: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._exit = AsyncExitStack()
        self.workers: list[Worker] = []

    async def __aenter__(self) -> Self:
        aws_url = self._stack.configuration.aws_url
        self._s3: S3Client = session().client("s3", endpoint_url=aws_url)
        await asyncio.to_thread(self._s3.create_bucket, Bucket=self._name)
        sqs = session().client("sqs", endpoint_url=aws_url)
        self.queues = await asyncio.to_thread(
            create_queues, sqs, self._name, visibility=_VISIBILITY_SECONDS
        )
        (model_port,) = free_ports(1)
        model = WebServer(create_app(), name="model", port=model_port)
        self._exit.push_async_callback(model.stop)
        await model.start()
        for number, function in enumerate((*["ingest"] * self._hands, "maintenance")):
            worker = Worker(number, function, self._stack, self.queues, bucket=self._name)
            self._exit.push_async_callback(worker.stop)
            await worker.start(model_port)
            self.workers.append(worker)
            self._free[function].put_nowait(worker)
        for function, queue, concurrency in (
            ("ingest", self.queues.documents, self._hands),
            ("ingest", self.queues.bulk, 1),
            ("maintenance", self.queues.maintenance, 1),
        ):
            source = EventSource(
                *(self._invoke, function, queue),
                sqs=self.queues.sqs,
                batch_size=4,
                window=0.1,
                concurrency=concurrency,
            )
            feeding = asyncio.create_task(source.run())
            self._exit.push_async_callback(_cancel, feeding)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    async def change(self, schedule: Schedule, change: Change) -> None:
        """Do to the bucket what the schedule says, and tell of it as S3 does: at least once."""
        key = f"uploads/{schedule.tenant}/{change.filename}"
        if change.text is None:
            await asyncio.to_thread(self._s3.delete_object, Bucket=self._name, Key=key)
        else:
            await asyncio.to_thread(
                self._s3.put_object,
                Bucket=self._name,
                Key=key,
                Body=change.text.encode(),
                ContentType="text/markdown",
            )
        untold = self._untold[schedule.tenant]
        untold.append(record(change, key))
        for delay in change.delays:
            await asyncio.to_thread(
                self.queues.sqs.send_message,
                QueueUrl=self.queues.documents,
                MessageBody=json.dumps({"Records": untold}),
                DelaySeconds=delay,
            )
        if change.delays:
            untold.clear()

    async def keys(self, tenant: str) -> set[str]:
        """What the bucket holds of a tenant."""

        def listed() -> set[str]:
            pages = self._s3.get_paginator("list_objects_v2")
            return {
                item["Key"]
                for folder in ("uploads", "texts")
                for page in pages.paginate(Bucket=self._name, Prefix=f"{folder}/{tenant}/")
                for item in page.get("Contents", [])
            }

        return await asyncio.to_thread(listed)

    async def drained(self) -> None:
        """Return once no event and no document waits; watches may, for minutes."""
        async with asyncio.timeout(60):
            while await asyncio.to_thread(self._waiting):
                await asyncio.sleep(0.5)

    def _waiting(self) -> int:
        return sum(
            int(number)
            for queue in (self.queues.documents, self.queues.bulk)
            for name, number in self.queues.sqs.get_queue_attributes(
                QueueUrl=queue, AttributeNames=["All"]
            )["Attributes"].items()
            if name.startswith("ApproximateNumberOfMessages")
        )

    async def _invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """A batch, one schedule's messages at a time, so that its exchanges can be counted."""
        parts: dict[str, list[Any]] = defaultdict(list)
        for message in event["Records"]:
            if named := _TENANT.search(message["body"]):
                parts[named[0]].append(message)
        failures = await asyncio.gather(
            *(self._serve(function, self.schedules[t], records) for t, records in parts.items())
        )
        return {"batchItemFailures": [failure for some in failures for failure in some]}

    async def _serve(
        self, function: str, schedule: Schedule, records: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, str]]:
        worker = await self._free[function].get()
        schedule.claiming += function == "ingest"
        try:
            answer = await worker.serve(schedule, {"Records": records})
            failures: list[dict[str, str]] = answer["batchItemFailures"]
            return failures
        except InvocationError:
            if schedule.returns == "never" and function == "ingest":
                return []
            # A claim that another of its workers may hold takes its time, and so does the message.
            if schedule.returns == "at once" and schedule.claiming == (function == "ingest"):
                await self._pass_time(schedule, records)
            return [{"itemIdentifier": record["messageId"]} for record in records]
        finally:
            schedule.claiming -= function == "ingest"
            self._free[function].put_nowait(worker)

    async def _pass_time(self, schedule: Schedule, records: Sequence[Mapping[str, Any]]) -> None:
        """What a dead worker claimed is free now, and its messages are back."""
        for leased in ("documents", "versions", "jobs"):
            await self._owner.execute(
                f"""update {leased} set lease_until = now()
                    where tenant_id = %s and lease_until > now()""",
                [schedule.tenant],
            )
        for message in records:
            name = message["eventSourceARN"].rpartition(":")[2]
            with suppress(ClientError):  # it was slow to die, and its message is back already
                await asyncio.to_thread(
                    self.queues.sqs.change_message_visibility,
                    QueueUrl=f"{self.queues.dead.rpartition('/')[0]}/{name}",
                    ReceiptHandle=message["receiptHandle"],
                    VisibilityTimeout=0,
                )


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
