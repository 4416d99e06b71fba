"""PgBouncer in transaction mode: the laptop's Neon, pooled.

Written for Debian's 1.18 as well as later ones: it sets no `max_prepared_statements`, which came
with 1.21, so the strictest of them is what the functions meet. https://www.pgbouncer.org/config.html
"""

import os
import shutil
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from local.children import ServiceFailed, give
from local.postgres import DATABASE
from local.service import Service, accepts

_CONFIGURATION = """\
[databases]
{database} = host=127.0.0.1 port={postgres_port} dbname={database}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 2000
query_wait_timeout = 10
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
"""


def find() -> Path | None:
    """Where PgBouncer is installed; None if it is not."""
    found = shutil.which("pgbouncer", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    return Path(found) if found else None


class PgBouncer:
    """A pool before PostgreSQL for `users` (name → password), configured in the folder `state`."""

    def __init__(
        self,
        state: Path,
        port: int,
        *,
        postgres_port: int,
        users: Mapping[str, str],
        pool_size: int = 20,
    ) -> None:
        self._state = state.resolve()
        self._port = port
        self._postgres_port = postgres_port
        self._users = users
        self._pool_size = pool_size

    def service(self) -> Service:
        """Raises ServiceFailed if PgBouncer is not installed."""
        program = find()
        if program is None:
            raise ServiceFailed("PgBouncer is missing: install it (apt-get install pgbouncer).")
        return Service(
            name="pgbouncer",
            command=[os.fspath(program), os.fspath(self._state / "pgbouncer.ini")],
            log=self._state / "pgbouncer.log",
            port=self._port,
            prepare=self.prepare,
            ready=partial(accepts, self._port),
            stop_signal=signal.SIGINT,  # ends at once when no query runs, in all versions
            unprivileged=True,
        )

    async def prepare(self) -> None:
        """Write the configuration and the users' passwords, readable by the server alone."""
        users = self._state / "users.txt"
        _write(users, "".join(map(_user_line, self._users, self._users.values())))
        configuration = _CONFIGURATION.format(
            database=DATABASE,
            postgres_port=self._postgres_port,
            port=self._port,
            users=users,
            pool_size=self._pool_size,
        )
        _write(self._state / "pgbouncer.ini", configuration)


def _user_line(name: str, password: str) -> str:
    return " ".join('"' + each.replace('"', '""') + '"' for each in (name, password)) + "\n"


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(content)
    give(path)
