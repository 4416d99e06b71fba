"""Migrating as CloudFormation has it done: the first key, a roll back, the end of a stack."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql

from functions.migrate.handler import handler
from local.provision import MIGRATION_SECRET, RUNTIME_SECRET, credentials
from local.stack import Stack
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from tests.handing_over import HandingOver

Owner = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture
async def handing_over(
    stack: Stack, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[HandingOver]:
    made = HandingOver(stack, monkeypatch)
    yield made
    await owner.execute(
        sql.SQL("delete from tenants where tenant_id = {}").format(sql.Literal(made.tenant))
    )


async def test_the_first_key_is_handed_over_once(
    stack: Stack, owner: Owner, handing_over: HandingOver, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await handing_over.migrate("Create")
    given = handing_over.handed_over()
    assert given["tenant"] == handing_over.tenant
    key = given["api_key"]
    database = Database(stack.app_url, connections=1)
    found = await ApiKeys(database).find(key)
    assert found is not None
    assert found[0].tenant == handing_over.tenant
    # No scope implies another, and a stage is proven with it.
    assert found[0].scopes == {"ask", "ingest", "admin"}
    printed = capfd.readouterr()
    for told in (str(answer), printed.out, printed.err):
        assert key not in told

    # Whoever fetched it empties it, and no other deploy fills it again while the key lives.
    handing_over.fetch()
    await handing_over.migrate()
    assert handing_over.handed_over() == {}
    await owner.execute(
        "update api_keys set expires_at = now() where tenant_id = %s and name = 'first'",
        [handing_over.tenant],
    )
    await handing_over.migrate()
    assert handing_over.handed_over()["api_key"] != key
    assert await ApiKeys(database).find(key) is None
    await database.close()


async def test_a_stage_made_anew_on_its_former_database_is_not_locked(
    stack: Stack, owner: Owner, handing_over: HandingOver
) -> None:
    """Its secrets were deleted and made again, and the first key has not yet expired."""
    await handing_over.migrate("Create")
    lost = handing_over.handed_over()["api_key"]
    handing_over.fetch()
    await handing_over.migrate("Create")
    key = handing_over.handed_over()["api_key"]
    database = Database(stack.app_url, connections=1)
    assert await ApiKeys(database).find(lost) is None
    assert await ApiKeys(database).find(key) is not None
    # Who has a key of their own is not locked out, and nobody else is let in.
    await owner.execute(
        "update api_keys set name = 'mine' where tenant_id = %s and hash = sha256(%s::bytea)",
        [handing_over.tenant, key.encode()],
    )
    handing_over.fetch()
    await handing_over.migrate("Create")
    assert handing_over.handed_over() == {}
    assert await ApiKeys(database).find(key) is not None
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
