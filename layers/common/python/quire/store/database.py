"""The pool, and the one way to talk to PostgreSQL: a pipelined transaction under one tenant."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import (
    DeadlockDetected,
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,
    SerializationFailure,
    TransactionTimeout,
)
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from quire.breaker import Breaker
from quire.credentials import Credential, held
from quire.errors import Unavailable
from quire.metrics import Metric, measure
from quire.retrying import retrying
from quire.store.connection import Connection, hang_up_at, verified

# The pool warns of every failed connection attempt; we report the failure once, as our own error.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

log = logging.getLogger("quire.store")

CHECK_SECONDS = 1.0
_MOMENT_SECONDS = 1.0
# Milliseconds beyond which a transaction is logged, and beyond which it is one to be woken for.
_SLOW, _TOO_SLOW = 100.0, 500.0
_SHAPE_LENGTH = 100

# What nobody did wrong: the server is out of reach, or busy, or does not write now. The last three
# psycopg counts among a program's own errors.
_UNSERVED = (
    *(psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout),
    *(ReadOnlySqlTransaction, IdleInTransactionSessionTimeout, TransactionTimeout),
)

Row = dict[str, Any]
Statement = tuple[str, Sequence[Any] | Mapping[str, Any]]


class Database:
    """Made for PgBouncer in transaction mode: nothing outlives a transaction.

    No prepared statements, no session settings. The tenant is set with `set_config(…, true)`
    inside the transaction, which row-level security reads.
    """

    def __init__(
        self,
        url: Credential | str,
        *,
        connections: int = 4,
        timeout: float = 5.0,
        breaker: Breaker | None = None,
    ) -> None:
        """`timeout` in seconds bounds getting a connection and the transaction together."""
        self._url = held(url)
        self._failed = 0
        self._timeout = timeout
        self._breaker = breaker or Breaker("postgres")
        self._opening = asyncio.Lock()
        self._answered: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._heard = 0.0
        self._drained = 0.0
        self._under_way: dict[object, float] = {}
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self._conninfo,
            connection_class=Connection,
            min_size=0,
            max_size=connections,
            open=False,
            timeout=timeout,
            # Beyond this a new request makes its own attempt, rather than waiting for a back-off
            # that began before the database came back.
            reconnect_timeout=timeout,
            check=self._check,
            kwargs={
                "autocommit": True,
                "prepare_threshold": None,
                "row_factory": dict_row,
                "connect_timeout": max(2, int(timeout)),
                "keepalives_idle": 30,
                "application_name": "quire",
            },
        )

    async def run(
        self, tenant: str | None, *statements: Statement, timeout: float | None = None
    ) -> list[list[Row]]:
        """Run `statements` as one transaction in one round trip; the rows of each.

        `timeout` in seconds has it end sooner than the database's own.
        Raises Unavailable("postgres") when it cannot be had in time, or writes what is read-only;
        nothing was committed then, unless the connection broke while it was being committed.
        """
        seconds = self._timeout if timeout is None else min(timeout, self._timeout)
        began = asyncio.get_running_loop().time()
        with self._breaker.guard() as answered, self._translated(), self._counted(began):
            try:
                async for attempt in retrying(_undone, seconds=seconds):
                    with attempt:
                        rows = await self._transact(tenant, statements, began + seconds)
            except PoolTimeout:
                if self._heard > began:
                    answered()  # others meanwhile: it is we who are too many
                raise
            except ReadOnlySqlTransaction:
                answered()  # what only reads is served
                raise
            self._heard = asyncio.get_running_loop().time()
        return rows

    async def _transact(
        self, tenant: str | None, statements: Sequence[Statement], deadline: float
    ) -> list[list[Row]]:
        async with self._connection(deadline) as connection:
            with _timed(statements):
                # A pipeline is a transaction: PostgreSQL commits when it has come to its end.
                async with connection.pipeline():
                    await connection.execute(
                        "select set_config('quire.tenant', %s, true)", [tenant or ""]
                    )
                    cursors = [await connection.execute(sql, values) for sql, values in statements]
            self._answered[connection] = time.time()
            return [await c.fetchall() if c.description else [] for c in cursors]

    def waited(self) -> float:
        """For how many seconds the oldest transaction under way is being waited for."""
        oldest = next(iter(self._under_way.values()), None)
        return 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def _connection(self, deadline: float) -> AsyncIterator[Connection]:
        if self._pool.closed:
            async with self._opening:
                # Opened here and not at import: a pool belongs to the loop it is used in.
                await self._pool.open()
        seconds = deadline - asyncio.get_running_loop().time()
        began = time.perf_counter()
        async with self._pool.connection(max(0.0, seconds)) as connection:
            self._measure(1000 * (time.perf_counter() - began))
            with hang_up_at(connection, deadline):
                yield connection

    async def _conninfo(self) -> str:
        """Where to connect to, and as whom. After a failure it may be otherwise by now.

        It need not be for the password: libpq does not tell which failure it was.
        """
        failed = self._pool.get_stats().get("connections_errors", 0)
        if failed > self._failed:
            self._failed = failed
            await self._url.refused(self._url.value)
        return verified(self._url.value)

    def _measure(self, waited: float) -> None:
        now = self._pool.get_stats()
        measure(Metric.ACQUIRE_TIME, waited)
        measure(Metric.POOL_IN_USE, now["pool_size"] - now["pool_available"])
        measure(Metric.POOL_WAITING, now["requests_waiting"])

    async def _check(self, connection: Connection) -> None:
        """A thawed sandbox holds connections whose peer is long gone; `closed` does not tell.

        What answered a moment ago is taken at its word: a turn has several transactions. To have
        been let in is no such answer: PgBouncer lets in while PostgreSQL is gone.
        """
        if _a_moment_ago(self._answered.get(connection)):
            return
        began = asyncio.get_running_loop().time()
        try:
            with hang_up_at(connection, began + CHECK_SECONDS):
                await AsyncConnectionPool.check_connection(connection)
        except psycopg.Error:
            # What it died of, the others have, if none is known to live. The pool would find them
            # out one by one, and waits longer and longer before it looks at another.
            if self._drained < began and not any(map(_a_moment_ago, self._answered.values())):
                self._drained = asyncio.get_running_loop().time()
                await self._pool.drain()
            raise

    @contextmanager
    def _counted(self, began: float) -> Iterator[None]:
        one = object()
        self._under_way[one] = began
        try:
            yield
        finally:
            del self._under_way[one]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _UNSERVED as error:
            # What one connection died of, others may have.
            self._answered.clear()
            raise Unavailable("postgres") from error


def _a_moment_ago(answered: float | None) -> bool:
    # By the clock on the wall: others may stand still while a sandbox is frozen.
    return answered is not None and 0 <= time.time() - answered < _MOMENT_SECONDS


@contextmanager
def _timed(statements: Sequence[Statement]) -> Iterator[None]:
    """What was slow is told by its shape: the statements are constants, their values are not."""
    began = time.perf_counter()
    try:
        yield
    finally:
        took = 1000 * (time.perf_counter() - began)
        measure(Metric.STATEMENT_TIME, took)
        if took > _SLOW:
            shapes = [" ".join(sql.split())[:_SHAPE_LENGTH] for sql, _ in statements]
            log.warning("a slow transaction", extra={"ms": round(took), "statements": shapes})
        if took > _TOO_SLOW:
            measure(Metric.SLOW_STATEMENTS)


def _undone(error: BaseException) -> bool:
    """Whether PostgreSQL took a transaction back for another's sake.

    Of a connection that broke nobody knows whether its COMMIT came through, and who has waited for
    a statement's whole time is not to wait once more. Connecting is the pool's to try again.
    """
    return isinstance(error, SerializationFailure | DeadlockDetected)
