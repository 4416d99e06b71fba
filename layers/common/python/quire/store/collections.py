"""Which index is live, and which is being filled beside it."""

import time
from datetime import datetime
from uuid import UUID

from quire.domain import Collection
from quire.errors import Unavailable
from quire.store.database import Database, Row, Statement

_EXPIRED_AT_ONCE = 1_000
LIVE: Statement = ("select name, model, dimensions from collections where live", [])


def to_collection(rows: list[Row]) -> Collection:
    """Raises Unavailable when the stage was never migrated."""
    if not rows:
        raise Unavailable("postgres")
    return Collection(**rows[0])


class Collections:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def live(self) -> Collection:
        (rows,) = await self._database.run(None, LIVE)
        return to_collection(rows)

    async def written(self) -> list[Collection]:
        """The live one first, then the one that is being filled: what is new goes to both."""
        (rows,) = await self._database.run(
            None,
            (
                """select name, model, dimensions from collections where live or building
                   order by live desc""",
                [],
            ),
        )
        return [to_collection(rows[:1]), *(Collection(**row) for row in rows[1:])]

    async def build(self, collection: Collection) -> None:
        """Begin to fill a collection beside the live one; from now on all writes go to both."""
        await self._database.run(
            None,
            (
                "select build_collection(%s, %s, %s)",
                [collection.name, collection.model, collection.dimensions],
            ),
        )

    async def switch(self, name: str) -> Collection:
        """Serve all tenants from the collection that was filled; answers which is live now."""
        (rows,) = await self._database.run(
            None, ("select name, model, dimensions from switch_collection(%s)", [name])
        )
        return to_collection(rows)

    async def forget(self, name: str) -> None:
        await self._database.run(None, ("select forget_collection(%s)", [name]))

    async def count_documents(self) -> int:
        """How many documents of all tenants are served."""
        (rows,) = await self._database.run(None, ("select count_served_documents() as n", []))
        count: int = rows[0]["n"]
        return count

    async def former(self) -> list[Collection]:
        """Those that were live once and are not dropped yet."""
        (rows,) = await self._database.run(
            None,
            (
                """select name, model, dimensions from collections
                   where not live and not building order by created_at""",
                [],
            ),
        )
        return [Collection(**row) for row in rows]

    async def documents_to_fill(
        self, *, since: datetime, after: tuple[str, UUID] = ("", UUID(int=0)), most: int
    ) -> list[tuple[str, UUID]]:
        """The next documents of all tenants that are served, or whatever they are now, changed
        `since`; in the order of (tenant, id)."""
        (rows,) = await self._database.run(
            None,
            (
                "select tenant_id, id from documents_to_fill(%s, %s, %s, %s)",
                [*after, since, most],
            ),
        )
        return [(row["tenant_id"], row["id"]) for row in rows]

    async def expire_caches(self, *, until: float, most: int = _EXPIRED_AT_ONCE) -> int:
        """Delete what has expired of every cache, `most` rows of each at a time, until `until` in
        monotonic seconds; how many rows. Raises Unavailable; what was deleted remains so."""
        deleted = 0
        while time.monotonic() < until:
            (rows,) = await self._database.run(None, ("select expire_caches(%s) as n", [most]))
            deleted += rows[0]["n"]
            if not rows[0]["n"]:
                break
        return deleted
