"""The laptop's S3 and SQS: moto's server, whose objects outlive it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws import restore, service
from local.service import Ledger, Supervised, accepts, until

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import FilterRuleTypeDef, QueueConfigurationUnionTypeDef
    from types_boto3_sqs import SQSClient

KEYS = [
    "tenants/t/plain.txt",
    "tenants/t/a b.txt",
    "tenants/t/a+b.txt",
    "tenants/t/a%2Fb.txt",
    "tenants/t/../up.txt",
    "tenants/t//twice.txt",
    "tenants/t/q?x=1&y#z.txt",
    "tenants/t/😀 ü.txt",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    state: Path
    port: int
    server: Supervised
    s3: "S3Client"
    sqs: "SQSClient"

    def provision(self, bucket: str) -> str:
        """A bucket whose objects below tenants/ are told to a queue, whose URL is returned."""
        self.s3.create_bucket(Bucket=bucket)
        queue = self.sqs.create_queue(QueueName=bucket)["QueueUrl"]
        described = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        below_tenants: FilterRuleTypeDef = {"Name": "prefix", "Value": "tenants/"}
        told: QueueConfigurationUnionTypeDef = {
            "QueueArn": described["Attributes"]["QueueArn"],
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
            "Filter": {"Key": {"FilterRules": [below_tenants]}},
        }
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]}
        )
        self.events(queue)  # takes away the s3:TestEvent
        return queue

    def events(self, queue: str) -> list[tuple[str, str]]:
        """The names and the decoded keys of all events waiting, which are taken away."""
        found: list[tuple[str, str]] = []
        while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                for record in json.loads(message["Body"]).get("Records", []):
                    key = unquote_plus(record["s3"]["object"]["key"])
                    found.append((record["eventName"], key))
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def put(self, bucket: str, key: str, body: bytes = b"text") -> None:
        self.s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType="text/plain",
            Metadata={"title": key.encode("unicode_escape").decode(), "under_score": "1"},
        )

    def post(self, bucket: str, key: str, body: bytes) -> httpx.Response:
        """A presigned form upload, as a browser sends it: without an Authorization header."""
        form = self.s3.generate_presigned_post(
            bucket,
            key,
            Fields={"Content-Type": "application/pdf", "x-amz-meta-title": "A book"},
            Conditions=[
                ["content-length-range", 1, 100],
                {"Content-Type": "application/pdf"},
                {"x-amz-meta-title": "A book"},
            ],
        )
        file = {"file": ("book.pdf", body)}
        with httpx.Client(trust_env=False) as client:
            return client.post(form["url"], data=form["fields"], files=file)

    def upload_in_parts(self, bucket: str, key: str, body: bytes) -> None:
        created = self.s3.create_multipart_upload(Bucket=bucket, Key=key, ContentType="text/csv")
        upload = created["UploadId"]
        part = self.s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=body)
        self.s3.complete_multipart_upload(
            Bucket=bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
        )

    def content(self, bucket: str) -> dict[str, tuple[bytes, str, dict[str, str]]]:
        """Every object's body, content type and metadata."""
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        found = {}
        for key in [each["Key"] for each in listed]:
            got = self.s3.get_object(Bucket=bucket, Key=key)
            found[key] = (got["Body"].read(), got["ContentType"], got["Metadata"])
        return found

    async def kill(self) -> None:
        """End the server without warning, and wait until its supervisor has it up again."""
        killed = self.server.pid
        assert killed
        os.kill(killed, signal.SIGKILL)

        async def replaced() -> None:
            assert self.server.pid not in {None, killed}

        async with asyncio.timeout(30):
            await until(replaced, AssertionError)
            await accepts(self.port)


@pytest.fixture(scope="module")
async def cloud(
    tmp_path_factory: pytest.TempPathFactory, unused_tcp_port_factory: Callable[[], int]
) -> AsyncIterator[Cloud]:
    state, port = tmp_path_factory.mktemp("aws"), unused_tcp_port_factory()
    server = Supervised(service(state, port), Ledger(state / "children.json"))
    session = boto3.Session("key", "secret", region_name="us-east-1")
    url, path_style = f"http://127.0.0.1:{port}", Config(s3={"addressing_style": "path"})
    s3 = session.client("s3", endpoint_url=url, config=path_style)
    sqs = session.client("sqs", endpoint_url=url)
    await server.start()
    yield Cloud(state=state, port=port, server=server, s3=s3, sqs=sqs)
    await server.stop()
    s3.close()
    sqs.close()


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    """A name of its own for every test."""
    return str(request.node.name).split("[")[0].replace("_", "-")


@pytest.mark.parametrize("key", KEYS)
async def test_an_event_tells_the_key(cloud: Cloud, bucket: str, key: str) -> None:
    queue = cloud.provision(bucket)
    cloud.put(bucket, key)
    assert cloud.events(queue) == [("ObjectCreated:Put", key)]
    assert key in cloud.content(bucket)


async def test_a_presigned_form_uploads_and_is_told(cloud: Cloud, bucket: str) -> None:
    queue = cloud.provision(bucket)
    answer = cloud.post(bucket, "tenants/t/a book.pdf", b"%PDF")
    assert answer.status_code == 204
    assert cloud.events(queue) == [("ObjectCreated:Post", "tenants/t/a book.pdf")]
    assert cloud.content(bucket) == {
        "tenants/t/a book.pdf": (b"%PDF", "application/pdf", {"title": "A book"})
    }


@pytest.mark.parametrize("key", KEYS)
async def test_a_removed_object_tells_of_it_once(cloud: Cloud, bucket: str, key: str) -> None:
    queue = cloud.provision(bucket)
    cloud.put(bucket, key)
    cloud.events(queue)
    cloud.s3.delete_object(Bucket=bucket, Key=key)
    assert cloud.events(queue) == [("ObjectRemoved:Delete", key)]
    cloud.s3.delete_object(Bucket=bucket, Key=key)
    assert cloud.events(queue) == []


async def test_objects_removed_together_are_told_one_by_one(cloud: Cloud, bucket: str) -> None:
    queue = cloud.provision(bucket)
    for key in KEYS:
        cloud.put(bucket, key)
    cloud.events(queue)
    cloud.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in KEYS]})
    assert cloud.events(queue) == [("ObjectRemoved:Delete", key) for key in KEYS]


async def test_an_empty_bucket_has_nothing_to_restore(cloud: Cloud, bucket: str) -> None:
    cloud.provision(bucket)
    cloud.provision(other := f"{bucket}-2")
    cloud.put(other, KEYS[0])
    assert restore(cloud.s3, bucket, state=cloud.state) == 0


async def test_objects_outlive_a_killed_server(cloud: Cloud, bucket: str) -> None:
    cloud.provision(bucket)
    for key in [*KEYS, "tenants/t/deleted", "tenants/t/deleted too"]:
        cloud.put(bucket, key, b"first")
    cloud.put(bucket, KEYS[0], b"second")
    texts = [f"texts/t/{number % 10}" for number in range(40)]
    await asyncio.gather(*(asyncio.to_thread(cloud.put, bucket, key) for key in texts))
    cloud.s3.copy_object(Bucket=bucket, Key="tenants/t/copy.txt", CopySource=f"{bucket}/{KEYS[0]}")
    cloud.s3.delete_object(Bucket=bucket, Key="tenants/t/deleted")
    cloud.upload_in_parts(bucket, "tenants/t/parts.csv", b"a,b\n" * 10)
    cloud.post(bucket, "tenants/t/book.pdf", b"%PDF\nline\n")
    cloud.s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "tenants/t/deleted too"}, {"Key": KEYS[1]}]}
    )
    before = cloud.content(bucket)

    await cloud.kill()
    with pytest.raises(ClientError, match="NoSuchBucket"):
        cloud.content(bucket)
    queue = cloud.provision(bucket)
    assert restore(cloud.s3, bucket, state=cloud.state) == len(before)
    assert cloud.content(bucket) == before
    told = [key for _, key in cloud.events(queue)]
    late = ["copy.txt", "parts.csv", "book.pdf"]
    assert told == [*KEYS[2:], KEYS[0], *(f"tenants/t/{name}" for name in late)]

    cloud.s3.delete_object(Bucket=bucket, Key=KEYS[0])
    await cloud.kill()
    cloud.provision(bucket)
    assert restore(cloud.s3, bucket, state=cloud.state) == len(before) - 1
    assert KEYS[0] not in cloud.content(bucket)
