"""What is tried again, what is not, and what is no longer waited for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from local.stack import Stack
from quire.breaker import Breaker
from quire.domain import Collection, Sparse
from quire.errors import Unavailable
from quire.retrieval.filters import Filters
from quire.retrieval.index import Index
from quire.store.database import Database
from tests.conftest import Tenant
from tests.soak.wire import Moment, Proxy, postgres_name, postgres_request

Owner = psycopg.AsyncConnection[tuple[object, ...]]
COLLECTION = Collection(name="none", model="m", dimensions=2)


async def test_who_loses_a_deadlock_tries_again(
    stack: Stack, make_tenant: Callable[..., Awaitable[Tenant]]
) -> None:
    tenant, database = (await make_tenant()).id, Database(stack.app_url)
    touch = "insert into users values (%s, %s) on conflict (tenant_id, id) do update set id = %s"

    async def both(first: str, second: str) -> None:
        await database.run(
            tenant,
            (touch, [tenant, first, first]),
            ("select pg_sleep(0.3)", []),
            (touch, [tenant, second, second]),
        )

    await both("a", "b")
    await asyncio.gather(both("a", "b"), both("b", "a"))
    await database.close()


@asynccontextmanager
async def serving(
    answer: Callable[[int], bytes | None],
) -> AsyncIterator[tuple[str, Callable[[], int]]]:
    """An HTTP server whose n-th request is answered so; None hangs up. Its URL, and its count."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        asked += 1
        if (body := answer(asked)) is not None:
            head = (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            )
            writer.write(head % len(body) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lambda: asked


FOUND = b'{"result": [{"points": []}], "status": "ok", "time": 0}'


async def search(index: Index) -> None:
    bm25 = Sparse(indices=[1], values=[1.0])
    await index.search(
        COLLECTION, "t", dense=None, bm25=bm25, filters=Filters(), without=(), limit=1
    )


async def test_a_search_outlives_a_connection(stack: Stack) -> None:
    async with serving(lambda n: None if n == 1 else FOUND) as (url, asked):
        index = Index(url, api_key=None)
        await search(index)
        assert asked() == 2
        await index.close()


async def test_who_hangs_up_for_ever_is_asked_three_times(stack: Stack) -> None:
    async with serving(lambda n: None) as (url, asked):
        index = Index(url, api_key=None)
        with pytest.raises(Unavailable):
            await search(index)
        assert asked() == 3
        await index.close()


async def test_a_frozen_database_is_waited_for_a_few_times_and_found_when_it_is_back(
    stack: Stack,
) -> None:
    frozen = asyncio.Event()
    touched = 0

    async def fate(name: str, moment: Moment) -> bool:
        nonlocal touched
        touched += 1
        while frozen.is_set():
            await asyncio.sleep(0.05)
        return False

    port = urlsplit(stack.app_url).port
    assert port
    async with Proxy(port, read=postgres_request, name=postgres_name, fate=fate) as proxy:
        breaker = Breaker("postgres", seconds=2)
        url = stack.app_url.replace(f":{port}/", f":{proxy.port}/")
        database = Database(url, timeout=0.2, breaker=breaker)

        async def ask() -> None:
            await database.run(None, ("select 1", []), timeout=5 if not frozen.is_set() else 0.2)

        await ask()
        frozen.set()
        for _ in range(5):
            with pytest.raises(Unavailable):
                await ask()
        assert breaker.open
        before, now = touched, asyncio.get_running_loop().time
        began = now()
        for _ in range(100):
            with pytest.raises(Unavailable):
                await ask()
        assert now() - began < 2, "each of them would have waited for 0.2 s"
        assert touched == before
        frozen.clear()
        async with asyncio.timeout(30):
            while True:
                try:
                    await ask()
                    break
                except Unavailable:
                    await asyncio.sleep(0.1)
        await database.close()


async def test_too_many_of_us_are_no_failure_of_the_databases(stack: Stack) -> None:
    breaker = Breaker("postgres")
    database = Database(stack.app_url, connections=1, breaker=breaker)

    async def ask(timeout: float) -> None:
        await database.run(None, ("select pg_sleep(0.05)", []), timeout=timeout)

    asked = await asyncio.gather(*(ask(0.3) for _ in range(60)), return_exceptions=True)
    assert sum(isinstance(one, Unavailable) for one in asked) > 5
    assert not breaker.open
    await ask(5)
    await database.close()


async def test_the_server_bounds_what_an_orphan_may_cost(stack: Stack, owner: Owner) -> None:
    found = await owner.execute(
        """select rolconnlimit, current_setting('max_connections')::int from pg_roles
           where rolname = 'quire_app'"""
    )
    assert await found.fetchone() == (48, 60)
    database = Database(stack.app_url)
    (rows,) = await database.run(
        None,
        (
            """select name, setting || unit as bound from pg_settings where name like '%%_timeout'
               and setting <> boot_val""",
            [],
        ),
    )
    assert {row["name"]: row["bound"] for row in rows} == {
        "statement_timeout": "10000ms",
        "idle_in_transaction_session_timeout": "10000ms",
        "lock_timeout": "5000ms",
        "transaction_timeout": "15000ms",
    }
    await database.close()
