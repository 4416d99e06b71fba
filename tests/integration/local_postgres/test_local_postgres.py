"""The laptop's Postgres: a real server on an ephemeral port."""

import asyncio
import stat

import pytest
from psycopg import AsyncConnection, OperationalError

from local.children import give, unprivileged
from local.postgres import OWNER
from tests.integration.local_postgres.conftest import WORDS, Database, value, words


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
