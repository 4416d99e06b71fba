"""The function URL's app once more, in front of a scripted model."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import pytest

from benchmarks.ports import free_ports
from local.deployment import environment
from local.provision import REGION, RUNTIME_SECRET, Provisioned
from local.servers import stream
from local.stack import Stack
from local.web_server import WebServer
from tests.conftest import Tenant
from tests.e2e.chat.scripted import ScriptedModel
from tests.e2e.conftest import put

SECRET = "quire/scripted/runtime"
SWITCHES = "quire/scripted/switches"
GEARS = """# Gears

A harmonic drive has almost no backlash. Robot joints use it for that reason.

Grease in a gearbox has to be renewed every two thousand hours of operation.
"""


@pytest.fixture(scope="session")
async def scripted_url(stack: Stack) -> AsyncIterator[tuple[str, ScriptedModel]]:
    """Where the app is, and the model behind it."""
    configured = stack.configuration
    (model_port,) = free_ports(1)
    model = ScriptedModel(f"http://127.0.0.1:{configured.model_port}/v1")
    server = WebServer(model.app, name="scripted model", port=model_port)
    await server.start()
    session = boto3.Session("local", "local", region_name=REGION)
    secrets = session.client("secretsmanager", endpoint_url=configured.aws_url)
    secret = json.loads(secrets.get_secret_value(SecretId=RUNTIME_SECRET)["SecretString"])
    secret["openai_base_url"] = f"http://127.0.0.1:{model_port}/v1"
    secrets.create_secret(Name=SECRET, SecretString=json.dumps(secret))
    secrets.create_secret(Name=SWITCHES, SecretString="{}")
    async with served(stack, secret=SECRET, switches=SWITCHES) as url:
        yield url, model
    await server.stop()


@asynccontextmanager
async def served(stack: Stack, *, secret: str, switches: str) -> AsyncIterator[str]:
    """Where the function URL's app is, with that runtime secret and those switches."""
    configured, (port,) = stack.configuration, free_ports(1)
    session = boto3.Session("local", "local", region_name=REGION)
    sqs = session.client("sqs", endpoint_url=configured.aws_url)
    urls = {
        name: sqs.get_queue_url(QueueName=f"quire-local-{name}")["QueueUrl"]
        for name in ("documents", "bulk", "maintenance", "dead")
    }
    variables = environment(
        aws_url=configured.aws_url,
        queues=Provisioned(sqs=sqs, **urls),
        settings={
            **configured.model_settings(),
            "QUIRE_RUNTIME_SECRET": secret,
            "QUIRE_IMAGINATIVE": "true",
            "QUIRE_SWITCHES": switches,
            "QUIRE_SWITCHES_SECONDS": "0",
        },
    )
    app = stream(configured.state.resolve(), port, variables)
    process = await asyncio.create_subprocess_exec(
        *app.command, env=dict(app.environment), start_new_session=True
    )
    try:
        await app.ready()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@dataclass(frozen=True, slots=True)
class Reader:
    """A tenant with a book on gears, in front of the scripted model."""

    client: httpx.AsyncClient
    model: ScriptedModel
    document: str
    text: str


@pytest.fixture
async def reader(
    client: httpx.AsyncClient, tenant: Tenant, scripted_url: tuple[str, ScriptedModel]
) -> AsyncIterator[Reader]:
    document = (await put(client, "gears.md", GEARS))["id"]
    text = (await client.get(f"/v1/documents/{document}/text")).text
    url, model = scripted_url
    model.reset()
    async with httpx.AsyncClient(
        base_url=url, headers=tenant.headers(), timeout=40, verify=False
    ) as asking:
        yield Reader(asking, model, document, text)
    # Nothing waits for a gate that no test holds any more.
    if model.gate:
        for _ in model.pieces:
            model.gate.release()


Event = dict[str, Any]


@asynccontextmanager
async def asked(reader: Reader, question: str, **more: Any) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a streamed turn, one by one as they come."""
    body = {"question": question, **more}
    async with reader.client.stream("POST", "/v1/chat/stream", json=body) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_of(answer)


async def told(reader: Reader, question: str, **more: Any) -> list[Event]:
    async with asked(reader, question, **more) as events:
        return [event async for event in events]


async def events_of(answer: httpx.Response) -> AsyncIterator[Event]:
    """Each event's data with its id; comments are left out."""
    name = ""
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            event = json.loads(value)
            assert event["event"] == name
        elif field == "id":
            yield {**event, "id": int(value)}


def text_of(events: list[Event]) -> str:
    return "".join(event["text"] for event in events if event["event"] == "response_chunk")


def named(events: list[Event], name: str) -> list[Event]:
    return [event for event in events if event["event"] == name]


Check = Callable[[list[Event]], None]
