"""Reconciling a tenant's documents: each is proven, and what does not hold is mended and proven."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from functions.ingest.jobs import Step, Steps
from functions.ingest.proving import Prover
from quire.domain import DocumentStatus, Job
from quire.errors import Conflict, NotFound
from quire.objects import upload_key
from quire.queue import Queue
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.documents import Documents

_PAGE = 100
# How long what was mended may take to be ready.
_MENDING_SECONDS = 600
_PAUSE = 2


class Reconciliation(Steps):
    def __init__(
        self,
        *,
        documents: Documents,
        collections: Collections,
        index: Index,
        prover: Prover,
        queue: Queue,
    ) -> None:
        self._documents = documents
        self._collections = collections
        self._index = index
        self._prover = prover
        self._queue = queue

    async def step(self, tenant: str, job: Job, *, until: float) -> Step:
        """Prove one document after the other, then see what has become of the mended ones."""
        cursor: dict[str, Any] = {
            "after": None,
            "holding": 0,
            "mending": [],
            "failed": [],
            **job.cursor,
        }
        total = job.total or await self._documents.count(tenant)
        done = job.done
        while not cursor.get("proven"):
            after = UUID(cursor["after"]) if cursor["after"] else None
            page = await self._documents.list(tenant, status=None, limit=_PAGE, after=after)
            for document in page.items:
                if time.monotonic() > until:
                    return Step(done=done, total=total, cursor=cursor)
                if await self._holds_or_mends(tenant, document.id, document.filename, cursor):
                    cursor["holding"] += 1
                cursor["after"] = str(document.id)
                done += 1
            cursor["proven"] = not page.has_more
        cursor.setdefault("mended_by", time.time() + _MENDING_SECONDS)
        await self._look_at_mended(tenant, cursor)
        if cursor["mending"]:
            return Step(done=done, total=total, cursor=cursor, delay=_PAUSE)
        await self._collections.expire_caches()
        return Step(done=done, total=total, result=_result(done, cursor))

    async def _holds_or_mends(
        self, tenant: str, document: UUID, filename: str, cursor: dict[str, Any]
    ) -> bool:
        proof = await self._prover.prove(tenant, document)
        if proof.holds:
            return True
        if proof.missing:
            try:
                await self._documents.reingest(tenant, document)
            except (Conflict, NotFound):
                return True  # it is being written, or deleted: what does so will see to it
            await self._queue.send_ingest(upload_key(tenant, filename))
        else:
            await self._index.delete_points(await self._collections.live(), proof.extra)
        cursor["mending"].append([str(document), filename])
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


def _result(documents: int, cursor: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "documents": documents,
        "holding": cursor["holding"],
        "mended": cursor.get("mended", 0),
        "failed": cursor["failed"],
    }
