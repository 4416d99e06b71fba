"""Deleting a document: everything of it goes, a tombstone stays."""

from uuid import UUID

from quire.domain import DocumentStatus
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
        job, document_id = await self._jobs.get(tenant, job_id)
        if job.status == "done" or document_id is None:
            return
        document = await self._documents.get(tenant, document_id)
        result = {}
        # Otherwise it was deleted before and may have come back since: not this job's to delete.
        if document.status is DocumentStatus.DELETING:
            await self._objects.delete(upload_key(tenant, document.filename))
            texts = await self._objects.delete_all(text_prefix(tenant, document_id))
            await self._index.delete(await self._collections.live(), tenant, document_id)
            result = {"texts": texts}
        await self._jobs.finish_deletion(tenant, job_id, document_id, result=result)
        log.info("deleted", document=str(document_id))
