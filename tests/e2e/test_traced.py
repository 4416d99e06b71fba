"""What is sent on with a message goes on in the trace that it belongs to."""

import json
import time
from typing import TYPE_CHECKING, Any

from functions.ingest.composition import Ingestion
from functions.ingest.invocation import Invocation
from functions.ingest.messages import Upload
from quire.object_keys import upload_key
from quire.tracing import Trace, from_amazon, going_on
from tests.conftest import Tenant

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

from tests.e2e.test_seen import TEXT, traced


async def test_each_message_goes_on_in_its_own_trace(
    parts: Ingestion, tenant: Tenant, sqs: "SQSClient"
) -> None:
    """What is handed over, what waits behind others, what comes later, what is given up."""
    traces = [Trace(id=traced(digit)[0], sampled=True) for digit in "def"]
    upload = Upload(key=upload_key(tenant.id, "late.md"), trace=traces[0])
    await parts.objects.put(upload.key, TEXT.encode(), content_type="text/plain", metadata={})
    over = Invocation(began=0, until=time.monotonic(), end=time.monotonic() + 9)
    assert await parts.pipeline.ingest([upload], over) == [None]
    with going_on(traces[0]):
        await parts.bulk.resend("again")
        await parts.bulk.bury("gone", cause="for good")
    heard = [
        from_amazon(message["Attributes"]["AWSTraceHeader"])
        for message in sqs.receive_message(
            QueueUrl=parts.bulk._url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["AWSTraceHeader"],
        )["Messages"]
    ]
    told = sorted((one.id, one.parent, one.sampled) for one in heard if one)
    assert told == [(traces[0].id, traces[0].span, True)] * 3
    # Moto forgets what comes with a batch: this is what it was sent.
    sent: list[dict[str, Any]] = []
    parts.bulk._sqs.meta.events.register(
        "before-call.sqs.SendMessageBatch", lambda params, **_: sent.append(params)
    )
    await parts.bulk.send_all([{"n": 1}, {"n": 2}], tenant=tenant.id, traces=traces[1:])
    (batch,) = sent
    headers = [
        entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"]
        for entry in json.loads(batch["body"])["Entries"]
    ]
    assert headers == [trace.header() for trace in traces[1:]]
