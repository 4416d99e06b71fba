"""What is built starts, and answers real events, with nothing else on Python's path."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from benchmarks.built import started_by_script
from benchmarks.ports import free_ports
from tests.conftest import Tenant
from tests.e2e.boot.conftest import Cloud
from tests.e2e.conftest import eventually, found, has_status, put

# The first build of a layer takes a minute or two.
pytestmark = pytest.mark.timeout(600)

KNEE = "# Knee\n\nA harmonic drive turns the knee."
QUESTION = {"question": "What turns the knee?"}
# More keys than an address may try, though a minute ends meanwhile.
MOST = 300
HOOKS = {
    "AWS_LWA_READINESS_CHECK_PATH": "/ready",
    "AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH": "/snapshot/before",
    "AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH": "/snapshot/after",
}


@pytest.fixture
async def tenant(make_tenant: Callable[..., Awaitable[Tenant]]) -> Tenant:
    return await make_tenant()


@pytest.fixture
async def api(booted: Cloud, tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    async with booted.at_the_gateway(tenant) as client:
        yield client


async def test_a_deploy_migrates(booted: Cloud) -> None:
    """CloudFormation's event of a custom resource; what is up to date stays as it is."""
    event = {"RequestType": "Update", "ResourceProperties": {"Bundle": "0"}}
    done = await booted.invoke("migrate", event)
    assert done["live"] == done["configured"]


async def test_a_document_is_read_asked_about_and_deleted(
    booted: Cloud, api: httpx.AsyncClient
) -> None:
    """HTTP API events, S3's notifications through SQS, a job; and all after a freeze too."""
    document = await put(api, "knee.md", KNEE)
    assert document["status"] == "ready", document
    answer = (await api.post("/v1/chat", json=QUESTION)).raise_for_status().json()
    assert answer["grounded"], answer
    ready = await api.get("/health/ready")
    assert ready.status_code == 200, ready.text

    # Frozen meanwhile: each finds that whatever it kept open is gone.
    await booted.hang_up()
    again = (await api.post("/v1/chat", json={"question": "Say what turns the knee!"})).json()
    assert again["grounded"], again
    assert len(await found(api, "What turns the knee?")) == 1
    await booted.hang_up()
    ready = await api.get("/health/ready")
    assert ready.status_code == 200, ready.text
    second = await put(api, "hip.md", "# Hip\n\nA ball screw moves the hip.")
    assert second["status"] == "ready", second
    await booted.hang_up()
    await api.delete(f"/v1/documents/{document['id']}")
    await eventually(lambda: has_status(api, document["id"], "deleted"))


async def test_the_days_schedule_reaches_maintenance(booted: Cloud) -> None:
    answer = await booted.invoke(
        "maintenance",
        {
            "Records": [
                {
                    "messageId": "1",
                    "body": json.dumps({"recover": True}),
                    "eventSource": "aws:sqs",
                    "attributes": {"ApproximateReceiveCount": "1"},
                }
            ]
        },
    )
    assert answer == {"batchItemFailures": []}


async def test_a_copy_of_a_snapshot_has_the_secret_of_its_own_day(
    booted: Cloud, tenant: Tenant
) -> None:
    """All that people wait for: a snapshot at the deploy, then a rotation, then the first call."""
    nowhere = "postgresql://quire_app:old@127.0.0.1:1/quire"
    waiting = ("chat", "ingest-api", "health")
    async with booted.sandboxes.running(booted.environment, snapshot=True) as restored:
        await booted.rotate(database_url=nowhere)
        await asyncio.gather(*(restored[name].publish(name) for name in waiting))
        await booted.rotate()
        booted_in_their_place = booted.with_runtimes({**booted.runtimes, **restored})
        async with booted_in_their_place.at_the_gateway(tenant) as api:
            for path in ("/v1/sessions", "/v1/documents", "/health/db"):
                answer = await api.get(path)
                assert answer.status_code == 200, answer.text


async def test_the_streaming_function_starts_by_its_script(booted: Cloud, tenant: Tenant) -> None:
    (port,) = free_ports(1)
    headers = {**tenant.headers(), "x-amzn-request-context": "{}"}
    nowhere = "postgresql://quire_app:old@127.0.0.1:1/quire"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as adapter:
        await booted.rotate(database_url=nowhere)
        async with started_by_script(booted.sandboxes, {**booted.environment, **HOOKS}, port):
            await eventually(lambda: is_ready(adapter))
            assert (await adapter.post("/snapshot/before")).is_success
            await booted.rotate()
            assert (await adapter.post("/snapshot/after")).is_success
            for path in ("/snapshot/before", "/snapshot/after"):
                # A stranger, through the function URL.
                assert (await adapter.post(path, headers=headers)).status_code == 404
            # Whoever the function URL saw; and of those that it did not, the adapter itself.
            for seen in ({"http": {"sourceIp": "198.51.100.7"}}, None):
                assert 120 <= await guesses(adapter, seen) < MOST
            assert await guesses(adapter, {"http": {"sourceIp": "198.51.100.8"}}, most=1) == 1
            for _ in range(2):
                async with adapter.stream(
                    "POST", "/v1/chat/stream", json=QUESTION, headers=headers
                ) as answer:
                    text = (await answer.aread()).decode()
                assert answer.status_code == 200, text
                assert "event: response_complete" in text, text
                await booted.hang_up()


async def guesses(adapter: httpx.AsyncClient, seen: Any, *, most: int = MOST) -> int:
    """How many keys can be tried by who gives another address each time."""
    for number in range(most):
        tried = {
            "Authorization": f"Bearer quire_{number}",
            "X-Forwarded-For": f"203.0.113.{number % 250}",
            "x-amzn-request-context": json.dumps(seen),
        }
        if (await adapter.get("/v1/sessions", headers=tried)).status_code == 429:
            return number
    return most


async def is_ready(adapter: httpx.AsyncClient) -> bool:
    try:
        return (await adapter.get("/ready")).status_code == 204
    except httpx.TransportError:
        return False
