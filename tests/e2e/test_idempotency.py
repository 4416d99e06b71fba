"""A POST that is sent again: to both apps, whole and streamed, with and without PostgreSQL."""

import asyncio
import secrets

import httpx
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.conftest import put
from tests.e2e.test_outages import without

QUESTION = {"question": "What turns the knee?", "cache": False}
KNEE = "# Knee\n\nA harmonic drive turns the knee."


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


async def test_a_question_sent_twice_costs_nothing(
    client: httpx.AsyncClient, key: dict[str, str]
) -> None:
    await put(client, "knee.md", KNEE)
    before = (await client.get("/v1/usage")).json()["total"]
    first = await client.post("/v1/chat", json=QUESTION, headers=key)
    once = (await client.get("/v1/usage")).json()["total"]
    again = await client.post("/v1/chat", json=QUESTION, headers=key)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    assert once["requests"] == before["requests"] + 1
    assert (await client.get("/v1/usage")).json()["total"] == once
    session = first.json()["session_id"]
    assert (await client.get(f"/v1/sessions/{session}")).json()["message_count"] == 2


async def test_of_several_sessions_at_once_one_is_made(
    client: httpx.AsyncClient, key: dict[str, str]
) -> None:
    answers = await asyncio.gather(
        *(client.post("/v1/sessions", json={"title": "One"}, headers=key) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len((await client.get("/v1/sessions")).json()["data"]) == 1


async def test_a_document_sent_twice_is_announced_once(
    client: httpx.AsyncClient, key: dict[str, str]
) -> None:
    body = {"filename": "knee.md", "content": KNEE}
    first = await client.post("/v1/documents", json=body, headers=key)
    again = await client.post("/v1/documents", json=body, headers=key)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    other = await client.post("/v1/documents", json={**body, "content": "Other."}, headers=key)
    assert other.status_code == 422


async def test_a_key_of_one_app_is_known_to_the_other(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, key: dict[str, str]
) -> None:
    first = await client.post("/v1/chat", json=QUESTION, headers=key)
    async with httpx.AsyncClient(
        base_url=stack.configuration.stream_url, headers=tenant.headers(), timeout=40
    ) as direct:
        again = await direct.post(
            "/v1/chat", content=first.request.content, headers={**key, **_JSON}
        )
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_outage_is_not_kept(
    client: httpx.AsyncClient, stack: Stack, key: dict[str, str]
) -> None:
    await put(client, "knee.md", KNEE)
    async with without(stack, "qdrant"):
        refused = await client.post("/v1/chat", json=QUESTION, headers=key)
        assert (refused.status_code, refused.json()["dependency"]) == (503, "qdrant")
    answer = await client.post("/v1/chat", json=QUESTION, headers=key)
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers


async def test_a_stream_that_failed_is_not_kept(
    client: httpx.AsyncClient, stack: Stack, tenant: Tenant, key: dict[str, str]
) -> None:
    await put(client, "knee.md", KNEE)
    async with httpx.AsyncClient(
        base_url=stack.configuration.stream_url, headers=tenant.headers(), timeout=40
    ) as direct:
        async with without(stack, "qdrant"):
            failed = await direct.post("/v1/chat/stream", json=QUESTION, headers=key)
        assert "event: error" in failed.text
        told = await direct.post("/v1/chat/stream", json=QUESTION, headers=key)
        again = await direct.post("/v1/chat/stream", json=QUESTION, headers=key)
    assert "event: response_complete" in told.text
    assert again.text == told.text
    assert again.headers["content-type"].startswith("text/event-stream")
    assert again.headers["idempotent-replayed"] == "true"


async def test_nothing_happens_twice_while_postgres_is_away(
    client: httpx.AsyncClient, stack: Stack, key: dict[str, str]
) -> None:
    """Without a key the same question is answered then, and nothing of it kept."""
    assert (await client.post("/v1/chat", json=QUESTION)).status_code == 200
    async with without(stack, "postgres"):
        answer = await client.post("/v1/chat", json=QUESTION, headers=key)
        assert (answer.status_code, answer.json()["dependency"]) == (503, "postgres")
        assert int(answer.headers["retry-after"]) > 0


_JSON = {"Content-Type": "application/json"}
