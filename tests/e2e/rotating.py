"""The functions in front of servers of whom each wants a credential that a test can change."""

import asyncio
import json
import os
import secrets
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import httpx
import psycopg
from psycopg import sql

from benchmarks.ports import free_ports
from deployed.routes import ROUTES
from local.children import Ledger
from local.deployment import LIBRARIES, ROOT, environment, functions
from local.gateway import create_app
from local.lambda_runtime import LambdaRuntime
from local.pgbouncer import PgBouncer
from local.postgres import DATABASE
from local.provision import REGION, RUNTIME_SECRET, create_queues
from local.servers import stream
from local.service import Supervised
from local.stack import Stack
from tests.conftest import Tenant
from tests.soak.wire import Moment, Proxy, aws_name, http_request, model_name, postgres_request

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

Owner = psycopg.AsyncConnection[tuple[object, ...]]


@dataclass(slots=True)
class Guard:
    """Lets those through to an HTTP server who show its `key`; the others it has `refused`."""

    header: bytes
    key: str = field(default_factory=secrets.token_urlsafe)
    refused: int = 0

    async def read(self, reader: StreamReader, writer: StreamWriter) -> bytes:
        while not self._shown(request := await http_request(reader, writer)):
            self.refused += 1
            writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        return request

    def _shown(self, request: bytes) -> bool:
        line = b"\r\n%b%b\r\n" % (self.header, self.key.encode())
        return line.lower() in request.partition(b"\r\n\r\n")[0].lower() + b"\r\n"


class Role:
    """PostgreSQL as a role of the test's own, behind PgBouncer where there is one."""

    def __init__(self, stack: Stack, owner: Owner, state: Path) -> None:
        self.name, self.password = f"rotated_{secrets.token_hex(4)}", secrets.token_urlsafe()
        self._stack, self._owner, self._state = stack, owner, state
        self._server: Supervised | None = None
        (self.port,) = free_ports(1)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Role"]:
        await self._say("create role {} login in role quire_app password {}")
        async with AsyncExitStack() as until:
            until.push_async_callback(self._say, "drop role {}")
            if self._stack.pooled:
                ledger = Ledger(self._state / "children.json")
                self._server = Supervised(self._pool().service(), ledger)
                until.push_async_callback(self._server.stop)
                await self._server.start()
            else:
                self.port = self._stack.configuration.postgres_port
            yield self

    async def change(self, password: str) -> None:
        """The former one opens nothing from then on; who is inside stays there."""
        former, self.password = self.password, password
        await self._say("alter role {} password {}")
        if self._server and self._server.pid:
            await self._pool().prepare()
            os.kill(self._server.pid, signal.SIGHUP)
        async with asyncio.timeout(10):
            while await self._opens(former):
                await asyncio.sleep(0.05)

    def url(self, port: int, password: str) -> str:
        return f"postgresql://{self.name}:{password}@127.0.0.1:{port}/{DATABASE}"

    async def _opens(self, password: str) -> bool:
        try:
            await (await psycopg.AsyncConnection.connect(self.url(self.port, password))).close()
        except psycopg.OperationalError:
            return False
        return True

    def _pool(self) -> PgBouncer:
        port = self._stack.configuration.postgres_port
        users = {self.name: self.password}
        return PgBouncer(self._state / "pgbouncer", self.port, postgres_port=port, users=users)

    async def _say(self, statement: str) -> None:
        values = sql.Identifier(self.name), sql.Literal(self.password)
        await self._owner.execute(sql.SQL(statement).format(*values[: statement.count("{}")]))


class Rotating:
    """All functions but `migrate`: `gateway` and `adapter` are their doors, `runtime` has them.

    `reads` counts how often the secret was read. While `gate` is shut no chat is answered: `held`
    counts them.
    """

    runtime: LambdaRuntime
    gateway: httpx.AsyncClient
    adapter: httpx.AsyncClient

    def __init__(self, stack: Stack, owner: Owner, state: Path) -> None:
        self._configured = stack.configuration
        self._state = state
        self.name = f"rotated-{secrets.token_hex(4)}"
        self._secret = f"{self.name}/runtime"
        self.role = Role(stack, owner, state)
        self.qdrant, self.model = Guard(b"api-key: "), Guard(b"authorization: Bearer ")
        self.gate = asyncio.Event()
        self.gate.set()
        self.reads = self.held = 0
        self._session = boto3.Session("local", "local", region_name=REGION)
        url = stack.configuration.aws_url
        self.s3 = self._session.client("s3", endpoint_url=url)
        self._vault: SecretsManagerClient = self._session.client("secretsmanager", endpoint_url=url)
        held = self._vault.get_secret_value(SecretId=RUNTIME_SECRET)["SecretString"]
        self._told: dict[str, Any] = json.loads(held)

    @asynccontextmanager
    async def running(self, tenant: Tenant) -> AsyncIterator["Rotating"]:
        configured = self._configured
        async with AsyncExitStack() as until:

            async def proxy(port: int, read: Any = http_request, name: Any = model_name) -> Proxy:
                made = Proxy(port, read=read, name=name, fate=self._fate)
                return await until.enter_async_context(made)

            await until.enter_async_context(self.role.open())
            self.database = await proxy(self.role.port, postgres_request, lambda _: "")
            qdrant = await proxy(configured.qdrant_port, self.qdrant.read)
            model = await proxy(configured.model_port, self.model.read)
            aws = await proxy(urlsplit(configured.aws_url).port or 0, name=self._aws_name)
            self._told |= {
                "qdrant_url": f"http://127.0.0.1:{qdrant.port}",
                "openai_base_url": f"http://127.0.0.1:{model.port}/v1",
                **self._credentials(self.role.password, self.qdrant.key, self.model.key),
            }
            self._vault.create_secret(Name=self._secret, SecretString=json.dumps(self._told))
            self.s3.create_bucket(Bucket=self.name)
            sqs = self._session.client("sqs", endpoint_url=configured.aws_url)
            variables = environment(
                aws_url=f"http://127.0.0.1:{aws.port}",
                queues=create_queues(sqs, self.name, visibility=90),
                settings={
                    **configured.model_settings(),
                    **configured.ingestion_settings(),
                    "QUIRE_BUCKET": self.name,
                    "QUIRE_RUNTIME_SECRET": self._secret,
                },
            )
            self.runtime = LambdaRuntime(
                functions(variables),
                task_root=ROOT,
                log_dir=self._state / "logs",
                libraries=LIBRARIES,
            )
            await until.enter_async_context(self.runtime)
            (port,) = free_ports(1)
            streamed = Supervised(
                stream(self._state, port, variables), Ledger(self._state / "stream.json")
            )
            until.push_async_callback(streamed.stop)
            await streamed.start()

            async def client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
                made = httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port}",
                    headers=tenant.headers(),
                    timeout=40,
                    transport=transport,
                )
                return await until.enter_async_context(made)

            gateway = create_app(self.runtime.invoke, ROUTES)
            self.gateway = await client(httpx.ASGITransport(gateway))
            self.adapter = await client(httpx.AsyncHTTPTransport(verify=False))
            yield self

    def tell(self, password: str, qdrant: str, model: str) -> None:
        """Put others into the secret; no server takes them yet."""
        secret = json.dumps({**self._told, **self._credentials(password, qdrant, model)})
        self._vault.put_secret_value(SecretId=self._secret, SecretString=secret)

    async def end_former(self, password: str, qdrant: str, model: str) -> None:
        await self.role.change(password)
        self.qdrant.key, self.model.key = qdrant, model

    def _credentials(self, password: str, qdrant: str, model: str) -> dict[str, str]:
        url = self.role.url(self.database.port, password)
        return {"database_url": url, "qdrant_api_key": qdrant, "openai_api_key": model}

    def _aws_name(self, request: bytes) -> str:
        read = b"GetSecretValue" in request and self._secret.encode() in request
        return "secret" if read else aws_name(request)

    async def _fate(self, name: str, moment: Moment) -> bool:
        self.reads += name == "secret" and moment == "unsent"
        if "chat/completions" in name and moment == "unanswered":
            self.held += not self.gate.is_set()
            await self.gate.wait()
        return False
