"""What a tenant and each of its keys may do: a bucket a minute, a sum a day, streams at once.

A bucket holds a minute's requests and fills as time passes; a request takes one of its key's and
one of its tenant's, or none of either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from quire.domain import Caller, Limits
from quire.store.database import Database, Statement

TENANT = "tenant"
MINUTE = 60.0  # seconds
# What is lost of these counts with a server is a moment's: nobody waits for its disk.
_LOOSELY: Statement = ("select set_config('synchronous_commit', 'off', true)", [])
# The first half of the locks under which a tenant's streams are counted; the number is ours.
STREAMS_LOCK = 0x51_53


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Of `most` requests a minute `left` may be made now; below one, none."""

    most: float
    left: float

    @property
    def seconds(self) -> float:
        """Until the next request may be made."""
        return max(0.0, 1 - self.left) * MINUTE / self.most

    @property
    def seconds_to_full(self) -> float:
        return (self.most - self.left) * MINUTE / self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How a request stands with its limits; `allowed`, it was counted.

    `tokens` and `dollars` are what is left of the day, for `day_seconds` more; None is no limit.
    Of `streams` so many may be under way at once.
    """

    allowed: bool
    key: Bucket
    tenant: Bucket
    tokens: int | None
    dollars: float | None
    day_seconds: float
    streams: int | None


class RateLimits:
    def __init__(self, database: Database, stage: Limits, *, timeout: float = 1.0) -> None:
        """`stage` is for tenants without limits of their own; `timeout` in seconds is for each
        question: what is to slow nobody down must not be waited for.
        """
        self._database = database
        self._stage = stage
        self._timeout = timeout

    async def take(self, caller: Caller) -> Allowance:
        """Count one request of this caller, if its buckets hold one. Raises Unavailable."""
        subjects = [_subject(caller), TENANT]
        stage = self._stage
        _, _, rows = await self._database.run(
            caller.tenant,
            _LOOSELY,
            (
                # What is new is full, whatever its size.
                """insert into rate_limits (tenant_id, subject, tokens)
                   select %s, subject, 'infinity' from unnest(%s::text[]) as s (subject)
                   on conflict do nothing""",
                [caller.tenant, subjects],
            ),
            (
                _TAKE,
                [
                    *(TENANT, stage.tokens, stage.dollars, stage.streams),
                    *(subjects, [stage.key_requests, stage.requests]),
                    *(subjects, caller.tenant),
                ],
            ),
            timeout=self._timeout,
        )
        return _allowance(rows)

    async def used_up(self, tenant: str) -> bool:
        """Whether nothing is left of the tenant's tokens or dollars of this day (UTC).

        Raises Unavailable.
        """
        (rows,) = await self._database.run(
            tenant,
            (
                """select coalesce(spent.tokens >= coalesce(l.tokens, %s::bigint), false)
                       or coalesce(spent.dollars >= coalesce(l.dollars, %s::float8), false) as over
                   from (select coalesce(sum(prompt_tokens + completion_tokens + embedding_tokens),
                                         0) as tokens,
                                coalesce(sum(cost_usd), 0) as dollars
                         from usage where day = (now() at time zone 'utc')::date) as spent
                   left join limits l on true""",
                [self._stage.tokens, self._stage.dollars],
            ),
        )
        over: bool = rows[0]["over"]
        return over

    async def begin_stream(
        self, tenant: str, *, stream: UUID, most: int, seconds: float, resumes: UUID | None = None
    ) -> bool:
        """Count a stream that ends within `seconds`, if there are fewer than `most`.

        What somebody `resumes` has one place with those who do, be it the only one: nobody can
        tell whether it is still read. Raises Unavailable.
        """
        *_, begun = await self._database.run(
            tenant,
            _LOOSELY,
            # One after the other, so that each sees what the one before it has begun.
            ("select pg_advisory_xact_lock(%s, hashtext(%s))", [STREAMS_LOCK, tenant]),
            ("delete from streams where until < now()", []),
            (
                """insert into streams (tenant_id, id, until, resumes)
                   select %s, %s, now() + make_interval(secs => %s), %s
                   where (
                       select count(*) from streams s
                       where s.id is distinct from %s
                           and not exists (select from streams r where r.resumes = s.id)
                   ) < %s
                   returning id""",
                [tenant, stream, seconds, resumes, resumes, most],
            ),
            timeout=self._timeout,
        )
        return bool(begun)

    async def end_stream(self, tenant: str, stream: UUID) -> None:
        """Raises Unavailable; its time ends it then."""
        await self._database.run(
            tenant,
            _LOOSELY,
            ("delete from streams where id = %s", [stream]),
            timeout=self._timeout,
        )


# The rows are locked first, and so are the newest; always in one order, so that no two requests
# wait for each other. One that has just expired, or was erased, was full.
_TAKE = """
with stage as (
    select s.subject, s.most,
           case s.subject when %s then l.requests else l.key_requests end as own,
           coalesce(l.tokens, %s::bigint) as tokens, coalesce(l.dollars, %s::float8) as dollars,
           coalesce(l.streams, %s::int) as streams
    from unnest(%s::text[], %s::float8[]) as s (subject, most) left join limits l on true
), held as (
    select subject, tokens, updated_at from rate_limits
    where subject = any(%s::text[]) order by subject for update
), filled as (
    select subject, coalesce(own, most) as most, stage.tokens, dollars, streams,
           least(coalesce(own, most), held.tokens + coalesce(own, most) / 60
                 * greatest(0, extract(epoch from now() - updated_at)::float8)) as held
    from stage left join held using (subject)
), verdict as (
    select bool_and(held >= 1) as allowed from filled
), taken as (
    update rate_limits r
    set tokens = held - allowed::int, updated_at = greatest(updated_at, now())
    from filled f, verdict
    where r.tenant_id = %s and r.subject = f.subject
), today as (
    select (now() at time zone 'utc')::date as day
), spent as (
    select coalesce(sum(prompt_tokens + completion_tokens + embedding_tokens), 0)::bigint as tokens,
           coalesce(sum(cost_usd), 0) as dollars
    from usage join today using (day)
)
select subject, most, held - allowed::int as left, allowed, streams,
       f.tokens - spent.tokens as tokens, f.dollars - spent.dollars as dollars,
       extract(epoch from (day + 1) - now() at time zone 'utc')::float8 as day_seconds
from filled f, verdict, spent, today
"""


def _subject(caller: Caller) -> str:
    """Whose bucket it is beside the tenant's: the key's, or the user's that a token names."""
    return f"key:{caller.key_id}" if caller.key_id else f"user:{caller.user}"


def _allowance(rows: Sequence[dict[str, Any]]) -> Allowance:
    found = {row["subject"]: row for row in rows}
    tenant = found.pop(TENANT)
    (key,) = found.values()
    return Allowance(
        allowed=tenant["allowed"],
        key=Bucket(most=key["most"], left=key["left"]),
        tenant=Bucket(most=tenant["most"], left=tenant["left"]),
        tokens=tenant["tokens"],
        dollars=tenant["dollars"],
        day_seconds=tenant["day_seconds"],
        streams=tenant["streams"],
    )
