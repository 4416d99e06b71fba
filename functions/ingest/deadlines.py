"""Every state has a deadline, looked at when a delayed message says so: nothing is polled.

A message names documents. What is at rest is tidied up and looked at no more; what stands still
goes back on its queue, or to `failed` when that did not help; for all else another message follows.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from functions.ingest.announcing import Announcer
from functions.ingest.deletion import request_deletion
from functions.ingest.jobs import start
from quire.domain import DocumentStatus, Standing
from quire.errors import NotFound, Unavailable
from quire.object_keys import upload_key
from quire.objects import UPLOAD_SECONDS, Objects
from quire.observability import log
from quire.queue import MOST_DELAY, Queue
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from quire.store.standings import Standings

# Behind a long queue a document waits; past this it is taken for lost all the same.
_QUEUE_SECONDS = 6 * 3_600
_MAX_ATTEMPTS = 5
_PER_MESSAGE = 500
_FIRST = ("", UUID(int=0))


class Deadlines:
    def __init__(
        self,
        *,
        objects: Objects,
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
        self._objects = objects
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

    async def look(self, watched: Mapping[str, Sequence[UUID]], *, until: float) -> None:
        """See to each tenant's documents, until `until` in monotonic seconds.

        What cannot be seen to now is looked at later, so that no trouble ends a watch: Unavailable
        is raised only when its next message cannot be sent.
        """
        again: dict[str, list[UUID]] = {}
        soonest = float(MOST_DELAY)
        for tenant, documents in watched.items():
            for document, wait in (await self._waits(tenant, documents, until)).items():
                again.setdefault(tenant, []).append(document)
                soonest = min(soonest, wait)
        if again:
            await self._maintenance.send_watch(again, delay=max(1.0, soonest))

    async def recover(self, *, until: float) -> None:
        """Have all looked at of which something is to be done, whatever messages were lost."""
        after = _FIRST
        while documents := await self._standings.unsettled(after=after, most=_PER_MESSAGE):
            named: dict[str, list[UUID]] = {}
            for tenant, document in documents:
                named.setdefault(tenant, []).append(document)
            await self._maintenance.send_watch(named, delay=self._retire_seconds)
            after = documents[-1]
        after = _FIRST
        while jobs := await self._jobs.unfinished(after=after, most=_PER_MESSAGE):
            for job in jobs:
                await start(self._maintenance, *job)
            after = jobs[-1]
        with suppress(Unavailable):  # what is left is the next one's
            await self._collections.expire_caches(until=until)

    async def _waits(
        self, tenant: str, documents: Sequence[UUID], until: float
    ) -> dict[UUID, float]:
        """Seconds until each is to be looked at again, of which that is so."""
        try:
            standings = await self._standings.find(tenant, documents)
        except Exception as error:
            log.warning("deadlines were not looked at", tenant=tenant, exc_info=error)
            return dict.fromkeys(documents, self._idle_seconds)
        waits: dict[UUID, float] = {}
        for standing in standings:
            wait: float | None = 0.0
            if time.monotonic() < until:
                try:
                    wait = await self._see_to(tenant, standing)
                except Exception as error:
                    named = str(standing.document)
                    log.warning("a deadline was not seen to", document_id=named, exc_info=error)
                    wait = self._idle_seconds
            if wait is not None:
                waits[standing.document] = wait
        return waits

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
                    log.info("deleted meanwhile", document_id=str(standing.document))
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
        key = upload_key(tenant, standing.filename)
        if not await self._objects.exists(key):
            await self._fail(tenant, standing, "The file is not there any more; upload it again.")
            return self._retire_seconds
        if standing.attempts >= _MAX_ATTEMPTS:
            await self._fail(
                tenant,
                standing,
                "This file was begun several times and never finished; upload it again, or split "
                "it into smaller ones.",
            )
            return self._retire_seconds
        if await self._standings.put_back(tenant, standing):
            await self._documents_queue.send_ingest(key)
            log.warning("put back on the queue", document_id=str(standing.document))
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
