"""What a test sees and touches behind Quire's back: rows, points, dead letters."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from qdrant_client import AsyncQdrantClient, models

from quire.queue import Queue
from tests.conftest import Tenant

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

Owner = psycopg.AsyncConnection[tuple[object, ...]]


class Points:
    """A tenant's points, seen and touched behind Quire's back; in the live collection, mostly."""

    def __init__(self, qdrant: AsyncQdrantClient, owner: Owner, tenant: Tenant) -> None:
        self.qdrant = qdrant
        self._owner = owner
        self._mine = models.Filter(
            must=[models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant.id))]
        )

    async def live(self) -> str:
        found = await self._owner.execute("select name from collections where live")
        (row,) = await found.fetchall()
        return str(row[0])

    async def count(self, collection: str | None = None) -> int:
        name = collection or await self.live()
        return (await self.qdrant.count(name, count_filter=self._mine)).count

    async def records(self) -> list[models.Record]:
        records, _ = await self.qdrant.scroll(
            await self.live(), scroll_filter=self._mine, limit=999, with_vectors=True
        )
        return records

    async def delete(self) -> None:
        chosen = models.FilterSelector(filter=self._mine)
        await self.qdrant.delete(await self.live(), chosen, wait=True)


class Letters:
    """The dead letters, looked at without taking them."""

    def __init__(self, sqs: "SQSClient") -> None:
        self._sqs = sqs

    def url(self, queue: str) -> str:
        return self._sqs.get_queue_url(QueueName=f"quire-local-{queue}")["QueueUrl"]

    def send(self, queue: str, body: str, *, cause: str | None = None) -> None:
        attributes: Any = {"cause": {"DataType": "String", "StringValue": cause}} if cause else {}
        self._sqs.send_message(
            QueueUrl=self.url(queue), MessageBody=body, MessageAttributes=attributes
        )

    def forget(self) -> None:
        url = self.url("dead")
        while held := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for letter in held:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])

    async def cause(self, body: str) -> str | None:
        """Why that message was given up; None while it was not."""
        answer = await asyncio.to_thread(
            self._sqs.receive_message,
            QueueUrl=self.url("dead"),
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        held = {
            letter["Body"]: letter["MessageAttributes"] for letter in answer.get("Messages", [])
        }
        return held[body]["cause"]["StringValue"] if body in held else None


def waiting(sqs: "SQSClient", queue: Queue) -> int:
    """How many of its messages are not to be seen yet."""
    name: Literal["ApproximateNumberOfMessagesDelayed"] = "ApproximateNumberOfMessagesDelayed"
    answer = sqs.get_queue_attributes(QueueUrl=queue._url, AttributeNames=[name])
    return int(answer["Attributes"][name])
