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
from quire.object_keys import parse_upload_key
from quire.observability import bind, content, log, show, tell


@contextmanager
def invoked(context: LambdaContext) -> Iterator[None]:
    """An invocation, of which all that is logged tells the ids."""
    with metrics.measuring(), tracing.going_on(tracing.of_invocation()):
        bind(request_id=context.aws_request_id)
        yield


def received(record: Mapping[str, Any], asked: Asked) -> None:
    """A message is in a worker's hands."""
    sent = record.get("attributes", {}).get("SentTimestamp")
    if sent and asked.uploads:
        measure(Metric.QUEUE_AGE, max(0.0, time.time() - int(sent) / 1000))


def work_on(upload: Upload) -> None:
    """What is logged and sent from here on in this task belongs to that document."""
    measure(Metric.HOPS, upload.hop or 0)
    if named := parse_upload_key(upload.key):
        bind(tenant=named[0], document_id=document_id(*named))
    tracing.join(upload.trace)


def tell_document(work: Work, outcome: str, *, error: Exception | None = None, **more: Any) -> None:
    """`outcome` is ready, failed or handed over; with an `error` it is put off."""
    work.laps.mark("index" if "read" in work.laps.milliseconds else "read")
    took, stages = work.laps.since, work.laps.milliseconds
    ids: dict[str, Any] = {"tenant": work.tenant, "document_id": str(work.document)}
    if trace := work.upload.trace:
        show(trace, f"document {outcome}", took=took, stages=stages, **ids)
    with tracing.going_on(trace):
        log.info(
            "document",
            **ids,
            version=work.version,
            outcome="put off" if error else outcome,
            cause=error and type(error).__name__,
            hop=work.upload.hop or 0,
            done=work.done,
            chunks=work.total,
            ms=took,
            timings=stages,
            **more,
            **content(filename=work.filename),
        )


def tell_batch(messages: Sequence[object], failures: Sequence[object], *, ms: float) -> None:
    """The end of an invocation, with all that was measured in it."""
    tell("batch", messages=len(messages), come_again=len(failures), ms=round(ms))
