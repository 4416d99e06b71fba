"""A dependency dies, freezes, comes back: what can be answered without it is, and says so; what
cannot is a 503 that names it, in time. Then service again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import psutil
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.conftest import put

# Well below the gateway's own 30 s: the answer has to be ours.
DEADLINE = 28
QUESTION = {"question": "What turns the knee?"}
DEGRADED = {"postgres": ["postgres"], "model": ["embeddings", "model"]}


@pytest.fixture
async def reader(client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A tenant with something to find, and warm functions."""
    await put(client, "knee.md", "# Knee\n\nA harmonic drive turns the knee.")
    assert (await client.post("/v1/chat", json=QUESTION)).status_code == 200
    yield client
    async with asyncio.timeout(60):
        while (await client.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.2)


async def missed(client: httpx.AsyncClient, dependency: str) -> None:
    """Without Qdrant there is no answer; without the others there is one that says so."""
    async with asyncio.timeout(DEADLINE):
        answer = await client.post("/v1/chat", json={**QUESTION, "cache": False})
    body: dict[str, Any] = answer.json()
    if dependency == "qdrant":
        assert answer.status_code == 503, answer.text
        assert body["dependency"] == dependency
        assert dependency in body["detail"]
        assert int(answer.headers["retry-after"]) > 0
        return
    assert answer.status_code == 200, answer.text
    assert body["degraded"] == DEGRADED[dependency]
    assert body["persisted"] == (dependency != "postgres")
    assert "harmonic drive" in body["answer"]
    assert body["citations"]


async def ready_again(stack: Stack, client: httpx.AsyncClient, service: str) -> None:
    """Once the server itself answers, the very next question does."""
    async with asyncio.timeout(60):
        await stack.services[service].service.ready()
    answer = await client.post("/v1/chat", json=QUESTION)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("service", ["postgres", "qdrant", "model"])
async def test_a_killed_dependency_is_named_and_comes_back(
    stack: Stack, reader: httpx.AsyncClient, service: str
) -> None:
    server = stack.services[service]
    assert server.pid is not None
    os.killpg(server.pid, signal.SIGKILL)
    await server.stop()  # or it would be up again before we look
    try:
        await missed(reader, service)
    finally:
        await server.start()
    await ready_again(stack, reader, service)


async def test_a_dead_server_is_started_again(stack: Stack, reader: httpx.AsyncClient) -> None:
    before = stack.services["postgres"].pid
    assert before is not None
    os.killpg(before, signal.SIGKILL)
    async with asyncio.timeout(30):
        while (await reader.get("/health/db")).status_code != 200:
            await asyncio.sleep(0.2)
    assert stack.services["postgres"].pid != before


@pytest.mark.parametrize("service", ["postgres", "qdrant", "model"])
async def test_a_frozen_dependency_is_named_and_thaws(
    stack: Stack, reader: httpx.AsyncClient, service: str
) -> None:
    pid = stack.services[service].pid
    assert pid is not None
    family = [pid, *children(pid)]
    for each in family:
        os.kill(each, signal.SIGSTOP)
    try:
        await missed(reader, service)
        ready = await reader.get("/health/ready")
        assert ready.status_code == 503
        checks = ready.json()["checks"]
        assert [name for name, check in checks.items() if not check["ok"]] == [service]
        assert all(check["ms"] < 3000 for check in checks.values())
    finally:
        for each in family:
            os.kill(each, signal.SIGCONT)
    await ready_again(stack, reader, service)


def children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


async def test_pgbouncer_may_restart(pooled: Stack, reader: httpx.AsyncClient) -> None:
    stack = pooled
    pid = stack.services["pgbouncer"].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    # It is back sooner than the pool gives up, so either answer is right; a third is not.
    async with asyncio.timeout(DEADLINE):
        answer = await reader.post("/v1/chat", json=QUESTION)
    assert answer.status_code == 200, answer.text
    await ready_again(stack, reader, "pgbouncer")


async def test_a_key_nobody_has_seen_is_not_served_without_postgres(
    stack: Stack, reader: httpx.AsyncClient, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    stranger = (await make_tenant()).headers()
    server = stack.services["postgres"]
    assert server.pid is not None
    os.killpg(server.pid, signal.SIGKILL)
    await server.stop()
    try:
        answer = await reader.post("/v1/chat", json=QUESTION, headers=stranger)
    finally:
        await server.start()
    assert answer.status_code == 503
    assert answer.json()["dependency"] == "postgres"
    await ready_again(stack, reader, "postgres")


async def test_health_tells_and_hides(api: httpx.AsyncClient, stack: Stack) -> None:
    alive = await api.get("/health")
    assert alive.json()["status"] == "ok"
    ready = await api.get("/health/ready")
    assert ready.status_code == 200, ready.text
    assert set(ready.json()["checks"]) == {"postgres", "qdrant", "model", "queue"}
    database = await api.get("/health/db")
    assert set(database.json()["checks"]) == {"postgres"}
    for answer in (alive, ready, database, await api.get("/health/nothing")):
        said = answer.headers
        assert said["x-request-id"]
        assert (said["cache-control"], said["x-content-type-options"]) == ("no-store", "nosniff")
        assert said["strict-transport-security"].startswith("max-age=")
        assert said["content-security-policy"].startswith("default-src 'none'")
        assert said["referrer-policy"] == "no-referrer"
        assert str(stack.configuration.postgres_port) not in answer.text
        assert "127.0.0.1" not in answer.text


async def test_a_role_that_can_bypass_the_walls_is_not_ready(
    api: httpx.AsyncClient, stack: Stack, owner: Any
) -> None:
    await owner.execute("alter role quire_app bypassrls")
    try:
        answer = await api.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["checks"]["postgres"]["error"] == "not as it has to be"
        log = stack.configuration.state / "logs" / "health.log"
        assert "can bypass row-level security" in log.read_text()
    finally:
        await owner.execute("alter role quire_app nobypassrls")
    assert (await api.get("/health/ready")).status_code == 200
