"""What an administrator asks for: reconcile, redrive and rebuild, and who may ask."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from qdrant_client import models

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Letters, Owner, Points
from tests.e2e.conftest import deliver, event, eventually, finished, found, proof, put, served

TEXTS = {
    "knee.md": "# Knee\n\nA harmonic drive turns the knee.",
    "hip.md": "# Hip\n\nThree motors swing the hip.",
}


@pytest.fixture
async def documents(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """Two documents by their names, each of one chunk."""
    puts = await asyncio.gather(*(put(client, name, text) for name, text in TEXTS.items()))
    return dict(zip(TEXTS, puts, strict=True))


async def run(client: httpx.AsyncClient, kind: str) -> dict[str, Any]:
    """Ask for a job and wait for its result."""
    asked = await client.post("/v1/admin/jobs", json={"kind": kind})
    result: dict[str, Any] = (await finished(client, asked))["result"]
    return result


async def test_a_poisoned_message_is_put_aside_and_its_neighbours_are_done(
    client: httpx.AsyncClient, letters: Letters
) -> None:
    poison = f"poison {uuid4()}"
    letters.send("documents", poison)
    document = await put(client, "knee.md", TEXTS["knee.md"])
    assert document["status"] == "ready"
    await eventually(lambda: letters.cause(poison))
    assert "no message of ours" in str(await letters.cause(poison))


@pytest.mark.parametrize("form", ["ours", "S3's"])
async def test_a_redrive_brings_letters_back(
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    tenant: Tenant,
    owner: Owner,
    letters: Letters,
    documents: dict[str, dict[str, Any]],
    form: str,
) -> None:
    key = f"uploads/{tenant.id}/knee.md"
    await owner.execute(
        """update documents set status = 'failed', error = 'The model was away.'
           where tenant_id = %s and filename = 'knee.md'""",
        [tenant.id],
    )
    ours = {"ingest": {"key": key, "hop": 14}}
    letter = json.dumps(ours if form == "ours" else event("ObjectCreated:Put", key))
    cause = f"away {uuid4()}"
    letters.send("dead", letter, cause=cause)
    result = await run(operator, "redrive")
    assert result["causes"][cause] == 1
    assert result["moved"] == sum(result["causes"].values())
    mended = await served(client, documents["knee.md"]["id"], version=2)
    assert mended["error"] is None
    assert await letters.cause(letter) is None


async def test_what_nobody_understands_stays_where_it_is(
    operator: httpx.AsyncClient, letters: Letters
) -> None:
    poison = f"poison {uuid4()}"
    letters.send("dead", poison, cause="no message of ours")
    await run(operator, "redrive")
    assert await letters.cause(poison) == "no message of ours"


@pytest.mark.parametrize("kind", ["redrive", "rebuild"])
async def test_what_concerns_all_tenants_is_the_operators(
    client: httpx.AsyncClient, kind: str
) -> None:
    refused = await client.post("/v1/admin/jobs", json={"kind": kind})
    assert refused.status_code == 403
    assert (await client.get("/v1/admin/jobs")).json()["data"] == []


async def test_jobs_are_administrators_and_their_tenants_own(
    client: httpx.AsyncClient, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    writer = (await make_tenant(scopes=("ask", "ingest"))).headers()
    asked = await client.post("/v1/admin/jobs", json={"kind": "reconcile"}, headers=writer)
    assert asked.status_code == 403
    assert (await client.get("/v1/admin/jobs", headers=writer)).status_code == 403
    asked = await client.post("/v1/admin/jobs", json={"kind": "reconcile"})
    job = await finished(client, asked)
    assert job["result"] == {"documents": 0, "holding": 0, "mended": 0, "failed": [], "found": 0}
    path = f"/v1/jobs/{job['id']}"
    assert (await client.get(path, headers=writer)).status_code == 404
    listed = (await client.get("/v1/admin/jobs")).json()
    assert [shown["id"] for shown in listed["data"]] == [job["id"]]


async def test_reconciling_mends_what_lost_its_points(
    client: httpx.AsyncClient, points: Points, documents: dict[str, dict[str, Any]]
) -> None:
    await points.delete()
    shown = await proof(client, documents["knee.md"]["id"])
    assert (shown["expected"], shown["points"], shown["holds"]) == (1, 0, False)
    await put(client, "whole.md", "# Whole\n\nNothing is missing here.")
    result = await run(client, "reconcile")
    assert result == {"documents": 3, "holding": 1, "mended": 2, "failed": [], "found": 0}
    for document in documents.values():
        assert (await proof(client, document["id"]))["holds"]
    assert len(await found(client, "What turns the knee?")) == 3


async def test_reconciling_removes_what_nothing_accounts_for(
    client: httpx.AsyncClient, points: Points, documents: dict[str, dict[str, Any]]
) -> None:
    document = documents["knee.md"]
    (record,) = [r for r in await points.records() if (r.payload or {})["filename"] == "knee.md"]
    stray = models.PointStruct(
        id=str(uuid4()),
        vector=record.vector,
        payload=record.payload,
    )
    await points.qdrant.upsert(await points.live(), [stray], wait=True)
    shown = await proof(client, document["id"])
    assert (shown["extra"], shown["holds"]) == ([stray.id], False)
    result = await run(client, "reconcile")
    assert (result["holding"], result["mended"], result["failed"]) == (1, 1, [])
    assert (await proof(client, document["id"]))["holds"]
    after = (await client.get(f"/v1/documents/{document['id']}")).json()
    assert after["version"] == 1, "nothing had to be read again"


async def test_what_is_deleted_while_it_is_mended_is_no_failure(
    client: httpx.AsyncClient,
    stack: Stack,
    tenant: Tenant,
    owner: Owner,
    documents: dict[str, dict[str, Any]],
) -> None:
    knee = documents["knee.md"]["id"]
    await finished(client, await client.delete(f"/v1/documents/{knee}"))
    cursor = {"holding": 1, "mending": [[knee, "knee.md"]], "failed": [], "proven": True}
    rows = await owner.execute(
        """insert into jobs (tenant_id, id, kind, status, done, total, cursor)
           values (%s, gen_random_uuid(), 'reconcile', 'running', 2, 2, %s) returning id""",
        [tenant.id, json.dumps(cursor)],
    )
    ((job,),) = await rows.fetchall()
    assert await deliver(stack, "maintenance", {"job": {"tenant": tenant.id, "id": str(job)}}) == []
    shown = (await client.get(f"/v1/jobs/{job}")).json()
    assert (shown["status"], shown["result"] and shown["result"]["failed"]) == ("done", [])


@pytest.fixture
async def abandoned(owner: Owner, points: Points) -> AsyncIterator[str]:
    """What a rebuild leaves that was given up: a collection that is begun and never switched to."""
    name = "quire-abandoned"
    await owner.execute(
        """insert into collections (name, model, dimensions, building)
           select %s, model, dimensions, true from collections where live""",
        [name],
    )
    yield name
    await owner.execute("delete from collections where building")


async def test_a_rebuild_takes_the_place_of_the_old_index_unnoticed(
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    points: Points,
    abandoned: str,
    documents: dict[str, dict[str, Any]],
) -> None:
    """Of one that was given up as well, to which all is written until then."""
    old = await points.live()
    assert await points.count(abandoned) == len(documents)
    before = [chunk["chunk_id"] for chunk in await found(client, "What turns the knee?")]
    assert len(before) == 2
    rebuilding = asyncio.create_task(run(operator, "rebuild"))
    while not rebuilding.done():
        asked = await found(client, "What turns the knee?")
        assert [chunk["chunk_id"] for chunk in asked] == before
        await asyncio.sleep(0.1)
    result = await rebuilding

    new = await points.live()
    assert new == result["collection"] != old == result["dropped"]
    assert result["documents"] >= 2
    held = {c.name for c in (await points.qdrant.get_collections()).collections}
    assert (new in held, old in held, abandoned in held) == (True, False, False)
    for document in documents.values():
        assert (await proof(client, document["id"]))["holds"]
    await put(client, "new.md", "# New\n\nWritten to the new index.")
    assert len(await found(client, "What turns the knee?")) == 3


async def test_a_rebuild_given_up_leaves_no_index_behind(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner, points: Points
) -> None:
    """Here in its last round, having found something lacking in each before."""
    job = uuid4()
    name = f"quire-model-{job.hex[-8:]}"
    vector = models.VectorParams(size=384, distance=models.Distance.COSINE)
    await points.qdrant.create_collection(name, vectors_config={"dense": vector})
    await owner.execute(
        """insert into collections (name, model, dimensions, building)
           select %s, model, dimensions, true from collections where live""",
        [name],
    )
    cursor = {"begun": True, "after": ["zzzz", str(job)], "round": 10, "lacked": 1}
    await owner.execute(
        """insert into jobs (tenant_id, id, kind, status, total, cursor)
           values (%s, %s, 'rebuild', 'running', 1, %s)""",
        [tenant.id, job, json.dumps(cursor)],
    )
    assert await deliver(stack, "maintenance", {"job": {"tenant": tenant.id, "id": str(job)}}) == []
    shown = (await client.get(f"/v1/jobs/{job}")).json()
    assert (shown["status"], shown["error"]) == (
        "failed",
        "The new index would not hold still; try it again.",
    )
    building = await owner.execute("select from collections where building")
    assert await building.fetchall() == []
    assert not await points.qdrant.collection_exists(name)
    assert (await put(client, "after.md", "# After\n\nAll is well."))["status"] == "ready"
