"""Ingestion is switched off and on again: nothing is lost, and nothing fails meanwhile."""

import asyncio
import json

import boto3
import httpx

from local.provision import REGION, SWITCHES
from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.conftest import deliver, settled

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
