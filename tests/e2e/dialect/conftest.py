"""OpenAI's dialect as its clients speak it: to both apps, about a book on gears."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.conftest import put

QUESTION = "How often must the grease be renewed?"
ASKED: Any = {"model": "quire", "messages": [{"role": "user", "content": QUESTION}]}
GEARS = """# Gears

## Harmonic drives

A harmonic drive has almost no backlash, which is why robot joints use it.

## Lubrication

Grease in a gearbox has to be renewed every two thousand hours of operation.
"""


@pytest.fixture
async def text(client: httpx.AsyncClient) -> str:
    """What the tenant's one document says."""
    document = await put(client, "gears.md", GEARS)
    return (await client.get(f"/v1/documents/{document['id']}/text")).text


@pytest.fixture(params=["api", "stream"])
def url(request: pytest.FixtureRequest, stack: Stack) -> str:
    """Both apps speak the dialect."""
    configured = stack.configuration
    return configured.api_url if request.param == "api" else configured.stream_url


@pytest.fixture
async def sdk(url: str, tenant: Tenant) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=tenant.key, max_retries=0) as client:
        yield client
