"""Ingestion is switched off and on again, or a day is spent: nothing is lost, and nothing fails."""

import asyncio
import json
from typing import TYPE_CHECKING

import boto3
import httpx

from local.provision import BUCKET, REGION, SWITCHES
from local.stack import Stack
from quire.domain import document_id
from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.conftest import deliver, eventually, settled

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# A little more than it takes until a switch is heard.
HEARD_SECONDS = 1.2


async def test_what_comes_while_ingestion_is_paused_is_read_afterwards(
    stack: Stack, client: httpx.AsyncClient, tenant: Tenant
) -> None:
    session = boto3.Session("local", "local", region_name=REGION)
    vault = session.client("secretsmanager", endpoint_url=stack.configuration.aws_url)

    async def switch(told: dict[str, bool]) -> None:
        vault.put_secret_value(SecretId=SWITCHES, SecretString=json.dumps(told))
        await asyncio.sleep(HEARD_SECONDS)

    await switch({"ingestion": False})
    try:
        asked = await client.post(
            "/v1/documents", json={"filename": "a.md", "content": "# A\n\nB."}
        )
        assert asked.status_code == 202
        document = asked.json()["id"]
        message = {"ingest": {"key": f"uploads/{tenant.id}/a.md"}}
        watch = {"watch": {tenant.id: [document]}}
        assert await deliver(stack, "ingest", message, receipts=5) == []
        assert await deliver(stack, "maintenance", watch) == []
        assert (await client.get(f"/v1/documents/{document}")).json()["status"] == "queued"
    finally:
        await switch({})
    await deliver(stack, "ingest", message)
    assert (await settled(client, document))["status"] == "ready"


async def test_what_is_put_there_once_a_day_is_spent_waits_for_the_next(
    stack: Stack,
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    tenant: Tenant,
    owner: Owner,
    s3: "S3Client",
) -> None:
    limits, key = f"/v1/admin/tenants/{tenant.id}/limits", f"uploads/{tenant.id}/b.md"
    document = str(document_id(tenant.id, "b.md"))
    assert (await operator.put(limits, json={"tokens": 0})).status_code == 200
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"# B\n\nC.", ContentType="text/markdown")

    async def is_seen() -> bool:
        return (await client.get(f"/v1/documents/{document}")).status_code == 200

    await eventually(is_seen)
    for hop in (None, 3):  # at first, and once it was handed over
        message = {"ingest": {"key": key} if hop is None else {"key": key, "hop": hop}}
        assert await deliver(stack, "ingest", message, receipts=5) == []
    # Of what stands still for so long something would be made.
    await owner.execute(
        "update documents set attempts = 9, updated_at = now() - interval '7 hours' where id = %s",
        [document],
    )
    assert await deliver(stack, "maintenance", {"watch": {tenant.id: [document]}}) == []
    seen = (await client.get(f"/v1/documents/{document}")).json()
    assert (seen["status"], seen["tokens"]) == ("queued", 0)
    assert "tokens or dollars of this day" in seen["error"]
    assert (await operator.put(limits, json={})).status_code == 200
    await deliver(stack, "ingest", message)
    read = await settled(client, document)
    assert (read["status"], read["error"]) == ("ready", None)
