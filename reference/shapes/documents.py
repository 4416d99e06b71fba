"""Documents, what proves them whole, and jobs."""

from datetime import datetime
from typing import Any, Literal

from quire.domain import DocumentStatus
from reference.shapes import Listing, Shape, listing
from reference.shapes.answers import DOCUMENT_ID

JOB_ID = "019aa6c1-02b7-7d90-8e1f-4c5a6b7d8e03"
_TIME = "2026-11-21T09:29:00.000000Z"


class Progress(Shape):
    done: int
    total: int


class Document(Shape):
    """A file in its tenant's corpus: `version` is the newest, `current_version` is served."""

    id: str
    filename: str
    title: str
    version: int
    current_version: int | None
    status: DocumentStatus
    progress: Progress
    """Chunks embedded of the newest version."""
    chunks: int
    tokens: int
    cost_usd: float
    error: str | None
    """Why it failed; while it is worked on, why it has to wait."""
    sha256: str | None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime

    example = {
        "id": DOCUMENT_ID,
        "filename": "gears.md",
        "title": "Gears",
        "version": 1,
        "current_version": 1,
        "status": "ready",
        "progress": {"done": 2, "total": 2},
        "chunks": 2,
        "tokens": 61,
        "cost_usd": 0.00000122,
        "error": None,
        "sha256": "9f2feb0f1ef425b292f2f94bc8482494df430413cc5a5fe0b7e3d4b0c1b7a0de",
        "metadata": {"course": "robotics"},
        "created_at": _TIME,
        "updated_at": _TIME,
    }


class DocumentList(Listing):
    """Documents, in an order that stays."""

    data: list[Document]

    example = listing(Document.example)


class DocumentAccepted(Shape):
    """The version that is on its way; the document's own page tells how far it is."""

    id: str
    version: int
    status: DocumentStatus

    example = {"id": DOCUMENT_ID, "version": 1, "status": "queued"}


class UploadForm(Shape):
    """A form that S3 takes for an hour: send `fields`, then the bytes as `file`, to `url`."""

    url: str
    fields: dict[str, str]
    document_id: str

    example = {
        "url": "https://bucket.s3.amazonaws.com/",
        "fields": {"key": "uploads/acme/gears.pdf", "policy": "eyJ…", "x-amz-signature": "9a1…"},
        "document_id": DOCUMENT_ID,
    }


class Proof(Shape):
    """A document's chunks as they should be, and as they are kept."""

    expected: int
    rows: int
    """In PostgreSQL."""
    points: int
    """In Qdrant."""
    missing: list[str]
    extra: list[str]
    holds: bool
    """Whether nothing is missing and nothing is extra."""

    example = {"expected": 2, "rows": 2, "points": 2, "missing": [], "extra": [], "holds": True}


class JobAccepted(Shape):
    """The job to look at."""

    job_id: str

    example = {"job_id": JOB_ID}


class Job(Shape):
    """Work that takes a while. What it came to depends on its kind."""

    id: str
    kind: str
    """`delete`, `rebuild`, `reconcile`, `redrive`, `export` or `erase`."""
    status: Literal["queued", "running", "done", "failed"]
    progress: Progress
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime | None

    example = {
        "id": JOB_ID,
        "kind": "redrive",
        "status": "done",
        "progress": {"done": 1, "total": 1},
        "result": {},
        "error": None,
        "created_at": _TIME,
    }


class JobList(Listing):
    """Jobs, the newest first."""

    data: list[Job]

    example = listing(Job.example)
