"""The SQS event source mapping on a laptop, against moto's server."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from moto.server import ThreadedMotoServer

from local.event_source import EventSource
from local.lambda_runtime import Function, FunctionError, LambdaRuntime

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
from tests.integration.event_source.conftest import HANDLERS, bodies, client, left, running, until


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
