"""How messages become batches."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from local.event_source import EventSource

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
from tests.integration.event_source.conftest import bodies, left, running, until


async def test_a_batch_is_no_larger_than_allowed(sqs: "SQSClient", queue: str) -> None:
    batches: list[list[str]] = []

    async def invoke(name: str, event: Mapping[str, Any]) -> None:
        batches.append(bodies(event))

    for body in "abc":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    async with running(EventSource(invoke, "f", queue, sqs=sqs, batch_size=2)):
        await until(lambda: left(sqs, queue) == 0)

    assert batches == [["a", "b"], ["c"]]


async def test_a_batch_waits_for_more_while_its_window_is_open(
    sqs: "SQSClient", queue: str
) -> None:
    batches: list[list[str]] = []

    async def invoke(name: str, event: Mapping[str, Any]) -> None:
        batches.append(bodies(event))

    def hidden() -> str:
        answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
        return answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]

    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "60"})
    sqs.send_message(QueueUrl=queue, MessageBody="first")
    async with running(EventSource(invoke, "f", queue, sqs=sqs, batch_size=12, window=60)):
        await until(lambda: hidden() == "1")
        for number in range(11):
            sqs.send_message(QueueUrl=queue, MessageBody=str(number))
        await until(lambda: left(sqs, queue) == 0)

    assert [len(batch) for batch in batches] == [12]


async def test_no_more_batches_are_under_way_than_allowed(sqs: "SQSClient", queue: str) -> None:
    started: list[str] = []
    release = asyncio.Event()

    async def invoke(name: str, event: Mapping[str, Any]) -> None:
        started.extend(bodies(event))
        await release.wait()

    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "60"})
    for body in "abc":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    async with running(EventSource(invoke, "f", queue, sqs=sqs, batch_size=1, concurrency=2)):
        await until(lambda: len(started) == 2)
        await asyncio.sleep(0.2)  # many times what the third would need, were it let in
        assert started == ["a", "b"]
        release.set()
        await until(lambda: left(sqs, queue) == 0)

    assert started == ["a", "b", "c"]
