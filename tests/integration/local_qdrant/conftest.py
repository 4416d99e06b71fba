"""One server for the folder's tests, as Quire meets it: through the real client, over HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest
from qdrant_client import AsyncQdrantClient

from tests.integration.local_qdrant.sample import NAME, create, points, serving


@pytest.fixture(scope="package")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncQdrantClient]:
    async with serving(tmp_path_factory.mktemp("qdrant")) as client:
        yield client


@pytest.fixture
async def qdrant(server: AsyncQdrantClient) -> AsyncIterator[AsyncQdrantClient]:
    """The server with an empty collection, gone afterwards."""
    await create(server)
    yield server
    await server.delete_collection(NAME)


@pytest.fixture(scope="package")
async def twelve(server: AsyncQdrantClient) -> AsyncQdrantClient:
    """The server with a collection of that name, of twelve points, for reading."""
    await create(server, "twelve")
    await server.upsert("twelve", points(12), wait=True)
    return server


@pytest.fixture
async def http(server: AsyncQdrantClient) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.http.client.host, verify=False) as http:
        yield http
