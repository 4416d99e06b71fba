"""The function URL's app in front of a database that takes no writes, told of it or not."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import boto3
import httpx
import pytest

from local.provision import REGION
from local.stack import Stack
from tests.conftest import Tenant, unpooled
from tests.e2e.behind import Owner
from tests.e2e.chat.conftest import SECRET, Reader, served

MOVED, SWITCHES = "quire/test/moved/runtime", "quire/test/moved/switches"
QUESTION = {"question": "How often has the grease to be renewed?", "cache": False}


@asynccontextmanager
async def moved(
    stack: Stack, tenant: Tenant, *, writable: bool = False, **told: bool
) -> AsyncIterator[httpx.AsyncClient]:
    """The app with such switches, whose every transaction is read-only unless it is `writable`."""
    session = boto3.Session("local", "local", region_name=REGION)
    vault = session.client("secretsmanager", endpoint_url=stack.configuration.aws_url)
    secret = json.loads(vault.get_secret_value(SecretId=SECRET)["SecretString"])
    if not writable:
        secret["database_url"] = unpooled(stack, default_transaction_read_only="on")
    for name, value in ((MOVED, secret), (SWITCHES, told)):
        vault.create_secret(Name=name, SecretString=json.dumps(value))
    try:
        async with (
            served(stack, secret=MOVED, switches=SWITCHES) as url,
            httpx.AsyncClient(base_url=url, headers=tenant.headers(), timeout=40) as client,
        ):
            yield client
    finally:
        for name in (MOVED, SWITCHES):
            vault.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.fixture
async def kept(reader: Reader) -> dict[str, Any]:
    """A turn from before."""
    reader.model.say("Every two thousand hours [1].")
    answer = await reader.client.post("/v1/chat", json=QUESTION)
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


async def counted(owner: Owner, tenant: Tenant) -> list[tuple[object, ...]]:
    """What asking leaves behind, beside turns."""
    found = await owner.execute(
        """select 'usage', requests::float8 from usage where tenant_id = %(t)s
           union all select 'limits', sum(extract(epoch from updated_at))
                     from rate_limits where tenant_id = %(t)s
           union all select 'keys', count(*) from idempotency_keys where tenant_id = %(t)s
           union all select 'session', extract(epoch from max(last_accessed))
                     from sessions where tenant_id = %(t)s
           order by 1, 2""",
        {"t": tenant.id},
    )
    return await found.fetchall()


@pytest.mark.parametrize("writable", [False, True])
async def test_with_the_switch_all_is_read_and_asked_and_nothing_written(
    stack: Stack, kept: dict[str, Any], tenant: Tenant, owner: Owner, writable: bool
) -> None:
    before = await counted(owner, tenant)
    async with moved(stack, tenant, writable=writable, read_only=True) as client:
        for number in range(2):
            asked = await client.post(
                "/v1/chat", json=QUESTION, headers={"Idempotency-Key": "again"}
            )
            told = asked.raise_for_status().json()
            assert told["answer"] == kept["answer"], number
            assert (told["persisted"], told["degraded"]) == (False, ["persistence"])
        for path, body in (
            ("/v1/chat/stream", QUESTION),
            ("/v1/retrieve", {"question": QUESTION["question"]}),
            (f"/v1/messages/{kept['message_id']}/replay", {}),
        ):
            answer = await client.post(path, json=body)
            assert answer.status_code == 200, (path, answer.text)
        for path in ("", f"/{kept['session_id']}/messages", f"/{kept['session_id']}/export"):
            assert (await client.get(f"/v1/sessions{path}")).status_code == 200, path
        refused = await client.post("/v1/sessions")
        assert (refused.status_code, refused.json()["dependency"]) == (503, "quire")
    assert await counted(owner, tenant) == before


async def test_without_it_who_would_write_is_told_and_who_reads_is_served(
    stack: Stack, kept: dict[str, Any], tenant: Tenant
) -> None:
    async with moved(stack, tenant) as client:
        for _ in range(6):  # as many as would open a breaker
            for request in (
                client.post("/v1/sessions"),
                client.get(f"/v1/sessions/{kept['session_id']}/messages"),
                client.post("/v1/retrieve", json={"question": "Grease?"}),
                client.post("/v1/chat", json=QUESTION, headers={"Idempotency-Key": "k"}),
            ):
                refused = await request
                told = (refused.status_code, refused.json()["dependency"])
                assert told == (503, "postgres"), refused.url
        seen = await client.get(f"/v1/sessions/{kept['session_id']}")
        assert seen.status_code == 200, "what only reads is served"
