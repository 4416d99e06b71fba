"""`quire smoke` against the whole stack, as `make smoke` runs it against a deployed stage."""

import re

import httpx
import pytest

from local.stack import Stack
from tests.handing_over import HandingOver
from tests.integration.cli.command import call

STEPS = ["look", "upload", "wait", "ask", "stream", "delete"]


async def test_a_deployment_is_proven_and_left_as_it_was(
    stack: Stack, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the key that its migration handed over, as nobody has another one then."""
    handing_over = HandingOver(stack, monkeypatch)
    await handing_over.migrate("Create")
    key = handing_over.handed_over()["api_key"]
    api.headers["Authorization"] = f"Bearer {key}"
    ended = await call(
        "smoke",
        QUIRE_URL=stack.configuration.api_url,
        QUIRE_STREAM_URL=stack.configuration.stream_url,
        QUIRE_API_KEY=key,
    )
    assert (ended.code, ended.err) == (0, ""), ended
    assert re.findall(r"^✓ (\w+) +[\d,]+ ms  ", ended.out, re.MULTILINE) == STEPS
    assert len(re.findall(r"(\d) of \1 citations hold", ended.out)) == 2
    assert "certified as gone: originals 1, texts 1, chunks 1, points 1" in ended.out
    assert key not in ended.out
    listed = (await api.get("/v1/documents")).raise_for_status().json()["data"]
    assert [document for document in listed if document["status"] != "deleted"] == []
    assert (await api.get("/v1/sessions")).raise_for_status().json()["data"] == []
