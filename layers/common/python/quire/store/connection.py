"""A connection: to whom, how its transactions end, and how it does at a deadline."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import certifi
import psycopg
from psycopg import AsyncPipeline
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ConnStatus

from quire.loopback import is_loopback


class Connection(psycopg.AsyncConnection[dict[str, Any]]):
    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[AsyncPipeline]:
        """One pipeline after the other, never one within another."""
        self._pipeline = _Pipeline(self)
        try:
            async with self._pipeline as pipeline:
                yield pipeline
        finally:
            self._pipeline = None


class _Pipeline(AsyncPipeline):
    """Ends with its Sync.

    psycopg's own has a Flush follow, which a Sync makes needless. PgBouncer, once the transaction
    is over, takes it for the beginning of another: the client is given a connection to PostgreSQL
    again, and as a Flush is never answered, nothing takes it away until the client's next
    transaction (`handle_client_work` in PgBouncer's src/client.c; seen with 1.18). Twenty such
    clients, and everybody else waits.
    """

    def _exit_gen(self) -> PQGen[None]:
        try:
            self._enqueue_sync()
            yield from self._communicate_gen()
        finally:
            if self.pgconn.status != ConnStatus.BAD:  # else its end is what is to be told
                yield from self._fetch_gen(flush=False)


def verified(url: str) -> str:
    """The same, and beyond this machine only to a server that proves its name (TLS).

    psycopg's wheels bring an OpenSSL without roots, so they are named: certifi's, if not the URL's
    own.
    """
    given = conninfo_to_dict(url)
    if is_loopback(str(given.get("host") or given.get("hostaddr") or "")):
        return url
    roots = given.get("sslrootcert") or certifi.where()
    return make_conninfo(url, sslmode="verify-full", sslrootcert=roots)


@contextmanager
def hang_up_at(connection: Connection, deadline: float) -> Iterator[None]:
    """Shut the connection's socket down at `deadline`, in the loop's time.

    Cancelling the coroutine instead would have psycopg ask the server to cancel, and wait up to
    ten more seconds for a server that may be frozen.
    """
    timer = asyncio.get_running_loop().call_at(deadline, _shut_down, connection)
    try:
        yield
    finally:
        timer.cancel()


def _shut_down(connection: Connection) -> None:
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as peer:
            peer.shutdown(socket.SHUT_RDWR)
