"""The laptop cloud on free ports and in a folder of its own, and what a benchmark asks of it."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg

from benchmarks.instant_model import Served
from benchmarks.ports import free_ports
from local.configuration import Configuration
from local.provision import BUCKET
from local.service import accepts
from local.stack import Stack

MODEL = "text-embedding-3-small"
_PORTS = ("api", "stream", "postgres", "pgbouncer", "qdrant", "aws", "instant")
WORKER_FUNCTION = "ingest"
_REPORT = re.compile(r"^REPORT .*\tDuration: ([\d.]+) ms$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class State:
    """How far the documents of a tenant have come."""

    ready: int
    failed: int
    chunks: int


@dataclass(slots=True, kw_only=True)
class Cloud:
    stack: Stack
    model_url: str
    model: str
    dimensions: int

    @property
    def qdrant_url(self) -> str:
        return f"http://127.0.0.1:{self.stack.configuration.qdrant_port}"

    async def put(self, folder: Path) -> float:
        """Put a folder's files in the bucket; when the first was put, in Unix seconds."""
        configured = self.stack.configuration
        where = [configured.aws_url, BUCKET, f"uploads/{configured.tenant}/"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.put", str(folder), *where),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        began: float = json.loads(output)["began"]
        return began

    async def state(self, *, like: str = "%") -> State:
        async with await psycopg.AsyncConnection.connect(self.stack.owner_url) as connection:
            rows = await connection.execute(
                """select count(*) filter (where status = 'ready'),
                          count(*) filter (where status = 'failed'),
                          coalesce(sum(total) filter (where status = 'ready'), 0)::int
                   from documents where filename like %s""",
                [like],
            )
            return State(*(await rows.fetchone() or (0, 0, 0)))

    async def proof(self, filename: str) -> dict[str, Any]:
        async with await psycopg.AsyncConnection.connect(self.stack.owner_url) as connection:
            found = await connection.execute(
                "select id from documents where filename = %s", [filename]
            )
            (document,) = await found.fetchone() or (None,)
        key = self.stack.configuration.api_key.get_secret_value()
        async with httpx.AsyncClient(base_url=self.stack.configuration.api_url) as api:
            answer = await api.get(
                f"/v1/documents/{document}/proof",
                headers={"Authorization": f"Bearer {key}"},
                timeout=30,
            )
        proof: dict[str, Any] = answer.raise_for_status().json()
        return proof

    async def served(self) -> Served:
        """What the model server has done so far."""
        async with httpx.AsyncClient() as client:
            return Served(**(await client.get(f"{self.model_url}/stats")).json())

    def invocations(self) -> list[float]:
        """How many seconds each invocation of the worker took, as Lambda's log lines have it."""
        log = self.stack.configuration.state / "logs" / f"{WORKER_FUNCTION}.log"
        said = log.read_text() if log.exists() else ""  # it is made with the first invocation
        return [float(found) / 1_000 for found in _REPORT.findall(said)]

    def silence(self) -> None:
        """Have the bucket tell nobody of new objects."""
        s3 = boto3.Session("local", "local", region_name="us-east-1").client(
            "s3", endpoint_url=self.stack.configuration.aws_url
        )
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": []}
        )

    async def invoke_with(self, keys: Sequence[str]) -> None:
        """One invocation of the worker, as if SQS had brought S3's events of these objects."""
        bodies = [
            json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": _object(key)}]})
            for key in keys
        ]
        records = [
            {"messageId": str(number), "body": body, "attributes": {}, "eventSourceARN": ""}
            for number, body in enumerate(bodies)
        ]
        answer = await self.stack.runtime.invoke(WORKER_FUNCTION, {"Records": records})
        assert not answer["batchItemFailures"], answer


def _object(key: str) -> dict[str, Any]:
    return {"object": {"key": key, "size": 0}}


@asynccontextmanager
async def cloud(
    state: Path,
    *,
    dimensions: int,
    worker_seconds: int = 300,
    delay: float = 0.0,
    pace: float = 0.0,
) -> AsyncIterator[Cloud]:
    """`delay` in seconds is what the model takes for each text, `pace` for each token."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    instant = ports.pop("instant")
    model_url = f"http://127.0.0.1:{instant}"
    configuration = Configuration.model_validate(
        {
            "state": state,
            "worker_seconds": worker_seconds,
            "OPENAI_BASE_URL": f"{model_url}/v1",
            "embedding_model": MODEL,
            "embedding_dimensions": dimensions,
            "chat_model": "instant",
            **{f"{name}_port": port for name, port in ports.items()},
        }
    )
    model = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.instant_model"),
        *("--port", str(instant), "--delay", str(delay), "--pace", str(pace)),
    )
    with ExitStack() as ended:
        ended.callback(model.terminate)
        await accepts(instant)
        async with Stack(configuration) as stack:
            yield Cloud(
                stack=stack,
                model_url=model_url,
                model=MODEL,
                dimensions=dimensions,
            )
    await model.wait()
