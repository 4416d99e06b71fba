"""Secrets are planted wherever there are some, everything fails, and nothing tells of them: no
log with its metrics, no answer, no trace.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.ports import free_ports
from local.stack import Stack
from quire.domain import document_id
from quire.object_keys import upload_key
from tests.conftest import AUDIENCE, Tenant
from tests.integration.callers.issuing import issuing
from tests.integration.planting import NOBODY, SAMPLED, Planted, requested, sent, until_up

QUESTION = "Who planted the seed of doubt?"


@pytest.fixture
def planted(stack: Stack, tmp_path: Path) -> Iterator[Planted]:
    with closing(Planted(stack, tmp_path)) as one:
        yield one


async def test_no_log_tells_of_a_secret_or_of_what_was_asked(
    planted: Planted, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    tenant = await make_tenant()
    usual, answers = planted.usual, list[str]()
    dead: dict[str, Any] = {
        "qdrant_url": NOBODY,
        "qdrant_api_key": "planted-qdrant",
        "openai_base_url": f"{NOBODY}/v1",
        "openai_api_key": "planted-openai",
        "embedding_fallback": {
            "base_url": f"{NOBODY}/v1",
            "api_key": "planted-fallback",
            "model": "m",
            "dimensions": 384,
        },
        "edge_key": "planted-edge",
    }

    async def keep(answer: httpx.Response) -> None:
        answers.append(f"{answer.headers}{(await answer.aread()).decode()}")

    (port,) = free_ports(1)
    async with issuing(f"http://127.0.0.1:{port}") as issuer:
        trusted = {"issuer": issuer.url, "audience": AUDIENCE, "tenant": tenant.id}
        planted.settings["QUIRE_ISSUERS"] = json.dumps([trusted])
        good, expired = issuer.sign(), issuer.sign(exp=1)
        async with planted.app(**{**usual, **dead}) as (url, _):
            await until_up(url)
            async with httpx.AsyncClient(
                base_url=url,
                headers={**tenant.headers("ada"), **SAMPLED, "Quire-Edge": "planted-edge"},
                event_hooks={"response": [keep]},
            ) as asking:
                for path in ("/v1/chat", "/v1/chat/stream", "/v1/retrieve"):
                    failed = await asking.post(path, json={"question": QUESTION})
                    assert failed.status_code == 503 or b"event: error" in failed.content
                body = {"question": QUESTION, "sown-field": 1}
                assert (await asking.post("/v1/chat", json=body)).status_code == 422
                del asking.headers["Quire-User"]
                for bearer, path, status in (
                    ("planted-unknown", "/v1/sessions", 401),
                    (expired, "/v1/sessions", 401),
                    (good, "/v1/sessions", 200),
                ):
                    headers = {"Authorization": f"Bearer {bearer}"}
                    assert (await asking.get(path, headers=headers)).status_code == status
                headers = {"Authorization": f"Bearer {good}"}
                failed = await asking.post("/v1/retrieve", json={"question": "?"}, headers=headers)
                assert failed.status_code == 503
        traced = planted.traced
        assert "chat-stream: turn" in traced
        document = {"filename": "a.md", "content": "The seed of doubt was planted."}
        key = upload_key(tenant.id, "a.md")
        watched = {tenant.id: [str(document_id(tenant.id, "a.md"))]}
        await planted.call(
            [
                ("ingest-api", requested("POST", "/v1/documents", tenant.key, document)),
                ("ingest-api", requested("POST", "/v1/documents", tenant.key, {"odd": 1})),
                ("ingest-api", requested("GET", "/v1/documents", good)),
                ("ingest-api", requested("GET", "/v1/documents", expired)),
                ("ingest", sent({"ingest": {"key": key}})),
                ("maintenance", sent({"watch": watched})),
                ("maintenance", sent({"planted-nonsense": [], "watch": 1})),
            ],
            **{**usual, **dead},
        )
    traced += planted.traced
    lost = {**dead, "database_url": "postgresql://quire_app:planted-database@127.0.0.1:1/quire"}
    async with planted.app(**lost) as (url, _):
        await until_up(url)
        async with httpx.AsyncClient(base_url=url, timeout=40) as asking:
            headers = {"Authorization": "Bearer planted-key", "Idempotency-Key": "planted-idem"}
            failed = await asking.post("/v1/chat", json={"question": QUESTION}, headers=headers)
            assert failed.status_code == 503
    # One that cannot even be understood.
    async with planted.app(database_url="postgresql://u:planted-broken@h/d") as (_, process):
        async with asyncio.timeout(60):
            assert await process.wait() != 0
    told = planted.log.read_text()
    for dependency in ("postgres", "qdrant", "model"):
        assert dependency in told, "what failed is told"
    assert "openai_api_key" in told, "what is missing is told"
    for worked in ('"statusCode": 202', '"outcome":"put off"', "answer maintenance"):
        assert worked in told, worked
    password = usual["database_url"].partition("://quire_app:")[2].partition("@")[0]
    assert password
    for secret in ("planted-", tenant.key, password, good.rpartition(".")[2], expired):
        for what in (told, traced, *answers):
            assert secret not in what, (secret, what)
    for content in (QUESTION, "seed of doubt", "sown-field"):
        assert content not in told, content
        assert content not in traced, content


async def test_content_is_told_if_that_is_asked_for_and_secrets_never(
    planted: Planted, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    tenant = await make_tenant()
    dead = {"openai_base_url": f"{NOBODY}/v1", "openai_api_key": "planted-openai"}
    secret: dict[str, Any] = {**planted.usual, **dead}
    async with planted.app(log_content=True, **secret) as (url, _):
        await until_up(url)
        async with httpx.AsyncClient(base_url=url, headers=tenant.headers("ada")) as asking:
            answered = await asking.post("/v1/chat", json={"question": QUESTION})
            assert answered.status_code == 200, "nothing bears on it, and that needs no model"
    told = planted.log.read_text()
    assert QUESTION in told
    assert "planted-openai" not in told
    assert tenant.key not in told
