"""What messages name, and that each is done whatever its neighbours are."""

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from functions.ingest.pipeline import SMALL_BYTES
from local.provision import BUCKET
from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Letters, Owner
from tests.e2e.conftest import deliver, event, eventually, finished, found, has_status, put, settled

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NAMES = [
    "two words.md",
    "one+two.md",
    "é 😀/تجربة.md",
    "100%25 %2B.md",
    "..hidden.md",
    "a..b/c...md",
    "a&b=c;d'e\"f?g#h.md",
]
UNREADABLE = b"%PDF-1.7 nothing more"


async def listed(client: httpx.AsyncClient, **params: Any) -> dict[str, str]:
    """The documents there are, id by name."""
    answer = await client.get("/v1/documents", params=params)
    return {shown["filename"]: shown["id"] for shown in answer.raise_for_status().json()["data"]}


async def has_ready(client: httpx.AsyncClient, count: int) -> bool:
    return len(await listed(client, status="ready")) == count


async def dropped(s3: "S3Client", tenant: Tenant, name: str, content: bytes) -> str:
    """Put a file into the bucket, as another tool would; its key."""
    key = f"uploads/{tenant.id}/{name}"
    await asyncio.to_thread(s3.put_object, Bucket=BUCKET, Key=key, Body=content)
    return key


async def test_names_come_through_whole_and_go_again(
    client: httpx.AsyncClient, tenant: Tenant, s3: "S3Client"
) -> None:
    """From S3's own events, as it encodes them."""
    for number, name in enumerate(NAMES):
        await dropped(s3, tenant, name, f"# File {number}\n\nWords of {name}.".encode())
    await eventually(lambda: has_ready(client, len(NAMES)))
    ids = await listed(client)
    assert set(ids) == set(NAMES)
    for number, name in enumerate(NAMES):
        text = await client.get(f"/v1/documents/{ids[name]}/text")
        assert text.text == f"# File {number}\n\nWords of {name}."
    for name in NAMES:
        narrowed = {"question": "Which words?", "filters": {"filename": [name]}}
        (chunk,) = (await client.post("/v1/retrieve", json=narrowed)).json()["chunks"]
        assert chunk["document_id"] == ids[name]
    asked = [await client.delete(f"/v1/documents/{document}") for document in ids.values()]
    for each in asked:
        certificate = (await finished(client, each))["result"]
        assert (certificate["removed"]["originals"], certificate["removed"]["points"]) == (1, 1)
    held = await asyncio.to_thread(
        s3.list_objects_v2, Bucket=BUCKET, Prefix=f"uploads/{tenant.id}/"
    )
    assert held["KeyCount"] == 0


async def test_what_names_no_file_is_passed_over(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, s3: "S3Client"
) -> None:
    good = await dropped(s3, tenant, "good.md", b"# Good\n\nText.")
    mine = f"uploads/{tenant.id}"
    keys = [
        *(f"{mine}/../other.md", f"{mine}/..", f"{mine}/a/./b.md", f"{mine}//a.md"),
        *(f"{mine}/folder/", f"{mine}/", mine, "uploads/", "", f"texts/{tenant.id}/a/1.txt"),
        *(f"{mine}/nul%00.md", f"{mine}/{'x' * 2_000}.md"),
        *("uploads/t-nobody/a.md", f"{mine}/never put.md"),
    ]
    messages = [
        event(f"Object{what}", key) for key in keys for what in ("Created:Put", "Removed:Delete")
    ]
    messages.append({"ingest": {"key": f"{mine}/half \ud800.md"}})
    messages.append(event("ObjectCreated:Put", good))
    assert await deliver(stack, "ingest", *messages) == []
    await eventually(lambda: has_ready(client, 1))
    assert set(await listed(client)) == {"good.md"}


async def test_no_message_fails_its_neighbours(
    client: httpx.AsyncClient,
    stack: Stack,
    tenant: Tenant,
    owner: Owner,
    s3: "S3Client",
    letters: Letters,
) -> None:
    leaving = await put(client, "leaving.md", "# Leaving\n\nSoon gone.")
    await owner.execute(
        """update documents set status = 'deleting', sha256 = sha256('other')
           where tenant_id = %s""",
        [tenant.id],
    )
    keys = [
        await dropped(s3, tenant, "broken.pdf", UNREADABLE),
        f"uploads/{tenant.id}/leaving.md",
        f"uploads/{tenant.id}/never put.md",
        await dropped(s3, tenant, "good.md", b"# Good\n\nThe elbow has one axis."),
    ]
    poison = f"poison {uuid4()}"
    created = [event("ObjectCreated:Put", key) for key in keys]
    assert await deliver(stack, "ingest", poison, "null", "{}", *created) == []
    await eventually(lambda: has_ready(client, 1))
    ids = await listed(client)
    assert set(ids) == {"broken.pdf", "leaving.md", "good.md"}
    assert (await settled(client, ids["broken.pdf"]))["status"] == "failed"
    assert await has_status(client, leaving["id"], "deleting")
    assert [chunk["filename"] for chunk in await found(client, "How many axes?")] == ["good.md"]
    assert "no message of ours" in str(await letters.cause(poison))
    await finished(client, await client.delete(f"/v1/documents/{leaving['id']}"))


@pytest.mark.parametrize("told", ["by S3", "by us", "by nobody"])
async def test_a_large_file_keeps_no_small_one_waiting(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner, s3: "S3Client", told: str
) -> None:
    files = {"large.txt": b"One step more. " * (SMALL_BYTES // 15 + 1), "small.md": b"# Small"}
    messages: list[dict[str, Any]] = []
    for name, content in files.items():
        key = await dropped(s3, tenant, name, content)
        await eventually(lambda: has_ready(client, len(messages) + 1))
        size = {"size": len(content)}
        if told == "by S3":
            messages.append(event("ObjectCreated:Put", key, **size))
        else:
            known = size if told == "by us" or name == "small.md" else {}
            messages.append({"ingest": {"key": key, "hop": 0} | known})
    await owner.execute(
        "update documents set status = 'failed', error = 'x' where tenant_id = %s", [tenant.id]
    )
    assert await deliver(stack, "ingest", *messages) == []
    rows = await owner.execute(
        """select filename, status from documents where tenant_id = %s order by updated_at""",
        [tenant.id],
    )
    assert await rows.fetchall() == [("small.md", "ready"), ("large.txt", "ready")]


async def test_no_deadline_fails_its_neighbours(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    body = {"filename": "never.md", "content_type": "text/markdown", "size": 9}
    late = {
        "watch": {tenant.id: [(await client.post("/v1/uploads", json=body)).json()["document_id"]]}
    }

    async def look_beside(other: dict[str, Any] | str) -> list[str]:
        await owner.execute(
            """update documents set status = 'awaiting_upload', error = null,
                   updated_at = now() - interval '7 hours' where tenant_id = %s""",
            [tenant.id],
        )
        again = await deliver(stack, "maintenance", other, late)
        assert set(await listed(client, status="failed")) == {"never.md"}
        return again

    assert await look_beside("garbage") == []
    assert await look_beside({"job": {"tenant": tenant.id, "id": str(uuid4())}}) == []
    # PostgreSQL would take no such tenant, however often it is asked.
    assert await look_beside({"watch": {"\0": [str(uuid4())]}}) == []
    assert await look_beside({"job": {"tenant": "\0", "id": str(uuid4())}}) == []
