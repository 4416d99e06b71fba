"""What a tenant and its keys may do, counted in PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from local.stack import Stack
from quire.domain import Caller, Limits
from quire.store.collections import Collections
from quire.store.database import Database
from quire.store.limits import STREAMS_LOCK, RateLimits
from tests.conftest import Tenant

MakeTenant = Callable[..., Awaitable[Tenant]]
Owner = psycopg.AsyncConnection[tuple[object, ...]]
STAGE = Limits(key_requests=600, requests=600)


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    one = Database(stack.app_url, connections=8)
    yield one
    await one.close()


@pytest.fixture
async def tenant(make_tenant: MakeTenant) -> Tenant:
    return await make_tenant()


def caller(tenant: Tenant, user: str) -> Caller:
    """As a token names them: a bucket of their own."""
    return Caller(tenant.id, user, frozenset(("ask",)))


async def counted(limits: RateLimits, who: Caller, times: int) -> int:
    """How many of so many requests at once are allowed."""
    taken = await asyncio.gather(*(limits.take(who) for _ in range(times)))
    return sum(one.allowed for one in taken)


async def test_a_bucket_holds_what_it_holds_however_many_come_at_once(
    database: Database, tenant: Tenant
) -> None:
    limits = RateLimits(database, Limits(key_requests=10, requests=100), timeout=30)
    ada = caller(tenant, "ada")
    assert await counted(limits, ada, 40) == 10
    refused = await limits.take(ada)
    assert not refused.allowed
    # One every six seconds comes back.
    assert 0 < refused.key.seconds <= 6
    assert refused.key.seconds_to_full > 50


@asynccontextmanager
async def held_up(stack: Stack, lock: LiteralString) -> AsyncIterator[Owner]:
    """What waits for that lock goes on all at once."""
    async with await psycopg.AsyncConnection.connect(stack.owner_url) as connection:
        await connection.execute(lock)
        yield connection
        await asyncio.sleep(0.3)


async def test_no_two_requests_take_the_same(
    stack: Stack, database: Database, tenant: Tenant
) -> None:
    limits = RateLimits(database, Limits(key_requests=3, requests=100), timeout=30)
    ada = caller(tenant, "ada")
    assert (await limits.take(ada)).allowed
    async with held_up(stack, "select from rate_limits for update"):
        waiting = asyncio.create_task(counted(limits, ada, 8))
    assert await waiting == 2


async def test_who_is_refused_takes_nothing_of_what_others_have(
    database: Database, tenant: Tenant
) -> None:
    limits = RateLimits(database, Limits(key_requests=3, requests=10), timeout=30)
    assert await counted(limits, caller(tenant, "ada"), 30) == 3
    assert await counted(limits, caller(tenant, "bob"), 30) == 3
    assert await counted(limits, caller(tenant, "cyd"), 30) == 3
    # The tenant's own bucket: ten in all.
    assert await counted(limits, caller(tenant, "dan"), 30) == 1


async def test_a_bucket_fills_as_time_passes(
    database: Database, tenant: Tenant, owner: Owner
) -> None:
    limits = RateLimits(database, Limits(key_requests=60, requests=60), timeout=30)
    ada = caller(tenant, "ada")
    assert await counted(limits, ada, 70) >= 60
    assert not (await limits.take(ada)).allowed
    await owner.execute(
        "update rate_limits set updated_at = updated_at - interval '5 s' where tenant_id = %s",
        [tenant.id],
    )
    assert await counted(limits, ada, 20) in (5, 6)


async def test_a_bucket_that_expires_under_a_request_was_full(
    stack: Stack, database: Database, tenant: Tenant
) -> None:
    limits = RateLimits(database, Limits(key_requests=3, requests=10), timeout=30)
    ada = caller(tenant, "ada")
    assert (await limits.take(ada)).allowed
    async with held_up(stack, "lock limits in access exclusive mode") as other:
        waiting = asyncio.create_task(limits.take(ada))
        await asyncio.sleep(0.3)  # it has found its rows, and does not hold them yet
        gone = await other.execute("delete from rate_limits where tenant_id = %s", [tenant.id])
        assert gone.rowcount == 2
    assert (await waiting).key.left == 2


async def test_a_tenants_own_limits_come_before_the_stages(
    database: Database, make_tenant: MakeTenant, owner: Owner
) -> None:
    limits = RateLimits(database, Limits(key_requests=5, requests=5, tokens=9), timeout=30)
    mine, other = await make_tenant(), await make_tenant()
    await owner.execute(
        "insert into limits (tenant_id, key_requests, streams) values (%s, 2, 7)", [mine.id]
    )
    own, stages = await limits.take(caller(mine, "a")), await limits.take(caller(other, "a"))
    assert (own.key.most, own.tenant.most, own.streams, own.tokens) == (2, 5, 7, 9)
    assert (stages.key.most, stages.tenant.most, stages.streams) == (5, 5, None)


async def test_users_who_are_quiet_for_days_are_forgotten(
    database: Database, tenant: Tenant, owner: Owner
) -> None:
    limits = RateLimits(database, STAGE, timeout=30)
    for user in ("ada", "bob"):
        await limits.take(caller(tenant, user))
    await owner.execute(
        """update rate_limits set updated_at = now() - interval '8 days'
           where tenant_id = %s and subject <> 'user:bob'""",
        [tenant.id],
    )
    assert await Collections(database).expire_caches(until=time.monotonic() + 5) >= 1
    (rows,) = await database.run(tenant.id, ("select subject from rate_limits", []))
    assert {row["subject"] for row in rows} == {"tenant", "user:bob"}
    assert (await limits.take(caller(tenant, "ada"))).allowed


async def test_streams_at_once_are_counted_exactly(
    stack: Stack, database: Database, tenant: Tenant
) -> None:
    limits = RateLimits(database, STAGE, timeout=30)

    async def begin(most: int = 3, seconds: float = 60) -> UUID | None:
        stream = uuid4()
        begun = await limits.begin_stream(tenant.id, stream=stream, most=most, seconds=seconds)
        return stream if begun else None

    begun = [one for one in await asyncio.gather(*(begin() for _ in range(20))) if one]
    assert len(begun) == 3
    await limits.end_stream(tenant.id, begun[0])
    # Should its worker die, its time ends it.
    assert await begin(seconds=0) is not None
    assert await begin() is not None
    assert await begin() is None
    # What another is about to begin is waited for, and counts.
    async with await psycopg.AsyncConnection.connect(stack.owner_url) as other:
        lock = "select pg_advisory_xact_lock(%s, hashtext(%s))"
        await other.execute(lock, [STREAMS_LOCK, tenant.id])
        await other.execute(
            "insert into streams values (%s, gen_random_uuid(), now() + interval '1 day')",
            [tenant.id],
        )
        waiting = asyncio.create_task(begin(most=4))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert await waiting is None


async def test_a_stream_and_who_resumes_it_have_one_place(
    database: Database, tenant: Tenant
) -> None:
    """However many are lost at once, none of them keeps another from being resumed."""
    limits = RateLimits(database, STAGE, timeout=30)

    async def begin(resumes: UUID | None = None) -> UUID | None:
        stream = uuid4()
        begun = await limits.begin_stream(
            tenant.id, stream=stream, most=2, seconds=60, resumes=resumes
        )
        return stream if begun else None

    first, second = await begin(), await begin()
    assert first
    assert second
    again = await begin(first)
    assert again
    assert await begin(second)
    assert not await begin()
    assert not await begin(first), "it is resumed already"
    await limits.end_stream(tenant.id, first)
    assert not await begin(), "who resumed it still reads"
    await limits.end_stream(tenant.id, again)
    # Of a turn that has ended, or never was counted, it is one like any other.
    assert await begin(first)
    assert not await begin()
