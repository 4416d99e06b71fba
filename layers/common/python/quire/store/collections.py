"""Which index is live."""

from quire.domain import Collection
from quire.errors import Unavailable
from quire.store.database import Database, Row, Statement

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
