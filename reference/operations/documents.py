"""Documents from their upload to their end, jobs, and health."""

from reference.components import headers, schema
from reference.operations import Content, Operation, Operations, json
from reference.shapes.answers import SENTENCE
from reference.shapes.documents import (
    Document,
    DocumentAccepted,
    DocumentList,
    Job,
    JobAccepted,
    JobList,
    Proof,
    UploadForm,
)
from reference.shapes.health import Alive, Readiness

DOCUMENTS: Operations = {
    "POST /v1/documents": Operation(
        summary="Add a document",
        description="Of text that comes with the request, 1 MB at most. The same filename with "
        "other content is a new version of the same document; the same content changes nothing.",
        asks={"filename": "gears.md", "content": f"# Gears\n\n## Lubrication\n\n{SENTENCE}\n"},
        answers=json(DocumentAccepted),
        headers=["Location"],
    ),
    "POST /v1/uploads": Operation(
        summary="Announce an upload",
        description="The form with which a file of up to 100 MB goes to S3, and so is ingested.",
        asks={"filename": "gears.pdf", "content_type": "application/pdf", "size": 1048576},
        answers=json(UploadForm),
    ),
    "GET /v1/documents": Operation(
        summary="List documents",
        description="The tenant's, all or those of one status.",
        answers=json(DocumentList),
    ),
    "GET /v1/documents/{document_id}": Operation(
        summary="Show a document",
        description="Its state, how far its newest version is, and what it took.",
        answers=json(Document),
    ),
    "GET /v1/documents/{document_id}/text": Operation(
        summary="Read a document's text",
        description="The canonical text of the served version or another, or a span of it in code "
        "points: what `start` and `end` of a citation mean.",
        answers=[Content(media_type="text/plain", example=SENTENCE)],
        otherwise={
            "307": {
                "description": "The whole text is too long for one answer and is to be had there.",
                "headers": headers("Location"),
            }
        },
        errors=[413],
    ),
    "GET /v1/documents/{document_id}/proof": Operation(
        summary="Prove a document whole",
        description="Compares its chunks as they should be with PostgreSQL's rows and Qdrant's "
        "points.",
        answers=json(Proof),
    ),
    "POST /v1/documents/{document_id}/reingest": Operation(
        summary="Read a document again",
        description="As a new version, from the bytes that are kept.",
        answers=json(DocumentAccepted),
        headers=["Location"],
    ),
    "DELETE /v1/documents/{document_id}": Operation(
        summary="Delete a document",
        description="All of it, everywhere; its job's result is the certificate.",
        answers=json(JobAccepted),
    ),
}

JOBS: Operations = {
    "GET /v1/jobs/{job_id}": Operation(
        summary="Show a job",
        description="How far it is, and what it came to.",
        answers=json(Job),
    ),
    "GET /v1/admin/jobs": Operation(
        summary="List jobs",
        description="The tenant's.",
        answers=json(JobList),
    ),
    "POST /v1/admin/jobs": Operation(
        summary="Ask for a job",
        description="`reconcile` proves and mends the tenant's documents, `purge` deletes the one "
        "it names. `export` makes an archive of all that the tenant has, or the user it names: its "
        "result has a `url`. `erase` deletes what a user has. `rebuild` and `redrive` concern all "
        "tenants and are the operator's.",
        asks={"kind": "reconcile"},
        answers=json(JobAccepted),
        errors=[404],
    ),
}

_UNAVAILABLE = {
    "503": {
        "description": "Not all of it is well.",
        "content": {
            "application/json": {
                "schema": schema("Readiness"),
                "example": {
                    "status": "unavailable",
                    "checks": {"postgres": {"ok": False, "ms": 2000, "error": "not available"}},
                },
            }
        },
    }
}

HEALTH: Operations = {
    "GET /health": Operation(
        summary="Is it alive?",
        description="It answers, whatever its dependencies do.",
        answers=json(Alive),
    ),
    "GET /health/ready": Operation(
        summary="Is it ready?",
        description="Asks all that it stands on, two seconds at most.",
        answers=json(Readiness),
        otherwise=_UNAVAILABLE,
    ),
    "GET /health/db": Operation(
        summary="Is the database there?",
        description="Asks PostgreSQL alone.",
        answers=json(Readiness),
        otherwise=_UNAVAILABLE,
    ),
}
