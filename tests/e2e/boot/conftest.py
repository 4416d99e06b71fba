"""The built functions in front of the laptop's servers, behind proxies that can hang up."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import httpx
import pytest

from benchmarks.built import Sandboxes, digests, unpacked
from deployed.routes import ROUTES
from local.deployment import environment
from local.event_source import EventSource
from local.gateway import create_app
from local.lambda_runtime import LambdaRuntime
from local.provision import REGION, RUNTIME_SECRET, Provisioned
from local.stack import Stack
from tests.conftest import Tenant
from tests.soak.wire import Moment, Proxy, http_request, postgres_request

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


@dataclass(slots=True, kw_only=True)
class Cloud:
    """`runtimes` are the functions'; `secret` names what they are told, and `told` is that."""

    sandboxes: Sandboxes
    environment: Mapping[str, str]
    runtimes: Mapping[str, LambdaRuntime]
    secret: str
    queues: Mapping[str, str]
    told: dict[str, Any]
    proxies: list[Proxy]
    vault: "SecretsManagerClient"

    async def invoke(self, name: str, event: Mapping[str, Any]) -> Any:
        return await self.runtimes[name].invoke(name, event)

    def at_the_gateway(self, tenant: Tenant) -> httpx.AsyncClient:
        """HTTP in, API Gateway's event to a function, HTTP out."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(self.invoke, ROUTES)),
            base_url="http://api.example",
            headers=tenant.headers(),
            timeout=60,
        )

    def with_runtimes(self, runtimes: Mapping[str, LambdaRuntime]) -> "Cloud":
        return replace(self, runtimes=runtimes)

    async def hang_up(self) -> None:
        """Every connection of every function to its servers is gone, as after a long freeze.

        It is longer than the moment for which an answer is taken as a sign of life.
        """
        await asyncio.sleep(1.1)
        await asyncio.gather(*(proxy.hang_up() for proxy in self.proxies))

    async def rotate(self, **changed: str) -> None:
        secret = json.dumps({**self.told, **changed})
        await asyncio.to_thread(
            self.vault.put_secret_value, SecretId=self.secret, SecretString=secret
        )


@pytest.fixture(scope="session")
async def booted(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    """All functions of the bundles that were built for this machine; none has started yet."""
    sandboxes = await asyncio.to_thread(unpacked, tmp_path_factory.mktemp("lambda"))
    before = digests()
    configured, name = stack.configuration, f"boot-{uuid4().hex}"
    session = boto3.Session("local", "local", region_name=REGION)
    vault = session.client("secretsmanager", endpoint_url=configured.aws_url)
    sqs = session.client("sqs", endpoint_url=configured.aws_url)
    # A bucket and queues that the laptop's own workers do not look into.
    s3 = session.client("s3", endpoint_url=configured.aws_url)
    s3.create_bucket(Bucket=name)
    urls = {
        queue: sqs.create_queue(QueueName=f"{name}-{queue}")["QueueUrl"]
        for queue in ("documents", "bulk", "maintenance", "dead")
    }
    arn = f"arn:aws:sqs:{REGION}:123456789012:{name}-documents"
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    told = json.loads(vault.get_secret_value(SecretId=RUNTIME_SECRET)["SecretString"])
    async with AsyncExitStack() as started:
        database = configured.pgbouncer_port if stack.pooled else configured.postgres_port
        servers = {
            "database_url": (database, postgres_request),
            "qdrant_url": (configured.qdrant_port, http_request),
            "openai_base_url": (configured.model_port, http_request),
        }
        proxies = []
        for url, (port, read) in servers.items():
            proxy = await started.enter_async_context(
                Proxy(port, read=read, name=lambda _: "", fate=_alive)
            )
            told[url] = told[url].replace(f":{port}", f":{proxy.port}")
            proxies.append(proxy)
        vault.create_secret(Name=f"{name}/runtime", SecretString=json.dumps(told))
        variables = environment(
            aws_url=configured.aws_url,
            queues=Provisioned(sqs=sqs, **urls),
            settings={
                **configured.model_settings(),
                **configured.ingestion_settings(),
                "QUIRE_BUCKET": name,
                "QUIRE_RUNTIME_SECRET": f"{name}/runtime",
            },
        )
        runtimes = await started.enter_async_context(sandboxes.running(variables))
        for function, queue in (("ingest", "documents"), ("maintenance", "maintenance")):
            source = EventSource(
                runtimes[function].invoke, function, urls[queue], sqs=sqs, window=0.05
            )
            feeding = asyncio.create_task(source.run())
            started.push_async_callback(asyncio.wait, [feeding])
            started.callback(feeding.cancel)
        yield Cloud(
            sandboxes=sandboxes,
            environment=variables,
            runtimes=runtimes,
            secret=f"{name}/runtime",
            queues=urls,
            told=told,
            proxies=proxies,
            vault=vault,
        )
    # A read-only tree: nothing was written, bytecode least of all.
    assert digests() == before


async def _alive(name: str, moment: Moment) -> bool:
    return False
