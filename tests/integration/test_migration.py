"""Migrating as CloudFormation has it done: the first key, a roll back, the end of a stack."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import pytest
from psycopg import sql

from functions.migrate.handler import handler
from local.provision import MIGRATION_SECRET, REGION, RUNTIME_SECRET, credentials
from local.stack import Stack
from quire.store.api_keys import ApiKeys
from quire.store.database import Database

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

Owner = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture
def vault(stack: Stack) -> "SecretsManagerClient":
    session = boto3.Session("local", "local", region_name=REGION)
    return session.client("secretsmanager", endpoint_url=stack.configuration.aws_url)


@pytest.fixture
async def tenant(owner: Owner) -> AsyncIterator[str]:
    name = f"first-{secrets.token_hex(4)}"
    yield name
    await owner.execute(
        sql.SQL("delete from tenants where tenant_id = {}").format(sql.Literal(name))
    )


async def test_the_first_key_is_handed_over_once(
    stack: Stack,
    vault: "SecretsManagerClient",
    owner: Owner,
    tenant: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked = {"database_url": stack.owner_url, "first_tenant": tenant}
    vault.create_secret(Name=f"{tenant}/migration", SecretString=json.dumps(asked))
    vault.create_secret(Name=f"{tenant}/key", SecretString="{}")
    variables = {
        **credentials(stack.configuration.aws_url),
        **stack.configuration.model_settings(),
        "QUIRE_RUNTIME_SECRET": RUNTIME_SECRET,
        "QUIRE_MIGRATION_SECRET": f"{tenant}/migration",
        "QUIRE_FIRST_KEY_SECRET": f"{tenant}/key",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def handed_over() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            vault.get_secret_value(SecretId=f"{tenant}/key")["SecretString"]
        )
        return found

    answer = await asyncio.to_thread(handler, {}, None)
    given = handed_over()
    assert given["tenant"] == tenant
    key = given["api_key"]
    database = Database(stack.app_url, connections=1)
    found = await ApiKeys(database).find(key)
    assert found is not None
    assert found[0].tenant == tenant
    assert found[0].scopes == {"admin"}
    printed = capfd.readouterr()
    for told in (str(answer), printed.out, printed.err):
        assert key not in told

    # Whoever fetched it empties it, and no other deploy fills it again while the key lives.
    vault.put_secret_value(SecretId=f"{tenant}/key", SecretString="{}")
    await asyncio.to_thread(handler, {}, None)
    assert handed_over() == {}
    await owner.execute(
        "update api_keys set expires_at = now() where tenant_id = %s and name = 'first'", [tenant]
    )
    await asyncio.to_thread(handler, {}, None)
    assert handed_over()["api_key"] != key
    assert await ApiKeys(database).find(key) is None
    await database.close()


@pytest.fixture
def deployed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        **credentials(stack.configuration.aws_url),
        **stack.configuration.model_settings(),
        "QUIRE_RUNTIME_SECRET": RUNTIME_SECRET,
        "QUIRE_MIGRATION_SECRET": MIGRATION_SECRET,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("deployed")
async def test_a_roll_back_leaves_what_is_newer(owner: Owner) -> None:
    """The former migrations are run after newer ones, of which they cannot know."""
    found = await owner.execute("select version_num from alembic_version")
    ((revision,),) = await found.fetchall()
    await owner.execute("update alembic_version set version_num = '9999'")
    try:
        done = await asyncio.to_thread(handler, {"RequestType": "Update"}, None)
    finally:
        await owner.execute("update alembic_version set version_num = %s", [revision])
    assert done["revision"] == "9999"
    assert (await asyncio.to_thread(handler, {"RequestType": "Update"}, None))[
        "revision"
    ] == revision


def test_the_end_of_a_stack_is_not_the_databases() -> None:
    """Without its settings: nothing is read, and so nothing reached."""
    assert handler({"RequestType": "Delete"}, None) == {}
