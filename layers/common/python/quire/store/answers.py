"""The cache of answers: the same question to the same corpus within minutes costs nothing."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from quire.domain import Caller
from quire.store.database import Database, Statement

_KEEP_MINUTES = 5


def find_answer(key: bytes) -> Statement:
    """Nothing when the corpus has changed since, or another index is live."""
    return (
        """select answer from answer_cache where key = %s and expires_at > now()
           and generation = coalesce((select generation from corpora), 0)
           and answer->>'collection' = (select name from collections where live)""",
        [key],
    )


def keep_answer(
    message: UUID, key: bytes, generation: int, collection: str, answer: Mapping[str, Any]
) -> Statement:
    """Nothing when that message, whose answer it is, is gone.

    `generation` and `collection` are those of the turn's beginning: what came later is not in the
    answer.
    """
    return (
        """insert into answer_cache (tenant_id, key, generation, answer, expires_at)
           select tenant_id, %s, %s, %s, now() + make_interval(mins => %s)
           from messages where id = %s
           on conflict (tenant_id, key) do update set generation = excluded.generation,
               answer = excluded.answer, expires_at = excluded.expires_at""",
        [
            *(key, generation, Jsonb({**answer, "collection": collection})),
            *(_KEEP_MINUTES, message),
        ],
    )


def forget_answers(caller: Caller, session: UUID) -> tuple[Statement, ...]:
    """What may quote a session that goes: the tenant's cache, whose rows name no session, and what
    requests about it were answered. The idempotency keys of these keep holding.

    The session is locked first, so that no answer is kept behind its back.
    """
    mine = "exists (select from sessions where id = %s and user_id = %s)"
    whose = [session, caller.user]
    return (
        ("select from sessions where id = %s and user_id = %s for update", whose),
        (f"delete from answer_cache where {mine}", whose),
        (
            f"""update idempotency_keys set headers = null, body = null
                where session_id = %s and {mine}""",
            [session, *whose],
        ),
    )


class Answers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant: str, key: bytes, *, timeout: float) -> Mapping[str, Any] | None:
        (rows,) = await self._database.run(tenant, find_answer(key), timeout=timeout)
        return rows[0]["answer"] if rows else None
