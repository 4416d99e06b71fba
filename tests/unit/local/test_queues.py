"""moto's queues lose nothing when many threads send, receive and delete at once."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import SQSBackend

from local.queues import mend_queues

SENT = 1_000


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_every_message_arrives_once() -> None:
    mend_queues()
    backend = SQSBackend("us-east-1", DEFAULT_ACCOUNT_ID)
    backend.create_queue("letters", VisibilityTimeout="90")
    seen: list[str] = []

    def send(sender: int) -> None:
        for number in range(SENT):
            backend.send_message("letters", f"{sender}.{number}")

    def receive() -> None:
        # An empty poll of a second is the end: nobody has sent anything for so long.
        while messages := backend.receive_message("letters", 10, 1, 90):
            for message in messages:
                seen.append(message.body)
                backend.delete_message("letters", message.receipt_handle or "")

    with ThreadPoolExecutor() as threads:
        work = [*(threads.submit(send, n) for n in range(2)), *map(threads.submit, [receive] * 2)]
    for done in work:
        done.result()
    assert sorted(seen) == sorted(f"{n}.{number}" for n in range(2) for number in range(SENT))
