"""Faults, fuzzing and load against the whole stack: a sample in `make test`, more in `make soak`.

Seeded and bounded; a failure names its seed.
"""

import asyncio
import json
import os
import random
import signal
import string
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.conftest import put

MakeTenant = Callable[..., Awaitable[Tenant]]
UNPOOLED = ("postgres", "qdrant", "model", "stream")
KILLABLE = (*UNPOOLED, "pgbouncer")
DECLARED = {200, 201, 202, 404, 413, 422}


def sizes(sample: int, soak: int) -> Any:
    return [
        pytest.param(sample, id="sample"),
        pytest.param(soak, id="soak", marks=pytest.mark.soak),
    ]


@pytest.fixture
async def client(stack: Stack, make_tenant: MakeTenant) -> Any:
    """The streaming app: one process that serves many at once."""
    tenant = await make_tenant()
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(
        base_url=stack.configuration.stream_url,
        headers=tenant.headers(),
        timeout=40,
        limits=limits,
    ) as direct:
        async with httpx.AsyncClient(
            base_url=stack.configuration.api_url, headers=tenant.headers(), timeout=40
        ) as api:
            await put(api, "knee.md", "# Knee\n\nA harmonic drive turns the knee.")
        yield direct


async def messages(client: httpx.AsyncClient, session: str) -> list[str]:
    """The ids of a session's messages, over all pages."""
    ids: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = await client.get(f"/v1/sessions/{session}/messages", params=after)
        page = answer.raise_for_status().json()
        ids += [message["id"] for message in page["data"]]
        if not page["has_more"]:
            return ids
        after = {"after": page["last_id"]}


@pytest.mark.parametrize("turns", sizes(40, 2000))
async def test_load_loses_no_message(client: httpx.AsyncClient, turns: int) -> None:
    session = (await client.post("/v1/sessions")).json()["id"]
    gate = asyncio.Semaphore(16)

    async def ask(number: int) -> str:
        async with gate:
            body = {"question": f"What turns the knee, {number}?", "session_id": session}
            answer = await client.post("/v1/chat", json=body)
        assert answer.status_code == 200, answer.text
        message: str = answer.json()["message_id"]
        return message

    answered = await asyncio.gather(*(ask(number) for number in range(turns)))
    kept = await messages(client, session)
    assert len(kept) == 2 * turns
    assert set(answered) <= set(kept)


@pytest.mark.parametrize("kills", sizes(2, 60))
async def test_faults_lose_nothing_that_was_acknowledged(
    stack: Stack, client: httpx.AsyncClient, kills: int
) -> None:
    seed = int(os.environ.get("QUIRE_SEED", "1"))
    schedule = random.Random(seed)
    session = (await client.post("/v1/sessions")).json()["id"]
    acknowledged: list[str] = []

    async def ask() -> int:
        body = {"question": "What turns the knee?", "session_id": session}
        try:
            answer = await client.post("/v1/chat", json=body)
        except httpx.TransportError:
            return 0  # the app itself was killed
        if answer.status_code == 200 and answer.json()["persisted"]:
            acknowledged.append(answer.json()["message_id"])
        elif answer.status_code == 200:
            return 0  # answered while PostgreSQL was gone, and it said so
        else:
            assert answer.status_code == 503, (seed, answer.text)
        return answer.status_code

    for _ in range(kills):
        victim = stack.services[schedule.choice(KILLABLE if stack.pooled else UNPOOLED)]
        asking = [asyncio.create_task(ask()) for _ in range(4)]
        await asyncio.sleep(schedule.uniform(0, 0.3))
        if victim.pid is not None:
            os.killpg(victim.pid, signal.SIGKILL)
        await asyncio.gather(*asking)
        async with asyncio.timeout(60):
            while await ask() != 200:
                await asyncio.sleep(0.2)
    assert set(acknowledged) <= set(await messages(client, session)), seed


def noise(chance: random.Random, depth: int = 0) -> Any:
    """Any JSON value, with a taste for the awkward."""
    kind = chance.randrange(9 if depth < 3 else 7)
    if kind < 3:
        letters = string.printable + "é中😀\0\ud800\u202e"
        return "".join(chance.choices(letters, k=chance.choice((0, 1, 9, 300, 3000))))
    if kind == 3:
        return chance.choice((0, -1, 1, 8, 10**9, 10**40, 0.5, -1.5, 1e308))
    if kind < 7:
        return chance.choice((None, True, False, "", []))
    size = chance.randrange(4)
    if kind == 7:
        return [noise(chance, depth + 1) for _ in range(size)]
    return {str(noise(chance, 3)): noise(chance, depth + 1) for _ in range(size)}


@pytest.mark.parametrize("cases", sizes(60, 5000))
async def test_noise_gets_a_declared_answer(
    stack: Stack, client: httpx.AsyncClient, cases: int
) -> None:
    seed = int(os.environ.get("QUIRE_SEED", "1"))
    chance = random.Random(seed)
    fields = {
        "/v1/chat": ("question", "session_id", "selected_text", "top_k", "temperature", "filters"),
        "/v1/retrieve": ("question", "top_k", "filters"),
        "/v1/sessions": ("title", "metadata"),
        "/v1/documents": ("filename", "content", "content_type", "metadata"),
        "/v1/uploads": ("filename", "content_type", "size", "metadata"),
    }
    for case in range(cases):
        path = chance.choice(list(fields))
        body = {name: noise(chance) for name in fields[path] if chance.random() < 0.8}
        base = stack.configuration.api_url if path in ("/v1/documents", "/v1/uploads") else ""
        answer = await client.post(
            base + path,
            content=json.dumps(body),  # in ASCII, so that lone surrogates travel
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in DECLARED, (seed, case, path, body, answer.text)
        assert "Traceback" not in answer.text
