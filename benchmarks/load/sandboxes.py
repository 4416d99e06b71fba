"""As many pools as there are sandboxes, which share none: what each waits for behind PgBouncer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import psycopg

from quire.domain import Caller, Message
from quire.errors import Unavailable
from quire.store.database import Database
from quire.store.turns import Turns

_POOL = 2  # a sandbox's: its turn, and what follows it
# A second, of all of them: no more than twenty connections of a small machine bear.
_EVENLY = 40
# Of connecting each end pays for the password's proof, here both out of the same two cores.
_CONNECTING = 20
_LOOK_SECONDS = 0.1
FIRST = "the first statement, with its connection"
EVENLY = f"a turn's opening, {_EVENLY} a second"
AT_ONCE = "a turn's opening, all at once"


@dataclass(slots=True, kw_only=True)
class Waited:
    """`waits` in seconds by what was waited for; `clients` and `servers` are the most that
    PgBouncer and PostgreSQL had of `quire_app`.
    """

    sandboxes: int
    waits: dict[str, list[float]] = field(default_factory=dict)
    clients: int = 0
    servers: int = 0
    failed: dict[str, int] = field(default_factory=dict)


async def open_turns(
    app_url: str, owner_url: str, *, tenant: str, sandboxes: int, each: Callable[[], None]
) -> Waited:
    """Every sandbox connects and keeps its connection; each opens a turn now and then, and in the
    end all of them do at the same time, which is more than the pooler's patience may bear.
    """
    waited = Waited(sandboxes=sandboxes, waits={FIRST: [], EVENLY: [], AT_ONCE: []})
    # Nobody is turned away before the pooler itself would: its clients wait for ten seconds.
    pools = [Database(app_url, connections=_POOL, timeout=15.0) for _ in range(sandboxes)]
    looking = asyncio.create_task(_look(owner_url, app_url, waited))
    gate = asyncio.Semaphore(_CONNECTING)

    async def connect(database: Database) -> None:
        async with gate:
            await _timed(waited, FIRST, database.run(tenant, ("select 1", [])))
        each()

    async def now_and_then(number: int, database: Database) -> None:
        await asyncio.sleep(number / _EVENLY)
        await _timed(waited, EVENLY, _open(Turns(database), tenant))
        each()

    async def at_once(database: Database) -> None:
        await _timed(waited, AT_ONCE, _open(Turns(database), tenant))
        each()

    try:
        await asyncio.gather(*map(connect, pools))
        await asyncio.gather(*(now_and_then(n, each_of) for n, each_of in enumerate(pools)))
        await asyncio.gather(*map(at_once, pools))
    finally:
        looking.cancel()
        await asyncio.gather(*(database.close() for database in pools))
    return waited


async def _timed(waited: Waited, what: str, work: Awaitable[object]) -> None:
    began = time.perf_counter()
    try:
        await work
    except Unavailable:
        waited.failed[what] = waited.failed.get(what, 0) + 1
    waited.waits[what].append(time.perf_counter() - began)


async def _open(turns: Turns, tenant: str) -> None:
    caller = Caller(tenant, "sandbox", frozenset(("ask",)))
    asked = Message(
        id=uuid4(),
        session=uuid4(),
        role="user",
        content="How does a robot walk?",
        created_at=datetime.now(UTC),
    )
    await turns.open(
        caller,
        question=asked,
        answer=uuid4(),
        new_session=True,
        title="How does a robot walk?",
        request={},
        history=0,
        cache_key=None,
    )


async def _look(owner_url: str, app_url: str, waited: Waited) -> None:
    """Sockets to PgBouncer are counted by this process, sessions by PostgreSQL."""
    port = urlsplit(app_url).port
    with suppress(psycopg.Error):
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            while True:
                found = await owner.execute(
                    "select count(*) from pg_stat_activity where usename = 'quire_app'"
                )
                (servers,) = await found.fetchone() or (0,)
                waited.servers = max(waited.servers, servers)
                waited.clients = max(waited.clients, await asyncio.to_thread(_clients, port))
                await asyncio.sleep(_LOOK_SECONDS)


def _clients(port: int | None) -> int:
    connections = psutil.Process().net_connections("tcp4")
    return sum(c.raddr.port == port for c in connections if c.raddr and c.status == "ESTABLISHED")
