"""What is away while documents are read: some need it not, the others come back."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Letters
from tests.e2e.conftest import (
    deliver,
    event,
    eventually,
    finished,
    found,
    has_status,
    proof,
    put,
    served,
)

KNEE = "# Knee\n\nA harmonic drive turns the knee."
LAST_RECEIPT = 5


@asynccontextmanager
async def without(stack: Stack, service: str) -> AsyncIterator[None]:
    server = stack.services[service]
    await server.stop()
    try:
        yield
    finally:
        await server.start()


async def test_unchanged_bytes_are_read_again_without_a_model(
    client: httpx.AsyncClient, stack: Stack
) -> None:
    document = await put(client, "knee.md", KNEE)
    async with without(stack, "model"):
        asked = await client.post(f"/v1/documents/{document['id']}/reingest")
        assert asked.status_code == 202
        after = await served(client, document["id"], version=2)
        assert after["tokens"] == document["tokens"]
        assert (await proof(client, document["id"]))["holds"]


async def test_what_an_outage_killed_is_brought_back(
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    stack: Stack,
    tenant: Tenant,
    letters: Letters,
) -> None:
    created = event("ObjectCreated:Put", f"uploads/{tenant.id}/knee.md")
    async with without(stack, "qdrant"):
        body = {"filename": "knee.md", "content": KNEE}
        document = (await client.post("/v1/documents", json=body)).json()["id"]

        async def given_up() -> bool:
            # While S3's own event is in a worker's hands, ours is a duplicate.
            assert await deliver(stack, "ingest", created, receipts=LAST_RECEIPT) == []
            return await has_status(client, document, "failed")

        await eventually(given_up)
        shown = (await client.get(f"/v1/documents/{document}")).json()
        cause = await letters.cause(json.dumps(created))
        assert "(qdrant) is not available" in str(cause)
        assert shown["error"] == cause
    asked = await operator.post("/v1/admin/jobs", json={"kind": "redrive"})
    result = (await finished(operator, asked))["result"]
    # More than one, where a worker was too slow to be done with it at the first look.
    assert result["causes"] == {cause: result["moved"]}
    # Whichever comes first: the letter that was brought back, or S3's own event once more.
    await eventually(lambda: has_status(client, document, "ready"))
    assert (await proof(client, document))["holds"]
    assert len(await found(client, "What turns the knee?")) == 1
    assert await letters.cause(json.dumps(created)) is None
