"""PgBouncer before the laptop's Postgres: who comes in, and what a killed server leaves."""

import asyncio
import os
import pwd
import signal
import stat

import pytest
from psycopg import OperationalError

from local.service import until
from tests.integration.local_postgres.conftest import (
    WORDS,
    Database,
    Pool,
    needs_pgbouncer,
    pids_differ,
    value,
    words,
)


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
