"""What a user or a tenant has, row by row, as it is handed to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quire.store.database import Database

_SESSIONS = "(select s.id from sessions s where s.user_id = %(user)s)"
_MESSAGES = f"(select m.id from messages m where m.session_id in {_SESSIONS})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`key` names its columns in order, each with its type; `users` says which rows are a user's.

    `without` are columns that are kept from everybody.
    """

    name: str
    key: Mapping[str, str]
    users: str | None = None
    without: Sequence[str] = ()


# Not in it is what is made of these, and ends by itself: chunks, caches, repeated answers.
TABLES = (
    Table(name="users", key={"id": "text"}, users="id = %(user)s"),
    Table(
        name="api_keys",
        key={"id": "uuid"},
        users="coalesce(user_id, 'key:' || id) = %(user)s",
        without=["hash"],
    ),
    Table(name="sessions", key={"id": "uuid"}, users="user_id = %(user)s"),
    Table(name="messages", key={"id": "uuid"}, users=f"session_id in {_SESSIONS}"),
    Table(
        name="retrievals",
        key={"message_id": "uuid", "rank": "int"},
        users=f"message_id in {_MESSAGES}",
    ),
    Table(
        name="feedback", key={"message_id": "uuid", "user_id": "text"}, users="user_id = %(user)s"
    ),
    Table(name="personas", key={"tenant_id": "text"}),
    Table(name="limits", key={"tenant_id": "text"}),
    Table(name="documents", key={"id": "uuid"}),
    Table(name="versions", key={"document_id": "uuid", "version": "int"}),
    Table(name="usage", key={"day": "date", "model": "text"}),
)


class Exports:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        tenant: str,
        table: Table,
        *,
        user: str | None,
        after: Sequence[Any] | None,
        most: int,
    ) -> tuple[list[Mapping[str, Any]], Sequence[Any] | None]:
        """The next rows, all of the tenant's or those of a user, and after which to go on."""
        names = ", ".join(table.key)
        beyond = ", ".join(f"%({name})s::{kind}" for name, kind in table.key.items())
        conditions = [table.users] if user is not None and table.users else []
        conditions += [f"({names}) > ({beyond})"] if after else []
        where = f"where {' and '.join(conditions)}" if conditions else ""
        values = {"user": user, "most": most, "without": list(table.without)}
        (rows,) = await self._database.run(
            tenant,
            (
                f"""select to_jsonb(t) - %(without)s::text[] as row, array[{_texts(table)}] as at
                    from {table.name} t {where} order by {names} limit %(most)s""",
                {**values, **dict(zip(table.key, after or (), strict=False))},
            ),
        )
        return [row["row"] for row in rows], rows[-1]["at"] if len(rows) == most else None


def _texts(table: Table) -> str:
    return ", ".join(f"t.{name}::text" for name in table.key)
