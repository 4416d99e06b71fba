"""HTTP: documents, uploads and jobs. What is accepted here is ingested by the worker."""

import hashlib
import json
import re
from typing import Annotated, Any
from unicodedata import category

from fastapi import APIRouter, Depends, FastAPI, Query, Response
from mangum import Mangum
from pydantic import AfterValidator, Field, StringConstraints

from functions.ingest.rendering import document_json, job_json
from quire.domain import Caller, DocumentStatus
from quire.errors import NotFound, TooLarge
from quire.objects import Objects, upload_key
from quire.queue import Queue
from quire.security import Security
from quire.settings import Settings
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.jobs import Jobs
from quire.web import Authenticate, Body, Storable, Text, create_app, list_of, parse_id, requires

MAX_CONTENT = 2**20
MAX_UPLOAD = 100 * 2**20
UPLOAD_SECONDS = 3600
# A function may answer with 6 MB, headers and all.
MAX_TEXT = 5_500_000
# JSON may spend six bytes on one of the content's.
MAX_BODY = 6 * MAX_CONTENT + 64 * 1024

# S3 takes 2 KB of metadata, names included, beyond ASCII encoded at up to four times the size.
_METADATA_BYTES = 1_500
_METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def _as_object_metadata(metadata: dict[str, str]) -> dict[str, str]:
    for name, value in metadata.items():
        if not _METADATA_NAME.fullmatch(name):
            raise ValueError("names have up to 64 of a-z, 0-9, '-' and '_'")
        if value != " ".join(value.split()) or any(category(c) == "Cc" for c in value):
            raise ValueError(f"the value of {name} may hold single spaces, no other white space")
    if sum(len(ascii(k + v)) for k, v in metadata.items()) > _METADATA_BYTES:
        raise ValueError(f"{_METADATA_BYTES} bytes at most")
    return metadata


def _sayable(name: str) -> str:
    # Not `isprintable`: joiners in emoji and in Persian words are part of a name.
    if any(category(character) in ("Cc", "Zl", "Zp") for character in name):
        raise ValueError("control characters are not allowed; rename the file")
    return name


Filename = Annotated[
    str, StringConstraints(min_length=1, max_length=900), Storable, AfterValidator(_sayable)
]
ContentType = Annotated[str, StringConstraints(pattern=r"^[\w.+-]+/[\w.+-]+(; ?[\w=.+-]+)*$")]
ObjectMetadata = Annotated[dict[str, Text], AfterValidator(_as_object_metadata)]


class DocumentBody(Body):
    filename: Filename
    content: Annotated[str, Field(min_length=1), Storable]
    content_type: ContentType = "text/plain; charset=utf-8"
    metadata: ObjectMetadata = {}


class UploadBody(Body):
    filename: Filename
    content_type: ContentType
    size: Annotated[int, Field(ge=1, le=MAX_UPLOAD)]
    metadata: ObjectMetadata = {}


def upload_routes(objects: Objects, documents: Documents, authenticate: Authenticate) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["documents"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.post("/documents", status_code=202)
    async def create(body: DocumentBody, caller: Authenticated, answer: Response) -> dict[str, Any]:
        key, content = upload_key(caller.tenant, body.filename), body.content.encode()
        if len(content) > MAX_CONTENT:
            raise TooLarge("Inline content may have 1 MB at most; use POST /v1/uploads.")
        await documents.check_not_deleting(caller.tenant, body.filename)
        # The object first: should we break off here, its event alone makes the document.
        await objects.put(key, content, content_type=body.content_type, metadata=body.metadata)
        document = await documents.register(
            caller.tenant,
            body.filename,
            sha256=hashlib.sha256(content).digest(),
            metadata=body.metadata,
        )
        answer.headers["Location"] = f"/v1/documents/{document.id}"
        return {"id": str(document.id), "version": document.version, "status": document.status}

    @router.post("/uploads", status_code=201)
    async def upload(body: UploadBody, caller: Authenticated) -> dict[str, Any]:
        form = objects.presign_upload(
            upload_key(caller.tenant, body.filename),
            content_type=body.content_type,
            size=body.size,
            metadata=body.metadata,
            seconds=UPLOAD_SECONDS,
        )
        document = await documents.expect(caller.tenant, body.filename)
        return {"url": form.url, "fields": form.fields, "document_id": str(document)}

    return router


def document_routes(
    objects: Objects,
    documents: Documents,
    jobs: Jobs,
    queue: Queue,
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
        if len(json.dumps(span)) > MAX_TEXT:
            raise TooLarge("This text is too long for one answer; ask for spans of it.")
        return Response(span, media_type="text/plain; charset=utf-8")

    @router.delete("/documents/{document_id}", status_code=202)
    async def delete(document_id: str, caller: Authenticated) -> dict[str, str]:
        document = parse_id(document_id, "document")
        job = await jobs.request_deletion(caller.tenant, document)
        await queue.send_job(caller.tenant, job)
        return {"job_id": str(job)}

    @router.get("/jobs/{job_id}")
    async def job(job_id: str, caller: Authenticated) -> dict[str, Any]:
        found, _ = await jobs.get(caller.tenant, parse_id(job_id, "job"))
        return job_json(found)

    return router


def create() -> FastAPI:
    settings, secret = Settings.load()
    database = Database(
        secret.database_url.get_secret_value(), connections=settings.database_connections
    )
    objects, documents = Objects(settings.bucket), Documents(database)
    ingests = requires(Security(ApiKeys(database)), "ingest")
    return create_app(
        "Quire: documents",
        [
            upload_routes(objects, documents, ingests),
            document_routes(objects, documents, Jobs(database), Queue(settings.queue_url), ingests),
        ],
        max_body=MAX_BODY,
    )


handler = Mangum(create(), lifespan="off")
