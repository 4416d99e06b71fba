"""A document in one line of the log, for each invocation that worked on it; and a batch in one."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest.messages import Asked, Upload
from functions.ingest.work import Work
from quire import metrics, tracing
from quire.domain import document_id
from quire.metrics import Metric, measure
from quire.objects import parse_upload_key
from quire.observability import bind, content, log, show, tell


@contextmanager
def invoked(context: LambdaContext) -> Iterator[None]:
    """An invocation, of which all that is logged tells the ids."""
    trace = tracing.of_invocation()
    with metrics.measuring(), tracing.going_on(trace):
        bind(request_id=context.aws_request_id, trace_id=trace.id)
        yield


def received(record: Mapping[str, Any], asked: Asked) -> None:
    """A message is in a worker's hands."""
    sent = record.get("attributes", {}).get("SentTimestamp")
    if sent and asked.uploads:
        measure(Metric.QUEUE_AGE, max(0.0, time.time() - int(sent) / 1000))


@contextmanager
def working_on(upload: Upload) -> Iterator[None]:
    """What is logged and sent in this task belongs to that document."""
    measure(Metric.HOPS, upload.hop or 0)
    if named := parse_upload_key(upload.key):
        bind(tenant=named[0], document=document_id(*named))
    if upload.trace:
        bind(trace_id=upload.trace.id)
    with tracing.going_on(upload.trace):
        yield


def tell_document(work: Work, outcome: str, **more: Any) -> None:
    """`outcome` is ready, failed, handed over, or put off."""
    work.laps.mark("index" if "read" in work.laps.milliseconds else "read")
    trace = work.upload.trace or tracing.current()
    if trace:
        stages = work.laps.milliseconds
        show(trace, f"document {outcome}", took=work.laps.since, stages=stages)
    log.info(
        "document",
        trace_id=trace and trace.id,
        tenant=work.tenant,
        document=str(work.document),
        version=work.version,
        outcome=outcome,
        hop=work.upload.hop or 0,
        done=work.done,
        chunks=work.total,
        ms=work.laps.since,
        timings=work.laps.milliseconds,
        **more,
        **content(filename=work.filename),
    )


def tell_batch(messages: Sequence[object], failures: Sequence[object], *, ms: float) -> None:
    """The end of an invocation, with all that was measured in it."""
    tell("batch", messages=len(messages), come_again=len(failures), ms=round(ms))
