"""Workers that are late, overtaken or short of time, and what they may not do then."""

import time
from uuid import UUID, uuid4

import httpx

from functions.ingest.composition import Ingestion
from functions.ingest.messages import Upload
from functions.ingest.reading import read
from functions.ingest.work import Work
from quire.errors import Conflict
from quire.objects import upload_key
from quire.store.documents import Documents
from tests.conftest import Tenant
from tests.e2e.conftest import Points, found, proof, put

SOLE = "# Sole\n\nThe sole feels the ground."


async def as_claimed(parts: Ingestion, tenant: Tenant, document: UUID, version: int) -> Work:
    """A document of that version as its worker has read it."""
    key = upload_key(tenant.id, "sole.md")
    original = await parts.objects.get(key)
    return Work(
        upload=Upload(key=key),
        tenant=tenant.id,
        document=document,
        version=version,
        claim=uuid4(),
        filename="sole.md",
        done=0,
        text=read(original, filename="sole.md", until=time.monotonic() + 10),
    )


async def test_who_comes_late_takes_back_nothing_that_is_served(
    client: httpx.AsyncClient, parts: Ingestion, tenant: Tenant, points: Points
) -> None:
    """Another worker finished that very version, and a newer one is announced."""
    shown = await put(client, "sole.md", SOLE)
    document = UUID(shown["id"])
    await Documents(parts.ingestions._database).reingest(tenant.id, document)
    late = await as_claimed(parts, tenant, document, version=1)
    failed, left = await parts.pipeline._indexer.index([late], until=time.monotonic() + 10)
    assert (type(failed[document]), left) == (Conflict, [])
    assert await points.count() == 1
    assert (await proof(client, shown["id"]))["holds"]
    assert len(await found(client, "What does the sole feel?")) == 1
