"""The laptop's Postgres and PgBouncer: real servers on ephemeral ports."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import AsyncConnection, sql

from local.children import Ledger
from local.pgbouncer import PgBouncer, find
from local.postgres import Postgres
from local.service import Supervised

ROOT = Path(__file__).parents[3]


PASSWORD = 'quote \' and "double"'


WORDS = ["Zebra", "apple", "Äpfel", "ß", "zoo"]


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives rights up")


needs_pgbouncer = pytest.mark.skipif(find() is None, reason="PgBouncer is not installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    state: Path
    postgres: Postgres
    server: Supervised
    ledger: Ledger
    port: int

    async def as_owner(self) -> AsyncConnection:
        return await AsyncConnection.connect(self.postgres.owner_url, autocommit=True)


@pytest.fixture(scope="module")
def ports(unused_tcp_port_factory: Callable[[], int]) -> Callable[[], int]:
    return unused_tcp_port_factory


@pytest.fixture(scope="module")
async def database(
    tmp_path_factory: pytest.TempPathFactory, ports: Callable[[], int]
) -> AsyncIterator[Database]:
    """A cluster of its own, with one ordinary role and one table."""
    state = tmp_path_factory.mktemp("state")
    ledger, port = Ledger(state / "children.json"), ports()
    postgres = Postgres(state / "postgres", port)
    server = Supervised(postgres.service(), ledger)
    await server.start()
    database = Database(state=state, postgres=postgres, server=server, ledger=ledger, port=port)
    async with await database.as_owner() as owner:
        await owner.execute(
            sql.SQL("CREATE ROLE app LOGIN PASSWORD {}").format(sql.Literal(PASSWORD))
        )
        await owner.execute("CREATE TABLE words (word text)")
        await owner.execute("GRANT SELECT ON words TO app")
        await owner.execute("INSERT INTO words SELECT unnest(%s::text[])", [WORDS])
    yield database
    await server.stop()


@pytest.fixture(scope="module")
async def pool(database: Database, ports: Callable[[], int]) -> AsyncIterator["Pool"]:
    """One server connection, so that whoever gets an answer at all shares it."""
    pgbouncer = PgBouncer(
        database.state / "pgbouncer",
        port := ports(),
        postgres_port=database.port,
        users={"app": PASSWORD},
        pool_size=1,
    )
    server = Supervised(pgbouncer.service(), database.ledger)
    await server.start()
    yield Pool(state=database.state / "pgbouncer", port=port)
    await server.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    state: Path
    port: int

    async def connect(self, password: str = PASSWORD) -> AsyncConnection:
        """As the functions do."""
        return await AsyncConnection.connect(
            host="127.0.0.1",
            port=self.port,
            dbname="quire",
            user="app",
            password=password,
            autocommit=True,
            prepare_threshold=None,
        )


async def value(connection: AsyncConnection, query: str) -> object:
    row = await (await connection.execute(query.encode())).fetchone()
    assert row
    return row[0]


async def words(connection: AsyncConnection) -> list[str]:
    rows = await connection.execute("SELECT word FROM words ORDER BY word")
    return [row[0] for row in await rows.fetchall()]


async def pids_differ(server: Supervised, killed: int) -> None:
    assert server.pid not in {None, killed}
