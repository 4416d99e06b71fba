"""A queue of moto's, and what reads it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from local.event_source import EventSource

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


HANDLERS = Path(__file__).parents[1] / "handlers"


def client(port: int) -> "SQSClient":
    return boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="eu-central-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def sqs() -> Iterator["SQSClient"]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with closing(client(server.get_host_and_port()[1])) as sqs:
        yield sqs
    server.stop()


@pytest.fixture
def queue(sqs: "SQSClient") -> str:
    """The URL of an empty queue, whose messages are hidden for a second once received."""
    name = f"queue-{uuid4()}"
    return sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})["QueueUrl"]


@asynccontextmanager
async def running(source: EventSource) -> AsyncIterator[None]:
    task = asyncio.create_task(source.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def left(sqs: "SQSClient", queue: str) -> int:
    """How many messages the queue holds, seen or hidden."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    hidden = attributes["ApproximateNumberOfMessagesNotVisible"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(hidden)


def bodies(event: Mapping[str, Any]) -> list[str]:
    return [record["body"] for record in event["Records"]]
