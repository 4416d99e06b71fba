"""Deletion: nothing is left but a tombstone and a certificate, and it may come back."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from local.provision import BUCKET
from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Owner, Points
from tests.e2e.conftest import deliver, event, eventually, finished, found, has_status, put, served

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KNEE = "# Knee\n\nThe knee bends backwards.\n"


async def rows(owner: Owner, tenant: Tenant) -> dict[str, int]:
    """How many rows each table holds that has a tenant's words, or what is made of them."""
    counted = {}
    for table in ("versions", "chunks", "embedding_cache", "answer_cache"):
        counts = await owner.execute(
            f"select count(*) from {table} where tenant_id = %s",
            [tenant.id],
        )
        (row,) = await counts.fetchall()
        counted[table] = int(str(row[0]))
    return counted


async def objects(s3: "S3Client", tenant: Tenant) -> list[Any]:
    """Every version of every object that is the tenant's, and every marker of a deleted one."""
    held: list[Any] = []
    for prefix in (f"uploads/{tenant.id}/", f"texts/{tenant.id}/"):
        listed = await asyncio.to_thread(s3.list_object_versions, Bucket=BUCKET, Prefix=prefix)
        held += [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
    return held


async def test_nothing_is_left_but_a_certificate(
    client: httpx.AsyncClient, tenant: Tenant, owner: Owner, s3: "S3Client", points: Points
) -> None:
    document = await put(client, "knee.md", KNEE)
    await client.post("/v1/documents", json={"filename": "knee.md", "content": KNEE + "Or not."})
    await served(client, document["id"], version=2)
    await owner.execute(
        """insert into answer_cache (tenant_id, key, answer, expires_at)
           values (%s, sha256('asked'), '{}', now() + interval '1 day')""",
        [tenant.id],
    )
    assert all((await rows(owner, tenant)).values())
    asked = await client.delete(f"/v1/documents/{document['id']}")
    assert await found(client, "How does the knee bend?") == [], "not served from now on"
    job = await finished(client, asked)

    assert (job["kind"], job["progress"]) == ("delete", {"done": 1, "total": 1})
    certificate = job["result"]
    assert (certificate["document_id"], certificate["filename"]) == (document["id"], "knee.md")
    removed = certificate["removed"]
    # Of the first version what is not yet gone may be counted too.
    assert removed["points"] in (1, 2)
    assert removed["chunks"] in (1, 2)
    assert (removed["originals"], removed["texts"]) == (1, 2)
    assert (removed["embeddings"], removed["answers"]) == (2, 1)
    assert {where.partition(":")[0] for where in certificate["searched"]} == {
        "PostgreSQL",
        "Qdrant",
        "S3",
    }
    assert all(remain["what"] and remain["why"] for remain in certificate["remains"])
    assert any("tombstone" in remain["what"] for remain in certificate["remains"])
    assert datetime.fromisoformat(certificate["completed_at"]).tzinfo is not None

    assert await points.count() == 0
    assert await objects(s3, tenant) == []
    assert not any((await rows(owner, tenant)).values())
    for path in ("text", "text?version=1"):
        assert (await client.get(f"/v1/documents/{document['id']}/{path}")).status_code == 404
    assert (await client.get("/v1/documents")).json()["data"] == []
    assert (await client.delete(f"/v1/documents/{document['id']}")).status_code == 404


async def test_quotes_of_it_are_told_of(client: httpx.AsyncClient) -> None:
    """They are in their users' sessions, which are not its: here in that of who was told a cached
    answer, and no longer in that of who was given it first.
    """
    document = await put(client, "knee.md", KNEE)
    asked = await client.post("/v1/chat", json={"question": "How does the knee bend?"})
    told = await client.post("/v1/chat", json={"question": "How does the knee bend?"})
    assert told.json()["cached"]
    assert told.json()["citations"]
    await client.delete(f"/v1/sessions/{asked.json()['session_id']}")
    job = await finished(client, await client.delete(f"/v1/documents/{document['id']}"))
    assert any("quotes in 1 answers" in remain["what"] for remain in job["result"]["remains"])


async def test_it_waits_for_who_is_writing_and_lets_nobody_in(
    client: httpx.AsyncClient, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "knee.md", KNEE)
    await owner.execute(
        "update versions set lease_until = now() + interval '4 seconds' where tenant_id = %s",
        [tenant.id],
    )
    asked = await client.delete(f"/v1/documents/{document['id']}")
    job = f"/v1/jobs/{asked.json()['job_id']}"
    await eventually(lambda: is_running(client, job))
    assert await has_status(client, document["id"], "deleting")
    form = {"filename": "knee.md", "content_type": "text/markdown", "size": 1}
    for path, body in (
        ("documents", {"filename": "knee.md", "content": KNEE}),
        ("uploads", form),
        (f"documents/{document['id']}/reingest", None),
    ):
        assert (await client.post(f"/v1/{path}", json=body)).status_code == 409
    again = await client.delete(f"/v1/documents/{document['id']}")
    assert again.json() == asked.json(), "asked twice, deleted once"
    await finished(client, asked)
    assert await has_status(client, document["id"], "deleted")


async def is_running(client: httpx.AsyncClient, job: str) -> bool:
    return bool((await client.get(job)).raise_for_status().json()["status"] == "running")


async def test_what_is_put_while_a_deletion_is_asked_for_is_not_refused(
    client: httpx.AsyncClient, tenant: Tenant, owner: Owner
) -> None:
    """It is in the bucket by then, and is read once the deletion has come to its end."""
    await put(client, "knee.md", KNEE)
    posted = {"filename": "knee.md", "content": "# Knee\n\nThe knee locks."}
    async with owner.transaction():
        changed = "update documents set status = %s where tenant_id = %s"
        await owner.execute(changed, ["deleting", tenant.id])
        answering = asyncio.create_task(client.post("/v1/documents", json=posted))
        await eventually(lambda: has_waiting(owner))
    answer = await answering
    assert (answer.status_code, answer.json()["status"]) == (202, "deleting")


async def has_waiting(owner: Owner) -> bool:
    """Whether somebody waits for what this transaction has changed."""
    rows = await owner.execute(
        """select from pg_locks
           where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"""
    )
    return bool(await rows.fetchall())


async def test_other_documents_stay(client: httpx.AsyncClient, points: Points) -> None:
    # A name that begins with another's: S3 knows prefixes only.
    short = await put(client, "knee.md", KNEE)
    await put(client, "knee.md.md", "# Hip\n\nThe hip swings sideways.")
    await finished(client, await client.delete(f"/v1/documents/{short['id']}"))
    (chunk,) = await found(client, "How does the hip swing?")
    assert chunk["filename"] == "knee.md.md"
    other = chunk["document_id"]
    assert (await client.post(f"/v1/documents/{other}/reingest")).status_code == 202
    await served(client, other, version=2)


async def test_it_may_come_back(client: httpx.AsyncClient) -> None:
    document = await put(client, "knee.md", KNEE)
    await finished(client, await client.delete(f"/v1/documents/{document['id']}"))
    back = await put(client, "knee.md", KNEE)
    assert (back["id"], back["status"]) == (document["id"], "ready")
    assert back["version"] > document["version"], "citations of the old one mean no other text"
    assert len(await found(client, "How does the knee bend?")) == 1


async def test_an_object_deleted_in_s3_takes_its_document_along(
    client: httpx.AsyncClient, tenant: Tenant, owner: Owner, s3: "S3Client", points: Points
) -> None:
    document = await put(client, "knee.md", KNEE)
    key = f"uploads/{tenant.id}/knee.md"
    await asyncio.to_thread(s3.delete_object, Bucket=BUCKET, Key=key)
    await eventually(lambda: has_status(client, document["id"], "deleted"))
    assert await points.count() == 0
    assert await objects(s3, tenant) == []
    assert not any((await rows(owner, tenant)).values())
    (job,) = (await client.get("/v1/admin/jobs")).json()["data"]
    assert (job["kind"], job["status"]) == ("delete", "done")


async def test_an_object_that_is_there_again_keeps_its_document(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant
) -> None:
    before = await put(client, "knee.md", KNEE)
    removed = event("ObjectRemoved:Delete", f"uploads/{tenant.id}/knee.md")
    stranger = event("ObjectRemoved:Delete", f"uploads/{tenant.id}/never seen.md")
    assert await deliver(stack, "ingest", removed, stranger) == []
    assert (await client.get(f"/v1/documents/{before['id']}")).json() == before
    assert (await client.get("/v1/admin/jobs")).json()["data"] == []


async def test_an_older_file_that_is_back_takes_the_place_of_the_removed_one(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    """As when a versioned bucket's newest is removed for good."""
    document = await put(client, "knee.md", KNEE)
    await owner.execute(
        "update documents set sha256 = sha256('newer') where tenant_id = %s", [tenant.id]
    )
    removed = event("ObjectRemoved:Delete", f"uploads/{tenant.id}/knee.md")
    assert await deliver(stack, "ingest", removed) == []
    await served(client, document["id"], version=2)


async def test_a_late_event_does_not_revive_it(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant
) -> None:
    document = await put(client, "knee.md", KNEE)
    await finished(client, await client.delete(f"/v1/documents/{document['id']}"))
    created = event("ObjectCreated:Put", f"uploads/{tenant.id}/knee.md")
    assert await deliver(stack, "ingest", created) == []
    assert await has_status(client, document["id"], "deleted")


async def test_a_purge_is_a_deletion_an_administrator_asks_for(
    client: httpx.AsyncClient, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    document = await put(client, "knee.md", KNEE)
    body = {"kind": "purge", "document_id": document["id"]}
    stranger = (await make_tenant()).headers()
    refused = await client.post("/v1/admin/jobs", json=body, headers=stranger)
    assert refused.status_code == 404
    job = await finished(client, await client.post("/v1/admin/jobs", json=body))
    assert job["result"]["removed"]["chunks"] == 1
    assert await has_status(client, document["id"], "deleted")
