"""Every state has a deadline, looked at when a delayed message says so: nothing is polled.

A message names documents. What is at rest is tidied up and looked at no more; what stands still
goes back on its queue, or to `failed` when that did not help; for all else another message follows.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from functions.ingest.announcing import Announcer
from functions.ingest.deletion import request_deletion
from quire.domain import DocumentStatus, Standing
from quire.errors import NotFound
from quire.objects import upload_key
from quire.observability import log
from quire.queue import MOST_DELAY, Queue
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from quire.store.standings import Standings

# A form for an upload is good for an hour.
UPLOAD_SECONDS = 3_600
# Behind a long queue a document waits; past this it is taken for lost all the same.
_QUEUE_SECONDS = 6 * 3_600
_MAX_ATTEMPTS = 5
_RECOVERED = 10_000
_PER_MESSAGE = 500


class Deadlines:
    def __init__(
        self,
        *,
        ingestions: Ingestions,
        standings: Standings,
        jobs: Jobs,
        collections: Collections,
        index: Index,
        documents_queue: Queue,
        bulk: Queue,
        maintenance: Queue,
        announcer: Announcer,
        retire_seconds: float,
        idle_seconds: float,
    ) -> None:
        """`retire_seconds` outlasts any search; a document that rests `idle_seconds` is lost."""
        self._ingestions = ingestions
        self._standings = standings
        self._jobs = jobs
        self._collections = collections
        self._index = index
        self._documents_queue = documents_queue
        self._bulk = bulk
        self._maintenance = maintenance
        self._announcer = announcer
        self._retire_seconds = retire_seconds
        self._idle_seconds = idle_seconds

    async def look(self, watched: Mapping[str, Sequence[UUID]]) -> None:
        """See to each tenant's documents. Raises Unavailable; all of it may be done again."""
        again: dict[str, list[UUID]] = {}
        soonest = float(MOST_DELAY)
        for tenant, documents in watched.items():
            for standing in await self._standings.find(tenant, documents):
                wait = await self._see_to(tenant, standing)
                if wait is not None:
                    again.setdefault(tenant, []).append(standing.document)
                    soonest = min(soonest, wait)
        if again:
            await self._maintenance.send_watch(again, delay=max(1.0, soonest))

    async def recover(self) -> None:
        """Have all looked at of which something is to be done, whatever messages were lost."""
        for tenant, documents in (await self._standings.unsettled(most=_RECOVERED)).items():
            for start in range(0, len(documents), _PER_MESSAGE):
                part = documents[start : start + _PER_MESSAGE]
                await self._maintenance.send_watch({tenant: part}, delay=self._retire_seconds)
        for tenant, job in await self._jobs.unfinished(most=_RECOVERED):
            await self._maintenance.send_job(tenant, job)

    async def _see_to(self, tenant: str, standing: Standing) -> float | None:
        """Seconds until it is to be looked at again; None when there is nothing to wait for."""
        wait = await self._tidy(tenant, standing)
        match standing.status:
            case DocumentStatus.AWAITING_UPLOAD:
                return _sooner(wait, await self._await_upload(tenant, standing))
            case DocumentStatus.QUEUED | DocumentStatus.EXTRACTING | DocumentStatus.EMBEDDING:
                return _sooner(wait, await self._keep_going(tenant, standing))
            case DocumentStatus.DELETING:
                if standing.seconds < self._idle_seconds:
                    return self._idle_seconds - standing.seconds
                if not await self._standings.put_back(tenant, standing):
                    return self._idle_seconds
                try:
                    await request_deletion(self._jobs, self._maintenance, tenant, standing.document)
                except NotFound:
                    log.info("deleted meanwhile", document=str(standing.document))
                return None
        return wait

    async def _tidy(self, tenant: str, standing: Standing) -> float | None:
        """Delete what is left of former versions once no turn can cite them from a search."""
        if not standing.leftover or standing.status == DocumentStatus.DELETING:
            return None
        rested = standing.retired_seconds or 0.0
        if standing.leased:
            return self._idle_seconds
        if rested < self._retire_seconds:
            return self._retire_seconds - rested + 1
        for collection in await self._collections.written():
            await self._index.delete(
                collection, tenant, standing.document, versions=standing.leftover
            )
        await self._standings.forget_versions(tenant, standing.document, standing.leftover)
        return None

    async def _await_upload(self, tenant: str, standing: Standing) -> float | None:
        left = UPLOAD_SECONDS + self._idle_seconds - standing.seconds
        if left > 0:
            return left
        await self._fail(
            tenant,
            standing,
            "The file was not uploaded in time; ask for a new upload and send it then.",
        )
        return None

    async def _keep_going(self, tenant: str, standing: Standing) -> float | None:
        if standing.leased or standing.seconds < self._idle_seconds:
            return self._idle_seconds
        # Who was let go of on purpose, or not begun, may have a message behind many others.
        waits = not standing.dropped and standing.seconds < _QUEUE_SECONDS
        if waits and await self._queued():
            return self._idle_seconds
        if standing.attempts >= _MAX_ATTEMPTS:
            await self._fail(
                tenant,
                standing,
                "This file was begun several times and never finished; upload it again, or split "
                "it into smaller ones.",
            )
            return self._retire_seconds
        if await self._standings.put_back(tenant, standing):
            await self._documents_queue.send_ingest(upload_key(tenant, standing.filename))
            log.warning("put back on the queue", document=str(standing.document))
        return self._idle_seconds

    async def _fail(self, tenant: str, standing: Standing, cause: str) -> None:
        if await self._ingestions.give_up(
            tenant, standing.document, cause, unmoved=standing.updated_at
        ):
            await self._announcer.failed(tenant, standing.document, standing.filename, cause)

    async def _queued(self) -> bool:
        """Whether messages wait, one of which may be its own."""
        return bool(await self._documents_queue.count() or await self._bulk.count())


def _sooner(one: float | None, other: float | None) -> float | None:
    waits = [wait for wait in (one, other) if wait is not None]
    return min(waits, default=None)
