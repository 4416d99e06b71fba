"""Deleting a document: everything of it goes, a tombstone and a certificate stay."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from functions.ingest.jobs import Step, Steps
from functions.ingest.remaining import backups, dead_letters, for_good, upload_forms
from quire.domain import DocumentStatus, Job, Standing
from quire.errors import NotFound
from quire.object_keys import text_prefix, upload_key
from quire.objects import Objects
from quire.observability import log
from quire.queue import Queue
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.documents import Documents
from quire.store.jobs import Jobs
from quire.store.standings import Standings

_WATCH_SECONDS = 300
_LEASE_PAUSE = 5

_SEARCHED = (
    "PostgreSQL: documents, versions, chunks, embedding_cache, answer_cache",
    "Qdrant: every collection that is served or filled",
    "S3: every version of the original and of its texts",
)


async def delete_document(
    objects: Objects,
    documents: Documents,
    jobs: Jobs,
    maintenance: Queue,
    tenant: str,
    document: UUID,
) -> UUID | None:
    """Begin to delete a document and the original that is there now. Raises NotFound."""
    found = await documents.get(tenant, document)
    unwanted = await objects.identity(upload_key(tenant, found.filename))
    return await request_deletion(jobs, maintenance, tenant, document, unwanted=unwanted)


async def request_deletion(
    jobs: Jobs,
    maintenance: Queue,
    tenant: str,
    document: UUID,
    *,
    sequencer: str | None = None,
    unwanted: str | None = None,
) -> UUID | None:
    """Begin to delete a document; the job, or None when it has seen a later event.

    Only the original of the identity `unwanted` goes with it: what takes its place is new and
    stays. Raises NotFound.
    """
    # First the watch: should we break off after the row, it finds the job that nobody runs.
    await maintenance.send_watch({tenant: [document]}, delay=_WATCH_SECONDS)
    job = await jobs.request_deletion(tenant, document, sequencer=sequencer, unwanted=unwanted)
    if job:
        await maintenance.send_job(tenant, job)
    return job


class Deletion(Steps):
    def __init__(
        self,
        *,
        objects: Objects,
        documents: Documents,
        standings: Standings,
        collections: Collections,
        index: Index,
        jobs: Jobs,
        queue: Queue,
    ) -> None:
        """What was put there meanwhile is asked for in `queue`."""
        self._objects = objects
        self._documents = documents
        self._standings = standings
        self._collections = collections
        self._index = index
        self._jobs = jobs
        self._queue = queue

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Delete it all, once no worker can write any more of it.

        The rows go last: while they are there, a job that broke off finds its way again.
        """
        if job.document is None:
            raise NotFound("There is no such document.")
        (standing,) = await self._standings.find(tenant, [job.document])
        # Otherwise it was deleted before and may have come back since: not this job's to delete.
        if standing.status != DocumentStatus.DELETING:
            return Step(result={})
        if standing.leased:
            return Step(total=1, delay=_LEASE_PAUSE)
        document, original = job.document, upload_key(tenant, standing.filename)
        removed = {
            "originals": await self._objects.purge(
                original, whole_key=True, unwanted=standing.unwanted
            ),
            "texts": await self._objects.purge(text_prefix(tenant, document)),
            "points": 0,
        }
        for collection in await self._collections.written():
            removed["points"] += len(await self._index.points(collection, tenant, document))
            await self._index.delete(collection, tenant, document)
        removed |= await self._documents.purge(tenant, document)
        certificate = await self._certificate(tenant, standing, removed)
        if await self._objects.exists(original):
            # Its own event may have come while there was no place for it.
            await self._queue.send_ingest(original, delay=_LEASE_PAUSE)
        await self._jobs.finish_deletion(tenant, job.id, document, result=certificate)
        log.info("deleted", document_id=str(document))
        return Step(result=certificate)

    async def _certificate(
        self, tenant: str, deleted: Standing, removed: dict[str, int]
    ) -> dict[str, Any]:
        """What was searched and removed, and what remains until when."""
        now = datetime.now(UTC)
        quotes = await self._documents.count_quotes(tenant, deleted.document)
        remains = [
            for_good("its name, as a tombstone", "so that a late event cannot revive it"),
            backups(now),
            dead_letters(now),
            upload_forms(
                now,
                why="who was given one can still put a new file there, which is then read",
            ),
        ]
        if quotes:
            why = "sessions are their users' own; deleting a session deletes them"
            remains.append(for_good(f"quotes in {quotes} answers", why))
        return {
            "document_id": str(deleted.document),
            "filename": deleted.filename,
            "searched": list(_SEARCHED),
            "removed": removed,
            "remains": remains,
            "completed_at": now.isoformat(),
        }
