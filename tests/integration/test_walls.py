"""Row-level security as it is met in production: as quire_app, through PgBouncer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
import uuid_utils.compat as uuids
from psycopg.errors import InsufficientPrivilege

from local.stack import Stack
from quire.domain import Caller
from quire.errors import NotFound, Unauthenticated
from quire.security import Security
from quire.store.api_keys import ApiKeys
from quire.store.database import Database
from quire.store.sessions import Sessions
from quire.store.users import Users
from tests.conftest import Tenant

MakeTenant = Callable[..., Awaitable[Tenant]]
Owner = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture
async def database(pooled: Stack) -> AsyncIterator[Database]:
    one = Database(pooled.app_url, connections=1)
    yield one
    await one.close()


def caller(tenant: Tenant, user: str = "u") -> Caller:
    return Caller(tenant.id, user, frozenset(("ask",)))


async def test_two_tenants_on_one_server_connection_never_meet(
    database: Database, make_tenant: MakeTenant
) -> None:
    sessions = Sessions(database)
    tenants = [await make_tenant(), await make_tenant()]
    for tenant in tenants:
        await sessions.create(caller(tenant), uuids.uuid7(), title=tenant.id, metadata={})
    served: dict[int, set[str]] = {}
    for turn in range(40):
        tenant = tenants[turn % 2]
        pid, visible = await database.run(
            tenant.id,
            ("select pg_backend_pid() as pid", []),
            ("select tenant_id, title from sessions", []),
        )
        served.setdefault(pid[0]["pid"], set()).add(tenant.id)
        assert [row["title"] for row in visible] == [tenant.id]
    both = {tenant.id for tenant in tenants}
    assert any(who == both for who in served.values()), "no server connection served both"


async def test_a_setting_does_not_outlive_its_transaction(
    database: Database, make_tenant: MakeTenant
) -> None:
    tenant = await make_tenant()
    await Sessions(database).create(caller(tenant), uuids.uuid7(), title="x", metadata={})
    for _ in range(20):
        (rows,) = await database.run(None, ("select 1 as seen from sessions", []))
        assert rows == []


async def test_nothing_is_prepared(database: Database) -> None:
    for _ in range(20):
        (rows,) = await database.run(
            "local", ("select count(*) as held from pg_prepared_statements", [])
        )
        assert rows[0]["held"] == 0


async def test_every_table_with_a_tenant_is_walled(owner: Owner) -> None:
    rows = await (
        await owner.execute(
            """select c.relname from pg_class c
               where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
                 and c.relname <> 'alembic_version'
                 and not (c.relrowsecurity and exists (
                     select from pg_policy p where p.polrelid = c.oid))"""
        )
    ).fetchall()
    assert rows == []


async def test_every_foreign_key_between_tenants_rows_carries_the_tenant(owner: Owner) -> None:
    rows = await (
        await owner.execute(
            """select conrelid::regclass::text, conname from pg_constraint k
               where contype = 'f' and not exists (
                   select from pg_attribute a
                   where a.attrelid = k.conrelid and a.attnum = any(k.conkey)
                     and a.attname = 'tenant_id')"""
        )
    ).fetchall()
    assert rows == []


async def test_another_tenants_row_cannot_be_written(
    database: Database, make_tenant: MakeTenant
) -> None:
    mine, other = await make_tenant(), await make_tenant()
    with pytest.raises(InsufficientPrivilege):
        await database.run(
            mine.id, ("insert into users (tenant_id, id) values (%s, 'intruder')", [other.id])
        )


async def test_the_role_owns_nothing_and_cannot_bypass(database: Database) -> None:
    (rows,) = await database.run(
        None,
        (
            """select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb as mighty,
                      (select count(*) from pg_class where relowner = r.oid) as owned
               from pg_roles r where rolname = current_user""",
            [],
        ),
    )
    assert rows == [{"mighty": False, "owned": 0}]


async def test_a_key_is_found_before_its_tenant_is_known(
    database: Database, make_tenant: MakeTenant, owner: Owner
) -> None:
    tenant = await make_tenant(scopes=("ask",))
    found = await ApiKeys(database).find(tenant.key)
    assert found is not None
    assert found[0].tenant == tenant.id
    assert found[0].scopes == {"ask"}
    await owner.execute("update api_keys set revoked_at = now() where tenant_id = %s", [tenant.id])
    assert await ApiKeys(database).find(tenant.key) is None


async def test_a_revoked_key_ends_however_often_it_is_used(
    database: Database, make_tenant: MakeTenant, owner: Owner
) -> None:
    tenant = await make_tenant()
    security = Security(ApiKeys(database), Users(database), remember=0.3)
    header = f"Bearer {tenant.key}"
    await security.identify(header, user=None, scopes=("ask",))
    await owner.execute("update api_keys set revoked_at = now() where tenant_id = %s", [tenant.id])

    async def use(times: int) -> None:
        for _ in range(times):
            await security.identify(header, user=None, scopes=("ask",))
            await asyncio.sleep(0.1)

    with pytest.raises(Unauthenticated):
        await use(20)


async def test_another_users_session_is_not_there(
    database: Database, make_tenant: MakeTenant
) -> None:
    sessions, tenant, session = Sessions(database), await make_tenant(), uuids.uuid7()
    await sessions.create(caller(tenant, "ada"), session, title=None, metadata={})
    assert (await sessions.get(caller(tenant, "ada"), session)).id == session
    for stranger in (caller(tenant, "bob"), caller(await make_tenant(), "ada")):
        with pytest.raises(NotFound):
            await sessions.get(stranger, session)
        with pytest.raises(NotFound):
            await sessions.delete(stranger, session)


async def test_many_at_once_share_few_connections(database: Database) -> None:
    answers = await asyncio.gather(
        *(database.run("local", ("select %s::int as n", [n])) for n in range(50))
    )
    assert [rows[0]["n"] for (rows,) in answers] == list(range(50))
