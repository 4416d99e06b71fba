"""Reconciling a tenant's documents: each is proven, and what does not hold is mended and proven.

Then what is deleted is looked for in the index, and what is in the bucket among the documents.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from functions.ingest.jobs import Step, Steps
from functions.ingest.messages import Upload, ingest_message
from functions.ingest.proving import Prover
from quire.domain import Document, DocumentStatus, Job, document_id
from quire.errors import Conflict, NotFound, Unavailable
from quire.object_keys import parse_upload_key, upload_key, upload_prefix
from quire.objects import Objects
from quire.queue import MOST_DELAY, Queue
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.documents import Documents
from quire.store.standings import Standings

_PAGE = 100
# How long what was mended may take to be ready.
_MENDING_SECONDS = 600
_PAUSE = 2


class Reconciliation(Steps):
    def __init__(
        self,
        *,
        objects: Objects,
        documents: Documents,
        standings: Standings,
        collections: Collections,
        index: Index,
        prover: Prover,
        documents_queue: Queue,
        bulk: Queue,
        maintenance: Queue,
    ) -> None:
        self._objects = objects
        self._documents = documents
        self._standings = standings
        self._collections = collections
        self._index = index
        self._prover = prover
        self._documents_queue = documents_queue
        self._bulk = bulk
        self._maintenance = maintenance

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Prove one document after the other, then see what has become of the mended ones."""
        cursor: dict[str, Any] = {
            "documents": job.done,
            "holding": 0,
            "mending": [],
            "failed": [],
            "found": 0,
            **job.cursor,
        }
        total = job.total or await self._documents.count(tenant)
        for done, work in (
            ("proven", self._prove_documents),
            ("swept", self._sweep_tombstones),
            ("listed", self._find_files),
        ):
            if not cursor.get(done):
                cursor[done] = await work(tenant, cursor, until)
            if not cursor[done]:
                return Step(done=cursor["documents"], total=total, cursor=cursor)
        cursor.setdefault("mended_by", time.time() + _MENDING_SECONDS)
        await self._look_at_mended(tenant, cursor)
        if cursor["mending"]:
            return Step(done=cursor["documents"], total=total, cursor=cursor, delay=_PAUSE)
        with suppress(Unavailable):  # what is left is the next one's
            await self._collections.expire_caches(until=until)
        return Step(done=cursor["documents"], total=total, result=_result(cursor))

    async def _prove_documents(self, tenant: str, cursor: dict[str, Any], until: float) -> bool:
        """Whether it came to the end of them, as with the other two."""
        while True:
            page = await self._documents.list(
                tenant, status=None, limit=_PAGE, after=_uuid(cursor.get("after"))
            )
            for document in page.items:
                if time.monotonic() > until:
                    return False
                if await self._holds_or_mends(tenant, document, cursor):
                    cursor["holding"] += 1
                cursor["after"] = str(document.id)
                cursor["documents"] += 1
            if not page.has_more:
                return True

    async def _sweep_tombstones(self, tenant: str, cursor: dict[str, Any], until: float) -> bool:
        """Delete what somebody indexed of a document after its deletion."""
        while True:
            page = await self._documents.list(
                tenant,
                status=DocumentStatus.DELETED,
                limit=_PAGE,
                after=_uuid(cursor.get("tombstone")),
            )
            for tombstone in page.items:
                if time.monotonic() > until:
                    return False
                proof = await self._prover.prove(tenant, tombstone.id)
                if proof.extra:
                    live = await self._collections.live()
                    await self._index.delete_points(live, tenant, proof.extra)
                cursor["tombstone"] = str(tombstone.id)
            if not page.has_more:
                return True

    async def _find_files(self, tenant: str, cursor: dict[str, Any], until: float) -> bool:
        """Have files read of which nobody knows: their events were lost before any claim."""
        prefix = upload_prefix(tenant)
        while files := await self._objects.list(
            prefix, after=cursor.get("file", prefix), most=_PAGE
        ):
            if time.monotonic() > until:
                return False
            named = {
                document_id(tenant, name[1]): Upload(key=key, size=size)
                for key, size in files
                if (name := parse_upload_key(key))
            }
            known = await self._standings.known(tenant, list(named))
            lost = {document: upload for document, upload in named.items() if document not in known}
            if lost:
                await self._maintenance.send_watch({tenant: list(lost)}, delay=MOST_DELAY)
                # A watch sees documents, not files.
                names = [upload.key.removeprefix(prefix) for upload in lost.values()]
                await self._standings.announce(tenant, names)
                messages = [ingest_message(upload, hop=0) for upload in lost.values()]
                await self._bulk.send_all(messages, tenant=tenant)
            cursor["found"] += len(lost)
            cursor["file"] = files[-1][0]
        return True

    async def _holds_or_mends(
        self, tenant: str, document: Document, cursor: dict[str, Any]
    ) -> bool:
        proof = await self._prover.prove(tenant, document.id)
        if proof.holds:
            return True
        if proof.missing or proof.rows > proof.expected:
            await self._maintenance.send_watch({tenant: [document.id]}, delay=MOST_DELAY)
            try:
                await self._documents.reingest(tenant, document.id)
            except NotFound:
                return True
            except Conflict:
                # It is being written, maybe since a step that died before it could send this.
                found = await self._documents.get(tenant, document.id)
                if found.status is DocumentStatus.DELETING:
                    return True
            await self._documents_queue.send_ingest(upload_key(tenant, document.filename))
        else:
            await self._index.delete_points(await self._collections.live(), tenant, proof.extra)
        cursor["mending"].append([str(document.id), document.filename])
        return False

    async def _look_at_mended(self, tenant: str, cursor: dict[str, Any]) -> None:
        """Move each on from `mending` to `mended` or `failed`, when it has come to an end."""
        waiting = []
        for mended, filename in cursor["mending"]:
            found = await self._documents.get(tenant, UUID(mended))
            if found.status in (DocumentStatus.DELETING, DocumentStatus.DELETED):
                continue
            proof = await self._prover.prove(tenant, UUID(mended))
            ended = found.status in (DocumentStatus.READY, DocumentStatus.FAILED)
            if proof.holds and ended:
                cursor["mended"] = cursor.get("mended", 0) + 1
            elif ended or time.time() > cursor["mended_by"]:
                cursor["failed"].append(
                    {
                        "document_id": mended,
                        "filename": filename,
                        "missing": len(proof.missing),
                        "extra": len(proof.extra),
                    }
                )
            else:
                waiting.append([mended, filename])
        cursor["mending"] = waiting


def _result(cursor: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "documents": cursor["documents"],
        "holding": cursor["holding"],
        "mended": cursor.get("mended", 0),
        "failed": cursor["failed"],
        "found": cursor["found"],
    }


def _uuid(written: str | None) -> UUID | None:
    return UUID(written) if written else None
