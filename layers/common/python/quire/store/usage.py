"""What a tenant used, summed per day and model."""

from quire.domain import Usage
from quire.store.database import Database, Statement


def add_usage(tenant: str, model: str, usage: Usage, cost_usd: float) -> Statement:
    """For the transaction that keeps what was paid for."""
    return (
        """insert into usage as u
               (tenant_id, day, model, requests, prompt_tokens, cached_tokens,
                completion_tokens, embedding_tokens, cost_usd)
           values (%s, (now() at time zone 'utc')::date, %s, 1, %s, %s, %s, %s, %s)
           on conflict (tenant_id, day, model) do update set
               requests = u.requests + 1,
               prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
               cached_tokens = u.cached_tokens + excluded.cached_tokens,
               completion_tokens = u.completion_tokens + excluded.completion_tokens,
               embedding_tokens = u.embedding_tokens + excluded.embedding_tokens,
               cost_usd = u.cost_usd + excluded.cost_usd""",
        [
            *(tenant, model, usage.prompt_tokens, usage.cached_tokens),
            *(usage.completion_tokens, usage.embedding_tokens, cost_usd),
        ],
    )


class UsageCounts:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant: str, model: str, usage: Usage, cost_usd: float) -> None:
        """For what leaves nothing else behind."""
        await self._database.run(tenant, add_usage(tenant, model, usage, cost_usd))
