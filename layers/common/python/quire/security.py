"""Who calls: an API key becomes a caller, once a minute per key."""

from cachetools import TTLCache

from quire.domain import Caller, Scope
from quire.errors import Forbidden, Unauthenticated
from quire.store.api_keys import ApiKeys, hash_key

_REMEMBERED_SECONDS = 60
_USER_LENGTH = 200


class Security:
    def __init__(self, api_keys: ApiKeys) -> None:
        self._api_keys = api_keys
        # A revoked key works for up to a minute more; in exchange most requests cost no look-up.
        self._known: TTLCache[bytes, tuple[Caller, bool]] = TTLCache(1024, _REMEMBERED_SECONDS)

    async def identify(
        self, authorization: str | None, *, user: str | None, scope: Scope
    ) -> Caller:
        """The caller behind an `Authorization` header, as `user` if one is named.

        Raises Unauthenticated, Forbidden, Unavailable.
        """
        caller, speaks_for_users = await self._find(_bearer(authorization))
        if scope not in caller.scopes:
            raise Forbidden(f"This key lacks the scope '{scope}'.")
        if user is None:
            return caller
        if not speaks_for_users:
            raise Forbidden("This key may not speak for users; leave out Quire-User.")
        if not 0 < len(user) <= _USER_LENGTH:
            raise Forbidden(f"Quire-User has to have 1 to {_USER_LENGTH} characters.")
        return Caller(caller.tenant, user, caller.scopes, caller.key_id)

    async def _find(self, key: str) -> tuple[Caller, bool]:
        digest = hash_key(key)
        found = self._known.get(digest) or await self._api_keys.find(key)
        if found is None:
            raise Unauthenticated("This API key is not known, has expired or was revoked.")
        self._known[digest] = found
        return found


def _bearer(authorization: str | None) -> str:
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("Send your API key as 'Authorization: Bearer …'.")
    return key.strip()
