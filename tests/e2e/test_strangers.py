"""Two tenants and two users at every route and every table: nothing of the other is found.

The routes are those of the API's own document, the tables those of the catalog: what is added there
without its wall fails here.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.types.json import Jsonb

from local.provision import BUCKET
from local.stack import Stack
from quire.store.database import Database
from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.conftest import finished
from tests.e2e.strangers import WALLED_FOR, ask, belongings, looks, requests, shown

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Of both tenants, and in none of the document's examples.
ADA = "ada of two tenants"
# After which its caller is nobody any more.
ENDS_THE_WALK = "DELETE /v1/admin/users/{user_id}"
# Without rows of any tenant: which index serves them all, and where the schema is.
EVERYBODYS = {"collections", "alembic_version"}


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Clients at either front door."""
    opened: list[httpx.AsyncClient] = []

    def open_door(headers: dict[str, str], *, streamed: bool = False) -> httpx.AsyncClient:
        configured = stack.configuration
        url = configured.stream_url if streamed else configured.api_url
        opened.append(httpx.AsyncClient(base_url=url, headers=headers, timeout=40))
        return opened[-1]

    yield open_door
    for client in opened:
        await client.aclose()


async def test_no_route_shows_a_stranger_anything(
    door: Callable[..., httpx.AsyncClient],
    make_tenant: Callable[..., Awaitable[Tenant]],
    stack: Stack,
    owner: Owner,
    s3: "S3Client",
) -> None:
    mine, theirs = await make_tenant(), await make_tenant()
    ada = door(mine.headers(ADA))
    hers = await belongings(ada, mine, ADA)
    for client in (ada, door(mine.headers(ADA), streamed=True)):
        for asked in requests(hers.ids, session=hers.ids["session_id"]):
            if asked.method not in ("DELETE", "PUT"):
                await ask(client, asked)
    bobs = await ada.post(
        "/v1/admin/keys", json={"name": "bob's", "scopes": ["ask", "ingest"], "user_id": "bob"}
    )
    bob = {"Authorization": f"Bearer {bobs.json()['key']}"}
    before = await looks(ada, hers.ids)
    assert any(hers.users_mark in look for look in before)
    assert any(hers.tenants_mark in look for look in before)

    for kind, headers, streamed in (
        ("user", bob, False),
        ("user", bob, True),
        ("tenant", theirs.headers(ADA), False),
        ("tenant", theirs.headers(ADA), True),
    ):
        client = door(headers, streamed=streamed)
        for asked in requests(hers.ids, session=hers.ids["session_id"]):
            walls = {WALLED_FOR[name] for name in asked.named}
            if asked.endpoint == ENDS_THE_WALK or (kind == "user" and "tenant" in walls):
                continue  # what is the tenant's is Bob's as well
            answer = await ask(client, asked)
            told = shown(answer)
            found = {secret for secret in hers.secrets(kind) if secret in told}
            assert not found, f"{asked.endpoint} shows another {kind} {found}: {told}"
            assert "idempotent-replayed" not in answer.headers, asked.endpoint
            if walls & {"user", "tenant"}:
                assert answer.status_code in (403, 404), f"{asked.endpoint}: {told}"
            if asked.body and "session_id" in asked.body:
                assert answer.status_code == 404, f"{asked.endpoint}: {told}"
        # Nor without her session, in what is found, said or remembered.
        for asked in requests(hers.ids, session=None):
            if asked.body and not asked.named:
                client.headers["Idempotency-Key"] = secrets.token_hex(8)
                told = shown(await client.request(asked.method, asked.path, json=asked.body))
                assert not {secret for secret in hers.secrets(kind) if secret in told}, told

    gone = await door(theirs.headers()).delete(f"/v1/admin/users/{ADA}")
    assert (await finished(door(theirs.headers()), gone))["result"]["tenant_id"] == theirs.id
    assert await looks(ada, hers.ids) == before
    await no_table_shows_a_stranger_anything(stack, owner, mine, theirs)
    await no_object_is_nobodys(owner, s3)


async def no_table_shows_a_stranger_anything(
    stack: Stack, owner: Owner, mine: Tenant, theirs: Tenant
) -> None:
    database = Database(stack.app_url, connections=1)
    for tenant in (mine, theirs):
        await owner.execute("insert into limits (tenant_id) values (%s)", [tenant.id])
        await owner.execute(
            """insert into streams (tenant_id, id, until)
               values (%s, gen_random_uuid(), now() + interval '1 hour')""",
            [tenant.id],
        )
    named = await owner.execute(
        """select relname from pg_class
           where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"""
    )
    for (table,) in await named.fetchall():
        if table in EVERYBODYS:
            continue
        held = await owner.execute(f"select count(*) from {table} where tenant_id = %s", [mine.id])
        assert (await held.fetchall())[0][0], f"{table} has nothing to be found; give it a row"
        for nosy in (theirs.id, None):
            (seen,) = await database.run(nosy, (f"select distinct tenant_id from {table}", []))
            assert {row["tenant_id"] for row in seen} <= {nosy}, table
            for change in (f"update {table} set tenant_id = tenant_id", f"delete from {table}"):
                wanted = (f"{change} where tenant_id = %s returning 1", [mine.id])
                try:
                    (changed,) = await database.run(nosy, wanted)
                except InsufficientPrivilege:  # nobody's to write
                    changed = []
                assert changed == [], table
        with pytest.raises(InsufficientPrivilege):
            await database.run(
                theirs.id,
                (
                    f"""insert into {table}
                        select (jsonb_populate_record(null::{table}, %s)).*""",
                    [Jsonb({"tenant_id": mine.id})],
                ),
            )
    await database.close()


async def no_object_is_nobodys(owner: Owner, s3: "S3Client") -> None:
    """Every object is below its tenant's own name."""
    known = await owner.execute("select tenant_id from tenants")
    tenants = {str(row[0]) for row in await known.fetchall()}
    listed = await asyncio.to_thread(s3.list_objects_v2, Bucket=BUCKET)
    keys = [item["Key"].split("/") for item in listed.get("Contents", [])]
    assert keys
    assert {parts[0] for parts in keys} <= {"uploads", "texts", "exports"}
    assert {parts[1] for parts in keys} <= tenants
