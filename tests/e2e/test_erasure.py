"""What a user or a tenant has, handed over as one archive, and then gone everywhere."""

import asyncio
import json
import tarfile
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from local.provision import BUCKET
from local.stack import Stack
from quire.store.exports import TABLES
from tests.conftest import Tenant
from tests.e2e.behind import Owner, Points
from tests.e2e.conftest import finished, put

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KNEE = "# Knee\n\nThe knee bends backwards.\n"
NO_TENANTS = {"collections", "alembic_version"}
# Not handed over: made of what is, or gone by itself, or about us.
NOT_EXPORTED = NO_TENANTS | {
    *("chunks", "embedding_cache", "answer_cache", "idempotency_keys", "rate_limits"),
    *("corpora", "jobs", "streams", "tenants"),
}


async def tables(owner: Owner) -> set[str]:
    found = await owner.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    return {str(name) for (name,) in await found.fetchall()}


async def mentions(owner: Owner, tenant: Tenant, *words: str) -> set[str]:
    """Tables that hold any of these words in a row of the tenant's, as text or as bytes."""
    holding = set()
    for table in await tables(owner) - NO_TENANTS:
        rows = await owner.execute(
            f"select to_jsonb(t)::text from {table} t where tenant_id = %s", [tenant.id]
        )
        text = str(await rows.fetchall())
        if any(word in text or word.encode().hex() in text for word in words):
            holding.add(table)
    return holding


async def archive(client: httpx.AsyncClient, asked: httpx.Response) -> dict[str, str]:
    job = await finished(client, asked)
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(job["result"]["url"])
    assert len(answer.raise_for_status().content) == job["result"]["bytes"]
    with tarfile.open(fileobj=BytesIO(answer.content)) as opened:
        members = {m.name: opened.extractfile(m) for m in opened.getmembers()}
        return {name: file.read().decode() for name, file in members.items() if file}


async def talk(client: httpx.AsyncClient, user: str, mark: str) -> str:
    """Have a user ask; their session."""
    asked = {"question": f"How does the knee bend? {mark}"}
    named = {"Quire-User": user, "Idempotency-Key": mark}
    turn = (await client.post("/v1/chat", json=asked, headers=named)).json()
    path = f"/v1/messages/{turn['message_id']}/feedback"
    await client.post(path, json={"rating": "down", "comment": mark}, headers={"Quire-User": user})
    return str(turn["session_id"])


async def test_a_user_is_handed_over_and_erased(
    client: httpx.AsyncClient, tenant: Tenant, owner: Owner
) -> None:
    await put(client, "knee.md", KNEE)
    hers, his, ada = (f"{word}{uuid4().hex}" for word in ("ginger", "saffron", "ada|"))
    session, bobs = await talk(client, ada, hers), await talk(client, "bob", his)
    bound = {"name": "hers", "scopes": ["ask"], "user_id": ada}
    key = (await client.post("/v1/admin/keys", json=bound)).json()["key"]
    # Kept under the key's own name, and yet of her session.
    said = [{"role": "user", "content": f"Why {hers}?"}]
    asked = {"model": "quire", "user": ada, "messages": said}

    async def repeated() -> httpx.Response:
        headers = {"Idempotency-Key": "hers"}
        return await client.post("/v1/chat/completions", json=asked, headers=headers)

    assert (await repeated()).status_code == 200

    export = {"kind": "export", "user_id": ada}
    whole = await archive(client, await client.post("/v1/admin/jobs", json=export))
    assert json.loads(whole["about.json"])["user_id"] == ada
    assert session in whole["sessions/000001.jsonl"]
    assert hers in whole["messages/000001.jsonl"]
    assert "The knee bends backwards" in whole["messages/000001.jsonl"]
    assert hers in whole["feedback/000001.jsonl"]
    told = "".join(whole.values())
    for strange in (his, bobs, '"hash"'):
        assert strange not in told
    exported = (await client.get("/v1/admin/jobs")).json()["data"][0]["id"]

    erased = await finished(client, await client.delete(f"/v1/admin/users/{ada}"))
    certificate = erased["result"]
    assert (certificate["tenant_id"], certificate["user_id"]) == (tenant.id, ada)
    removed = certificate["removed"]
    assert (removed["sessions"], removed["messages"], removed["exports"]) == (2, 4, 1)
    assert all(remain["what"] and remain["why"] for remain in certificate["remains"])
    assert await mentions(owner, tenant, hers, session) == set()
    assert await mentions(owner, tenant, ada) == {"jobs"}, "the certificate names her"
    assert await mentions(owner, tenant, his) >= {"messages", "feedback"}
    assert (await repeated()).status_code == 409, "it happened, and its answer is gone"
    assert (await client.get(f"/v1/jobs/{exported}")).status_code == 404
    shown = {"Authorization": f"Bearer {key}"}
    assert (await client.get("/v1/sessions", headers=shown)).status_code == 401
    mine = await client.get(f"/v1/sessions/{bobs}", headers={"Quire-User": "bob"})
    assert mine.status_code == 200
    # Nor is there anybody to be erased once more, or to be handed over.
    assert (await client.delete(f"/v1/admin/users/{ada}")).status_code == 404
    assert (await client.post("/v1/admin/jobs", json=export)).status_code == 404

    reader = await client.post("/v1/admin/keys", json={"name": "r", "scopes": ["ingest"]})
    shown = {"Authorization": f"Bearer {reader.json()['key']}"}
    told_of = await client.get(f"/v1/jobs/{erased['id']}", headers=shown)
    assert told_of.status_code == 404, "what tells of users is for administrators"


async def test_a_tenant_is_handed_over_and_erased(
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    stack: Stack,
    tenant: Tenant,
    owner: Owner,
    s3: "S3Client",
    points: Points,
    make_tenant: Callable[..., Awaitable[Tenant]],
) -> None:
    assert {table.name for table in TABLES} == await tables(owner) - NOT_EXPORTED
    other = await make_tenant()
    for one in (other, tenant):
        client.headers.update(one.headers())
        await put(client, "knee.md", KNEE)
        await talk(client, "ada", "ginger")
    whole = await archive(client, await client.post("/v1/admin/jobs", json={"kind": "export"}))
    assert whole["uploads/knee.md"] == KNEE
    assert [text for name, text in whole.items() if name.startswith("texts/")] == [KNEE]
    assert "ginger" in whole["messages/000001.jsonl"]
    assert other.id not in "".join(whole.values())

    path = f"/v1/admin/tenants/{tenant.id}"
    assert (await client.delete(path)).status_code == 403
    own = await operator.delete(f"/v1/admin/tenants/{stack.configuration.tenant}")
    assert own.status_code == 403
    job = await finished(operator, await operator.delete(path))
    certificate = job["result"]
    assert certificate["tenant_id"] == tenant.id
    removed = certificate["removed"]
    assert (removed["originals"], removed["texts"], removed["exports"]) == (1, 1, 1)
    assert (removed["points"], removed["documents"], removed["chunks"]) == (1, 1, 1)

    assert await points.count() == 0
    for table in await tables(owner) - NO_TENANTS:
        rows = await owner.execute(
            f"select count(*) from {table} where tenant_id = %s", [tenant.id]
        )
        assert await rows.fetchall() == [(0,)], table
    for folder in ("uploads", "texts", "exports"):
        prefix = f"{folder}/{tenant.id}/"
        listed: Any = await asyncio.to_thread(s3.list_object_versions, Bucket=BUCKET, Prefix=prefix)
        assert not listed.get("Versions")
        assert not listed.get("DeleteMarkers")
    assert (await client.get("/v1/documents")).status_code == 401
    assert (await operator.delete(path)).status_code == 404
    client.headers.update(other.headers())
    assert len((await client.get("/v1/documents")).json()["data"]) == 1
