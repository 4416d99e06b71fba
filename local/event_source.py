"""The SQS event source mapping on a laptop: a queue's messages to a function, in batches.

With ReportBatchItemFailures, as in
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import asyncio
import logging
from asyncio import Semaphore, TaskGroup
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.invocation import InvocationError

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef

Invoke = Callable[[str, Mapping[str, Any]], Awaitable[Any]]

_MOST_PER_CALL = 10  # what SQS receives or deletes at once
# A receive blocks a thread that cannot be cancelled: this is what a shutdown waits for.
_WAIT_SECONDS = 1
_PAUSE_SECONDS = 0.5

log = logging.getLogger(__name__)


class EventSource:
    """Feeds a function from a queue.

    A batch is handed over when it is full or `window` seconds old, of which at most `concurrency`
    are under way at once. Its messages are deleted when the function has answered, but those that
    the answer calls failed: they come back after their visibility timeout, and so does a whole
    batch when the function fails.
    """

    def __init__(
        self,
        invoke: Invoke,
        function: str,
        queue_url: str,
        *,
        sqs: "SQSClient",
        batch_size: int = 10,
        window: float = 0.0,
        concurrency: int = 2,
    ) -> None:
        self._invoke = invoke
        self._function = function
        self._queue_url = queue_url
        self._sqs = sqs
        self._batch_size = batch_size
        self._window = window
        self._concurrency = concurrency
        self._queue_arn = ""
        self._reached = True

    async def run(self) -> None:
        """Feed the function until cancelled."""
        free = Semaphore(self._concurrency)
        async with TaskGroup() as batches:
            while True:
                await free.acquire()
                batch = batches.create_task(self._deliver(await self._batch()))
                batch.add_done_callback(lambda _: free.release())

    async def _batch(self) -> list["MessageTypeDef"]:
        messages: list[MessageTypeDef] = []
        while not messages:
            messages = await self._receive(self._batch_size, wait=_WAIT_SECONDS)
        loop = asyncio.get_running_loop()
        closes = loop.time() + self._window
        while len(messages) < self._batch_size and (left := closes - loop.time()) > 0:
            # A receive waits for whole seconds; the rest of the time is slept.
            if left < _WAIT_SECONDS:
                await asyncio.sleep(left)
            wait = min(int(left), _WAIT_SECONDS)
            messages += await self._receive(self._batch_size - len(messages), wait=wait)
        return messages

    async def _receive(self, most: int, *, wait: int) -> list["MessageTypeDef"]:
        try:
            self._queue_arn = self._queue_arn or await asyncio.to_thread(self._find_arn)
            answer = await asyncio.to_thread(
                self._sqs.receive_message,
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(most, _MOST_PER_CALL),
                WaitTimeSeconds=wait,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError) as error:
            if self._reached:
                log.warning("The queue of %s cannot be read, trying on: %s", self._function, error)
            self._reached = False
            await asyncio.sleep(_PAUSE_SECONDS)
            return []
        self._reached = True
        return answer.get("Messages", [])

    def _find_arn(self) -> str:
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["QueueArn"]
        )
        return answer["Attributes"]["QueueArn"]

    async def _deliver(self, messages: Sequence["MessageTypeDef"]) -> None:
        event = {"Records": [_record(message, self._queue_arn) for message in messages]}
        try:
            answer = await self._invoke(self._function, event)
        except InvocationError as error:
            log.warning("%s failed %d messages: %s", self._function, len(messages), error)
            return
        failed = _failed(answer, {message["MessageId"] for message in messages})
        done = [message for message in messages if message["MessageId"] not in failed]
        for start in range(0, len(done), _MOST_PER_CALL):
            await self._delete(done[start : start + _MOST_PER_CALL])

    async def _delete(self, messages: Sequence["MessageTypeDef"]) -> None:
        try:
            await asyncio.to_thread(
                self._sqs.delete_message_batch,
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )
        except (BotoCoreError, ClientError) as error:
            log.warning("%d messages were not deleted and will return: %s", len(messages), error)


def _failed(answer: Any, sent: set[str]) -> set[str]:
    """The ids of the messages that failed: all, when the answer names one that was not sent."""
    if answer is None:
        return set()
    try:
        failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
    except (AttributeError, KeyError, TypeError):
        return sent
    return failed if failed <= sent else sent


def _record(message: "MessageTypeDef", queue_arn: str) -> dict[str, Any]:
    """A message as in docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _attribute(value: "MessageAttributeValueOutputTypeDef") -> dict[str, Any]:
    attribute: dict[str, Any] = {
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = b64encode(value["BinaryValue"]).decode()
    return attribute
