"""Where documents come in: inline, or as a form that S3 takes."""

import hashlib
import re
from typing import Annotated, Any
from unicodedata import category

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, Field, StringConstraints

from quire.domain import Caller, document_id
from quire.errors import Conflict, TooLarge
from quire.object_keys import is_readable, upload_key
from quire.objects import UPLOAD_SECONDS, Objects
from quire.observability import bind
from quire.queue import Queue
from quire.store.documents import Documents
from quire.web import Authenticate, Body, Storable, Text

MAX_CONTENT = 2**20
MAX_UPLOAD = 100 * 2**20
# What is announced and not begun by then is looked at.
WATCH_SECONDS = 900

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


def _readable(name: str) -> str:
    if not is_readable(name):
        raise ValueError(
            "a name that cannot be seen, or with characters that control text or turn its "
            "direction, is not allowed; rename the file"
        )
    return name


Filename = Annotated[
    str, StringConstraints(min_length=1, max_length=900), Storable, AfterValidator(_readable)
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


def upload_routes(
    objects: Objects, documents: Documents, maintenance: Queue, authenticate: Authenticate
) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["documents"])
    Authenticated = Annotated[Caller, Depends(authenticate)]  # noqa: N806  (a type)

    @router.post("/documents", status_code=202)
    async def create(body: DocumentBody, caller: Authenticated, answer: Response) -> dict[str, Any]:
        key, content = upload_key(caller.tenant, body.filename), body.content.encode()
        if len(content) > MAX_CONTENT:
            raise TooLarge("Inline content may have 1 MB at most; use POST /v1/uploads.")
        await documents.check_not_deleting(caller.tenant, body.filename)
        await _watch(maintenance, caller.tenant, body.filename)
        # The object first: should we break off here, its event alone makes the document.
        await objects.put(key, content, content_type=body.content_type, metadata=body.metadata)
        try:
            document = await documents.register(
                caller.tenant,
                body.filename,
                sha256=hashlib.sha256(content).digest(),
                metadata=body.metadata,
            )
        except Conflict:
            # A deletion came in between. It leaves what was put meanwhile, and has it read.
            found = document_id(caller.tenant, body.filename)
            document = await documents.get(caller.tenant, found)
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
        await _watch(maintenance, caller.tenant, body.filename)
        document = await documents.expect(caller.tenant, body.filename)
        return {"url": form.url, "fields": form.fields, "document_id": str(document)}

    return router


async def _watch(maintenance: Queue, tenant: str, filename: str) -> None:
    """Before a document is announced: should its own message be lost, this one finds it."""
    document = document_id(tenant, filename)
    # S3 sends no trace on: this is what links a request to the worker's lines.
    bind(document_id=document)
    await maintenance.send_watch({tenant: [document]}, delay=WATCH_SECONDS)
