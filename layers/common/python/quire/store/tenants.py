"""Tenants, as the operator of a deployment sees them: through doors in the walls."""

from dataclasses import asdict

from quire.domain import OwnLimits, Page, Tenant
from quire.errors import Conflict, NotFound
from quire.store.api_keys import FIRST_KEY_DAYS, hash_key, new_key, prefix_of
from quire.store.database import Database

_TENANT = "tenant_id as id, name, created_at, closed_at"
_LIMITS = "key_requests, requests, streams, tokens, dollars"
_NO_TENANT = "There is no such tenant."


class Tenants:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, tenant: str, name: str) -> tuple[Tenant, str]:
        """With its first key, whose secret nobody can look up any more.

        Raises Conflict when there is one of that id.
        """
        key = new_key()
        (rows,) = await self._database.run(
            None,
            (
                f"select {_TENANT} from open_tenant(%s, %s, %s, %s, %s)",
                [tenant, name, prefix_of(key), hash_key(key), FIRST_KEY_DAYS],
            ),
        )
        if not rows:
            raise Conflict("There is a tenant of this id.")
        return Tenant(**rows[0]), key

    async def list(self, *, limit: int, after: str | None) -> Page[Tenant]:
        """In the order of their ids."""
        (rows,) = await self._database.run(
            None, (f"select {_TENANT} from list_tenants(%s, %s)", [after or "", limit + 1])
        )
        return Page(items=[Tenant(**row) for row in rows[:limit]], has_more=len(rows) > limit)

    async def limits(self, tenant: str) -> OwnLimits:
        """Raises NotFound."""
        (rows,) = await self._database.run(
            tenant,
            (
                f"""select {_LIMITS} from tenants left join limits using (tenant_id)
                    where tenant_id = %s""",
                [tenant],
            ),
        )
        if not rows:
            raise NotFound(_NO_TENANT)
        return OwnLimits(**rows[0])

    async def limit(self, tenant: str, own: OwnLimits) -> None:
        """Put these in place of its former ones. Raises NotFound."""
        values = asdict(own)
        (rows,) = await self._database.run(
            tenant,
            (
                f"""insert into limits (tenant_id, {_LIMITS})
                    select tenant_id, %s, %s, %s, %s, %s from tenants where tenant_id = %s
                    on conflict (tenant_id) do update
                    set ({_LIMITS}, updated_at) = (
                        excluded.key_requests, excluded.requests, excluded.streams,
                        excluded.tokens, excluded.dollars, now())
                    returning 1""",
                [*(values[name] for name in _LIMITS.split(", ")), tenant],
            ),
        )
        if not rows:
            raise NotFound(_NO_TENANT)

    async def close(self, tenant: str) -> None:
        """Serve no call of its users any more. Raises NotFound."""
        (rows,) = await self._database.run(None, ("select close_tenant(%s) as closed", [tenant]))
        if not rows[0]["closed"]:
            raise NotFound(_NO_TENANT)
