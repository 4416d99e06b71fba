"""Sessions and their messages, each seen by its own user only."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from quire.domain import (
    Caller,
    Collection,
    Message,
    Page,
    Prompt,
    ScoredChunk,
    Session,
    Usage,
)
from quire.errors import NotFound
from quire.store.collections import LIVE, to_collection
from quire.store.database import Database, Row, Statement
from quire.store.usage import add_usage

_SESSION = """
    id, title, metadata, created_at, updated_at, last_accessed,
    (select count(*) from messages m where m.session_id = s.id) as message_count
"""
_MESSAGE = "id, session_id as session, role, content, citations, created_at"


class Sessions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, caller: Caller, session: UUID, *, title: str | None, metadata: Mapping[str, Any]
    ) -> Session:
        *_, rows = await self._database.run(
            caller.tenant,
            _ensure_user(caller),
            _insert_session(caller, session, title, metadata),
            _select_session(caller, session),
        )
        return Session(**rows[0])

    async def get(self, caller: Caller, session: UUID) -> Session:
        """Raises NotFound, also for another user's."""
        (rows,) = await self._database.run(caller.tenant, _select_session(caller, session))
        return Session(**_one(rows))

    async def list(self, caller: Caller, *, limit: int, after: UUID | None) -> Page[Session]:
        """Newest first."""
        (rows,) = await self._database.run(
            caller.tenant,
            (
                f"""select {_SESSION} from sessions s
                    where user_id = %s and (%s::uuid is null or id < %s)
                    order by id desc limit %s""",
                [caller.user, after, after, limit + 1],
            ),
        )
        return Page(items=[Session(**r) for r in rows[:limit]], has_more=len(rows) > limit)

    async def update(
        self,
        caller: Caller,
        session: UUID,
        *,
        title: str | None,
        metadata: Mapping[str, Any] | None,
    ) -> Session:
        """Set what is not None. Raises NotFound."""
        _, rows = await self._database.run(
            caller.tenant,
            (
                """update sessions set title = coalesce(%s, title),
                       metadata = coalesce(%s, metadata), updated_at = now()
                   where id = %s and user_id = %s""",
                [title, None if metadata is None else Jsonb(metadata), session, caller.user],
            ),
            _select_session(caller, session),
        )
        return Session(**_one(rows))

    async def delete(self, caller: Caller, session: UUID) -> None:
        """With its messages and retrievals. Raises NotFound."""
        (rows,) = await self._database.run(
            caller.tenant,
            (
                "delete from sessions where id = %s and user_id = %s returning id",
                [session, caller.user],
            ),
        )
        _one(rows)

    async def messages(
        self, caller: Caller, session: UUID, *, limit: int, after: UUID | None
    ) -> Page[Message]:
        """Oldest first. Raises NotFound."""
        sessions, rows = await self._database.run(
            caller.tenant,
            _select_session(caller, session),
            (
                f"""select {_MESSAGE} from messages
                    where session_id = %s and (%s::uuid is null or id > %s)
                    order by id limit %s""",
                [session, after, after, limit + 1],
            ),
        )
        _one(sessions)
        return Page(items=[Message(**r) for r in rows[:limit]], has_more=len(rows) > limit)

    async def open_turn(
        self, caller: Caller, session: UUID | None, *, history: int
    ) -> tuple[Collection, Sequence[Message]]:
        """What a turn starts from, in one round trip: the live collection, and the session's
        newest `history` messages, oldest first. Raises NotFound.
        """
        live, sessions, rows = await self._database.run(
            caller.tenant,
            LIVE,
            (
                "select 1 from sessions where id = %s and user_id = %s",
                [session, caller.user],
            ),
            (
                f"""select * from (
                        select {_MESSAGE} from messages where session_id = %s
                        order by id desc limit %s) newest
                    order by id""",
                [session, history],
            ),
        )
        if session is not None:
            _one(sessions)
        return to_collection(live), [Message(**r) for r in rows]

    async def close_turn(
        self,
        caller: Caller,
        *,
        new_session: bool,
        question: Message,
        answer: Message,
        retrieved: Sequence[ScoredChunk],
        grounded: bool,
        model: str,
        prompt: Prompt | None,
        usage: Usage,
        cost_usd: float,
        timings: Mapping[str, float],
    ) -> None:
        """Keep a finished turn whole: the session if it is new, both messages, what was
        retrieved, and what it cost. Raises NotFound when the
        session was deleted meanwhile.
        """
        counts = {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "embedding_tokens": usage.embedding_tokens,
            "cost_usd": cost_usd,
        }
        opening = (
            _ensure_user(caller),
            _insert_session(caller, question.session, question.content[:80], {}),
        )
        statements: list[Statement] = [
            *(opening if new_session else ()),
            (
                """insert into messages
                       (tenant_id, id, session_id, role, content, citations, grounded, model,
                        prompt_name, prompt_hash, usage, timings, created_at)
                   values (%s, %s, %s, 'user', %s, '[]', null, null, null, null, null, null, %s),
                          (%s, %s, %s, 'assistant', %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                [
                    *(caller.tenant, question.id, question.session, question.content),
                    question.created_at,
                    *(caller.tenant, answer.id, answer.session, answer.content),
                    *(Jsonb(answer.citations), grounded, model),
                    *((prompt.name, prompt.hash) if prompt else (None, None)),
                    *(Jsonb(counts), Jsonb(timings), answer.created_at),
                ],
            ),
            _insert_retrievals(caller, answer.id, retrieved),
            (
                """update sessions set updated_at = now(), last_accessed = now() where id = %s""",
                [question.session],
            ),
            add_usage(caller.tenant, model, usage, cost_usd),
        ]
        try:
            await self._database.run(caller.tenant, *statements)
        except ForeignKeyViolation:
            raise NotFound("The session was deleted while its question was answered.") from None


def _one(rows: Sequence[Row]) -> Row:
    if not rows:
        raise NotFound("There is no such session.")
    return rows[0]


def _ensure_user(caller: Caller) -> Statement:
    return (
        "insert into users (tenant_id, id) values (%s, %s) on conflict do nothing",
        [caller.tenant, caller.user],
    )


def _insert_session(
    caller: Caller, session: UUID, title: str | None, metadata: Mapping[str, Any]
) -> Statement:
    return (
        """insert into sessions (tenant_id, id, user_id, title, metadata)
           values (%s, %s, %s, %s, %s) on conflict do nothing""",
        [caller.tenant, session, caller.user, title, Jsonb(metadata)],
    )


def _select_session(caller: Caller, session: UUID) -> Statement:
    return (
        f"select {_SESSION} from sessions s where id = %s and user_id = %s",
        [session, caller.user],
    )


def _insert_retrievals(
    caller: Caller, message: UUID, retrieved: Sequence[ScoredChunk]
) -> Statement:
    return (
        """insert into retrievals
               (tenant_id, message_id, rank, chunk_id, document_id, version, score)
           select %s, %s, * from unnest(
               %s::int[], %s::uuid[], %s::uuid[], %s::int[], %s::float8[])""",
        [
            caller.tenant,
            message,
            list(range(1, len(retrieved) + 1)),
            [hit.chunk.id for hit in retrieved],
            [hit.chunk.document for hit in retrieved],
            [hit.chunk.version for hit in retrieved],
            [hit.score for hit in retrieved],
        ],
    )
