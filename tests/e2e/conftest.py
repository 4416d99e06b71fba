"""Documents put into the running stack the way a user does it, and waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Tenant

WAIT_SECONDS = 60


@pytest.fixture
async def tenant(make_tenant: Callable[..., Awaitable[Tenant]]) -> Tenant:
    return await make_tenant()


@pytest.fixture
async def client(api: httpx.AsyncClient, tenant: Tenant) -> httpx.AsyncClient:
    """The API as a tenant of the test's own."""
    api.headers.update(tenant.headers())
    return api


async def settled(client: httpx.AsyncClient, document: str) -> dict[str, Any]:
    """The document once it is ready or failed."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            answer = await client.get(f"/v1/documents/{document}")
            seen: dict[str, Any] = answer.raise_for_status().json()
            if seen["status"] in ("ready", "failed"):
                return seen
            await asyncio.sleep(0.2)


async def put(client: httpx.AsyncClient, filename: str, content: str) -> dict[str, Any]:
    """Post a text and wait for what becomes of it."""
    answer = await client.post("/v1/documents", json={"filename": filename, "content": content})
    assert answer.status_code == 202, answer.text
    return await settled(client, answer.json()["id"])


async def upload(
    client: httpx.AsyncClient, filename: str, content: bytes, content_type: str
) -> dict[str, Any]:
    """Send a file as a form to S3, as a browser would, and wait for what becomes of it."""
    answer = await client.post(
        "/v1/uploads",
        json={"filename": filename, "content_type": content_type, "size": len(content)},
    )
    form = answer.raise_for_status().json()
    async with httpx.AsyncClient() as s3:
        sent = await s3.post(form["url"], data=form["fields"], files={"file": content})
    assert sent.is_success, sent.text
    return await settled(client, form["document_id"])
