"""Erasing users and tenants: who is erased is shut out, then their rows go, a number at a time."""

from collections import Counter

from quire.store.api_keys import revoke_keys
from quire.store.database import Database, Row, Statement

_SOME = "(select s.id from sessions s where s.user_id = %s order by s.id limit %s)"
# In this order: what refers to others first, so that no statement takes more than it was told to.
_TABLES = (
    *("retrievals", "feedback", "messages", "idempotency_keys", "sessions"),
    *("chunks", "embedding_cache", "answer_cache", "versions", "jobs", "documents"),
    *("usage", "rate_limits", "limits", "streams", "personas", "corpora", "api_keys", "users"),
)

_END_EXPORTS: Statement = (
    """update jobs set status = 'failed', updated_at = now(),
           error = 'Somebody was erased meanwhile; ask for it again.'
       where kind = 'export' and status in ('queued', 'running')""",
    [],
)


class Erasure:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def shut_out(self, tenant: str, user: str) -> None:
        """Serve no call of a user's any more, nor end an export that may have what is theirs."""
        await self._database.run(
            tenant,
            ("update users set revoked_at = coalesce(revoked_at, now()) where id = %s", [user]),
            revoke_keys(user),
            _END_EXPORTS,
        )

    async def end_exports(self, tenant: str) -> None:
        """Whoever writes one goes on until the lease is over, and is not heard then."""
        await self._database.run(tenant, _END_EXPORTS)

    async def busy(self, tenant: str, *, exporting: bool) -> bool:
        """Whether a worker may still write: an export, or else anything of a tenant's."""
        (rows,) = await self._database.run(
            tenant,
            (
                """select exists (select from jobs
                                  where lease_until > now() and (kind = 'export' or not %s))
                       or not %s and exists (select from versions where lease_until > now())
                       as busy""",
                [exporting, exporting],
            ),
        )
        return bool(rows[0]["busy"])

    async def forget_sessions(self, tenant: str, user: str, *, most: int) -> Counter[str]:
        """Some of a user's sessions, with all that quotes them, whoever it was told; how much.

        Nothing when there is none left.
        """
        some = [user, most]
        _, messages, _, repeated, sessions = await self._database.run(
            tenant,
            # Locked: no answer is kept behind our back.
            (f"select from sessions where id in {_SOME} for update", some),
            (f"select 1 from messages where session_id in {_SOME}", some),
            (f"delete from answer_cache where exists {_SOME}", some),
            (
                f"""update idempotency_keys set headers = null, body = null
                    where session_id in {_SOME} and status is not null returning 1""",
                some,
            ),
            (f"delete from sessions where id in {_SOME} returning 1", some),
        )
        return _counted(messages=messages, repeated_answers=repeated, sessions=sessions)

    async def forget_user(self, tenant: str, user: str) -> Counter[str]:
        """What is left of a user: keys, requests, and that there was one; how much of each."""
        repeated, answers, _, keys, users = await self._database.run(
            tenant,
            ("delete from idempotency_keys where user_id = %s returning 1", [user]),
            ("delete from answer_cache returning 1", []),
            (
                """delete from rate_limits
                   where subject = 'user:' || %s
                      or subject in (select 'key:' || id from api_keys
                                     where coalesce(user_id, 'key:' || id) = %s)""",
                [user, user],
            ),
            (
                "delete from api_keys where coalesce(user_id, 'key:' || id) = %s returning 1",
                [user],
            ),
            ("delete from users where id = %s returning 1", [user]),
        )
        return _counted(
            repeated_answers=repeated, cached_answers=answers, api_keys=keys, users=users
        )

    async def forget_exports(self, tenant: str, user: str) -> None:
        """That there were any of this user's."""
        await self._database.run(
            tenant, ("delete from jobs where kind = 'export' and request->>'user' = %s", [user])
        )

    async def forget_rows(self, tenant: str, *, most: int) -> Counter[str]:
        """Up to `most` rows of each of a tenant's tables; nothing when there is none left."""
        deleted = await self._database.run(tenant, *(_delete(name, most) for name in _TABLES))
        return _counted(**dict(zip(_TABLES, deleted, strict=True)))

    async def close_tenant(self, tenant: str) -> None:
        await self._database.run(None, ("select close_tenant(%s)", [tenant]))

    async def forget_tenant(self, tenant: str) -> None:
        await self._database.run(None, ("select forget_tenant(%s)", [tenant]))


def _delete(table: str, most: int) -> Statement:
    return (
        f"""delete from {table} where ctid = any(array(select ctid from {table} limit %s))
            returning 1""",
        [most],
    )


def _counted(**rows: list[Row]) -> Counter[str]:
    return Counter({name: len(found) for name, found in rows.items() if found})
