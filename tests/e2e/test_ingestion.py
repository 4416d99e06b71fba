"""Documents through the whole stack: S3, SQS, the worker, PostgreSQL, Qdrant."""

import asyncio
import json
from typing import Any

import boto3
import httpx
import psycopg
from qdrant_client import AsyncQdrantClient, models

from local.provision import BUCKET, REGION
from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.conftest import put, settled, upload

NOTES = "Le robot à deux jambes se déplace très lentement, mais ça marche déjà plutôt bien."
Owner = psycopg.AsyncConnection[tuple[object, ...]]


async def points(stack: Stack, tenant: Tenant) -> int:
    client = AsyncQdrantClient(
        url=f"http://127.0.0.1:{stack.configuration.qdrant_port}", prefer_grpc=False
    )
    try:
        counted = await client.count(
            "quire-all-minilm-l6-v2-384",
            count_filter=models.Filter(
                must=[models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant.id))]
            ),
        )
        return counted.count
    finally:
        await client.close()


async def found(client: httpx.AsyncClient, question: str) -> list[dict[str, Any]]:
    answer = await client.post("/v1/retrieve", json={"question": question})
    chunks: list[dict[str, Any]] = answer.raise_for_status().json()["chunks"]
    return chunks


async def test_formats_become_ready(client: httpx.AsyncClient) -> None:
    page = b"<html><title>On hands</title><body><h1>Hands</h1><p>Tendons pull the fingers.</p>"
    html = await upload(client, "hands.html", page, "text/html")
    assert (html["status"], html["title"]) == ("ready", "On hands")
    plain = await upload(client, "é 😀+notes.txt", NOTES.encode("latin-1"), "text/plain")
    assert plain["status"] == "ready"
    text = await client.get(f"/v1/documents/{plain['id']}/text")
    assert text.text.strip() == NOTES


async def test_what_cannot_be_read_fails_with_its_cause(client: httpx.AsyncClient) -> None:
    for name, content, content_type, word in (
        ("broken.pdf", b"%PDF-1.7 nothing more", "application/pdf", "PDF"),
        ("image.md", b"\x89PNG\r\n\x1a\n\0\0", "text/markdown", "PNG"),
        ("blank.txt", b"  \n ", "text/plain", "text"),
    ):
        failed = await upload(client, name, content, content_type)
        assert failed["status"] == "failed"
        assert word in failed["error"]
    listed = (await client.get("/v1/documents", params={"status": "failed"})).json()
    assert len(listed["data"]) == 3


async def test_a_redelivered_event_changes_nothing(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant
) -> None:
    before = await put(client, "a.md", "# A\n\nOne paragraph on balance.")
    counted = await points(stack, tenant)
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {"object": {"key": f"uploads/{tenant.id}/a.md"}},
    }
    body = json.dumps({"Records": [record, record]})
    messages = [{"messageId": str(n), "body": body, "eventSource": "aws:sqs"} for n in range(3)]
    answer = await stack.runtime.invoke("ingest", {"Records": messages})
    assert answer == {"batchItemFailures": []}
    assert (await client.get(f"/v1/documents/{before['id']}")).json() == before
    assert await points(stack, tenant) == counted


async def test_one_bad_message_does_not_fail_its_neighbours(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant
) -> None:
    s3 = boto3.Session("local", "local", region_name=REGION).client(
        "s3", endpoint_url=stack.configuration.aws_url
    )
    key = f"uploads/{tenant.id}/dropped file.md"
    await asyncio.to_thread(s3.put_object, Bucket=BUCKET, Key=key, Body=b"# Dropped\n\nText.")
    good = {
        "eventName": "ObjectCreated:Put",
        "s3": {"object": {"key": key.replace("/", "%2F").replace(" ", "+")}},
    }
    bodies = ["not json", json.dumps({"Records": [good]}), json.dumps({"Event": "s3:TestEvent"})]
    messages = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    # The bucket's own event may hold the claim right now; then ours comes back, as it should.
    async with asyncio.timeout(30):
        while (failures := await stack.runtime.invoke("ingest", {"Records": messages})) != {
            "batchItemFailures": [{"itemIdentifier": "0"}]
        }:
            assert {"itemIdentifier": "0"} in failures["batchItemFailures"]
            await asyncio.sleep(0.2)
    (document,) = (await client.get("/v1/documents")).json()["data"]
    assert (document["filename"], document["status"]) == ("dropped file.md", "ready")


async def test_a_new_version_replaces_the_old(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant
) -> None:
    await put(client, "a.md", "# A\n\nThe battery holds one kilowatt hour.")
    before = await points(stack, tenant)
    changed = await client.post(
        "/v1/documents",
        json={"filename": "a.md", "content": "# A\n\nThe battery holds two kilowatt hours."},
    )
    assert changed.json()["version"] == 2
    assert changed.headers["Location"] == f"/v1/documents/{changed.json()['id']}"
    async with asyncio.timeout(30):
        while (await settled(client, changed.json()["id"]))["current_version"] != 2:
            await asyncio.sleep(0.1)
    (chunk,) = await found(client, "How much does the battery hold?")
    assert (chunk["version"], "two" in chunk["text"]) == (2, True)
    async with asyncio.timeout(10):
        while await points(stack, tenant) != before:
            await asyncio.sleep(0.1)


async def test_a_deleted_document_is_gone(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "a.md", "# A\n\nThe knee bends backwards.")
    deleting = await client.delete(f"/v1/documents/{document['id']}")
    assert deleting.status_code == 202
    assert await found(client, "How does the knee bend?") == [], "not served from now on"
    job = deleting.json()["job_id"]
    async with asyncio.timeout(30):
        while (await client.get(f"/v1/jobs/{job}")).json()["status"] != "done":
            await asyncio.sleep(0.2)
    assert await points(stack, tenant) == 0
    rows = await (
        await owner.execute("select count(*) from chunks where tenant_id = %s", [tenant.id])
    ).fetchone()
    assert rows == (0,)
    assert (await client.get(f"/v1/documents/{document['id']}/text")).status_code == 404
    assert (await client.get("/v1/documents")).json()["data"] == []


async def test_a_forgotten_job_is_asked_for_again(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "a.md", "# A\n\nText.")
    await owner.execute(
        """insert into jobs (tenant_id, id, kind, document_id, status, total, updated_at)
           values (%s, gen_random_uuid(), 'delete', %s, 'queued', 1, now() - interval '1 hour')""",
        [tenant.id, document["id"]],
    )
    await owner.execute("update documents set status = 'deleting' where id = %s", [document["id"]])
    await stack.runtime.invoke("sweeper", {"source": "aws.scheduler"})
    async with asyncio.timeout(30):
        while (await client.get(f"/v1/documents/{document['id']}")).json()["status"] != "deleted":
            await asyncio.sleep(0.2)
