"""Documents through the whole stack: S3, SQS, the worker, PostgreSQL, Qdrant."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local.provision import BUCKET
from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Owner, Points
from tests.e2e.conftest import (
    deliver,
    event,
    eventually,
    found,
    proof,
    put,
    served,
    settled,
    upload,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NOTES = "Le robot à deux jambes se déplace très lentement, mais ça marche déjà plutôt bien."
# Long enough for several chunks.
LONG = "# Gaits\n\n" + "\n\n".join(
    f"## Gait {n}\n\n" + f"Gait number {n} moves the legs in its own order. " * 15 for n in range(4)
)


async def test_formats_become_ready(client: httpx.AsyncClient) -> None:
    page = b"<html><title>On hands</title><body><h1>Hands</h1><p>Tendons pull the fingers.</p>"
    html = await upload(client, "hands.html", page, "text/html")
    assert (html["status"], html["title"]) == ("ready", "On hands")
    plain = await upload(client, "é 😀+notes.txt", NOTES.encode("latin-1"), "text/plain")
    assert plain["status"] == "ready"
    text = await client.get(f"/v1/documents/{plain['id']}/text")
    assert text.text.strip() == NOTES


async def test_what_cannot_be_read_fails_with_its_cause(client: httpx.AsyncClient) -> None:
    files = {
        "broken.pdf": (b"%PDF-1.7 nothing more", "application/pdf", "PDF"),
        "image.md": (b"\x89PNG\r\n\x1a\n\0\0", "text/markdown", "PNG"),
        "blank.txt": (b"  \n ", "text/plain", "text"),
    }
    _, *failures = await asyncio.gather(
        put(client, "good.md", "# Good\n\nText."),
        *(upload(client, name, content, kind) for name, (content, kind, _) in files.items()),
    )
    for failed, (_, _, word) in zip(failures, files.values(), strict=True):
        assert failed["status"] == "failed"
        assert word in failed["error"]
        nothing = {"expected": 0, "rows": 0, "points": 0, "missing": [], "extra": []}
        assert await proof(client, failed["id"]) == {**nothing, "holds": True}
    for status, count in (("failed", 3), ("ready", 1), ("queued", 0)):
        listed = (await client.get("/v1/documents", params={"status": status})).json()["data"]
        assert [d["status"] for d in listed] == [status] * count


async def test_a_whole_document_is_proven(client: httpx.AsyncClient) -> None:
    document = await put(client, "gaits.md", LONG)
    chunks = document["chunks"]
    assert chunks > 3
    assert document["progress"] == {"done": chunks, "total": chunks}
    whole = {"expected": chunks, "rows": chunks, "points": chunks, "missing": [], "extra": []}
    assert await proof(client, document["id"]) == {**whole, "holds": True}


async def test_read_again_it_is_the_same_and_costs_nothing(client: httpx.AsyncClient) -> None:
    before = await put(client, "gaits.md", LONG)
    proven = await proof(client, before["id"])
    assert before["tokens"] > 0
    again = await client.post(f"/v1/documents/{before['id']}/reingest")
    assert again.status_code == 202
    assert again.json()["version"] == 2
    assert again.headers["Location"] == f"/v1/documents/{before['id']}"
    after = await served(client, before["id"], version=2)
    assert await proof(client, before["id"]) == proven
    assert after["tokens"] == before["tokens"], "the model was asked for none of it again"


async def test_the_same_text_in_another_file_costs_nothing(client: httpx.AsyncClient) -> None:
    one, other = await put(client, "one.md", LONG), await put(client, "other.md", LONG)
    assert one["chunks"] == other["chunks"]
    assert one["tokens"] > other["tokens"] == 0


async def test_what_failed_is_mended_by_sending_it_again(
    client: httpx.AsyncClient, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "a.md", "# A\n\nThe ankle has two axes.")
    await owner.execute(
        """update documents set status = 'failed', error = 'The model was away.'
           where tenant_id = %s""",
        [tenant.id],
    )
    again = await put(client, "a.md", "# A\n\nThe ankle has two axes.")
    assert (again["id"], again["status"], again["error"]) == (document["id"], "ready", None)


async def test_redelivered_events_change_nothing(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, points: Points
) -> None:
    before = await put(client, "a.md", "# A\n\nOne paragraph on balance.")
    counted = await points.count()
    created = event("ObjectCreated:Put", f"uploads/{tenant.id}/a.md")
    twice = {"Records": created["Records"] * 2}
    assert await deliver(stack, "ingest", twice, created, twice) == []
    assert (await client.get(f"/v1/documents/{before['id']}")).json() == before
    assert await points.count() == counted


@pytest.mark.parametrize("newest_first", [False, True])
async def test_an_older_event_hides_no_newer_one(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner, newest_first: bool
) -> None:
    """SQS promises no order, not even within a batch."""
    document = await put(client, "a.md", "# A\n\nText.")
    # As if other bytes had been read, and the events of these were yet to come.
    await owner.execute(
        """update documents set sequencer = '0B', sha256 = sha256('other')
           where tenant_id = %s""",
        [tenant.id],
    )
    key = f"uploads/{tenant.id}/a.md"
    events = [event("ObjectCreated:Put", key, sequencer=s) for s in ("0A", "0C")]
    assert await deliver(stack, "ingest", *(events[::-1] if newest_first else events)) == []
    seen = await settled(client, document["id"])
    assert (seen["version"], seen["current_version"]) == (2, 2)


async def test_a_dropped_file_is_read_whatever_came_with_it(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, s3: "S3Client"
) -> None:
    key = f"uploads/{tenant.id}/dropped file.md"
    await asyncio.to_thread(s3.put_object, Bucket=BUCKET, Key=key, Body=b"# Dropped\n\nText.")
    encoded = key.replace("/", "%2F").replace(" ", "+")
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
    again = await deliver(
        stack, "ingest", "no json", event("ObjectCreated:Put", encoded), test_event
    )
    assert again == [], "what can never be read is given up at once"
    await eventually(lambda: has_documents(client, 1))
    (document,) = (await client.get("/v1/documents")).json()["data"]
    assert document["filename"] == "dropped file.md"
    assert (await settled(client, document["id"]))["status"] == "ready"


async def test_a_new_version_replaces_the_old(client: httpx.AsyncClient, points: Points) -> None:
    old = "# A\n\nThe battery holds one kilowatt hour.\n"
    document = await put(client, "a.md", old)
    before = await points.count()
    changed = await client.post(
        "/v1/documents", json={"filename": "a.md", "content": old.replace("one", "two")}
    )
    assert changed.json()["version"] == 2
    assert changed.headers["Location"] == f"/v1/documents/{document['id']}"
    await served(client, document["id"], version=2)
    (chunk,) = await found(client, "How much does the battery hold?")
    assert (chunk["version"], "two" in chunk["text"]) == (2, True)
    assert (await proof(client, document["id"]))["holds"], "also while the old points are there"
    # The points of the former go once no turn can cite them; its words stay, as citations do.
    await eventually(lambda: has_points(points, before), seconds=15)
    text = await client.get(f"/v1/documents/{document['id']}/text", params={"version": 1})
    assert text.text == old
    assert (await proof(client, document["id"]))["holds"]


async def test_many_files_at_once_are_all_read(client: httpx.AsyncClient) -> None:
    """More than a tenant's share, so that some of them wait in the bulk queue."""

    async def post(number: int) -> None:
        body = {"filename": f"{number}.md", "content": f"# {number}\n\nFile number {number}."}
        (await client.post("/v1/documents", json=body)).raise_for_status()

    await asyncio.gather(*(post(number) for number in range(30)))
    await eventually(lambda: has_documents(client, 30, status="ready"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/text"),
        ("GET", "/proof"),
        ("POST", "/reingest"),
        ("DELETE", ""),
    ],
)
async def test_another_tenants_document_is_not_there(
    client: httpx.AsyncClient,
    make_tenant: Callable[..., Awaitable[Tenant]],
    method: str,
    path: str,
) -> None:
    document = await put(client, "a.md", "# A\n\nText.")
    stranger = (await make_tenant()).headers()
    answer = await client.request(method, f"/v1/documents/{document['id']}{path}", headers=stranger)
    assert answer.status_code == 404
    assert (await client.get(f"/v1/documents/{document['id']}")).json() == document


async def has_documents(client: httpx.AsyncClient, count: int, **params: Any) -> bool:
    listed = await client.get("/v1/documents", params=params)
    return len(listed.raise_for_status().json()["data"]) == count


async def has_points(points: Points, count: int) -> bool:
    return await points.count() == count
