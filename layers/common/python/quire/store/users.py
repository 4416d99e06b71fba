"""Users of a tenant: made by whoever calls as them first, or beforehand; shut out when need be."""

from quire.domain import Page, User
from quire.errors import NotFound
from quire.store.database import Database

_USER = """
    id, created_at, revoked_at,
    (select count(*) from sessions s where s.user_id = u.id) as sessions
"""


class Users:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def may_call(self, tenant: str, user: str) -> bool:
        """Whether the tenant is open and the user not shut out; unknown users may."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select 1 from tenants
                   where tenant_id = %s and closed_at is null and not exists (
                       select from users where id = %s and revoked_at is not null)""",
                [tenant, user],
            ),
        )
        return bool(rows)

    async def check_known(self, tenant: str, user: str) -> None:
        """Raises NotFound for whom nobody called as, made or made a key for."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select 1 from users where id = %s
                   union all select 1 from api_keys where coalesce(user_id, 'key:' || id) = %s
                   limit 1""",
                [user, user],
            ),
        )
        if not rows:
            raise NotFound("There is no such user.")

    async def put(self, tenant: str, user: str, *, revoked: bool) -> User:
        """Have a user, who is shut out or let in again; who vouches for them is not asked."""
        (rows,) = await self._database.run(
            tenant,
            (
                f"""insert into users as u (tenant_id, id, revoked_at)
                    values (%s, %s, case when %s then now() end)
                    on conflict (tenant_id, id) do update set revoked_at =
                        case when excluded.revoked_at is not null
                             then coalesce(u.revoked_at, excluded.revoked_at) end
                    returning {_USER}""",
                [tenant, user, revoked],
            ),
        )
        return User(**rows[0])

    async def list(self, tenant: str, *, limit: int, after: str | None) -> Page[User]:
        """In the order of their ids."""
        (rows,) = await self._database.run(
            tenant,
            (
                f"select {_USER} from users u where id > %s order by id limit %s",
                [after or "", limit + 1],
            ),
        )
        return Page(items=[User(**row) for row in rows[:limit]], has_more=len(rows) > limit)
