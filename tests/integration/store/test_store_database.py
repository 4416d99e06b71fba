"""The one way to PostgreSQL: whole transactions, and connections that may have died meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from local.stack import Stack
from quire.errors import Unavailable
from quire.store.connection import Connection
from quire.store.database import Database, Statement
from tests.conftest import unpooled
from tests.integration.store.conftest import Owner
from tests.soak.wire import Moment, Proxy, postgres_name, postgres_request

ASK: Statement = ("select current_setting('quire.tenant') as tenant", [])
SLOW: Statement = ("select pg_sleep(0.1)", [])


class Watched:
    """PostgreSQL behind a proxy, and what was asked of it."""

    def __init__(self, database: Database, proxy: Proxy, exchanges: list[str]) -> None:
        self.database = database
        self.proxy = proxy
        self.exchanges = exchanges


@pytest.fixture
async def watched(stack: Stack) -> AsyncIterator[Watched]:
    exchanges: list[str] = []

    async def fate(name: str, moment: Moment) -> bool:
        if moment == "unsent":
            exchanges.append(name)
        return False

    port = urlsplit(stack.app_url).port
    assert port
    async with Proxy(port, read=postgres_request, name=postgres_name, fate=fate) as proxy:
        database = Database(stack.app_url.replace(f":{port}/", f":{proxy.port}/"))
        yield Watched(database, proxy, exchanges)
        await database.close()


async def test_what_fails_is_undone_whole(database: Database, tenant: str, owner: Owner) -> None:
    user = str(uuid4())
    with pytest.raises(psycopg.errors.DivisionByZero):
        await database.run(
            tenant,
            ("insert into users (tenant_id, id) values (%s, %s)", [tenant, user]),
            ("select 1 / %s", [0]),
        )
    found = await owner.execute("select 1 from users where id = %s", [user])
    assert await found.fetchone() is None


async def test_a_tenant_is_that_of_its_transaction_alone(database: Database) -> None:
    assert await database.run("one", ASK, ASK) == [[{"tenant": "one"}]] * 2
    assert await database.run(None, ASK) == [[{"tenant": ""}]]


async def test_a_pipeline_ends_with_its_sync(stack: Stack, tmp_path: Path) -> None:
    """PgBouncer gives whatever follows a connection to PostgreSQL, and does not get it back."""
    written = tmp_path / "trace"
    async with await Connection.connect(stack.app_url, autocommit=True) as connection:
        with written.open("w") as trace:
            connection.pgconn.trace(trace.fileno())
            async with connection.pipeline():
                await connection.execute("select pg_sleep(%s)", [0.1])
            connection.pgconn.untrace()
    sent = [of[4] for of in map(str.split, written.read_text().splitlines()) if of[2] == "F"]
    assert sent == ["Parse", "Bind", "Describe", "Execute", "Sync"]


async def test_who_answered_a_moment_ago_is_not_asked_whether_they_are_there(
    watched: Watched,
) -> None:
    await watched.database.run("one", ASK)
    watched.exchanges.clear()
    await watched.database.run("one", ASK, ASK)
    assert watched.exchanges == ["PostgreSQL other"]


async def test_of_connections_that_died_together_one_fails(watched: Watched) -> None:
    await asyncio.gather(*(watched.database.run("one", SLOW) for _ in range(3)))
    await watched.proxy.hang_up()
    with pytest.raises(Unavailable):
        await watched.database.run("one", ASK)
    assert await watched.database.run("one", ASK) == [[{"tenant": "one"}]]


async def test_of_connections_that_died_unheard_none_fails(watched: Watched) -> None:
    """As a sandbox's do, that is frozen while PostgreSQL restarts."""
    await asyncio.gather(*(watched.database.run("one", SLOW) for _ in range(4)))
    await watched.proxy.hang_up()
    await asyncio.sleep(1)  # or the first would be taken at its word
    assert await watched.database.run("one", ASK) == [[{"tenant": "one"}]]


@pytest.mark.parametrize(
    ("told", "statement"),
    [
        ({"default_transaction_read_only": "on"}, ("insert into tenants values ('t', 't')", [])),
        ({"transaction_timeout": "50"}, ("select pg_sleep(1)", [])),
        ({"statement_timeout": "50"}, ("select pg_sleep(1)", [])),
        ({}, ("select pg_terminate_backend(pg_backend_pid())", [])),
    ],
    ids=str,
)
async def test_what_the_server_does_not_do_now_is_unavailable(
    stack: Stack, told: dict[str, str], statement: Statement
) -> None:
    database = Database(unpooled(stack, **told))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await database.run("t", statement)
    await database.close()
