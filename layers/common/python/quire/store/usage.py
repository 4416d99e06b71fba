"""What a tenant used, summed per day and model."""

from datetime import date

from quire.domain import DailyUsage, Usage
from quire.store.database import Database, Statement


def add_usage(
    tenant: str, model: str, usage: Usage, cost_usd: float, *, requests: int = 1
) -> Statement:
    """For the transaction that keeps what was paid for.

    Where two models served one request, it is counted with one of them.
    """
    return (
        """insert into usage as u
               (tenant_id, day, model, requests, prompt_tokens, cached_tokens,
                completion_tokens, embedding_tokens, cost_usd)
           values (%s, (now() at time zone 'utc')::date, %s, %s, %s, %s, %s, %s, %s)
           on conflict (tenant_id, day, model) do update set
               requests = u.requests + excluded.requests,
               prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
               cached_tokens = u.cached_tokens + excluded.cached_tokens,
               completion_tokens = u.completion_tokens + excluded.completion_tokens,
               embedding_tokens = u.embedding_tokens + excluded.embedding_tokens,
               cost_usd = u.cost_usd + excluded.cost_usd""",
        [
            *(tenant, model, requests, usage.prompt_tokens, usage.cached_tokens),
            *(usage.completion_tokens, usage.embedding_tokens, cost_usd),
        ],
    )


class UsageCounts:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant: str, *used: Statement) -> None:
        """For what leaves nothing else behind."""
        await self._database.run(tenant, *used)

    async def daily(self, tenant: str, first: date, last: date) -> list[DailyUsage]:
        """Of the days (UTC) from `first` to `last`, both included; the oldest first."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select day, model, requests, prompt_tokens, cached_tokens, completion_tokens,
                          embedding_tokens, cost_usd
                   from usage where day between %s and %s order by day, model""",
                [first, last],
            ),
        )
        return [
            DailyUsage(
                day=row.pop("day"),
                model=row.pop("model"),
                requests=row.pop("requests"),
                cost_usd=row.pop("cost_usd"),
                usage=Usage(**row),
            )
            for row in rows
        ]
