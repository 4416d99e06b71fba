"""Functions in whose secrets a test plants something, and all that they have told."""

import asyncio
import json
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import httpx

from benchmarks.ports import free_ports
from local.deployment import ROOT, environment
from local.provision import REGION, RUNTIME_SECRET, Provisioned
from local.servers import stream
from local.stack import Stack

NOBODY = "http://127.0.0.1:1"
SAMPLED = {"X-Amzn-Trace-Id": f"Root=1-{'6' * 8}-{'a' * 24};Parent={'b' * 16};Sampled=1"}


class Planted:
    """Functions whose secret is as a test says, and all that they have logged and traced."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self.log = folder / "log"
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.setblocking(False)
        self.settings: dict[str, str] = {}
        session = boto3.Session("local", "local", region_name=REGION)
        aws_url = stack.configuration.aws_url
        self._vault = session.client("secretsmanager", endpoint_url=aws_url)
        self._sqs = session.client("sqs", endpoint_url=aws_url)
        self._s3 = session.client("s3", endpoint_url=aws_url)
        held = self._vault.get_secret_value(SecretId=RUNTIME_SECRET)["SecretString"]
        self.usual: dict[str, Any] = json.loads(held)

    def _told(self, secret: Mapping[str, Any], **settings: str) -> dict[str, str]:
        """The environment, with that secret and a bucket that nobody else looks into."""
        name = f"planted-{secrets.token_hex(4)}"
        self._vault.create_secret(Name=f"{name}/runtime", SecretString=json.dumps(secret))
        self._s3.create_bucket(Bucket=name)
        queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        urls = dict.fromkeys(("documents", "bulk", "maintenance", "dead"), queue)
        host, port = self._daemon.getsockname()
        return environment(
            aws_url=self._stack.configuration.aws_url,
            queues=Provisioned(sqs=self._sqs, **urls),
            settings={
                **self._stack.configuration.model_settings(),
                "QUIRE_RUNTIME_SECRET": f"{name}/runtime",
                "QUIRE_BUCKET": name,
                "QUIRE_SWITCHES": "there-are-none/switches",
                "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
                **self.settings,
                **settings,
            },
        )

    def close(self) -> None:
        self._daemon.close()

    @property
    def traced(self) -> str:
        """What X-Ray's daemon has been told since this was asked last."""
        told = ""
        with suppress(BlockingIOError):
            while True:
                told += self._daemon.recv(65_536).decode()
        return told

    async def call(self, calls: Sequence[tuple[str, Mapping[str, Any]]], **secret: Any) -> None:
        """These functions with these events, in one process."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.integration.handlers.in_turn"),
                env=self._told(secret),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
            await process.communicate(json.dumps(calls).encode())
        assert process.returncode == 0, self.log.read_text()

    @asynccontextmanager
    async def app(
        self, *, log_content: bool = False, **secret: Any
    ) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
        (port,) = free_ports(1)
        variables = self._told(secret, QUIRE_LOG_CONTENT=str(log_content))
        service = stream(self._folder, port, variables)
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *service.command,
                env=dict(service.environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield f"http://127.0.0.1:{port}", process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def requested(
    method: str, path: str, bearer: str, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """As API Gateway tells a function of it."""
    headers = {"authorization": f"Bearer {bearer}", "quire-edge": "planted-edge", **SAMPLED}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {**headers, "content-type": "application/json"},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.9"},
            "requestId": "request",
            "stage": "$default",
        },
        "body": json.dumps(body) if body else "",
        "isBase64Encoded": False,
    }


def sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """As SQS brings it, for the last time."""
    attributes = {"ApproximateReceiveCount": "4", "AWSTraceHeader": SAMPLED["X-Amzn-Trace-Id"]}
    record = {"messageId": "m", "body": json.dumps(message), "attributes": attributes}
    return {"Records": [{**record, "receiptHandle": "r", "eventSourceARN": "a:b:q"}]}


async def until_up(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client, asyncio.timeout(60):
        while True:
            try:
                await client.get("/openapi.json")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
