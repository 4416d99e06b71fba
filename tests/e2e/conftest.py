"""Documents put into the running stack the way a user does it, and waited for."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import httpx
import pytest
from qdrant_client import AsyncQdrantClient

from functions.ingest.composition import Ingestion, compose
from local.deployment import environment
from local.provision import REGION, Provisioned
from local.stack import Stack
from tests.conftest import Tenant
from tests.e2e.behind import Letters, Owner, Points

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

WAIT_SECONDS = 150


@pytest.fixture
async def tenant(make_tenant: Callable[..., Awaitable[Tenant]]) -> Tenant:
    return await make_tenant()


@pytest.fixture
async def client(api: httpx.AsyncClient, tenant: Tenant) -> httpx.AsyncClient:
    """The API as a tenant of the test's own."""
    api.headers.update(tenant.headers())
    return api


@pytest.fixture
async def operator(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The API as who runs this deployment: jobs that concern all tenants are theirs."""
    key = stack.configuration.api_key.get_secret_value()
    async with httpx.AsyncClient(
        base_url=stack.configuration.api_url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=40,
    ) as client:
        yield client


@pytest.fixture(scope="session")
def s3(stack: Stack) -> "S3Client":
    session = boto3.Session("local", "local", region_name=REGION)
    return session.client("s3", endpoint_url=stack.configuration.aws_url)


@pytest.fixture(scope="session")
def sqs(stack: Stack) -> "SQSClient":
    session = boto3.Session("local", "local", region_name=REGION)
    return session.client("sqs", endpoint_url=stack.configuration.aws_url)


@pytest.fixture
async def parts(
    stack: Stack, s3: "S3Client", sqs: "SQSClient", monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ingestion]:
    """A worker in a test's hands, with a bucket and queues that nobody else looks into."""
    configured, name = stack.configuration, f"parts-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    urls = {
        queue: sqs.create_queue(QueueName=f"{name}-{queue}")["QueueUrl"]
        for queue in ("documents", "bulk", "maintenance", "dead")
    }
    variables = environment(
        aws_url=configured.aws_url,
        queues=Provisioned(sqs=sqs, **urls),
        settings={
            **configured.model_settings(),
            **configured.ingestion_settings(),
            "QUIRE_BUCKET": name,
            "QUIRE_CHECKPOINT_CHUNKS": "4",
        },
    )
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    composed = compose()
    yield composed
    indexer = composed.pipeline._indexer
    await indexer._embedder._embedder._client.close()
    await indexer._index.close()
    await composed.ingestions._database.close()


@pytest.fixture
async def points(stack: Stack, owner: Owner, tenant: Tenant) -> AsyncIterator[Points]:
    url = f"http://127.0.0.1:{stack.configuration.qdrant_port}"
    qdrant = AsyncQdrantClient(url=url, prefer_grpc=False)
    yield Points(qdrant, owner, tenant)
    await qdrant.close()


@pytest.fixture
def letters(sqs: "SQSClient") -> Letters:
    """None at first: one look shows ten at most."""
    found = Letters(sqs)
    found.forget()
    return found


async def eventually(
    check: Callable[[], Awaitable[object]], *, seconds: float = WAIT_SECONDS
) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.1)


async def settled(client: httpx.AsyncClient, document: str) -> dict[str, Any]:
    """The document once it is ready or failed."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            answer = await client.get(f"/v1/documents/{document}")
            seen: dict[str, Any] = answer.raise_for_status().json()
            if seen["status"] in ("ready", "failed"):
                return seen
            await asyncio.sleep(0.2)


async def served(client: httpx.AsyncClient, document: str, version: int) -> dict[str, Any]:
    """The document once that version is served."""
    await eventually(lambda: has_status(client, document, "ready", current_version=version))
    return await settled(client, document)


async def finished(client: httpx.AsyncClient, asked: httpx.Response) -> dict[str, Any]:
    """The job that was asked for, once it is done."""
    assert asked.status_code == 202, asked.text
    path = f"/v1/jobs/{asked.json()['job_id']}"
    await eventually(lambda: _ended(client, path))
    job: dict[str, Any] = (await client.get(path)).json()
    assert (job["status"], job["error"]) == ("done", None)
    return job


async def proof(client: httpx.AsyncClient, document: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/documents/{document}/proof")
    shown: dict[str, Any] = answer.raise_for_status().json()
    return shown


async def found(client: httpx.AsyncClient, question: str) -> list[dict[str, Any]]:
    answer = await client.post("/v1/retrieve", json={"question": question})
    chunks: list[dict[str, Any]] = answer.raise_for_status().json()["chunks"]
    return chunks


async def deliver(
    stack: Stack, function: str, *messages: Mapping[str, Any] | str, receipts: int = 1
) -> list[str]:
    """Hand messages to a worker as SQS does; which of them, by their number, are to come again."""
    records = [
        {
            "messageId": str(number),
            "body": message if isinstance(message, str) else json.dumps(message),
            "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": str(receipts)},
        }
        for number, message in enumerate(messages)
    ]
    answer = await stack.runtime.invoke(function, {"Records": records})
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def event(name: str, key: str, **fields: object) -> dict[str, Any]:
    """S3's own message about an object."""
    return {"Records": [{"eventName": name, "s3": {"object": {"key": key, **fields}}}]}


async def _ended(client: httpx.AsyncClient, job: str) -> bool:
    return (await client.get(job)).raise_for_status().json()["status"] in ("done", "failed")


async def has_status(client: httpx.AsyncClient, document: str, status: str, **more: object) -> bool:
    seen = (await client.get(f"/v1/documents/{document}")).raise_for_status().json()
    wanted = {"status": status, **more}
    return {name: seen[name] for name in wanted} == wanted


async def put(client: httpx.AsyncClient, filename: str, content: str) -> dict[str, Any]:
    """Post a text and wait for what becomes of it."""
    answer = await client.post("/v1/documents", json={"filename": filename, "content": content})
    assert answer.status_code == 202, answer.text
    return await settled(client, answer.json()["id"])


async def upload(
    client: httpx.AsyncClient, filename: str, content: bytes, content_type: str
) -> dict[str, Any]:
    """Send a file as a form to S3, as a browser would, and wait for what becomes of it."""
    answer = await client.post(
        "/v1/uploads",
        json={"filename": filename, "content_type": content_type, "size": len(content)},
    )
    form = answer.raise_for_status().json()
    async with httpx.AsyncClient() as s3:
        sent = await s3.post(form["url"], data=form["fields"], files={"file": content})
    assert sent.is_success, sent.text
    return await settled(client, form["document_id"])
