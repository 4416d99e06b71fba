"""Messages by their ids: shown again, stopped, rated."""

from collections.abc import Sequence
from uuid import UUID

from quire.domain import Caller, StoredTurn
from quire.errors import NotFound
from quire.store.database import Database, Row
from quire.store.sessions import MESSAGE_STATUS, ensure_user

# Through the session, as that is whose the message is.
MINE = "(select s.id from sessions s where s.user_id = %s)"


class Messages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def turn(self, caller: Caller, message: UUID) -> StoredTurn:
        """An answer and what was shown with it. Raises NotFound."""
        (rows,) = await self._database.run(
            caller.tenant,
            (
                f"""select id as message, session_id as session, content, citations, opening,
                           sources, outcome,
                           {MESSAGE_STATUS} as status
                    from messages where id = %s and role = 'assistant' and session_id in {MINE}""",
                [message, caller.user],
            ),
        )
        return StoredTurn(**one_message(rows))

    async def stop(self, caller: Caller, message: UUID) -> None:
        """Have an answer end where it is; nothing happens to one that has ended.

        Raises NotFound.
        """
        (rows,) = await self._database.run(
            caller.tenant,
            (
                f"""update messages set stop_requested = true
                    where id = %s and role = 'assistant' and session_id in {MINE}
                    returning id""",
                [message, caller.user],
            ),
        )
        one_message(rows)

    async def rate(
        self, caller: Caller, message: UUID, *, rating: str, comment: str | None
    ) -> UUID:
        """Keep what a user thinks of an answer, in place of what they thought before; its session.

        Raises NotFound, also when it is being deleted: that is waited for.
        """
        _, rows = await self._database.run(
            caller.tenant,
            ensure_user(caller),
            (
                f"""with mine as (
                        select tenant_id, id, session_id from messages
                        where id = %s and role = 'assistant' and session_id in {MINE}
                        for key share
                    ), rated as (
                        insert into feedback (tenant_id, message_id, user_id, rating, comment)
                        select tenant_id, id, %s, %s, %s from mine
                        on conflict (tenant_id, message_id, user_id) do update set
                            rating = excluded.rating, comment = excluded.comment,
                            created_at = now()
                    )
                    select session_id from mine""",
                [message, caller.user, caller.user, rating, comment],
            ),
        )
        session: UUID = one_message(rows)["session_id"]
        return session


def one_message(rows: Sequence[Row]) -> Row:
    if not rows:
        raise NotFound("There is no such message.")
    return rows[0]
