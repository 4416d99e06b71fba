"""`quire smoke` against the whole stack, as `make smoke` runs it against a deployed stage."""

import re
from collections.abc import Awaitable, Callable

import httpx

from local.stack import Stack
from tests.conftest import Tenant
from tests.integration.cli.command import call

STEPS = ["look", "upload", "wait", "ask", "stream", "delete"]


async def test_a_deployment_is_proven_and_left_as_it_was(
    stack: Stack, client: httpx.AsyncClient, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    tenant = await make_tenant(scopes=("ask", "ingest"))
    client.headers.update(tenant.headers())
    ended = await call(
        "smoke",
        QUIRE_URL=stack.configuration.api_url,
        QUIRE_STREAM_URL=stack.configuration.stream_url,
        QUIRE_API_KEY=tenant.key,
    )
    assert (ended.code, ended.err) == (0, ""), ended
    assert re.findall(r"^✓ (\w+) +[\d,]+ ms  ", ended.out, re.MULTILINE) == STEPS
    assert len(re.findall(r"(\d) of \1 citations hold", ended.out)) == 2
    assert "certified as gone: originals 1, texts 1, chunks 1, points 1" in ended.out
    assert tenant.key not in ended.out
    listed = (await client.get("/v1/documents")).raise_for_status().json()["data"]
    assert [document for document in listed if document["status"] != "deleted"] == []
    assert (await client.get("/v1/sessions")).raise_for_status().json()["data"] == []
