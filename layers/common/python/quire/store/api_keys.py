"""API keys: stored as hashes, looked up before a tenant is known."""

import hashlib
from uuid import UUID

from quire.domain import Caller
from quire.store.database import Database


def hash_key(key: str) -> bytes:
    """SHA-256 is enough: a key is random and long, so there is nothing to guess slowly."""
    return hashlib.sha256(key.encode()).digest()


class ApiKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: str) -> tuple[Caller, bool] | None:
        """The caller behind a live key, and whether it may speak for users of its tenant."""
        (rows,) = await self._database.run(
            None,
            (
                "select tenant_id, id, scopes, speaks_for_users from find_api_key(%s)",
                [hash_key(key)],
            ),
        )
        if not rows:
            return None
        row = rows[0]
        key_id: UUID = row["id"]
        caller = Caller(row["tenant_id"], f"key:{key_id}", frozenset(row["scopes"]), key_id)
        return caller, row["speaks_for_users"]
