"""One laptop cloud for the whole run, on free ports, and tenants of one's own in it."""

import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import hypothesis
import psycopg
import pytest

from benchmarks.ports import free_ports
from local.configuration import Configuration
from local.stack import Stack
from quire.store.api_keys import hash_key

# How long an example takes is the machine's business. `make soak` tries many more.
hypothesis.settings.register_profile("quire", deadline=None, max_examples=50)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("quire")

PORTS = ("api", "stream", "postgres", "pgbouncer", "qdrant", "aws", "model")
AUDIENCE = "quire-tests"


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    key: str

    def headers(self, user: str | None = None) -> dict[str, str]:
        named = {"Quire-User": user} if user else {}
        return {"Authorization": f"Bearer {self.key}", **named}


def configuration(state: Path) -> Configuration:
    *free, issuer = free_ports(len(PORTS) + 1)
    ports = dict(zip(PORTS, free, strict=True))
    # Who wants to meet it listens there.
    trusted = {
        "issuer": f"http://127.0.0.1:{issuer}",
        "audience": AUDIENCE,
        "tenant_claim": "tenant",
        "scopes": ["ask", "ingest"],
        "scope_claim": "scope",
    }
    # Validated and not constructed: what this machine's environment says is not asked.
    return Configuration.model_validate(
        {
            "state": state,
            "restart_seconds": 1.0,
            "batch_seconds": 0.05,
            "worker_seconds": 40,
            "watch_seconds": 3.0,
            "retire_seconds": 2.0,
            "idle_seconds": 10.0,
            "remember_seconds": 2.0,
            "issuers": json.dumps([trusted]),
            **{f"{name}_port": port for name, port in ports.items()},
        }
    )


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    state = tmp_path_factory.mktemp("quire")
    async with Stack(configuration(state)) as running:
        yield running
    # What a function lacks a right for may do without it, later or worse.
    told = (state / "aws" / "aws.log").read_text().splitlines()
    assert not {line for line in told if line.startswith("DENIED")}


@pytest.fixture
def pooled(stack: Stack) -> Stack:
    """For what is about PgBouncer; CI installs it, so there is no skipping there."""
    if not stack.pooled and not os.environ.get("CI"):
        pytest.skip("PgBouncer is not installed")
    assert stack.pooled
    return stack


def unpooled(stack: Stack, **told: str) -> str:
    """PostgreSQL as quire_app, whose sessions have such settings: PgBouncer would drop them."""
    port, options = urlsplit(stack.app_url).port, " ".join(f"-c {n}={v}" for n, v in told.items())
    direct = stack.app_url.replace(f":{port}/", f":{stack.configuration.postgres_port}/")
    return f"{direct}?options={quote(options)}"


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The whole API, as the local tenant: nothing is sent unless a test says so."""
    # Loading certificates takes 40 ms, and on loopback nobody asks for them.
    async with httpx.AsyncClient(
        base_url=stack.configuration.api_url, timeout=40, verify=False
    ) as client:
        yield client


@pytest.fixture
async def owner(stack: Stack) -> AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]:
    """PostgreSQL as its owner: sees all tenants."""
    async with await psycopg.AsyncConnection.connect(
        stack.owner_url, autocommit=True
    ) as connection:
        yield connection


@pytest.fixture
def make_tenant(
    owner: psycopg.AsyncConnection[tuple[object, ...]],
) -> Callable[..., Awaitable[Tenant]]:
    async def make(*, scopes: tuple[str, ...] = ("ask", "ingest", "admin")) -> Tenant:
        tenant = Tenant(f"t-{secrets.token_hex(6)}", secrets.token_urlsafe(24))
        await owner.execute(
            "insert into tenants (tenant_id, name) values (%s, %s)", [tenant.id, tenant.id]
        )
        await owner.execute(
            """insert into api_keys (tenant_id, name, hash, scopes, speaks_for_users)
               values (%s, 'test', %s, %s, true)""",
            [tenant.id, hash_key(tenant.key), list(scopes)],
        )
        return tenant

    return make
