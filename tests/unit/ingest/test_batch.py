"""What becomes of an SQS batch's messages, against a real SQS (moto's) on loopback."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer
from moto.sqs.models import sqs_backends

from functions.ingest.batch import MAX_RECEIVES, Batches
from functions.ingest.invocation import Invocation
from functions.ingest.messages import Asked
from quire.errors import Unavailable, Unreadable
from quire.queue import Queue
from quire.switches import Switchboard, Switches
from tests.unit.conftest import Told

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Long, so that a message that is back soon was sent back.
VISIBILITY = 600


class Context(LambdaContext):
    aws_request_id = "request"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 10_000


class Bench:
    """A queue, its dead letters, and a worker whose answers a test decides."""

    def __init__(self, sqs: "SQSClient", name: str) -> None:
        self.sqs, self.name = sqs, name
        self.source = sqs.create_queue(
            QueueName=name, Attributes={"VisibilityTimeout": str(VISIBILITY)}
        )["QueueUrl"]
        self.dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        self.switches = Switchboard(None, seconds=1)
        self.errors: dict[str, Exception] = {}
        self.worked: list[Asked] = []
        self.given_up: list[tuple[Asked, str]] = []
        self.deaf: Exception | None = None
        self.invocation: Invocation | None = None

    async def work(self, batch: Sequence[Asked], invocation: Invocation) -> list[Exception | None]:
        self.worked, self.invocation = list(batch), invocation
        return [self.errors.get(asked.uploads[0].key) for asked in batch]

    async def give_up(self, asked: Asked, cause: str) -> None:
        self.given_up.append((asked, cause))
        if self.deaf:
            raise self.deaf

    async def deliver(self, records: Sequence[Mapping[str, Any]], *, dead: str = "") -> list[str]:
        """The ids of the messages that are to come again."""
        batches = Batches(
            queues=[Queue(self.source)],
            dead=Queue(dead or self.dead),
            switches=self.switches,
            work=self.work,
            give_up=self.give_up,
        )
        answer = await batches.deliver({"Records": records}, Context())
        return [item["itemIdentifier"] for item in answer["batchItemFailures"]]

    def received(self) -> list[dict[str, Any]]:
        """The queue's messages as records, their receipts real."""
        messages = self.sqs.receive_message(QueueUrl=self.source, MaxNumberOfMessages=10)
        return [
            {
                "messageId": message["MessageId"],
                "body": message["Body"],
                "receiptHandle": message["ReceiptHandle"],
                "eventSourceARN": f"arn:aws:sqs:us-east-1:0:{self.name}",
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for message in messages.get("Messages", [])
        ]

    def pause(self) -> float:
        """Seconds until the queue's message is seen again; the server runs in this process."""
        (held,) = sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].get_queue(self.name)._messages
        return float(held.visible_at / 1_000 - time.time())

    def letters(self) -> dict[str, str]:
        """The dead letters, each with its cause."""
        messages = self.sqs.receive_message(
            QueueUrl=self.dead, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return {
            message["Body"]: message["MessageAttributes"]["cause"]["StringValue"]
            for message in messages.get("Messages", [])
        }


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bench(
    address: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Bench]:
    for name, value in (
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    sqs = boto3.Session().client("sqs")
    yield Bench(sqs, f"q{abs(hash(request.node.name))}")
    sqs.close()


def message(name: str, *, receipts: int = 1) -> dict[str, Any]:
    return {
        "messageId": name,
        "body": json.dumps({"ingest": {"key": name}}),
        "attributes": {"ApproximateReceiveCount": str(receipts)},
    }


def garbage(name: str) -> dict[str, Any]:
    return {**message(name), "body": f"garbage {name}"}


async def test_what_is_done_does_not_come_again(bench: Bench) -> None:
    assert await bench.deliver([message("a"), message("b")]) == []
    assert [asked.uploads[0].key for asked in bench.worked] == ["a", "b"]
    assert bench.letters() == {}


async def test_a_part_of_the_time_is_kept_back(bench: Bench) -> None:
    await bench.deliver([message("a")])
    assert bench.invocation
    assert 5 < bench.invocation.until - time.monotonic() < 9.5
    assert 9.5 < bench.invocation.end - time.monotonic() <= 10


async def test_garbage_is_given_up_at_once_and_its_neighbours_are_done(bench: Bench) -> None:
    assert await bench.deliver([garbage("0"), message("a"), garbage("1")]) == []
    assert [asked.uploads[0].key for asked in bench.worked] == ["a"]
    letters = bench.letters()
    assert set(letters) == {"garbage 0", "garbage 1"}
    assert all("no message of ours" in cause for cause in letters.values())
    assert bench.given_up == [], "nobody knows what it was about"


async def test_a_failed_message_comes_again_alone(bench: Bench) -> None:
    bench.errors["b"] = Unavailable("model")
    records = [message("a"), message("b"), message("c")]
    assert await bench.deliver(records) == ["b"]
    assert bench.letters() == {}


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Unreadable("This is too odd."), "This is too odd."),
        (
            KeyError("secret"),
            "Something went wrong on our side; upload the file again, or ask whoever runs this.",
        ),
    ],
)
async def test_at_its_last_receipt_it_is_given_up(
    bench: Bench, error: Exception, cause: str
) -> None:
    bench.errors["a"] = error
    record = message("a", receipts=MAX_RECEIVES - 1)
    assert await bench.deliver([record]) == ["a"]
    assert bench.letters() == {}
    record = message("a", receipts=MAX_RECEIVES)
    assert await bench.deliver([record]) == [], "we buried it, so SQS must not"
    assert bench.letters() == {record["body"]: cause}
    assert [(asked.uploads[0].key, why) for asked, why in bench.given_up] == [("a", cause)]


@pytest.mark.parametrize("trouble", [Unavailable("postgres"), KeyError("secret")])
async def test_it_is_given_up_once_even_if_nobody_hears_of_it(
    bench: Bench, trouble: Exception
) -> None:
    bench.errors["a"], bench.deaf = Unreadable("This is too odd."), trouble
    records = [message("a", receipts=MAX_RECEIVES), message("b")]
    assert await bench.deliver(records) == []
    assert list(bench.letters()) == [records[0]["body"]]
    assert len(bench.given_up) == 1


async def test_it_comes_again_when_it_cannot_be_buried(bench: Bench) -> None:
    records = [garbage("0"), message("a")]
    assert await bench.deliver(records, dead=f"{bench.dead}-nowhere") == ["0"]
    assert len(bench.worked) == 1


@pytest.mark.parametrize(
    ("receipts", "wished", "pause"), [(1, 1, 10), (2, 1, 30), (4, 1, 270), (1, 100, 100)]
)
async def test_it_comes_back_after_a_growing_pause(
    bench: Bench, receipts: int, wished: int, pause: int
) -> None:
    """Not after the queue's visibility timeout, which is made for workers that die."""
    bench.sqs.send_message(QueueUrl=bench.source, MessageBody=message("a")["body"])
    bench.errors["a"] = Unavailable("model", retry_after=wished)
    (record,) = bench.received()
    record["attributes"] = {"ApproximateReceiveCount": str(receipts)}
    assert await bench.deliver([record]) == [record["messageId"]]
    assert bench.pause() == pytest.approx(pause, abs=5)


@pytest.mark.parametrize(
    ("switches", "rings"),
    [(Switches(ingestion=False), 2), (Switches(read_only=True), 2), (Switches(suspended=["t"]), 0)],
    ids=["ingestion", "read_only", "suspended"],
)
async def test_what_is_paused_comes_back_later_and_is_never_given_up(
    bench: Bench, told: Told, switches: Switches, rings: int
) -> None:
    bench.switches.current = switches
    bodies = [json.dumps({"ingest": {"key": f"uploads/{t}/a.md"}}) for t in ("t", "other")]
    for body in bodies:
        bench.sqs.send_message(QueueUrl=bench.source, MessageBody=body)
    records = bench.received()
    for record in records:
        record["attributes"]["ApproximateReceiveCount"] = str(MAX_RECEIVES)
    # SQS deletes what is not reported as failed.
    assert await bench.deliver(records) == []
    others = ["uploads/other/a.md"] if switches.suspended else []
    assert [asked.uploads[0].key for asked in bench.worked] == others
    held = sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].get_queue(bench.name)._messages
    again = [m for m in held if m.delayed]
    assert {m.body for m in again} == set(bodies[: 2 - len(others)])
    assert bench.letters() == {}
    assert sum(sum(line.get("MessagesHeld", ())) for line in told()) == rings
