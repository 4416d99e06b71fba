"""Deleting a document: everything of it goes, a tombstone stays."""

from uuid import UUID

from quire.objects import Objects, text_prefix, upload_key
from quire.observability import log
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.documents import Documents
from quire.store.jobs import Jobs


class Deletion:
    def __init__(
        self,
        *,
        objects: Objects,
        documents: Documents,
        collections: Collections,
        index: Index,
        jobs: Jobs,
    ) -> None:
        self._objects = objects
        self._documents = documents
        self._collections = collections
        self._index = index
        self._jobs = jobs

    async def run(self, tenant: str, job_id: UUID) -> None:
        """Run a deletion job; again, if need be. Raises NotFound, Unavailable.

        The rows go last: while they are there, a job that broke off finds its way again.
        """
        job, document = await self._jobs.get(tenant, job_id)
        if job.status == "done" or document is None:
            return
        filename = (await self._documents.get(tenant, document)).filename
        await self._objects.delete(upload_key(tenant, filename))
        texts = await self._objects.delete_all(text_prefix(tenant, document))
        await self._index.delete(await self._collections.live(), tenant, document)
        await self._jobs.finish_deletion(tenant, job_id, document, result={"texts": texts})
        log.info("deleted", document=str(document))
