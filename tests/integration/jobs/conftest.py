"""Jobs in the test's own hands: the stack's servers, queues nobody else reads, a scripted model."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import boto3
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.ports import free_ports
from functions.ingest.embedding import CachedEmbedder
from functions.ingest.proving import Prover
from local.provision import credentials
from local.stack import Stack
from local.web_server import WebServer
from quire import models
from quire.domain import Job, document_id
from quire.models.embedder import Embedder
from quire.objects import Objects
from quire.queue import Queue
from quire.retrieval.index import Index
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.documents import Documents
from quire.store.embeddings import Embeddings
from quire.store.ingestions import Ingestions
from quire.store.jobs import Jobs
from quire.store.standings import Standings
from tests.conftest import Tenant
from tests.integration.store.conftest import NAME, advance, claim, commit

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

DIMENSIONS = 384


@dataclass
class Model:
    """Embeds at once, remembers the texts; `meanwhile` comes before each answer."""

    texts: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/embeddings", self._embed, methods=["POST"])])

    async def _embed(self, request: Request) -> JSONResponse:
        texts = (await request.json())["input"]
        texts = [texts] if isinstance(texts, str) else texts
        self.texts += texts
        if self.meanwhile:
            await self.meanwhile()
        vector = [1.0] + [0.0] * (DIMENSIONS - 1)
        data = [{"object": "embedding", "index": n, "embedding": vector} for n in range(len(texts))]
        usage = {"prompt_tokens": 3 * len(texts), "total_tokens": 3 * len(texts)}
        return JSONResponse({"object": "list", "data": data, "model": "m", "usage": usage})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What jobs are made of."""

    database: Database
    objects: Objects
    documents: Documents
    standings: Standings
    collections: Collections
    ingestions: Ingestions
    jobs: Jobs
    index: Index
    prover: Prover
    embedder: CachedEmbedder


class Asked:
    """A queue whose messages only the test receives."""

    def __init__(self, sqs: "SQSClient") -> None:
        self._sqs = sqs
        name = f"asked-{secrets.token_hex(6)}"
        self.url = sqs.create_queue(QueueName=name)["QueueUrl"]
        self.queue = Queue(self.url)

    def now(self) -> list[Any]:
        """What is there to be received, taken off."""
        answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def later(self) -> int:
        """How many are delayed."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return int(answer["Attributes"]["ApproximateNumberOfMessagesDelayed"])


@pytest.fixture
def aws(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in credentials(stack.configuration.aws_url).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def ask(aws: None) -> Iterator[Callable[[], Asked]]:
    sqs = boto3.client("sqs")
    yield lambda: Asked(sqs)
    sqs.close()


@pytest.fixture
async def model() -> AsyncIterator[tuple[Model, str]]:
    """The model, and its base URL."""
    scripted, (port,) = Model(), free_ports(1)
    server = WebServer(scripted.app(), name="model", port=port)
    await server.start()
    yield scripted, f"http://127.0.0.1:{port}/v1"
    await server.stop()


@pytest.fixture
def bucket(aws: None) -> str:
    """Whose events nobody hears of."""
    name = f"jobs-{secrets.token_hex(6)}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
async def parts(stack: Stack, bucket: str, model: tuple[Model, str]) -> AsyncIterator[Parts]:
    database = Database(stack.app_url)
    client = models.connect(base_url=model[1], api_key="any", timeout=5)
    documents, collections = Documents(database), Collections(database)
    index = Index(f"http://127.0.0.1:{stack.configuration.qdrant_port}", api_key=None)
    yield Parts(
        database=database,
        objects=Objects(bucket),
        documents=documents,
        standings=Standings(database),
        collections=collections,
        ingestions=Ingestions(database),
        jobs=Jobs(database),
        index=index,
        prover=Prover(documents=documents, collections=collections, index=index),
        embedder=CachedEmbedder(Embedder(client), Embeddings(database), inputs=100),
    )
    await client.close()
    await index.close()
    await database.close()


@pytest.fixture
async def tenant(make_tenant: Callable[..., Awaitable[Tenant]]) -> str:
    return (await make_tenant()).id


@pytest.fixture
def document(tenant: str) -> UUID:
    return document_id(tenant, NAME)


async def held(
    parts: Parts, tenant: str, kind: str, cursor: Mapping[str, Any], *, total: int = 0
) -> Job:
    """A job that is so far, and that the stack's own worker leaves to the test."""
    job = await parts.jobs.request(tenant, kind, {})
    await parts.jobs.advance(tenant, job, done=0, total=total, cursor=cursor, rest=600)
    return await parts.jobs.get(tenant, job)


async def serve(parts: Parts, tenant: str, *, chunks: int = 1, name: str = NAME) -> None:
    """Have a document of so many chunks served by its rows and its text; it has no points."""
    claimed = await claim(parts.ingestions, tenant, "a", name=name)
    assert claimed is not None
    ordinals: Sequence[int] = range(chunks)
    told = advance(tenant, claimed.version, name=name, chunks=ordinals, total=chunks)
    assert await commit(parts.database, tenant, told)
    text = " ".join(f"{ordinal:03}" for ordinal in ordinals)
    await parts.objects.put_text(tenant, document_id(tenant, name), claimed.version, text)
