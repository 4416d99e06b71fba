"""The SQS event source mapping on a laptop, against moto's server."""

import asyncio
import hashlib
import logging
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
from local.lambda_runtime import Function, FunctionError, LambdaRuntime

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

HANDLERS = Path(__file__).parent / "handlers"


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


async def test_a_message_reaches_the_function_whole_and_leaves_the_queue(
    sqs: "SQSClient", queue: str
) -> None:
    calls: list[tuple[str, Mapping[str, Any]]] = []

    async def invoke(name: str, event: Mapping[str, Any]) -> None:
        calls.append((name, event))

    sent = sqs.send_message(
        QueueUrl=queue,
        MessageBody='{"key": "größer.md"}',
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "upload"},
            "digest": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    async with running(EventSource(invoke, "ingest", queue, sqs=sqs)):
        await until(lambda: left(sqs, queue) == 0)

    [(name, event)] = calls
    [record] = event["Records"]
    assert name == "ingest"
    assert record["messageId"] == sent["MessageId"]
    assert record["receiptHandle"]
    assert record["body"] == '{"key": "größer.md"}'
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"].isdigit()
    assert record["messageAttributes"] == {
        "kind": {
            "stringValue": "upload",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String",
        },
        "digest": {
            "binaryValue": "AP8=",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Binary",
        },
    }
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].startswith("arn:aws:sqs:eu-central-1:123456789012:queue-")
    assert record["awsRegion"] == "eu-central-1"


async def test_only_the_failed_messages_of_a_batch_come_back(
    sqs: "SQSClient", queue: str, tmp_path: Path
) -> None:
    function = Function(name="f", handler="sandboxed.fail_some", environment={}, timeout=20)
    batches: list[list[str]] = []
    async with LambdaRuntime([function], task_root=HANDLERS, log_dir=tmp_path) as runtime:
        # Messages come back after a second: its sandbox is there by then.
        await runtime.invoke("f", {"Records": []})
        for body in ("well", "fail", "fine"):
            sqs.send_message(QueueUrl=queue, MessageBody=body)

        async def invoke(name: str, event: Mapping[str, Any]) -> Any:
            batches.append(bodies(event))
            return await runtime.invoke(name, event)

        async with running(EventSource(invoke, "f", queue, sqs=sqs)):
            await until(lambda: left(sqs, queue) == 1)
            await until(lambda: left(sqs, queue) == 0)

    assert batches == [["well", "fail", "fine"], ["fail"]]


async def test_a_function_that_fails_or_answers_nonsense_gets_its_whole_batch_again(
    sqs: "SQSClient", queue: str
) -> None:
    answers: dict[str, Any] = {
        "raises": FunctionError("ValueError", "no such book"),
        "no identifier": {"batchItemFailures": [{"itemIdentifier": ""}]},
        "null identifier": {"batchItemFailures": [{"itemIdentifier": None}]},
        "unknown identifier": {"batchItemFailures": [{"itemIdentifier": str(uuid4())}]},
        "bad key": {"batchItemFailures": [{"messageId": "of whom"}]},
        "text": "failed",
    }
    received: list[str] = []

    async def invoke(name: str, event: Mapping[str, Any]) -> Any:
        [body] = bodies(event)
        received.append(body)
        if event["Records"][0]["attributes"]["ApproximateReceiveCount"] != "1":
            return None
        if isinstance(answers[body], Exception):
            raise answers[body]
        return answers[body]

    for body in answers:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    async with running(EventSource(invoke, "f", queue, sqs=sqs, batch_size=1)):
        await until(lambda: left(sqs, queue) == 0)

    assert sorted(received) == sorted([*answers, *answers])


@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}]
)
async def test_an_answer_without_failures_ends_the_batch(
    sqs: "SQSClient", queue: str, answer: Any
) -> None:
    calls: list[Mapping[str, Any]] = []

    async def invoke(name: str, event: Mapping[str, Any]) -> Any:
        calls.append(event)
        return answer

    sqs.send_message(QueueUrl=queue, MessageBody="well")
    async with running(EventSource(invoke, "f", queue, sqs=sqs)):
        await until(lambda: left(sqs, queue) == 0)

    assert len(calls) == 1


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


async def test_a_queue_out_of_reach_is_said_once_and_read_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    received: list[str] = []
    attempts: list[None] = []

    async def invoke(name: str, event: Mapping[str, Any]) -> None:
        received.extend(bodies(event))

    def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(None)
        writer.close()

    dead = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = dead.sockets[0].getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    url = f"http://127.0.0.1:{port}/123456789012/later"
    with caplog.at_level(logging.WARNING, "local"), closing(client(port)) as sqs:
        async with running(EventSource(invoke, "f", url, sqs=sqs)):
            await until(lambda: len(attempts) == 2)
            dead.close()
            server.start()
            await asyncio.to_thread(sqs.create_queue, QueueName="later")
            await asyncio.to_thread(sqs.send_message, QueueUrl=url, MessageBody="at last")
            await until(lambda: left(sqs, url) == 0)
        server.stop()

    assert received == ["at last"]
    [message] = caplog.messages
    assert message.startswith("The queue of f cannot be read")
