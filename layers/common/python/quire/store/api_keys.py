"""API keys: stored as hashes, looked up before a tenant is known."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuids

from quire.domain import ApiKey, Caller, Page, Scope
from quire.errors import Conflict, NotFound
from quire.store.database import Database, Row, Statement

# What is shown of a key: enough to tell it from another, of no use to a thief.
_SHOWN = 12
_SECRET_BYTES = 32
# A tenant's first key: long enough to make keys of one's own with it.
FIRST_KEY_DAYS = 7
_KEY = """id, name, prefix, scopes, user_id as user, speaks_for_users, created_at, expires_at,
          revoked_at"""


def new_key() -> str:
    """Random, and by its beginning known for what it is wherever it may turn up."""
    return f"quire_{secrets.token_urlsafe(_SECRET_BYTES)}"


def prefix_of(key: str) -> str:
    return key[:_SHOWN]


def hash_key(key: str) -> bytes:
    """SHA-256 is enough: a key is random and long, so there is nothing to guess slowly."""
    return hashlib.sha256(key.encode()).digest()


class ApiKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: str, *, user: str | None = None) -> tuple[Caller, bool, bool] | None:
        """The caller behind a live key, as `user` if one is named.

        With them, whether the key may speak for users of its tenant, and whether that user was
        shut out.
        """
        (rows,) = await self._database.run(
            None,
            (
                """select tenant_id, id, user_id, scopes, speaks_for_users, revoked
                   from find_caller(%s, %s)""",
                [hash_key(key), user],
            ),
        )
        if not rows:
            return None
        row = rows[0]
        caller = Caller(
            row["tenant_id"], user or row["user_id"], frozenset(row["scopes"]), row["id"]
        )
        return caller, row["speaks_for_users"], row["revoked"]

    async def create(
        self,
        tenant: str,
        *,
        name: str,
        scopes: Sequence[Scope],
        user: str | None,
        speaks_for_users: bool,
        expires_at: datetime | None,
    ) -> tuple[ApiKey, str]:
        """A new key, and its secret, which nobody can look up any more."""
        secret = new_key()
        (rows,) = await self._database.run(
            tenant,
            (
                f"""insert into api_keys (tenant_id, id, name, prefix, hash, scopes, user_id,
                                          speaks_for_users, expires_at)
                    values (%s, %s, %s, %s, %s, %s, %s, %s, %s) returning {_KEY}""",
                [
                    *(tenant, uuids.uuid7(), name, prefix_of(secret), hash_key(secret)),
                    *(list(scopes), user, speaks_for_users, expires_at),
                ],
            ),
        )
        return ApiKey(**rows[0]), secret

    async def list(self, tenant: str, *, limit: int, after: UUID | None) -> Page[ApiKey]:
        """The newest first, revoked ones too."""
        (rows,) = await self._database.run(
            tenant,
            (
                f"""select {_KEY} from api_keys
                    where %s::uuid is null or (created_at, id) < (
                        select a.created_at, a.id from api_keys a where a.id = %s)
                    order by created_at desc, id desc limit %s""",
                [after, after, limit + 1],
            ),
        )
        return Page(items=[ApiKey(**row) for row in rows[:limit]], has_more=len(rows) > limit)

    async def revoke(self, tenant: str, key: UUID) -> ApiKey:
        """From now on it is no key any more; revoked again, nothing happens. Raises NotFound."""
        (rows,) = await self._database.run(
            tenant,
            (
                f"""update api_keys set revoked_at = coalesce(revoked_at, now())
                    where id = %s returning {_KEY}""",
                [key],
            ),
        )
        return ApiKey(**_one(rows))

    async def rotate(
        self, tenant: str, key: UUID, *, overlap: float, expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """A key that takes the place of another, which works for `overlap` seconds more.

        Raises NotFound, and Conflict when that one does not work any more.
        """
        secret = new_key()
        rows, there = await self._database.run(
            tenant,
            (
                f"""with old as (
                        update api_keys set expires_at = least(
                            expires_at, now() + make_interval(secs => %s))
                        where id = %s and revoked_at is null
                          and coalesce(expires_at > now(), true)
                        returning *
                    )
                    insert into api_keys (tenant_id, id, name, prefix, hash, scopes, user_id,
                                          speaks_for_users, expires_at)
                    select tenant_id, %s, name, %s, %s, scopes, coalesce(user_id, 'key:' || id),
                           speaks_for_users, %s from old
                    returning {_KEY}""",
                [
                    *(overlap, key, uuids.uuid7(), prefix_of(secret), hash_key(secret)),
                    expires_at,
                ],
            ),
            ("select 1 from api_keys where id = %s", [key]),
        )
        if not rows:
            _one(there)
            raise Conflict("This key does not work any more; create another one.")
        return ApiKey(**rows[0]), secret


def revoke_keys(user: str) -> Statement:
    """Of those that call as that user."""
    return (
        """update api_keys set revoked_at = now()
           where revoked_at is null and coalesce(user_id, 'key:' || id) = %s""",
        [user],
    )


def _one(rows: Sequence[Row]) -> dict[str, Any]:
    if not rows:
        raise NotFound("There is no such key.")
    return rows[0]
