"""docs/backups.md, typed as it is: a dump of a database, restored in another project."""

import asyncio
import json
import os
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import boto3
import psycopg
import pytest
from psycopg import sql

from functions.migrate.handler import handler
from local.children import Ledger
from local.postgres import Postgres, program
from local.provision import REGION, credentials
from local.service import Supervised
from local.stack import Stack
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from tests.conftest import Tenant
from tests.infra.runbook import BACKUPS

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

Owner = psycopg.AsyncConnection[tuple[object, ...]]
PASSWORD = "chosen-by-make-secrets"


def typed(section: str) -> str:
    """The section's first block of commands."""
    _, _, below = BACKUPS.partition(f"## {section}\n")
    (block, *_) = re.findall(r"^```sh\n(.*?)^```$", below, re.MULTILINE | re.DOTALL)
    return str(block)


async def sh(commands: str, *, owner_url: str, folder: Path) -> None:
    ended = await asyncio.create_subprocess_exec(
        *["sh", "-c", commands],
        cwd=folder,
        env={
            "PATH": f"{Path(program('pg_dump')).parent}:{os.environ['PATH']}",
            "DATABASE_OWNER_URL": owner_url,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await ended.communicate()
    assert ended.returncode == 0, said.decode()


@pytest.fixture
async def as_at_neon(owner: Owner) -> AsyncIterator[None]:
    """Default privileges of Neon's own, which its dumps have and no customer may set."""
    role = f"cloud-{secrets.token_hex(4)}"
    named = sql.Identifier(role)
    await owner.execute(sql.SQL("create role {}").format(named))
    await owner.execute(
        sql.SQL(
            "alter default privileges for role {0} in schema public grant select on tables to {0}"
        ).format(named)
    )
    yield
    await owner.execute(sql.SQL("drop owned by {}").format(named))
    await owner.execute(sql.SQL("drop role {}").format(named))


@pytest.fixture
async def project(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> AsyncIterator[str]:
    """The owner's URL of an empty database, where nobody is a superuser or knows `quire_app`."""
    postgres = Postgres(tmp_path / "postgres", unused_tcp_port_factory())
    server = Supervised(postgres.service(), Ledger(tmp_path / "children.json"))
    await server.start()
    async with await psycopg.AsyncConnection.connect(postgres.owner_url, autocommit=True) as made:
        # As Neon's: https://github.com/neondatabase/neon/pull/6172
        await made.execute(
            "create role customer login createdb createrole bypassrls replication password 'theirs'"
        )
        await made.execute("create database project owner customer")
    where = urlsplit(postgres.owner_url)
    yield urlunsplit(
        where._replace(netloc=f"customer:theirs@{where.hostname}:{where.port}", path="/project")
    )
    await server.stop()


@pytest.mark.usefixtures("as_at_neon")
async def test_who_had_a_key_is_served_by_what_was_restored(
    stack: Stack,
    project: str,
    tmp_path: Path,
    make_tenant: Callable[..., Awaitable[Tenant]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = await make_tenant()
    await sh(typed("To be scheduled"), owner_url=stack.owner_url, folder=tmp_path)
    await sh(typed("Restore a dump"), owner_url=project, folder=tmp_path)

    # `make secrets FLAGS=--replace`, and `migrate`.
    where = urlsplit(project)
    app_url = where._replace(netloc=f"quire_app:{PASSWORD}@{where.hostname}:{where.port}").geturl()
    elsewhere = {"qdrant_url": "http://127.0.0.1:1", "openai_api_key": "sk-none"}
    _keep(stack, f"{tenant.id}/runtime", database_url=app_url, **elsewhere)
    _keep(stack, f"{tenant.id}/migration", database_url=project)
    for name, value in {
        **credentials(stack.configuration.aws_url),
        **stack.configuration.model_settings(),
        "QUIRE_RUNTIME_SECRET": f"{tenant.id}/runtime",
        "QUIRE_MIGRATION_SECRET": f"{tenant.id}/migration",
    }.items():
        monkeypatch.setenv(name, value)
    await asyncio.to_thread(handler, {}, None)

    database = Database(app_url, connections=1)
    try:
        found = await ApiKeys(database).find(tenant.key)
        assert found is not None
        assert found[0].tenant == tenant.id
        async with await psycopg.AsyncConnection.connect(app_url) as app:
            # Its walls came along.
            assert await (await app.execute("select from api_keys")).fetchall() == []
    finally:
        await database.close()


def _keep(stack: Stack, name: str, **value: str) -> None:
    session = boto3.Session("local", "local", region_name=REGION)
    vault: SecretsManagerClient = session.client(
        "secretsmanager", endpoint_url=stack.configuration.aws_url
    )
    vault.create_secret(Name=name, SecretString=json.dumps(value))
