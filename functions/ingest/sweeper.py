"""Schedule → queue: jobs whose message was lost are asked for again."""

import asyncio
from typing import Any

from quire.queue import Queue
from quire.settings import Settings
from quire.store.database import Database
from quire.store.jobs import Jobs

MOST = 100


class Handler:
    def __init__(self) -> None:
        settings, secret = Settings.load()
        self._loop = asyncio.new_event_loop()
        self._jobs = Jobs(Database(secret.database_url.get_secret_value(), connections=1))
        self._queue = Queue(settings.queue_url)

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, int]:
        return {"resent": self._loop.run_until_complete(self._sweep())}

    async def _sweep(self) -> int:
        forgotten = await self._jobs.take_forgotten(most=MOST)
        for tenant, job in forgotten:
            await self._queue.send_job(tenant, job)
        return len(forgotten)


handler = Handler()
