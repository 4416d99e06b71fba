"""A connection whose pipeline leaves nothing behind at PgBouncer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncPipeline
from psycopg.abc import PQGen


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
            yield from self._fetch_gen(flush=False)
