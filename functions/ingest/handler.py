"""SQS → pipeline: S3's events, and documents to be read (again)."""

import asyncio
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest.batch import Batches
from functions.ingest.composition import compose
from functions.ingest.intake import Intake


class Handler:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        parts = compose()
        intake = Intake(parts)
        self._batches = Batches(
            queues=[parts.documents_queue, parts.bulk],
            dead=parts.dead,
            switches=parts.switches,
            work=intake.work,
            give_up=intake.give_up,
        )

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> Any:
        return self._loop.run_until_complete(self._batches.deliver(event, context))


handler = Handler()
