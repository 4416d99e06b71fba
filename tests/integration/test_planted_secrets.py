"""Secrets are planted wherever there are some, everything fails, and no log tells of them."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from benchmarks.ports import free_ports
from local.deployment import environment
from local.provision import REGION, RUNTIME_SECRET, Provisioned
from local.servers import stream
from local.stack import Stack
from tests.conftest import Tenant

NOBODY = "http://127.0.0.1:1"
QUESTION = "Who planted the seed of doubt?"


class Planted:
    """An app whose secret is as a test says, and all that it has logged."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self.log = folder / "log"
        session = boto3.Session("local", "local", region_name=REGION)
        aws_url = stack.configuration.aws_url
        self._vault = session.client("secretsmanager", endpoint_url=aws_url)
        self._sqs = session.client("sqs", endpoint_url=aws_url)
        held = self._vault.get_secret_value(SecretId=RUNTIME_SECRET)["SecretString"]
        self.usual: dict[str, Any] = json.loads(held)

    @asynccontextmanager
    async def app(
        self, *, log_content: bool = False, **secret: Any
    ) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
        (port,), name = free_ports(1), f"planted-{secrets.token_hex(4)}/runtime"
        self._vault.create_secret(Name=name, SecretString=json.dumps(secret))
        urls = dict.fromkeys(("documents", "bulk", "maintenance", "dead"), f"{NOBODY}/1/q")
        variables = environment(
            aws_url=self._stack.configuration.aws_url,
            queues=Provisioned(sqs=self._sqs, **urls),
            settings={
                **self._stack.configuration.model_settings(),
                "QUIRE_RUNTIME_SECRET": name,
                "QUIRE_SWITCHES": "there-are-none/switches",
                "QUIRE_LOG_CONTENT": str(log_content),
            },
        )
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


async def until_up(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client, asyncio.timeout(60):
        while True:
            try:
                await client.get("/openapi.json")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


@pytest.fixture
def planted(stack: Stack, tmp_path: Path) -> Planted:
    return Planted(stack, tmp_path)


async def test_no_log_tells_of_a_secret_or_of_what_was_asked(
    planted: Planted, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    tenant = await make_tenant()
    usual = planted.usual
    dead: dict[str, Any] = {
        "qdrant_url": NOBODY,
        "qdrant_api_key": "planted-qdrant",
        "openai_base_url": f"{NOBODY}/v1",
        "openai_api_key": "planted-openai",
    }
    async with planted.app(**{**usual, **dead}) as (url, _):
        await until_up(url)
        async with httpx.AsyncClient(base_url=url, headers=tenant.headers("ada")) as asking:
            for path in ("/v1/chat", "/v1/chat/stream", "/v1/retrieve"):
                failed = await asking.post(path, json={"question": QUESTION})
                assert failed.status_code == 503 or b"event: error" in failed.content
            wrong = await asking.post("/v1/chat", json={"question": QUESTION, "planted-field": 1})
            assert wrong.status_code == 422
            headers = {"Authorization": "Bearer planted-unknown"}
            assert (await asking.get("/v1/sessions", headers=headers)).status_code == 401
    lost = {**dead, "database_url": "postgresql://quire_app:planted-database@127.0.0.1:1/quire"}
    async with planted.app(**lost) as (url, _):
        await until_up(url)
        async with httpx.AsyncClient(base_url=url, timeout=40) as asking:
            headers = {"Authorization": "Bearer planted-key", "Idempotency-Key": "planted-idem"}
            failed = await asking.post("/v1/chat", json={"question": QUESTION}, headers=headers)
            assert failed.status_code == 503
    # One that cannot even be understood.
    async with planted.app(database_url="postgresql://u:planted-broken@h/d") as (_, process):
        async with asyncio.timeout(60):
            assert await process.wait() != 0
    told = planted.log.read_text()
    for dependency in ("postgres", "qdrant", "model"):
        assert dependency in told, "what failed is told"
    assert "openai_api_key" in told, "what is missing is told"
    password = usual["database_url"].partition("://quire_app:")[2].partition("@")[0]
    assert password
    for secret in ("planted-", tenant.key, password, QUESTION, "seed of doubt"):
        assert secret not in told, secret


async def test_content_is_told_if_that_is_asked_for_and_secrets_never(
    planted: Planted, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    tenant = await make_tenant()
    dead = {"openai_base_url": f"{NOBODY}/v1", "openai_api_key": "planted-openai"}
    secret: dict[str, Any] = {**planted.usual, **dead}
    async with planted.app(log_content=True, **secret) as (url, _):
        await until_up(url)
        async with httpx.AsyncClient(base_url=url, headers=tenant.headers("ada")) as asking:
            answered = await asking.post("/v1/chat", json={"question": QUESTION})
            assert answered.status_code == 200, "nothing bears on it, and that needs no model"
    told = planted.log.read_text()
    assert QUESTION in told
    assert "planted-openai" not in told
    assert tenant.key not in told
