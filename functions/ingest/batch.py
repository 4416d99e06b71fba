"""An SQS batch: every message on its own, whatever becomes of its neighbours.

A message that fails comes back after a growing pause; at its last receipt, or at once when it can
never succeed, it goes to the dead letters with its cause, from where a redrive brings it back.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest.invocation import Invocation
from functions.ingest.messages import Asked, parse
from functions.ingest.pausing import PAUSE_SECONDS, waits
from functions.ingest.telling import invoked, received, tell_batch
from quire.errors import QuireError, Unavailable
from quire.metrics import Metric, measure
from quire.observability import log
from quire.queue import Queue
from quire.switches import Switchboard
from quire.tracing import going_on

# The queues' own redrive policy has the same number: it is for workers that died.
MAX_RECEIVES = 5
# A dependency may be gone for minutes: 10, 30, 90, 270 seconds.
_FIRST_PAUSE, _GROWTH = 10, 3

# Of a message, as SQS calls it.
_TRACE = "AWSTraceHeader"

_UNEXPECTED = "Something went wrong on our side; upload the file again, or ask whoever runs this."

Work = Callable[[Sequence[Asked], Invocation], Awaitable[Sequence[Exception | None]]]
GiveUp = Callable[[Asked, str], Awaitable[None]]


class Batches:
    def __init__(
        self,
        *,
        queues: Sequence[Queue],
        dead: Queue,
        switches: Switchboard,
        work: Work,
        give_up: GiveUp,
    ) -> None:
        """`work` answers an error for each message that has to come again; it may raise none.

        `give_up` hears of messages that were given up, and why. What the `switches` hold up goes
        back on the first of the queues.
        """
        self._queues = {queue.name: queue for queue in queues}
        self._paused = queues[0]
        self._dead = dead
        self._switches = switches
        self._work = work
        self._give_up = give_up

    async def deliver(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Lambda's answer for a partial batch: which messages are to come again."""
        with invoked(context):
            return await self._deliver(event["Records"], Invocation.begin(context))

    async def _deliver(
        self, records: Sequence[Mapping[str, Any]], invocation: Invocation
    ) -> dict[str, Any]:
        errors: dict[str, Exception] = {}
        asked: dict[str, Asked] = {}
        switches = await self._switches.read()
        for record in records:
            try:
                message = parse(record["body"], trace=_attributes(record).get(_TRACE, ""))
                received(record, message)
                if waits(message, switches):
                    if switches.holds:
                        measure(Metric.MESSAGES_HELD)
                    # Sent anew, for what comes back too often is given up: its age begins anew too.
                    with going_on(message.trace):
                        await self._paused.resend(record["body"], delay=PAUSE_SECONDS)
                else:
                    asked[record["messageId"]] = message
            except QuireError as error:
                errors[record["messageId"]] = error
        outcomes = await self._work(list(asked.values()), invocation)
        for named, outcome in zip(asked, outcomes, strict=True):
            if outcome is not None:
                errors[named] = outcome
        failures = [
            record["messageId"]
            for record in records
            if record["messageId"] in errors
            and await self._comes_back(
                record, asked.get(record["messageId"]), errors[record["messageId"]]
            )
        ]
        tell_batch(records, failures, ms=1000 * (time.monotonic() - invocation.began))
        return {"batchItemFailures": [{"itemIdentifier": message} for message in failures]}

    async def _comes_back(
        self, record: Mapping[str, Any], asked: Asked | None, error: Exception
    ) -> bool:
        cause = error.message if isinstance(error, QuireError) else _UNEXPECTED
        if not isinstance(error, QuireError):
            log.error("a message failed", exc_info=error)
        receipts = int(_attributes(record).get("ApproximateReceiveCount", 1))
        try:
            if asked is not None and receipts < MAX_RECEIVES:
                log.info("a message is put off", cause=cause, receipts=receipts)
                measure(Metric.MESSAGES_PUT_OFF)
                await self._pause(record, receipts, error)
                return True
            with going_on(asked.trace if asked else None):
                await self._dead.bury(record["body"], cause=cause)
        except QuireError as trouble:
            # It comes back all the same, only later: SQS sees to that.
            log.warning("a failed message was left to SQS", cause=trouble.message)
            return True
        log.warning("a message was given up", cause=cause)
        measure(Metric.MESSAGES_GIVEN_UP)
        if asked is not None:
            await self._tell(asked, cause)
        return False

    async def _tell(self, asked: Asked, cause: str) -> None:
        try:
            await self._give_up(asked, cause)
        except Exception as trouble:
            # The letter is buried; what stands still for it is found by its deadline.
            log.error("nobody heard of what was given up", exc_info=trouble)

    async def _pause(self, record: Mapping[str, Any], receipts: int, error: Exception) -> None:
        queue = self._queues.get(record.get("eventSourceARN", "").rpartition(":")[2])
        if queue and "receiptHandle" in record:
            wished = error.retry_after if isinstance(error, Unavailable) else 0
            seconds = max(wished, _FIRST_PAUSE * _GROWTH ** (receipts - 1))
            await queue.return_in(record["receiptHandle"], seconds=seconds)


def _attributes(record: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = record.get("attributes", {})
    return found
