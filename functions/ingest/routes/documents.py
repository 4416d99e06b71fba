"""Documents: their state, their text, the proof that they are whole, and their end."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import RedirectResponse

from functions.ingest.deletion import delete_document
from functions.ingest.proving import Prover
from functions.ingest.rendering import document_json, proof_json
from functions.ingest.routes.uploads import WATCH_SECONDS
from quire.domain import Caller, DocumentStatus
from quire.errors import NotFound, TooLarge
from quire.object_keys import upload_key
from quire.objects import Objects
from quire.queue import Queue
from quire.store.documents import Documents
from quire.store.jobs import Jobs
from quire.web import Authenticate, list_of, parse_id

# A function may answer with 6 MB, headers and all.
MAX_TEXT = 5_500_000
TEXT_URL_SECONDS = 300


def document_routes(
    objects: Objects,
    documents: Documents,
    prover: Prover,
    jobs: Jobs,
    documents_queue: Queue,
    maintenance: Queue,
    authenticate: Authenticate,
) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["documents"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.get("/documents")
    async def index(
        caller: Authenticated,
        status: DocumentStatus | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: str | None = None,
    ) -> dict[str, Any]:
        cursor = parse_id(after, "document") if after else None
        page = await documents.list(caller.tenant, status=status, limit=limit, after=cursor)
        return list_of(page, document_json)

    @router.get("/documents/{document_id}")
    async def show(document_id: str, caller: Authenticated) -> dict[str, Any]:
        document = await documents.get(caller.tenant, parse_id(document_id, "document"))
        return document_json(document)

    @router.get("/documents/{document_id}/text")
    async def text(
        document_id: str,
        caller: Authenticated,
        version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        start: Annotated[int, Query(ge=0)] = 0,
        end: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        document = await documents.get(caller.tenant, parse_id(document_id, "document"))
        wanted = version or document.current_version
        if wanted is None or document.status in (DocumentStatus.DELETING, DocumentStatus.DELETED):
            raise NotFound("This document has no text yet, or no more.")
        whole = await objects.get_text(caller.tenant, document.id, wanted)
        span = whole[start:end]
        # Counted as the runtime client sends it: JSON in ASCII.
        if len(json.dumps(span)) <= MAX_TEXT:
            return Response(span, media_type="text/plain; charset=utf-8")
        if len(span) < len(whole):
            raise TooLarge("This span is too long for one answer; ask for shorter ones.")
        url = objects.presign_text(caller.tenant, document.id, wanted, seconds=TEXT_URL_SECONDS)
        return RedirectResponse(url, status_code=307)

    @router.get("/documents/{document_id}/proof")
    async def proof(document_id: str, caller: Authenticated) -> dict[str, Any]:
        return proof_json(await prover.prove(caller.tenant, parse_id(document_id, "document")))

    @router.post("/documents/{document_id}/reingest", status_code=202)
    async def reingest(document_id: str, caller: Authenticated, answer: Response) -> dict[str, Any]:
        document = parse_id(document_id, "document")
        await maintenance.send_watch({caller.tenant: [document]}, delay=WATCH_SECONDS)
        announced = await documents.reingest(caller.tenant, document)
        await documents_queue.send_ingest(upload_key(caller.tenant, announced.filename))
        answer.headers["Location"] = f"/v1/documents/{document}"
        return {"id": str(document), "version": announced.version, "status": announced.status}

    @router.delete("/documents/{document_id}", status_code=202)
    async def delete(document_id: str, caller: Authenticated) -> dict[str, str]:
        document = parse_id(document_id, "document")
        job = await delete_document(objects, documents, jobs, maintenance, caller.tenant, document)
        return {"job_id": str(job)}

    return router
