"""Canonical texts: whole, in spans, of former versions, and too long for an answer."""

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from local.provision import BUCKET
from tests.conftest import Tenant
from tests.e2e.conftest import put

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

TEXT = "# Füße 🦶\n\nZwei Füße tragen den Körper.\n"


@pytest.fixture
async def path(client: httpx.AsyncClient) -> str:
    return f"/v1/documents/{(await put(client, 'feet.md', TEXT))['id']}/text"


async def test_spans_are_of_code_points(client: httpx.AsyncClient, path: str) -> None:
    for start, end in [(0, 8), (7, 8), (10, None), (None, 9), (5, 5), (9, 3), (0, 99), (99, None)]:
        params = {name: n for name, n in (("start", start), ("end", end)) if n is not None}
        answer = await client.get(path, params=params)
        assert (answer.status_code, answer.text) == (200, TEXT[start:end])
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_version_that_never_was_has_no_text(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, params={"version": 2})).status_code == 404
    for version in ("0", "-1", "x", str(2**31)):
        assert (await client.get(path, params={"version": version})).status_code == 422


async def test_what_was_never_read_has_no_text(client: httpx.AsyncClient) -> None:
    body = {"filename": "never.md", "content_type": "text/markdown", "size": 9}
    document = (await client.post("/v1/uploads", json=body)).json()["document_id"]
    assert (await client.get(f"/v1/documents/{document}/text")).status_code == 404


async def test_a_long_text_is_fetched_from_where_it_is(
    client: httpx.AsyncClient, path: str, tenant: Tenant, s3: "S3Client"
) -> None:
    # As JSON in ASCII, which is how a function answers, six times as long.
    long = "é" * 1_000_000
    document = path.split("/")[3]
    key = f"texts/{tenant.id}/{document}/1.txt"
    await asyncio.to_thread(s3.put_object, Bucket=BUCKET, Key=key, Body=long.encode())
    answer = await client.get(path)
    assert answer.status_code == 307
    async with httpx.AsyncClient() as stranger:
        fetched = await stranger.get(answer.headers["location"])
    assert fetched.content.decode() == long
    assert (await client.get(path, params={"end": 999_999})).status_code == 413
    assert (await client.get(path, params={"start": 200_000})).text == "é" * 800_000
