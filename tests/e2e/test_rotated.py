"""Passwords and keys are changed under functions that run, and those go on."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Owner
from tests.e2e.conftest import event, eventually
from tests.e2e.rotating import Rotating

# Who reads the secret: the streaming app, and a sandbox each of chat, ingest-api, ingest, health.
PROCESSES = 5


@pytest.fixture
async def rotating(
    stack: Stack, owner: Owner, tenant: Tenant, tmp_path: Path
) -> AsyncIterator[Rotating]:
    async with Rotating(stack, owner, tmp_path).running(tenant) as running:
        yield running


async def read(rotating: Rotating, tenant: Tenant, part: str) -> None:
    """A document, by the worker; its status, by the API."""
    key = f"uploads/{tenant.id}/{part}.md"
    body = f"# {part.title()}\n\nA harmonic drive turns the {part}.".encode()
    await asyncio.to_thread(rotating.s3.put_object, Bucket=rotating.name, Key=key, Body=body)
    record = {
        "messageId": "1",
        "body": json.dumps(event("ObjectCreated:Put", key)),
        "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    answer = await rotating.runtime.invoke("ingest", {"Records": [record]})
    assert answer == {"batchItemFailures": []}
    listed = (await rotating.gateway.get("/v1/documents")).raise_for_status().json()["data"]
    assert {shown["filename"]: shown["status"] for shown in listed}[f"{part}.md"] == "ready"


async def ask(client: httpx.AsyncClient, question: str) -> None:
    """A turn that lacks nothing."""
    answer = await client.post("/v1/chat", json={"question": question})
    assert answer.status_code == 200, answer.text
    turn: dict[str, Any] = answer.json()
    assert turn["grounded"], turn
    assert (turn["degraded"], turn["persisted"], turn["cached"]) == ([], True, False)


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200


async def test_whoever_runs_goes_on_with_what_was_rotated(
    rotating: Rotating, tenant: Tenant
) -> None:
    """The buffered function, the streaming app with many turns at once, the worker, health."""
    gateway, adapter = rotating.gateway, rotating.adapter
    await read(rotating, tenant, "knee")
    await ask(gateway, "What turns the knee?")
    await ask(adapter, "Which drive turns the knee?")
    assert await is_ready(gateway)
    assert rotating.reads == PROCESSES

    others = [secrets.token_urlsafe() for _ in range(3)]
    rotating.tell(*others)
    # Those hold nowhere yet, and what held before still does.
    await ask(gateway, "Say what turns the knee!")
    await ask(adapter, "Tell what turns the knee!")
    assert rotating.reads == PROCESSES

    # Whom PostgreSQL has let in stays there: a turn that is under way comes to its end.
    rotating.gate.clear()
    under_way = asyncio.create_task(ask(adapter, "Is it a harmonic drive in the knee?"))
    await eventually(lambda: is_held(rotating))
    await rotating.end_former(*others)
    rotating.gate.set()
    await under_way
    # Longer than the moment for which an answer is taken as a sign of life: as after a freeze.
    await asyncio.sleep(1.1)
    await rotating.database.hang_up()

    await asyncio.gather(*(ask(adapter, f"What turns the knee? ({n})") for n in range(8)))
    await ask(gateway, "And what is it that turns the knee?")
    await read(rotating, tenant, "hip")
    await eventually(lambda: is_ready(gateway), seconds=10)
    assert rotating.qdrant.refused > 0
    assert rotating.model.refused > 0
    # However many of its calls were refused, and by whomever, a process has looked once; or twice,
    # where it took it more than ten seconds.
    assert PROCESSES < rotating.reads <= 3 * PROCESSES


async def is_held(rotating: Rotating) -> bool:
    return rotating.held > 0
