"""What stands still is found by its deadline, whatever message or worker was lost."""

from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.conftest import deliver, eventually, found, has_status, proof, put, served, settled

LONG = "# Gaits\n\n" + "\n\n".join(
    f"## Gait {n}\n\n" + f"Gait number {n} moves the legs in its own order. " * 15 for n in range(4)
)
# Past every deadline, and past the time for which a queue's length excuses standing still.
LONG_AGO = "now() - interval '7 hours'"


async def looked_at(stack: Stack, tenant: Tenant, document: str) -> None:
    """Have the document's deadline come now."""
    assert await deliver(stack, "maintenance", {"watch": {tenant.id: [document]}}) == []


async def as_left_by_a_dead_worker(owner: Owner, tenant: Tenant, *, done: int, total: int) -> None:
    """Undo what came after the commit of `done` chunks."""
    await owner.execute(
        f"""update documents set status = 'embedding', done = %s, total = %s,
               current_version = null, updated_at = {LONG_AGO}, lease_until = {LONG_AGO}
           where tenant_id = %s""",
        [done, total, tenant.id],
    )
    await owner.execute(
        "delete from chunks where tenant_id = %s and ordinal >= %s", [tenant.id, done]
    )
    await owner.execute("update versions set state = 'writing' where tenant_id = %s", [tenant.id])


async def test_an_upload_that_never_comes_fails(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    body = {"filename": "never.md", "content_type": "text/markdown", "size": 9}
    document = (await client.post("/v1/uploads", json=body)).json()["document_id"]
    await looked_at(stack, tenant, document)
    seen = (await client.get(f"/v1/documents/{document}")).json()
    assert seen["status"] == "awaiting_upload", "its form is still good"
    await owner.execute(
        f"update documents set updated_at = {LONG_AGO} where tenant_id = %s",
        [tenant.id],
    )
    await looked_at(stack, tenant, document)
    seen = (await client.get(f"/v1/documents/{document}")).json()
    assert seen["status"] == "failed"
    assert "not uploaded in time" in seen["error"]
    late = await put(client, "never.md", "# Late\n\nHere it is.")
    assert (late["id"], late["status"], late["error"]) == (document, "ready", None)


async def test_what_a_dead_worker_left_becomes_ready(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "a.md", "# A\n\nThe ankle has two axes.")
    await as_left_by_a_dead_worker(owner, tenant, done=0, total=0)
    assert await found(client, "How many axes has the ankle?") == []
    await looked_at(stack, tenant, document["id"])
    await served(client, document["id"], version=1)
    assert (await proof(client, document["id"]))["holds"]
    assert len(await found(client, "How many axes has the ankle?")) == 1


async def test_what_a_dead_worker_half_indexed_becomes_whole(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    """A small one too, of which a round that it shared with others took a part."""
    document = await put(client, "gaits.md", LONG)
    assert document["chunks"] > 3
    await as_left_by_a_dead_worker(owner, tenant, done=2, total=document["chunks"])
    await looked_at(stack, tenant, document["id"])
    await eventually(lambda: is_ready(client, document["id"]), seconds=20)
    assert (await proof(client, document["id"]))["expected"] == document["chunks"]
    assert (await proof(client, document["id"]))["holds"]


@pytest.mark.parametrize("status", ["queued", "extracting"])
async def test_what_no_message_asks_for_is_asked_for_again(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner, status: str
) -> None:
    document = await put(client, "a.md", "# A\n\nText.")
    await owner.execute(
        f"""update documents set status = %s, updated_at = {LONG_AGO}, lease_until = {LONG_AGO}
           where tenant_id = %s""",
        [status, tenant.id],
    )
    await looked_at(stack, tenant, document["id"])
    await eventually(lambda: is_ready(client, document["id"]))


async def test_what_no_message_asks_for_waits_no_longer_than_others_do(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    """In nobody's hands for a minute, and nothing waits before it: its message was lost."""
    document = await put(client, "a.md", "# A\n\nText.")
    await owner.execute(
        """update documents set status = 'queued', updated_at = now() - interval '1 minute',
               lease_until = null where tenant_id = %s""",
        [tenant.id],
    )
    await looked_at(stack, tenant, document["id"])
    await eventually(lambda: is_ready(client, document["id"]), seconds=30)


async def test_who_is_at_work_is_left_alone(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "a.md", "# A\n\nText.")
    await owner.execute(
        f"""update documents set status = 'embedding', updated_at = {LONG_AGO}
            where tenant_id = %s""",
        [tenant.id],
    )
    await owner.execute(
        "update versions set lease_until = now() + interval '1 minute' where tenant_id = %s",
        [tenant.id],
    )
    await looked_at(stack, tenant, document["id"])
    rows = await owner.execute("select attempts from documents where tenant_id = %s", [tenant.id])
    assert await rows.fetchall() == [(0,)]
    await owner.execute("update documents set status = 'ready' where tenant_id = %s", [tenant.id])


async def test_what_is_begun_over_and_over_is_given_up(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "a.md", "# A\n\nText.")
    await owner.execute(
        f"""update documents set status = 'extracting', attempts = 5, updated_at = {LONG_AGO},
               lease_until = {LONG_AGO} where tenant_id = %s""",
        [tenant.id],
    )
    await looked_at(stack, tenant, document["id"])
    failed = await settled(client, document["id"])
    assert failed["status"] == "failed"
    assert "never finished" in failed["error"]


@pytest.mark.parametrize("job", ["queued", "failed", None])
async def test_a_forgotten_deletion_is_begun_again(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner, job: str | None
) -> None:
    document = await put(client, "a.md", "# A\n\nText.")
    if job:
        await owner.execute(
            """insert into jobs (tenant_id, id, kind, document_id, status, total)
               values (%s, gen_random_uuid(), 'delete', %s, %s, 1)""",
            [tenant.id, document["id"], job],
        )
    await owner.execute(
        f"""update documents set status = 'deleting', updated_at = {LONG_AGO}
           where tenant_id = %s""",
        [tenant.id],
    )
    await looked_at(stack, tenant, document["id"])
    await eventually(lambda: has_status(client, document["id"], "deleted"))


async def test_a_recovery_finds_what_messages_were_lost_of(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, owner: Owner
) -> None:
    document = await put(client, "a.md", "# A\n\nText.")
    await as_left_by_a_dead_worker(owner, tenant, done=0, total=0)
    rows = await owner.execute(
        """insert into jobs (tenant_id, id, kind, status)
           values (%s, gen_random_uuid(), 'reconcile', 'queued') returning id""",
        [tenant.id],
    )
    ((job,),) = await rows.fetchall()
    assert await deliver(stack, "maintenance", {"recover": True}) == []
    await eventually(lambda: is_ready(client, document["id"]))
    await eventually(lambda: is_done(client, job))


async def is_ready(client: httpx.AsyncClient, document: str) -> bool:
    return await has_status(client, document, "ready")


async def is_done(client: httpx.AsyncClient, job: Any) -> bool:
    seen = await client.get(f"/v1/jobs/{job}")
    return bool(seen.raise_for_status().json()["status"] == "done")
