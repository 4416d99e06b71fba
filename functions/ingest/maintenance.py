"""SQS → what is not a person waiting for a document: jobs, deadlines, and what a restart forgot."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest.batch import Batches
from functions.ingest.composition import compose
from functions.ingest.invocation import Invocation
from functions.ingest.messages import Asked
from functions.ingest.pausing import PAUSE_SECONDS, Watched, parted, spent
from quire.tracing import going_on


class Handler:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._parts = compose()
        self._batches = Batches(
            queues=[self._parts.maintenance],
            dead=self._parts.dead,
            switches=self._parts.switches,
            work=self._work,
            give_up=self._give_up,
        )

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> Any:
        return self._loop.run_until_complete(self._batches.deliver(event, context))

    async def _work(self, batch: Sequence[Asked], invocation: Invocation) -> list[Exception | None]:
        errors = []
        for asked in batch:
            with going_on(asked.trace):
                errors.append(await self._outcome(asked, invocation))
        return errors

    async def _outcome(self, asked: Asked, invocation: Invocation) -> Exception | None:
        until = invocation.until
        try:
            if asked.watch:
                await self._look(asked.watch, until=until)
            if asked.job_watch:
                await self._parts.jobs.look(*asked.job_watch)
            if asked.recover:
                await self._parts.deadlines.recover(until=until)
            if asked.job:
                await self._parts.jobs.run(*asked.job, until=until, ends=invocation.end)
        except Exception as error:
            return error
        return None

    async def _look(self, watched: Watched, *, until: float) -> None:
        over = await spent(watched, self._parts.limits)
        due, paused = parted(watched, self._parts.switches.current, over)
        if paused:
            await self._parts.maintenance.send_watch(paused, delay=PAUSE_SECONDS)
        await self._parts.deadlines.look(due, until=until)

    async def _give_up(self, asked: Asked, cause: str) -> None:
        if asked.job:
            await self._parts.jobs.give_up(*asked.job, cause)


handler = Handler()
