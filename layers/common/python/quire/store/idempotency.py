"""Idempotency keys: a request that was sent twice happens once, and its answer is given again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from quire.domain import Caller
from quire.errors import Conflict, Invalid
from quire.store.database import Database
from quire.store.sessions import ensure_user

KEEP_HOURS = 24
# Most requests end within seconds; one whose worker is gone, with its lease.
_ASK_AGAIN_SECONDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """An answer as it was sent; without a `body` it is not kept, and cannot be given again."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes | None


class IdempotencyKeys:
    def __init__(self, database: Database, *, lease: float) -> None:
        """`lease` in seconds is more than any request takes: whose lease is over has crashed."""
        self._database = database
        self._lease = lease

    async def claim(
        self, caller: Caller, key: str, *, request_hash: bytes, claim: UUID
    ) -> StoredAnswer | None:
        """The answer to this request; None when it is the caller's to find, under `claim`.

        Raises Invalid when the key was used for another request, Conflict while this one is in
        flight or when its answer is not kept, Unavailable.
        """
        _, claimed, rows = await self._database.run(
            caller.tenant,
            ensure_user(caller),
            (
                """insert into idempotency_keys as k
                       (tenant_id, user_id, key, request_hash, claim, lease_until, expires_at)
                   values (%s, %s, %s, %s, %s, now() + make_interval(secs => %s),
                           now() + make_interval(hours => %s))
                   on conflict (tenant_id, user_id, key) do update set
                       request_hash = excluded.request_hash, claim = excluded.claim,
                       status = null, headers = null, body = null, session_id = null,
                       lease_until = excluded.lease_until, expires_at = excluded.expires_at
                   where k.expires_at < now()
                      or (k.status is null and k.lease_until < now()
                          and k.request_hash = excluded.request_hash)
                   returning key""",
                [caller.tenant, caller.user, key, request_hash, claim, self._lease, KEEP_HOURS],
            ),
            (
                """select request_hash, status, headers, body from idempotency_keys
                   where user_id = %s and key = %s and claim <> %s""",
                [caller.user, key, claim],
            ),
        )
        if claimed:
            return None
        found = rows[0] if rows else None  # none, if it was released just now
        if found and found["request_hash"] != request_hash:
            raise Invalid("This key was used for another request.", field="Idempotency-Key")
        if found is None or found["status"] is None:
            raise Conflict("This request is being answered.", retry_after=_ASK_AGAIN_SECONDS)
        if found["body"] is None:
            raise Conflict("This request was answered once; its answer is not kept to be repeated.")
        return StoredAnswer(
            status=found["status"],
            headers=[(name, value) for name, value in found["headers"]],
            body=found["body"],
        )

    async def keep(
        self,
        caller: Caller,
        key: str,
        answer: StoredAnswer,
        *,
        claim: UUID,
        session: UUID | None,
    ) -> None:
        """End a request with its answer, unless its claim was lost to another.

        What it tells of a `session` goes with that, and is not kept when it is gone already.
        """
        await self._database.run(
            caller.tenant,
            (
                # Locked: who deletes it waits for this, or this for them.
                """with there as (select from sessions where id = %s for key share)
                   update idempotency_keys set status = %s, session_id = %s, headers = %s,
                       body = case when %s::uuid is null or exists (select from there)
                                   then %s::bytea end
                   where user_id = %s and key = %s and claim = %s""",
                [
                    *(session, answer.status, session, Jsonb(answer.headers)),
                    *(session, answer.body),
                    *(caller.user, key, claim),
                ],
            ),
        )

    async def release(self, caller: Caller, key: str, *, claim: UUID) -> None:
        """End a request without an answer: sent again, it is tried again."""
        await self._database.run(
            caller.tenant,
            (
                """delete from idempotency_keys
                   where user_id = %s and key = %s and claim = %s and status is null""",
                [caller.user, key, claim],
            ),
        )
