"""SQS: what asks the ingest worker to act, beside S3's own events."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quire.errors import Unavailable


class Queue:
    def __init__(self, url: str) -> None:
        self._url = url
        self._sqs = boto3.client(
            "sqs",
            config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}),
        )

    async def send_job(self, tenant: str, job: UUID) -> None:
        """Ask for a job to be run. Raises Unavailable."""
        body = json.dumps({"job": {"tenant": tenant, "id": str(job)}})
        await self._call(self._sqs.send_message, MessageBody=body)

    async def ping(self) -> None:
        """Raises Unavailable when the queue cannot be reached."""
        await self._call(self._sqs.get_queue_attributes, AttributeNames=["QueueArn"])

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> None:
        try:
            await asyncio.to_thread(method, QueueUrl=self._url, **arguments)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("queue") from error
