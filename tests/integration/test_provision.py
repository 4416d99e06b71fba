"""What CDK makes in AWS, as the laptop has it in moto."""

import json
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.deployment import environment
from local.provision import BUCKET, REGION, Provisioned, provision

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def queues(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provisioned]:
    queues = provision(url, state=tmp_path_factory.mktemp("aws"), secrets={}, recover_after=0)
    yield queues
    queues.sqs.close()


@pytest.fixture(scope="module")
def s3(url: str) -> Iterator["S3Client"]:
    s3 = boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    yield s3
    s3.close()


def take(queues: Provisioned, queue: str, *, wait: int = 0) -> list[dict[str, Any]]:
    """The bodies of all messages to be seen, which are taken away."""
    bodies = []
    while messages := queues.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=wait).get(
        "Messages"
    ):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            queues.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        wait = 0
    return bodies


def test_forgotten_work_is_asked_for_first_of_all(queues: Provisioned) -> None:
    assert take(queues, queues.maintenance) == [{"recover": True}]
    assert take(queues, queues.bulk) == []


def test_originals_that_come_and_go_are_told_to_the_documents_queue(
    queues: Provisioned, s3: "S3Client"
) -> None:
    take(queues, queues.documents)  # takes away the s3:TestEvent
    for key in ("uploads/t/a book.md", "texts/t/a book.txt"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"text")
        s3.delete_object(Bucket=BUCKET, Key=key)
    records = [record for body in take(queues, queues.documents) for record in body["Records"]]
    told = [(record["eventName"], record["s3"]["object"]["key"]) for record in records]
    assert told == [
        ("ObjectCreated:Put", "uploads%2Ft%2Fa+book.md"),
        ("ObjectRemoved:Delete", "uploads%2Ft%2Fa+book.md"),
    ]
    # Unlike S3's own: whoever needs an order has to find it elsewhere.
    assert not any("sequencer" in record["s3"]["object"] for record in records)


def test_a_deadline_comes_when_it_is_due(queues: Provisioned) -> None:
    take(queues, queues.maintenance)
    body = {"deadline": "soon"}
    began = monotonic()
    queues.sqs.send_message(
        QueueUrl=queues.maintenance, MessageBody=json.dumps(body), DelaySeconds=1
    )
    assert take(queues, queues.maintenance) == []
    assert take(queues, queues.maintenance, wait=10) == [body]
    assert monotonic() - began >= 1


def test_the_bulk_queue_takes_messages_of_a_tenant(queues: Provisioned) -> None:
    queues.sqs.send_message(QueueUrl=queues.bulk, MessageBody="{}", MessageGroupId="tenant")
    received = queues.sqs.receive_message(
        QueueUrl=queues.bulk, MessageSystemAttributeNames=["MessageGroupId"]
    )
    [message] = received["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "tenant"
    queues.sqs.delete_message(QueueUrl=queues.bulk, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize("name", ["documents", "bulk", "maintenance"])
def test_what_fails_five_times_is_kept_with_the_dead(queues: Provisioned, name: str) -> None:
    queue = getattr(queues, name)
    take(queues, queue)
    queues.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"hopeless": name}))
    for _ in range(5):
        assert queues.sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    assert take(queues, queue) == []
    assert take(queues, queues.dead) == [{"hopeless": name}]


def test_the_functions_are_told_of_every_queue(queues: Provisioned) -> None:
    told = environment(aws_url="http://aws", queues=queues, settings={})
    assert told["QUIRE_DOCUMENTS_QUEUE_URL"].endswith("/quire-local-documents")
    assert told["QUIRE_BULK_QUEUE_URL"].endswith("/quire-local-bulk")
    assert told["QUIRE_MAINTENANCE_QUEUE_URL"].endswith("/quire-local-maintenance")
    assert told["QUIRE_DEAD_QUEUE_URL"].endswith("/quire-local-dead")
