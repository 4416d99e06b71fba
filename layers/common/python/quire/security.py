"""Who calls: an API key becomes a caller, once a minute per key."""

from cachetools import TTLCache

from quire.domain import Caller, Scope
from quire.errors import Forbidden, Invalid, Unauthenticated, Unavailable
from quire.store.api_keys import ApiKeys, hash_key

_USER_LENGTH = 200


class Security:
    def __init__(self, api_keys: ApiKeys, *, remember: float = 60.0, trust: float = 600.0) -> None:
        """A key that was revoked works for `remember` seconds more, which saves most look-ups.

        While there is nobody to ask, one that was verified in the last `trust` seconds does.
        """
        self._api_keys = api_keys
        self._known: TTLCache[bytes, tuple[Caller, bool]] = TTLCache(1024, remember)
        self._trusted: TTLCache[bytes, tuple[Caller, bool]] = TTLCache(1024, trust)

    async def identify(
        self, authorization: str | None, *, user: str | None, scope: Scope
    ) -> Caller:
        """The caller, who has to have the scope. Raises as `recognize` does."""
        caller = await self.recognize(authorization, user=user)
        if scope not in caller.scopes:
            raise Forbidden(f"This key lacks the scope '{scope}'.")
        return caller

    async def recognize(self, authorization: str | None, *, user: str | None) -> Caller:
        """The caller behind an `Authorization` header, as `user` if one is named.

        Raises Unauthenticated, Forbidden, Invalid, Unavailable.
        """
        caller, speaks_for_users = await self._find(_bearer(authorization))
        if user is None:
            return caller
        if not speaks_for_users:
            raise Forbidden("This key may not speak for users; leave out Quire-User.")
        # Beyond ASCII a header's text depends on who decodes it, and so would the user.
        if not (0 < len(user) <= _USER_LENGTH and user.isascii() and user.isprintable()):
            raise Invalid(f"A user is 1 to {_USER_LENGTH} ASCII characters.", field="Quire-User")
        return Caller(caller.tenant, user, caller.scopes, caller.key_id)

    async def _find(self, key: str) -> tuple[Caller, bool]:
        digest = hash_key(key)
        if known := self._known.get(digest):
            return known
        try:
            found = await self._api_keys.find(key)
        except Unavailable:
            if trusted := self._trusted.get(digest):
                return trusted
            raise
        if found is None:
            self._trusted.pop(digest, None)
            raise Unauthenticated("This API key is not known, has expired or was revoked.")
        self._known[digest] = self._trusted[digest] = found
        return found


def _bearer(authorization: str | None) -> str:
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("Send your API key as 'Authorization: Bearer …'.")
    return key.strip()
