"""Sessions and their messages, each seen by its own user only."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from quire.domain import Caller, Message, Page, Session
from quire.errors import NotFound, TooLarge
from quire.store.answers import forget_answers
from quire.store.database import Database, Row, Statement

_SESSION = """
    id, title, metadata, created_at, updated_at, last_accessed,
    (select count(*) from messages m where m.session_id = s.id) as message_count
"""
TOO_LONG = "This session is too long for one file; list its messages instead."
# A worker that is not heard of any more has left its turn incomplete.
MESSAGE_STATUS = """
    case when status = 'generating' and lease_until < now() then 'incomplete' else status end
"""
MESSAGE = f"""
    id, session_id as session, role, content, citations, {MESSAGE_STATUS} as status, created_at
"""


class Sessions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, caller: Caller, session: UUID, *, title: str | None, metadata: Mapping[str, Any]
    ) -> Session:
        *_, rows = await self._database.run(
            caller.tenant,
            ensure_user(caller),
            insert_session(caller, session, title, metadata),
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
        """With all that quotes it: messages, retrievals, feedback, cached answers.

        Raises NotFound.
        """
        *_, rows = await self._database.run(
            caller.tenant,
            *forget_answers(caller, session),
            (
                "delete from sessions where id = %s and user_id = %s returning id",
                [session, caller.user],
            ),
        )
        _one(rows)

    async def messages(
        self, caller: Caller, session: UUID, *, limit: int, after: UUID | None, touch: bool
    ) -> Page[Message]:
        """Oldest first, with what the caller thinks of each. Raises NotFound.

        With `touch`, it is written down that its user is at it.
        """
        *_, sessions, rows = await self._database.run(
            caller.tenant,
            *([touch_session(caller, session)] if touch else []),
            _select_session(caller, session),
            _select_messages(caller, session, limit=limit + 1, after=after),
        )
        _one(sessions)
        return Page(items=[Message(**r) for r in rows[:limit]], has_more=len(rows) > limit)

    async def whole(
        self, caller: Caller, session: UUID, *, most: int, touch: bool
    ) -> tuple[Session, Sequence[Message]]:
        """A session and all its messages, oldest first; `touch` as above.

        Raises NotFound; TooLarge where their words and citations are more than `most` bytes, none
        of which is read then.
        """
        *_, sessions, rows = await self._database.run(
            caller.tenant,
            *([touch_session(caller, session)] if touch else []),
            _select_session(caller, session),
            _select_messages(caller, session, most=most),
        )
        found = Session(**_one(sessions))
        if found.message_count and not rows:
            raise TooLarge(TOO_LONG)
        return found, [Message(**row) for row in rows]


def _one(rows: Sequence[Row]) -> Row:
    if not rows:
        raise NotFound("There is no such session.")
    return rows[0]


def ensure_user(caller: Caller) -> Statement:
    return (
        "insert into users (tenant_id, id) values (%s, %s) on conflict do nothing",
        [caller.tenant, caller.user],
    )


def insert_session(
    caller: Caller, session: UUID, title: str | None, metadata: Mapping[str, Any]
) -> Statement:
    return (
        """insert into sessions (tenant_id, id, user_id, title, metadata)
           values (%s, %s, %s, %s, %s) on conflict do nothing""",
        [caller.tenant, session, caller.user, title, Jsonb(metadata)],
    )


def touch_session(caller: Caller, session: UUID, *, title: str | None = None) -> Statement:
    """Its user is at it; without a title so far, it has this one."""
    return (
        """update sessions set last_accessed = now(), title = coalesce(title, %s)
           where id = %s and user_id = %s""",
        [title, session, caller.user],
    )


def _select_messages(
    caller: Caller,
    session: UUID,
    *,
    limit: int | None = None,
    after: UUID | None = None,
    most: int | None = None,
) -> Statement:
    """None where all of them have more than `most` bytes."""
    return (
        f"""select {MESSAGE}, (
                select jsonb_build_object('rating', f.rating, 'comment', f.comment)
                from feedback f where f.message_id = m.id and f.user_id = %s) as feedback
            from messages m
            where session_id = %s and (%s::uuid is null or id > %s)
              and (%s::bigint is null or %s >= (
                      select sum(octet_length(content) + octet_length(citations::text))
                      from messages where session_id = %s))
            order by id limit %s""",
        [caller.user, session, after, after, most, most, session, limit],
    )


def _select_session(caller: Caller, session: UUID) -> Statement:
    return (
        f"select {_SESSION} from sessions s where id = %s and user_id = %s",
        [session, caller.user],
    )
