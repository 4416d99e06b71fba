"""SQS: what the ingest worker is asked to do, beside S3's own events.

A message is one JSON object of one field, its kind: `ingest` (a document), `job`, `job_watch` (a
job to be looked at until it has ended), `watch` (documents whose deadlines are to be looked at),
`recover` (look for whatever messages were lost), or S3's `Records`.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quire import tracing
from quire.aws import unavailable
from quire.errors import Unavailable
from quire.tracing import Trace

MOST_DELAY = 900  # seconds; SQS's own limit
_CAUSE_LENGTH = 1_000
_MOST_PER_CALL = 10
_RECEIVE_SECONDS = 2
# Two attempts, and the look-up of a name, which botocore does not bound.
_CALL_SECONDS = 15


class Queue:
    def __init__(self, url: str) -> None:
        self.name = url.rpartition("/")[2]
        self._url = url
        self._sqs = boto3.client(
            "sqs",
            config=Config(
                connect_timeout=2,
                read_timeout=5,
                retries={"mode": "standard", "total_max_attempts": 2},
            ),
        )

    async def send(
        self, message: Mapping[str, Any], *, delay: float = 0, tenant: str | None = None
    ) -> None:
        """`delay` in seconds is cut to 900; a tenant named shares the queue fairly with others.

        Raises Unavailable.
        """
        options: dict[str, Any] = {"MessageGroupId": tenant} if tenant else {}
        options |= _traced()
        if delay > 0:
            options["DelaySeconds"] = min(MOST_DELAY, round(delay))
        await self._call(self._sqs.send_message, MessageBody=json.dumps(message), **options)

    async def send_all(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tenant: str,
        delay: int = 0,
        traces: Sequence[Trace | None] = (),
    ) -> None:
        """Send one tenant's messages, each in its own trace if there are any, ten a request.

        They come in `delay` seconds, 900 at most. Raises Unavailable.
        """
        shared: dict[str, Any] = {"MessageGroupId": tenant}
        if delay:
            shared["DelaySeconds"] = delay
        traced = list(zip_longest(messages, traces))
        for start in range(0, len(messages), _MOST_PER_CALL):
            entries = [
                {"Id": str(n), "MessageBody": json.dumps(message), **shared, **_traced(trace)}
                for n, (message, trace) in enumerate(traced[start : start + _MOST_PER_CALL])
            ]
            answer = await self._call(self._sqs.send_message_batch, Entries=entries)
            if answer.get("Failed"):
                raise Unavailable("queue")

    async def send_job(self, tenant: str, job: UUID, *, delay: float = 0) -> None:
        await self.send({"job": {"tenant": tenant, "id": str(job)}}, delay=delay)

    async def send_job_watch(self, tenant: str, job: UUID, *, delay: float) -> None:
        """Have it looked at whether a job goes on, `delay` seconds from now."""
        await self.send({"job_watch": {"tenant": tenant, "id": str(job)}}, delay=delay)

    async def send_watch(self, documents: Mapping[str, Sequence[UUID]], *, delay: float) -> None:
        """Have the deadlines of each tenant's documents looked at, `delay` seconds from now."""
        named = {tenant: [str(d) for d in ids] for tenant, ids in documents.items()}
        await self.send({"watch": named}, delay=delay)

    async def send_ingest(self, key: str, *, delay: float = 0) -> None:
        await self.send({"ingest": {"key": key}}, delay=delay)

    async def resend(self, body: str, *, delay: int = 0) -> None:
        """Send a message as it once was, to come in `delay` seconds. Raises Unavailable."""
        await self._call(self._sqs.send_message, MessageBody=body, DelaySeconds=delay, **_traced())

    async def bury(self, body: str, *, cause: str) -> None:
        """Put a message that was given up where it came from no more, with what was wrong."""
        attribute = {"DataType": "String", "StringValue": cause[:_CAUSE_LENGTH] or "unknown"}
        await self._call(
            self._sqs.send_message,
            MessageBody=body,
            MessageAttributes={"cause": attribute},
            **_traced(),
        )

    async def receive(self, *, most: int = 10) -> list[Mapping[str, Any]]:
        """Take up to ten messages, as SQS describes them; none when there are none now.

        It waits a moment: without, SQS asks a few of its servers only, and may find nothing.
        """
        answer = await self._call(
            self._sqs.receive_message,
            MaxNumberOfMessages=most,
            VisibilityTimeout=120,
            WaitTimeSeconds=_RECEIVE_SECONDS,
            MessageAttributeNames=["All"],
        )
        messages: list[Mapping[str, Any]] = answer.get("Messages", [])
        return messages

    async def delete(self, receipt: str) -> None:
        await self._call(self._sqs.delete_message, ReceiptHandle=receipt)

    async def return_in(self, receipt: str, *, seconds: float) -> None:
        """Have a received message come back after that time, not its visibility timeout."""
        await self._call(
            self._sqs.change_message_visibility,
            ReceiptHandle=receipt,
            VisibilityTimeout=round(seconds),
        )

    async def count(self) -> int:
        """About how many messages wait."""
        answer = await self._call(
            self._sqs.get_queue_attributes, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    async def ping(self) -> None:
        """Raises Unavailable when the queue cannot be reached."""
        await self._call(self._sqs.get_queue_attributes, AttributeNames=["QueueArn"])

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await asyncio.to_thread(method, QueueUrl=self._url, **arguments)
        except (BotoCoreError, ClientError, TimeoutError) as error:
            raise unavailable("queue", error) from error


def _traced(trace: Trace | None = None) -> dict[str, Any]:
    """What has whoever receives a message go on with that trace, or the one it is sent in."""
    trace = trace or tracing.current()
    if trace is None:
        return {}
    header = {"DataType": "String", "StringValue": trace.header()}
    return {"MessageSystemAttributes": {"AWSTraceHeader": header}}
