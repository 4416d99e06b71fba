"""Documents that became ready or failed, as a bus's listeners hear of them: moto's EventBridge."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from functions.ingest.announcing import Announcer
from functions.ingest.messages import Upload
from functions.ingest.work import Work
from local.provision import credentials
from quire.events import Events

DOCUMENT = UUID(int=7)
TOLD = {"tenant": "t", "document": str(DOCUMENT), "filename": "é 😀.md"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Listener:
    """A bus, and a queue that hears all that is published there."""

    def __init__(self) -> None:
        self.bus = f"bus-{uuid4()}"
        self._sqs, events = boto3.client("sqs"), boto3.client("events")
        self._url = self._sqs.create_queue(QueueName=self.bus)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        events.create_event_bus(Name=self.bus)
        pattern = json.dumps({"source": ["quire.ingestion"]})
        events.put_rule(Name="all", EventBusName=self.bus, EventPattern=pattern)
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule="all", EventBusName=self.bus, Targets=[target])

    def heard(self) -> list[tuple[str, Any]]:
        heard = []
        while messages := self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            events = [json.loads(message["Body"]) for message in messages]
            heard += [(event["detail-type"], event["detail"]) for event in events]
        return heard


@pytest.fixture
def listener(address: str, monkeypatch: pytest.MonkeyPatch) -> Listener:
    for name, value in credentials(address).items():
        monkeypatch.setenv(name, value)
    return Listener()


def work(document: UUID = DOCUMENT) -> Work:
    return Work(
        upload=Upload(key="uploads/t/a.md"),
        tenant="t",
        document=document,
        version=1,
        claim=UUID(int=2),
        filename="é 😀.md",
        done=0,
    )


async def test_what_became_of_a_document_is_heard(listener: Listener) -> None:
    announcer = Announcer(Events(listener.bus))
    await announcer.ready([work()])
    await announcer.failed("t", DOCUMENT, "é 😀.md", "This PDF is damaged.")
    assert listener.heard() == [
        ("DocumentReady", TOLD),
        ("DocumentFailed", TOLD | {"error": "This PDF is damaged."}),
    ]


async def test_all_of_many_are_heard(listener: Listener) -> None:
    """A request tells of ten at most."""
    many = [work(UUID(int=number)) for number in range(23)]
    await Announcer(Events(listener.bus)).ready(many)
    # Told again, where it took too long to be heard.
    heard = dict.fromkeys(detail["document"] for _, detail in listener.heard())
    assert list(heard) == [str(each.document) for each in many]


async def test_a_bus_that_is_away_stops_nobody(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    await Announcer(Events(listener.bus)).ready([work()])
    assert "the bus was not reached" in caplog.messages


async def test_without_a_bus_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    await Announcer(None).failed("t", DOCUMENT, "a.md", "This PDF is damaged.")
    assert caplog.messages == ["DocumentFailed"]
